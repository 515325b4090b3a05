"""What gets written with care: clients and the validator are made once."""

import base64
import json
import os

from alibabacloud_ess20220222 import models as ess_models
from alibabacloud_ess20220222.client import Client as EssClient
from alibabacloud_slb20140515 import models as slb_models
from alibabacloud_slb20140515.client import Client as SlbClient
from alibabacloud_tea_openapi.models import Config
from jsonschema import Draft202012Validator
from mns.account import Account
from mns.topic import TopicMessage

SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "ServerId": {"type": "string"},
            "Port": {"type": "integer", "minimum": 1, "maximum": 65535},
            "Weight": {"type": "integer", "minimum": 0, "maximum": 100},
        },
        "required": ["ServerId", "Port", "Weight"],
    },
}


def config(endpoint):
    protocol, _, host = os.environ[endpoint].partition("://")
    return Config(
        access_key_id=os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"],
        access_key_secret=os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
        region_id="cn-hangzhou",
        protocol=protocol,
        endpoint=host,
    )


VALIDATOR = Draft202012Validator(SCHEMA)
SLB = SlbClient(config("SLB_ENDPOINT"))
ESS = EssClient(config("ESS_ENDPOINT"))
TOPIC = Account(
    os.environ["MNS_ENDPOINT"],
    os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"],
    os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
).get_topic(os.environ["RESULT_TOPIC"])


def handler(event, context):
    content = json.loads(base64.b64decode(event))["content"]
    port = int(os.environ["BACKEND_PORTS"])
    backends = [
        {"ServerId": instance, "Port": port, "Weight": 100} for instance in content["instanceIds"]
    ]
    VALIDATOR.validate(backends)
    created = SLB.create_vserver_group(
        slb_models.CreateVServerGroupRequest(
            region_id="cn-hangzhou",
            load_balancer_id=os.environ["LOAD_BALANCER_ID"],
            vserver_group_name=content["scalingActivityId"],
            backend_servers=json.dumps(backends),
        )
    )
    document = {"VServerGroupId": created.body.vserver_group_id, "BackendServers": backends}
    TOPIC.publish_message(TopicMessage(json.dumps(document)))
    ESS.complete_lifecycle_action(
        ess_models.CompleteLifecycleActionRequest(
            region_id="cn-hangzhou",
            lifecycle_hook_id=content["lifecycleHookId"],
            lifecycle_action_token=content["lifecycleActionToken"],
            lifecycle_action_result="CONTINUE",
        )
    )
    return created.body.vserver_group_id
