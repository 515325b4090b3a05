"""Scaling groups with their instances, hooks, activities and lifecycle actions: the state of ESS.

scaling.py begins activities, lifecycle.py ends the waits of their hooks, hooks.py creates and
deletes hooks. Their messages and events go into the outbox; delivery.py takes them from there.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

from localcloud.wire.errors import ApiError

if TYPE_CHECKING:
    from localcloud.services.ecs.model import Compute
    from localcloud.services.ess.notifications import NotificationConfiguration

OUT, IN = "SCALE_OUT", "SCALE_IN"
RESULTS = ("CONTINUE", "ABANDON", "ROLLBACK")
STATUSES = ("Pending", "Timeout", "Completed")
DEFAULT_HEARTBEAT = 600  # sdk: seconds
LARGEST_SIZE = 2000  # sdk: what TotalCapacity may be set to


@dataclass
class LifecycleHook:
    lifecycle_hook_id: str
    name: str
    transition: str
    default_result: str = "CONTINUE"
    heartbeat_timeout: int = DEFAULT_HEARTBEAT
    notification_arn: str = ""
    notification_metadata: str = ""
    status: str = "Active"


@dataclass(frozen=True)
class ScalingRule:
    scaling_rule_ari: str
    adjustment_type: str
    adjustment_value: int


@dataclass
class ScalingGroup:
    scaling_group_id: str
    name: str
    region_id: str
    hooks: dict[str, LifecycleHook] = field(default_factory=dict)
    created: str = ""
    min_size: int = 0
    max_size: int = LARGEST_SIZE
    desired_capacity: int | None = None  # the expected number of instances, where there is one
    vpc_id: str = ""
    group_type: str = "ECS"  # or ECI: its instances are container groups
    tags: dict[str, str] = field(default_factory=dict)
    rules: list[ScalingRule] = field(default_factory=list)
    notifications: dict[str, NotificationConfiguration] = field(default_factory=dict)  # by ARN


@dataclass
class ScalingActivity:
    scaling_activity_id: str
    scaling_group_id: str
    status_code: str
    start_time: str
    end_time: str | None = None
    transition: str = ""  # of a seeded one, that of the hooks it waits for
    instances: dict[str, list[str]] = field(default_factory=dict)  # CreatedInstances and the like
    cause: str = ""
    description: str = ""
    total_capacity: int | None = None  # after it has ended
    request_id: str = ""  # of the request that began it

    @property
    def is_in_progress(self) -> bool:
        return self.status_code == "InProgress"


@dataclass
class ScalingInstance:
    instance_id: str
    scaling_group_id: str
    scaling_activity_id: str
    lifecycle_state: str
    private_ip_address: str
    created: str = ""


@dataclass
class LifecycleAction:
    hook: LifecycleHook
    token: str
    scaling_activity_id: str
    instance_ids: list[str]
    started: float
    deadline: float
    status: str = "Pending"
    result: str = ""  # doc: filled on pending actions too, so judge by status
    heartbeats: int = 0
    notification: str = ""  # what became of the hook's message, for whoever misses it


@dataclass(frozen=True)
class HookNotice:
    """A hook's message: its action has begun to wait."""

    action: LifecycleAction


@dataclass(frozen=True)
class ActivityNotice:
    """News of an activity, by the last word of its event's type: Start, Success or Error."""

    activity: ScalingActivity
    news: str
    instance_ids: tuple[str, ...]


@dataclass
class AutoScaling:
    compute: Compute
    account: str
    groups: dict[str, ScalingGroup] = field(default_factory=dict)
    activities: dict[str, ScalingActivity] = field(default_factory=dict)
    instances: dict[str, ScalingInstance] = field(default_factory=dict)
    actions: list[LifecycleAction] = field(default_factory=list)
    client_tokens: dict[str, str] = field(default_factory=dict)  # to the activities they began
    outbox: list[HookNotice | ActivityNotice] = field(default_factory=list)

    def group(self, scaling_group_id: str, region_id: str | None = None) -> ScalingGroup:
        found = self.groups.get(scaling_group_id)
        if found is None or region_id not in (None, found.region_id):
            message = "The specified scaling group does not exist."
            raise ApiError(HTTPStatus.NOT_FOUND, "InvalidScalingGroupId.NotFound", message)
        return found

    def hook(self, lifecycle_hook_id: str) -> LifecycleHook | None:
        hooks = (group.hooks.get(lifecycle_hook_id) for group in self.groups.values())
        return next((hook for hook in hooks if hook is not None), None)

    def members(self, group: ScalingGroup) -> list[ScalingInstance]:
        group_id = group.scaling_group_id
        return [item for item in self.instances.values() if item.scaling_group_id == group_id]

    def size(self, group: ScalingGroup) -> int:
        """Of instances that are there or coming, not of those that are going."""
        going = ("Removing", "Removing:Wait")
        return sum(1 for item in self.members(group) if item.lifecycle_state not in going)

    def waits(self, scaling_activity_id: str) -> list[LifecycleAction]:
        """The actions that an activity still waits for."""
        return [
            item
            for item in self.actions
            if item.status == "Pending" and item.scaling_activity_id == scaling_activity_id
        ]

    def is_busy(self, group: ScalingGroup) -> bool:
        group_id = group.scaling_group_id
        activities = self.activities.values()
        return any(item.is_in_progress and item.scaling_group_id == group_id for item in activities)

    def release(self, instance: ScalingInstance, now: float) -> None:
        del self.instances[instance.instance_id]
        self.compute.release(instance.instance_id, now)


def new_id(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:20]}"


def refused(code: str, message: str) -> ApiError:
    return ApiError(HTTPStatus.BAD_REQUEST, code, message)


def invalid_value() -> ApiError:
    # doc: the code is spelt like this.
    return refused("InvalidParamter", "The specified value of parameter is invalid.")
