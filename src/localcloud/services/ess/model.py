"""Scaling groups, activities, instances, lifecycle hooks and actions: state and rules of ESS.

A lifecycle action is one hook's wait for one activity, with one token and one result for all its
instances. It ends by completion or, on the cloud's clock, by time-out with the hook's
DefaultResult. Time-outs take effect when somebody looks: every operation calls settle() first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

from localcloud.clock import timestamp
from localcloud.wire.errors import ApiError

if TYPE_CHECKING:
    from localcloud.services.ecs.model import Compute

RESULTS = ("CONTINUE", "ABANDON", "ROLLBACK")
STATUSES = ("Pending", "Timeout", "Completed")
HEARTBEATS = 20  # doc: per action
LONGEST_WAIT = 6 * 3600  # doc: seconds, in all
# sdk: seconds, of a hook's own time-out and of a heartbeat alike
SHORTEST_HEARTBEAT, LONGEST_HEARTBEAT, DEFAULT_HEARTBEAT = 30, 21600, 600


@dataclass
class LifecycleHook:
    lifecycle_hook_id: str
    name: str
    transition: str
    default_result: str = "CONTINUE"
    heartbeat_timeout: int = DEFAULT_HEARTBEAT
    notification_arn: str = ""
    notification_metadata: str = ""


@dataclass
class ScalingGroup:
    scaling_group_id: str
    name: str
    region_id: str
    hooks: dict[str, LifecycleHook] = field(default_factory=dict)


@dataclass
class ScalingActivity:
    scaling_activity_id: str
    scaling_group_id: str
    status_code: str
    start_time: str
    end_time: str | None = None
    instances: dict[str, list[str]] = field(default_factory=dict)  # CreatedInstances and the like


@dataclass
class ScalingInstance:
    instance_id: str
    scaling_group_id: str
    scaling_activity_id: str
    lifecycle_state: str
    private_ip_address: str


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


@dataclass
class AutoScaling:
    compute: Compute
    groups: dict[str, ScalingGroup] = field(default_factory=dict)
    activities: dict[str, ScalingActivity] = field(default_factory=dict)
    instances: dict[str, ScalingInstance] = field(default_factory=dict)
    actions: list[LifecycleAction] = field(default_factory=list)

    def settle(self, now: float) -> None:
        due = [item for item in self.actions if item.status == "Pending" and item.deadline <= now]
        for action in sorted(due, key=lambda item: item.deadline):
            if action.status == "Pending":  # an earlier one may have ended it
                self._end(action, "Timeout", action.hook.default_result, action.deadline)

    def complete(self, hook_id: str, token: str, result: str | None, now: float) -> None:
        action = self._pending(hook_id, token)
        if result is not None and result not in RESULTS:
            raise _invalid_value()
        self._end(action, "Completed", result or action.hook.default_result, now)

    def heartbeat(self, hook_id: str, token: str, seconds: int, now: float) -> None:
        action = self._pending(hook_id, token)
        if not SHORTEST_HEARTBEAT <= seconds <= LONGEST_HEARTBEAT:
            raise _invalid_value()
        if action.heartbeats >= HEARTBEATS:
            raise _refused(
                "LifecycleAction.RecordTimesExceeded",
                "The specified lifecycleAction exceed lifecycleAction max record times.",
            )
        if now + seconds > action.started + LONGEST_WAIT:
            raise _refused(
                "LifecycleAction.TimeExceeded",
                "The specified parameter heartbeatTime exceed lifecycleAction max suspend time.",
            )
        action.heartbeats += 1
        action.deadline = now + seconds  # inferred: counted from now

    def _pending(self, hook_id: str, token: str) -> LifecycleAction:
        for action in self.actions:
            if (action.hook.lifecycle_hook_id, action.token) == (hook_id, token):
                if action.status == "Pending":
                    return action
                break
        # doc: one answer for completed, timed out and a wrong pair alike.
        raise _refused(
            "LifecycleHookIdAndLifecycleActionToken.Invalid",
            "The specified lifecycleActionToken and lifecycleHookId you provided does not match"
            " any in process lifecycle action.",
        )

    def _end(self, action: LifecycleAction, status: str, result: str, now: float) -> None:
        action.status, action.result = status, result
        others = [
            item
            for item in self.actions
            if item.status == "Pending" and item.scaling_activity_id == action.scaling_activity_id
        ]
        if others and action.hook.transition == "SCALE_IN" and result != "CONTINUE":
            for other in others:  # sdk: on scale-in these results end the others early
                other.status, other.result = "Completed", result
        elif others:
            return  # sdk: else the last one to end decides
        self._finish(action, result, now)

    def _finish(self, action: LifecycleAction, result: str, now: float) -> None:
        """What the last result does to the activity and its instances."""
        out = action.hook.transition == "SCALE_OUT"
        # sdk: scale-out keeps on CONTINUE alone; scale-in keeps on ROLLBACK alone.
        kept = result == "CONTINUE" if out else result == "ROLLBACK"
        for instance in self._waiting(action, "Pending" if out else "Removing"):
            if kept:
                instance.lifecycle_state = "InService"
            else:
                del self.instances[instance.instance_id]
                self.compute.release(instance.instance_id)
        activity = self.activities.get(action.scaling_activity_id)
        if activity is not None and activity.status_code == "InProgress":
            # inferred: an activity that was called off has failed.
            activity.status_code = "Successful" if kept == out else "Failed"
            activity.end_time = timestamp(now)

    def _waiting(self, action: LifecycleAction, state: str) -> list[ScalingInstance]:
        """The action's instances and, since an instance names the activity that added it (seen),
        those of a scale-out activity; as far as they are in the state or wait in it."""
        return [
            item
            for item in self.instances.values()
            if item.lifecycle_state in (state, f"{state}:Wait")
            and (
                item.instance_id in action.instance_ids
                or item.scaling_activity_id == action.scaling_activity_id
            )
        ]


def _refused(code: str, message: str) -> ApiError:
    return ApiError(HTTPStatus.BAD_REQUEST, code, message)


def _invalid_value() -> ApiError:
    # doc: the code is spelt like this.
    return _refused("InvalidParamter", "The specified value of parameter is invalid.")
