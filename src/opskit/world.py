"""The world that an event speaks of: any well-formed event of any account can be run in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from provisioner.core.model import LifecycleAction, Request

REGION = "cn-hangzhou"
LOAD_BALANCER = "lb-local"
SCALING_GROUP = "asg-local"
PORT = 8080
TOPIC = "provision-results"
INBOX = "provision-results-inbox"


@dataclass(slots=True)
class World:
    """What localcloud is seeded with. Things are kept by their id: what is named twice is there
    once."""

    load_balancers: dict[str, dict[str, Any]] = field(default_factory=dict)
    scaling_groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    activities: dict[str, dict[str, Any]] = field(default_factory=dict)
    instances: dict[str, dict[str, Any]] = field(default_factory=dict)
    actions: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    bindings: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def seed(self) -> dict[str, Any]:
        inbox = {"TopicName": TOPIC, "SubscriptionName": INBOX, "QueueName": INBOX}
        return {
            "LoadBalancers": list(self.load_balancers.values()),
            "ScalingGroups": list(self.scaling_groups.values()),
            "ScalingActivities": list(self.activities.values()),
            "ScalingInstances": list(self.instances.values()),
            "LifecycleActions": list(self.actions.values()),
            "Topics": [{"TopicName": TOPIC}],
            "Queues": [{"QueueName": INBOX}],
            "Subscriptions": [{**inbox, "NotifyContentFormat": "SIMPLIFIED"}],
        }

    def add(self, request: Request) -> None:
        region = request.region_id or REGION
        balancer = request.load_balancer_id or _in_region(LOAD_BALANCER, region)
        self.load_balancers.setdefault(balancer, {"LoadBalancerId": balancer, "RegionId": region})
        if request.action:
            self._add_hook(request, request.action, region)
        if request.instances:
            group = request.scaling_group_id or SCALING_GROUP
            self.bindings.setdefault(
                (group, balancer),
                {"ScalingGroupId": group, "LoadBalancerId": balancer, "Ports": [PORT]},
            )

    def _add_hook(self, request: Request, action: LifecycleAction, region: str) -> None:
        """The action waits, and its instances are there."""
        name = action.scaling_group_id or SCALING_GROUP
        token = action.token or f"token-of-{action.scaling_activity_id}"
        activity = action.scaling_activity_id or f"asa-of-{action.token}"
        ids = [instance.instance_id for instance in request.instances]
        group = self.scaling_groups.setdefault(
            name, {"ScalingGroupId": name, "RegionId": region, "LifecycleHooks": []}
        )
        hook = {"LifecycleHookId": action.hook_id, "LifecycleTransition": "SCALE_OUT"}
        known = [h for g in self.scaling_groups.values() for h in g["LifecycleHooks"]]
        if action.hook_id not in [other["LifecycleHookId"] for other in known]:
            group["LifecycleHooks"].append({**hook, "DefaultResult": "ABANDON"})
        of = {"ScalingGroupId": name, "ScalingActivityId": activity}
        self.activities.setdefault(activity, {**of, "StatusCode": "InProgress"})
        for id_ in ids:
            waits = {"InstanceId": id_, "LifecycleState": "Pending:Wait"}
            self.instances.setdefault(id_, {**of, **waits})
        self.actions.setdefault(
            (action.hook_id, activity),
            {
                "LifecycleHookId": action.hook_id,
                "LifecycleActionToken": token,
                "ScalingActivityId": activity,
                "InstanceIds": ids,
            },
        )


def world_of(requests: Iterable[Request]) -> World:
    world = World()
    for request in requests:
        world.add(request)
    return world


def _in_region(name: str, region: str) -> str:
    return name if region == REGION else f"{name}-{region}"
