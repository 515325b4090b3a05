"""Which event something belongs to, and what the platform has on record of one that it gave up.

The words of this project, as values: frozen, comparable, free of behaviour that needs a cloud.

They are the API's own words (CreateVServerGroup, version 2014-05-15) in Python's spelling. What an
event asks for is a `Request`; what one load balancer should hold because of it is a `Desired`; what
came of that is an `Outcome`.

What Auto Scaling says of a scaling group, as values. Times are the cloud's own, in seconds since
1970, to the second.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from math import inf
from types import MappingProxyType
from typing import Generic, NamedTuple, TypeVar


@dataclass(frozen=True, slots=True)
class EventRef:
    """`id` is the same in every delivery of the event, by whatever way it comes."""

    source: str
    id: str


@dataclass(frozen=True, slots=True)
class FailureRecord:
    """What the platform says of an event that it gave up: how often it tried, how the last attempt
    ended, and by which of its own requests the event is on its books. `payload` is the event."""

    payload: bytes = field(repr=False)
    attempts: int
    condition: str
    request_id: str
    function_arn: str = ""


T = TypeVar("T")

DEFAULT_WEIGHT = 100
BACKENDS_PER_CALL = 20  # CreateVServerGroup and its siblings: at most 20 list elements a call
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ApiResponse(Generic[T]):
    """What an API said. `date` is the answer's own Date header in seconds since 1970, a lower bound
    of the time there; `request_id`, its RequestId; `sent_at`, when its call was sent, by the
    clock of who waits for it, where that is known."""

    value: T
    date: float
    request_id: str
    sent_at: float = -inf


class BackendKey(NamedTuple):
    """Who a backend is: an ECS instance by id and port, an ENI or ECI by its address too."""

    server_id: str
    port: int
    server_ip: str


@dataclass(frozen=True, slots=True)
class Backend:
    """`weight_named`: somebody asked for this weight; merging leaves the others as they are."""

    server_id: str
    port: int
    weight: int = DEFAULT_WEIGHT
    type: str = "ecs"
    server_ip: str = ""
    description: str = ""
    weight_is_explicit: bool = field(default=True, compare=False)

    @property
    def key(self) -> BackendKey:
        return BackendKey(self.server_id, self.port, "" if self.type == "ecs" else self.server_ip)


@dataclass(frozen=True, slots=True)
class VServerGroup:
    """A group as wanted (no `id` yet) or as the load balancer has it. `in_use`: a list that was
    asked for it says that a listener or a rule refers to the group."""

    region_id: str
    load_balancer_id: str
    name: str
    backends: tuple[Backend, ...] = ()
    tags: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    id: str = ""
    in_use: bool = False


class OnExisting(str, Enum):
    """What to do with a group of the wanted name that someone made before."""

    REFUSE = "refuse"  # unless it holds exactly the wanted backends
    MERGE = "merge"  # add what is missing, set the weights that the request names
    EXTEND = "extend"  # add what is missing, leave every weight: an operator's drain stays


class Transition(str, Enum):
    SCALE_OUT = "SCALE_OUT"
    SCALE_IN = "SCALE_IN"


class LifecycleResult(str, Enum):
    CONTINUE = "CONTINUE"
    ABANDON = "ABANDON"
    ROLLBACK = "ROLLBACK"


class OnPause(str, Enum):
    """What becomes of a hook while `PAUSE` is on."""

    WAIT = "wait"  # left pending for the next delivery
    CONTINUE = "CONTINUE"
    ABANDON = "ABANDON"


@dataclass(frozen=True, slots=True)
class LifecycleAction:
    """A scaling activity that waits at a hook. Without a token, ESS is asked for it."""

    hook_id: str
    token: str
    scaling_group_id: str
    scaling_activity_id: str
    transition: Transition = Transition.SCALE_OUT
    region_id: str = ""
    metadata: str = ""


@dataclass(frozen=True, slots=True)
class Instance:
    instance_id: str
    weight: int | None = None
    server_ip: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """One desired state as an event asks for it, before bindings and settings complete it.

    Either `backends` are named (an empty tuple asks for an empty group), or `instances` are, which
    bindings map to backends. A request with an `action` came from a lifecycle hook.
    """

    event: EventRef
    region_id: str = ""
    load_balancer_id: str = ""
    vserver_group_name: str = ""
    scaling_group_id: str = ""
    backends: tuple[Backend, ...] | None = None
    instances: tuple[Instance, ...] = ()
    tags: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    on_existing: OnExisting | None = None
    dry_run: bool = False
    action: LifecycleAction | None = None


class SweepMode(str, Enum):
    """In rising order."""

    OFF = "off"
    REPORT = "report"
    APPLY = "apply"


@dataclass(frozen=True, slots=True)
class SweepRequest:
    """A look at everything that is bound. None: as far as the deployment allows."""

    event: EventRef
    mode: SweepMode | None = None


@dataclass(frozen=True, slots=True)
class Binding:
    """How one scaling group maps to one VServer group of one load balancer.

    `name_template` is expanded over stable facts only (see `naming`). `overridable` names the keys
    that a hook's NotificationMetadata may set.
    """

    scaling_group_id: str
    load_balancer_id: str
    ports: tuple[int, ...]
    region_id: str = ""
    weight: int = DEFAULT_WEIGHT
    type: str = "ecs"
    description: str = ""
    name_template: str = "{scaling_group_id}"
    failure_result: LifecycleResult = LifecycleResult.ABANDON
    scale_in_failure_result: LifecycleResult = LifecycleResult.CONTINUE
    drain: int = 0  # seconds
    delete_empty: bool = False
    on_pause: OnPause = OnPause.WAIT
    accept_partial: bool = True
    metadata_may_override: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class DesiredGroup:
    """What one load balancer should hold. `fingerprint` names the very request that wants it.
    `partial`: of a hook's backends, those that are refused may be left out."""

    group: VServerGroup
    on_existing: OnExisting
    fingerprint: str
    from_hook: bool = False
    failure_result: LifecycleResult = LifecycleResult.ABANDON
    accept_partial: bool = True


@dataclass(frozen=True, slots=True)
class RejectedBackend:
    """A backend that the load balancer refuses, with the code it gave."""

    backend: Backend
    code: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The way from the backends that a group has to those it should have. It never removes. The
    `left_out` were to be added, and could not be."""

    add: tuple[Backend, ...] = ()
    update_weight: tuple[Backend, ...] = ()
    already_present: tuple[Backend, ...] = ()
    unmanaged: tuple[Backend, ...] = ()
    rejected: tuple[RejectedBackend, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.add or self.update_weight)


@dataclass(frozen=True, slots=True)
class GroupRemoval:
    """What became of one group when servers left. `held` is what it still holds; one that is gone
    holds nothing, whoever deleted it."""

    id: str
    name: str
    removed: tuple[Backend, ...] = ()
    remaining: tuple[Backend, ...] = ()
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class RemovalResult:
    """The owned groups of one load balancer, also those that held nothing of what left; and for how
    many seconds it was drained."""

    groups: tuple[GroupRemoval, ...] = ()
    drained_seconds: float = 0.0


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
    `notification_arn` are the hook's own; None is a transition that is not known here.
    `scaling_group_id` is the one that the activity belongs to."""

    started: float
    now: float
    heartbeat_timeout: float
    transition: Transition | None = None
    metadata: str = ""
    notification_arn: str = ""
    scaling_group_id: str = ""


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


@dataclass(frozen=True, slots=True)
class EnsureResult:
    """`plan.add` and `plan.reweigh` have been carried out; `group` holds what it now has."""

    group: VServerGroup
    created: bool
    plan: Plan
