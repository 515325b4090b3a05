"""Nothing but the SDKs' calls: those that the function makes for a new group, one after the other,
so that its own share of the work can be told; and, for the event `one`, one SLB call with 20
backends.
"""

import base64
import json
import os

from careful import ESS, SLB, TOPIC, TopicMessage, ess_models, slb_models

REGION, BALANCER = "cn-hangzhou", os.environ["LOAD_BALANCER_ID"]


def some(count):
    return json.dumps(
        [{"ServerId": f"i-{number}", "Port": 8080, "Weight": 100} for number in range(count)]
    )


def create(name, backends=None):
    request = slb_models.CreateVServerGroupRequest(
        region_id=REGION,
        load_balancer_id=BALANCER,
        vserver_group_name=name,
        backend_servers=backends,
        tag=[slb_models.CreateVServerGroupRequestTag(key, "bench") for key in ("one", "two")],
    )
    return SLB.create_vserver_group(request).body.vserver_group_id


def listed():
    SLB.describe_vserver_groups(
        slb_models.DescribeVServerGroupsRequest(region_id=REGION, load_balancer_id=BALANCER)
    )


def handler(event, context):
    if event == b"one":
        create("bench", some(20))
        return
    content = json.loads(base64.b64decode(event))["content"]
    instances = content["instanceIds"]
    for start in range(0, len(instances), 20):
        ESS.describe_scaling_instances(
            ess_models.DescribeScalingInstancesRequest(
                region_id=REGION,
                scaling_group_id=content["scalingGroupId"],
                instance_ids=instances[start : start + 20],
                page_size=20,
            )
        )
    ESS.describe_lifecycle_actions(
        ess_models.DescribeLifecycleActionsRequest(
            region_id=REGION, scaling_activity_id=content["scalingActivityId"], max_results=50
        )
    )
    ESS.describe_lifecycle_hooks(
        ess_models.DescribeLifecycleHooksRequest(
            region_id=REGION,
            scaling_group_id=content["scalingGroupId"],
            lifecycle_hook_ids=[content["lifecycleHookId"]],
        )
    )
    ESS.describe_scaling_activities(
        ess_models.DescribeScalingActivitiesRequest(
            region_id=REGION, scaling_activity_ids=[content["scalingActivityId"]]
        )
    )
    listed()
    group = create("pending")
    listed()
    for start in range(0, len(instances), 20):
        SLB.add_vserver_group_backend_servers(
            slb_models.AddVServerGroupBackendServersRequest(
                region_id=REGION,
                vserver_group_id=group,
                backend_servers=some(len(instances[start : start + 20])),
            )
        )
    SLB.set_vserver_group_attribute(
        slb_models.SetVServerGroupAttributeRequest(
            region_id=REGION, vserver_group_id=group, vserver_group_name="bench"
        )
    )
    TOPIC.publish_message(TopicMessage("x" * 1500))
    ESS.complete_lifecycle_action(
        ess_models.CompleteLifecycleActionRequest(
            region_id=REGION,
            lifecycle_hook_id=content["lifecycleHookId"],
            lifecycle_action_token=content["lifecycleActionToken"],
            lifecycle_action_result="CONTINUE",
        )
    )
