"""The world that is served when no seed is given, which is also a readable example of a seed
document; and how a seed file is read.
"""

from __future__ import annotations

import copy
import json
import sys
import sysconfig
from pathlib import Path
from typing import Any, Final

ACCOUNT: Final = "1000000000000001"
REGION: Final = "cn-hangzhou"
ACCESS_KEY_ID: Final = "localcloud"
ACCESS_KEY_SECRET: Final = "localcloud-secret"  # noqa: S105 - public on purpose, opens nothing

FUNCTION: Final = "provisioner"

DEFAULT_WORLD: Final[dict[str, list[dict[str, Any]]]] = {
    "LoadBalancers": [{"LoadBalancerId": "lb-local", "RegionId": REGION}],
    "ScalingGroups": [
        {
            "ScalingGroupId": "asg-local",
            "ScalingGroupName": "asg-local",
            "RegionId": REGION,
            "LifecycleHooks": [
                {
                    "LifecycleHookId": "ash-local",
                    "LifecycleHookName": "scale-out",
                    "LifecycleTransition": "SCALE_OUT",
                    "DefaultResult": "ABANDON",
                    "HeartbeatTimeout": 600,
                    "NotificationArn": f"acs:mns:{REGION}:{ACCOUNT}:topic/scaling-events",
                },
                {
                    "LifecycleHookId": "ash-local-in",
                    "LifecycleHookName": "scale-in",
                    "LifecycleTransition": "SCALE_IN",
                    "DefaultResult": "CONTINUE",
                    "HeartbeatTimeout": 600,
                    "NotificationArn": f"acs:mns:{REGION}:{ACCOUNT}:topic/scaling-events",
                },
            ],
        }
    ],
    "Queues": [
        {"QueueName": "provision-requests"},
        {"QueueName": "provision-results-inbox"},
        {"QueueName": "provision-dead-letters"},
        {"QueueName": "provision-failures"},
    ],
    "Topics": [{"TopicName": "scaling-events"}, {"TopicName": "provision-results"}],
    "Subscriptions": [
        {
            "TopicName": "provision-results",
            "SubscriptionName": "provision-results-inbox",
            "QueueName": "provision-results-inbox",
            "NotifyContentFormat": "SIMPLIFIED",
        }
    ],
}


def default_world() -> dict[str, list[dict[str, Any]]]:
    """A copy to build on."""
    return copy.deepcopy(DEFAULT_WORLD)


def served_world(*, tls: bool = False) -> dict[str, Any]:
    """With the function of the checkout that localcloud is part of, as far as it is there, and what
    calls it."""
    code = Path(__file__).parents[2] / "src"
    if not (code / "index.py").is_file():
        return default_world()
    function = _function(code)
    if tls:
        function["EnvironmentVariables"]["SSL_CERT_FILE"] = "{ca_file}"
    return {**default_world(), "Functions": [function], "Triggers": _triggers()}


def _function(code: Path) -> dict[str, Any]:
    return {
        "FunctionName": FUNCTION,
        "Code": str(code),
        "Handler": "index.handler",
        "Initializer": "index.initialize",
        "PreStop": "index.pre_stop",
        "Runtime": _runtime(),
        "Interpreter": sys.executable,
        "Timeout": 120,
        "AsyncConfig": {
            "destinationConfig": {
                "onFailure": {
                    "destination": f"acs:mns:{REGION}:{ACCOUNT}:/queues/provision-failures/messages"
                }
            }
        },
        "EnvironmentVariables": {
            "PYTHONPATH": sysconfig.get_path("purelib"),
            "SLB_ENDPOINT": "{endpoint}",
            "ESS_ENDPOINT": "{endpoint}",
            "MNS_ENDPOINT": "{endpoint}",
            "RESULT_TOPIC": "provision-results",
            "DEAD_LETTER_QUEUE": "provision-dead-letters",
            "SCALING_GROUP_ID": "asg-local",
            "LOAD_BALANCER_ID": "lb-local",
            "BACKEND_PORTS": "8080",
        },
    }


def _runtime() -> str:
    """The one of this interpreter; 3.11 comes nearest to 3.10, whose context it is given."""
    return "python3.12" if sys.version_info >= (3, 12) else "python3.10"


def _triggers() -> list[dict[str, Any]]:
    return [
        {
            "FunctionName": FUNCTION,
            "TriggerName": "scaling-events",
            "TriggerType": "mns_topic",
            "SourceArn": f"acs:mns:{REGION}:{ACCOUNT}:/topics/scaling-events",
            "TriggerConfig": {"notifyContentFormat": "STREAM", "notifyStrategy": "BACKOFF_RETRY"},
        },
        _stream("provision-requests"),
        _stream("provision-failures"),  # what the platform gave up comes back as its record
        {
            "FunctionName": FUNCTION,
            "TriggerName": "sweep",
            "TriggerType": "timer",
            "TriggerConfig": {"cronExpression": "@every 5m", "payload": '{"sweep": "report"}'},
        },
    ]


def _stream(queue: str) -> dict[str, Any]:
    source = {
        "eventSourceType": "MNS",
        "eventSourceParameters": {"sourceMNSParameters": {"RegionId": REGION, "QueueName": queue}},
    }
    options = {"mode": "event-streaming", "errorsTolerance": "ALL"}
    return {
        "FunctionName": FUNCTION,
        "TriggerName": queue,
        "TriggerType": "eventbridge",
        "TriggerConfig": {"eventSourceConfig": source, "runOptions": options},
    }


def read_seed(file: Path) -> Any:
    """A world document; ValueError if it can be read as none. What is not named .json is YAML."""
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".json":
        return json.loads(text)
    import yaml  # noqa: PLC0415 - no other start needs it

    class Loader(yaml.SafeLoader):
        """Safe, and with moments left as the text they are in every other document."""

    Loader.yaml_implicit_resolvers = {
        first: [
            (tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"
        ]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    try:
        return yaml.load(text, Loader)  # noqa: S506 - it is a SafeLoader
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
