"""The world that is served when no seed is given; also a readable example of a seed document."""

from __future__ import annotations

import copy
from typing import Any, Final

ACCOUNT: Final = "1000000000000001"
REGION: Final = "cn-hangzhou"
ACCESS_KEY_ID: Final = "localcloud"
ACCESS_KEY_SECRET: Final = "localcloud-secret"  # noqa: S105 - public on purpose, opens nothing

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
                }
            ],
        }
    ],
    "Queues": [{"QueueName": "provision-requests"}, {"QueueName": "provision-results-inbox"}],
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
