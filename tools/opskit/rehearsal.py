"""The function's ports, on a cloud that is only read.

What would be written is kept here and seen by later reads, so that the function itself plans: every
call it would make is recorded, in its order, and none that writes is sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Sized
from dataclasses import dataclass, field

from provisioner.aliyun.ess import INSTANCES_PER_CALL
from provisioner.model import (
    ActionState,
    HookTerms,
    LifecycleAction,
    LifecycleResult,
    ScalingActivity,
    ScalingInstance,
)
from provisioner.ports import Clock, DeadLetters, Heartbeat, Log, Notifications, ScalingGroups

_ITEMS_PER_PAGE = 50  # of the lists of ESS, as the function asks for them


@dataclass(frozen=True, slots=True)
class Call:
    """`service` and `action` as a policy spells them."""

    service: str
    action: str
    on: str
    writes: bool = False
    backends: int | None = None
    result: str = ""


@dataclass(slots=True)
class Steps(Log):
    """What the function told, in order."""

    told: list[tuple[str, dict[str, object]]] = field(default_factory=list)

    def write(self, name: str, /, **fields: object) -> None:
        self.told.append((name, fields))

    def bind(self, /, **fields: object) -> Log:  # noqa: ARG002 - one event is planned at a time
        return self


@dataclass(slots=True)
class UnwaitedClock(Clock):
    """A wait takes no time; `waited` is what it would have taken."""

    real: Clock
    waited: float = 0.0

    def now(self) -> float:
        return self.real.now() + self.waited

    def wait(self, seconds: float) -> None:
        self.waited += seconds


@dataclass(slots=True)
class RehearsedNotifications(Notifications):
    topic: str
    calls: list[Call]

    def publish(self, document: str, *, tag: str, within: float) -> str:  # noqa: ARG002 - not sent
        self.calls.append(Call("mns", "PublishMessage", self.topic, writes=True, result=tag))
        return "not-sent"


@dataclass(slots=True)
class RehearsedDeadLetters(DeadLetters):
    queue: str
    calls: list[Call]

    def send(self, letter: str, *, within: float) -> str:  # noqa: ARG002 - not sent
        self.calls.append(Call("mns", "SendMessage", self.queue, writes=True))
        return "not-sent"


@dataclass(slots=True)
class RehearsedScalingGroups(ScalingGroups):
    real: ScalingGroups
    calls: list[Call]

    def list_lifecycle_actions(
        self, region_id: str, scaling_activity_id: str, *, within: float
    ) -> tuple[ActionState, ...]:
        call = Call("ess", "DescribeLifecycleActions", scaling_activity_id)
        self.calls.append(call)
        found = self.real.list_lifecycle_actions(region_id, scaling_activity_id, within=within)
        self._record_further_pages(call, found)
        return found

    def read_instances(
        self, region_id: str, scaling_group_id: str, instance_ids: Sequence[str], *, within: float
    ) -> Mapping[str, ScalingInstance]:
        for _ in range(0, len(instance_ids), INSTANCES_PER_CALL):
            self.calls.append(Call("ess", "DescribeScalingInstances", scaling_group_id))
        return self.real.read_instances(region_id, scaling_group_id, instance_ids, within=within)

    def read_hook_terms(self, action: LifecycleAction, *, within: float) -> HookTerms | None:
        self.calls.append(Call("ess", "DescribeLifecycleHooks", action.hook_id))
        terms = self.real.read_hook_terms(action, within=within)
        self.calls.append(Call("ess", "DescribeScalingActivities", action.scaling_activity_id))
        return terms

    def list_recent_activities(
        self, region_id: str, scaling_group_id: str, *, most: int, within: float
    ) -> tuple[str, ...]:
        self.calls.append(Call("ess", "DescribeScalingActivities", scaling_group_id))
        return self.real.list_recent_activities(
            region_id, scaling_group_id, most=most, within=within
        )

    def list_instances(
        self, region_id: str, scaling_group_id: str, *, within: float
    ) -> Mapping[str, ScalingInstance]:
        call = Call("ess", "DescribeScalingInstances", scaling_group_id)
        self.calls.append(call)
        found = self.real.list_instances(region_id, scaling_group_id, within=within)
        self._record_further_pages(call, found)
        return found

    def list_activities(
        self, region_id: str, scaling_group_id: str, *, in_progress: bool = False, within: float
    ) -> tuple[ScalingActivity, ...]:
        call = Call("ess", "DescribeScalingActivities", scaling_group_id)
        self.calls.append(call)
        found = self.real.list_activities(
            region_id, scaling_group_id, in_progress=in_progress, within=within
        )
        self._record_further_pages(call, found)
        return found

    def record_heartbeat(
        self,
        action: LifecycleAction,
        seconds: int,
        *,
        within: float,  # noqa: ARG002 - not sent
    ) -> Heartbeat:
        hook, told = action.hook_id, f"{seconds} s"
        call = Call("ess", "RecordLifecycleActionHeartbeat", hook, writes=True, result=told)
        self.calls.append(call)
        return Heartbeat.RECORDED

    def complete_lifecycle_action(
        self,
        action: LifecycleAction,
        result: LifecycleResult,
        *,
        within: float,  # noqa: ARG002
    ) -> bool:
        hook = action.hook_id
        self.calls.append(
            Call("ess", "CompleteLifecycleAction", hook, writes=True, result=result.value)
        )
        return True

    def _record_further_pages(self, call: Call, found: Sized) -> None:
        """Record the calls after the first one: a list is read page by page."""
        self.calls += [call for _ in range(_ITEMS_PER_PAGE, len(found), _ITEMS_PER_PAGE)]
