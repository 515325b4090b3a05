"""What Auto Scaling says of a scaling group, as values. Times are the cloud's own, in seconds since
1970, to the second."""

from __future__ import annotations

from dataclasses import field

from .model import LifecycleAction, Transition
from .values import dataclass


@dataclass(frozen=True, slots=True)
class ActionState:
    """What ESS has on record of a lifecycle action. `result` is meaningful once it has ended."""

    action: LifecycleAction
    pending: bool
    result: str
    timed_out: bool = False
    instance_ids: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class HookTerms:
    """An action waits `heartbeat_timeout` seconds, counted here from the start of its activity: it
    began no earlier. `now`, the Date of the answer, is a lower bound. `transition`, `metadata` and
    `target` (NotificationArn) are the hook's own; None is one that is not known here."""

    started: float
    now: float
    heartbeat_timeout: float
    transition: Transition | None = None
    metadata: str = ""
    target: str = ""


@dataclass(frozen=True, slots=True)
class ScalingInstance:
    instance_id: str
    lifecycle_state: str
    private_ip: str
    scaling_activity_id: str = ""
    scaling_group_id: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class ScalingActivity:
    """`ended` is None while it is in progress. `created` and `destroyed` are ids of instances."""

    scaling_activity_id: str
    ended: float | None
    created: frozenset[str] = frozenset()
    destroyed: frozenset[str] = frozenset()
