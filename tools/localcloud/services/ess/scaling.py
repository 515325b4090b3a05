"""How a scaling activity begins: instances come or are chosen to go, and hooks make them wait.

Without an active hook for its transition an activity is over at once. Otherwise each hook gets an
action with a token of its own, and the activity lasts until lifecycle.py has ended the last.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from localcloud.clock import timestamp
from localcloud.services.ess.lifecycle import conclude
from localcloud.services.ess.model import (
    IN,
    LARGEST_SIZE,
    OUT,
    ActivityNotice,
    HookNotice,
    LifecycleAction,
    ScalingActivity,
    ScalingInstance,
    new_id,
    refused,
)
from localcloud.wire.errors import invalid_parameter, not_implemented

if TYPE_CHECKING:
    from localcloud.services.ess.model import AutoScaling, LifecycleHook, ScalingGroup

# sdk: what AdjustmentValue may be
ADJUSTMENTS = {
    "QuantityChangeInCapacity": (-1000, 1000),
    "PercentChangeInCapacity": (-100, 10000),
    "TotalCapacity": (0, LARGEST_SIZE),
}
_INSTANCE_LISTS = ("CreatedInstances", "DestroyedInstances", "StartedInstances", "StoppedInstances")


@dataclass(frozen=True)
class HookContext:
    """LifecycleHookContext: which hooks one activity passes by (sdk)."""

    disabled: bool = False
    ignored: frozenset[str] = frozenset()

    def applies_to(self, hook: LifecycleHook, activity: ScalingActivity) -> bool:
        fits = hook.status == "Active" and hook.transition == activity.transition
        return fits and not self.disabled and hook.lifecycle_hook_id not in self.ignored


@dataclass(frozen=True)
class Order:
    """Who wants the group changed, by how many instances, and why."""

    change: int
    cause: str
    request_id: str
    context: HookContext = HookContext()
    parallel: bool = False


def read_context(text: str | None) -> HookContext:
    try:
        given: Any = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        raise invalid_parameter("LifecycleHookContext") from error
    ignored = given.get("IgnoredLifecycleHookIds") if isinstance(given, dict) else None
    ignored = [] if ignored is None else ignored
    if not isinstance(given, dict) or not isinstance(ignored, list):
        raise invalid_parameter("LifecycleHookContext")
    if given.get("LifecycleHookResult"):
        raise not_implemented("LifecycleHookResult in a LifecycleHookContext")
    disabled = str(given.get("DisableLifecycleHook", "")).lower() == "true"
    return HookContext(disabled, frozenset(map(str, ignored)))


def change_of(kind: str | None, value: int, total: int, magnitude: int = 0) -> int:
    """By how many instances an adjustment changes a group of `total`."""
    if kind not in ADJUSTMENTS:
        raise invalid_parameter("AdjustmentType")
    low, high = ADJUSTMENTS[kind]
    if not low <= value <= high:
        raise invalid_parameter("AdjustmentValue")
    if kind == "TotalCapacity":
        return value - total
    if kind == "QuantityChangeInCapacity":
        return value
    size = max(round(total * abs(value) / 100), magnitude if value else 0)  # inferred: rounded
    return size if value > 0 else -size


def scale(ess: AutoScaling, group: ScalingGroup, order: Order, now: float) -> ScalingActivity:
    # doc: without an expected number of instances, one activity at a time; inferred: the status.
    if group.desired_capacity is None and not order.parallel and ess.is_busy(group):
        message = "There is a scaling activity in progress in the scaling group."
        raise refused("ScalingActivityInProgress", message)
    target = _target(ess, group, order.change)
    change = target - ess.size(group)
    activity = _begun(group, order, change, now)
    ess.activities[activity.scaling_activity_id] = activity
    if group.desired_capacity is not None:
        group.desired_capacity = target
    if change > 0:
        instances = _created(ess, group, activity, change)
    else:
        instances = _chosen(ess, group, -change)
    ids = [instance.instance_id for instance in instances]
    ess.outbox.append(ActivityNotice(activity, "Start", tuple(ids)))
    hooks = [item for item in group.hooks.values() if order.context.applies_to(item, activity)]
    if instances and hooks:
        _wait(ess, activity, hooks, instances, now)
    else:
        conclude(ess, activity, instances, "CONTINUE", now)
    return activity


def _target(ess: AutoScaling, group: ScalingGroup, change: int) -> int:
    """inferred: what goes beyond the group's sizes goes as far as they allow."""
    total = ess.size(group)
    target = total + change
    if change > 0:
        return max(total, min(target, group.max_size))
    return min(total, max(target, group.min_size, total - len(_removable(ess, group))))


def _begun(group: ScalingGroup, order: Order, change: int, now: float) -> ScalingActivity:
    verb = "Add" if change > 0 else "Remove"
    return ScalingActivity(
        scaling_activity_id=new_id("asa"),
        scaling_group_id=group.scaling_group_id,
        status_code="InProgress",
        start_time=timestamp(now),
        transition=OUT if change > 0 else IN,
        instances={name: [] for name in _INSTANCE_LISTS},
        cause=order.cause,
        description=f'{verb} "{abs(change)}" {group.group_type} instance',
        request_id=order.request_id,
    )


def _created(
    ess: AutoScaling, group: ScalingGroup, activity: ScalingActivity, number: int
) -> list[ScalingInstance]:
    created: list[ScalingInstance] = []
    for _ in range(number):
        server = ess.compute.start(
            group.region_id, group.vpc_id, activity.start_time, group.group_type.lower()
        )
        instance = ScalingInstance(
            instance_id=server.instance_id,
            scaling_group_id=group.scaling_group_id,
            scaling_activity_id=activity.scaling_activity_id,
            lifecycle_state="Pending",
            private_ip_address=server.private_ip_address,
            created=activity.start_time,
        )
        ess.instances[instance.instance_id] = instance
        created.append(instance)
    activity.instances["CreatedInstances"] = [item.instance_id for item in created]
    return created


def _chosen(ess: AutoScaling, group: ScalingGroup, number: int) -> list[ScalingInstance]:
    """inferred: the oldest ones."""
    chosen = _removable(ess, group)[:number]
    for instance in chosen:
        instance.lifecycle_state = "Removing"
    return chosen


def _removable(ess: AutoScaling, group: ScalingGroup) -> list[ScalingInstance]:
    return [item for item in ess.members(group) if item.lifecycle_state == "InService"]


def _wait(
    ess: AutoScaling,
    activity: ScalingActivity,
    hooks: list[LifecycleHook],
    instances: list[ScalingInstance],
    now: float,
) -> None:
    for instance in instances:
        instance.lifecycle_state += ":Wait"
    for hook in hooks:
        action = LifecycleAction(
            hook=hook,
            token=str(uuid.uuid4()).upper(),
            scaling_activity_id=activity.scaling_activity_id,
            instance_ids=[instance.instance_id for instance in instances],
            started=now,
            deadline=now + hook.heartbeat_timeout,
            result=hook.default_result,
        )
        ess.actions.append(action)
        ess.outbox.append(HookNotice(action))
