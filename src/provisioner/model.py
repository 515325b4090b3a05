"""The vocabulary of this project as values: frozen, comparable, and independent of any cloud.

Names are the API's own words (CreateVServerGroup, version 2014-05-15) in Python's spelling. An
event asks for a `Request`. A `DesiredGroup` is what one load balancer should have because of it. An
`EnsureResult` or a `RemovalResult` is what was done for that.

Times are the cloud's own, in seconds since 1970, to the second.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from math import inf
from typing import Generic, NamedTuple, TypeVar


@dataclass(frozen=True, slots=True)
class EventRef:
    """Identifies an event. `id` is the same in every delivery, whichever trigger delivers it."""

    source: str
    id: str


@dataclass(frozen=True, slots=True)
class FailureRecord:
    """The platform's record of an event that it stopped retrying. `payload` is the event.

    `condition` is how the last of the `attempts` ended. `request_id` is the platform's own id."""

    payload: bytes = field(repr=False)
    attempts: int
    condition: str
    request_id: str
    function_arn: str = ""


T = TypeVar("T")

DEFAULT_WEIGHT = 100
BACKENDS_PER_CALL = 20  # CreateVServerGroup and its siblings: at most 20 list elements a call


@dataclass(frozen=True, slots=True)
class ApiResponse(Generic[T]):
    """An answer of an API. `date` is its Date header, a lower bound of the time there.

    `sent_at` is when the call was sent, in seconds of the caller's clock, or -inf if that is
    unknown."""

    value: T
    date: float
    request_id: str
    sent_at: float = -inf


class BackendKey(NamedTuple):
    """Identifies a backend: an ECS instance by id and port, an ENI or ECI by its address too."""

    server_id: str
    port: int
    server_ip: str


@dataclass(frozen=True, slots=True)
class Backend:
    """A server and port that get traffic. Merging changes only a weight that is explicit."""

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
    """A group as it is wanted (without `id`) or as the load balancer has it.

    `in_use` is True if a list that included listeners and rules shows that one refers to the
    group."""

    region_id: str
    load_balancer_id: str
    name: str
    backends: tuple[Backend, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    id: str = ""
    in_use: bool = False


class OnExisting(str, Enum):
    """What to do if a group of the wanted name exists already."""

    REFUSE = "refuse"  # unless it has exactly the wanted backends
    MERGE = "merge"  # add the missing backends, set the weights that the request names
    EXTEND = "extend"  # add the missing backends, keep every weight: an operator's drain stays


class Transition(str, Enum):
    SCALE_OUT = "SCALE_OUT"
    SCALE_IN = "SCALE_IN"


class LifecycleResult(str, Enum):
    CONTINUE = "CONTINUE"
    ABANDON = "ABANDON"
    ROLLBACK = "ROLLBACK"


class OnPause(str, Enum):
    """What to do with a hook while `PAUSE` is on."""

    WAIT = "wait"  # leave it pending for the next delivery
    CONTINUE = "CONTINUE"
    ABANDON = "ABANDON"


@dataclass(frozen=True, slots=True)
class LifecycleAction:
    """A scaling activity that waits at a hook. If the token is empty, ESS is asked for it."""

    hook_id: str
    token: str
    scaling_group_id: str
    scaling_activity_id: str
    transition: Transition = Transition.SCALE_OUT
    region_id: str = ""
    metadata: str = ""


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance that bindings map to backends. `weight` None is the binding's weight."""

    instance_id: str
    weight: int | None = None
    server_ip: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """One desired state as an event asks for it, before bindings and settings complete it.

    It has either `backends` (an empty tuple asks for an empty group) or `instances`, which bindings
    map to backends. A request with an `action` came from a lifecycle hook.
    """

    event: EventRef
    region_id: str = ""
    load_balancer_id: str = ""
    vserver_group_name: str = ""
    scaling_group_id: str = ""
    backends: tuple[Backend, ...] | None = None
    instances: tuple[Instance, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    on_existing: OnExisting | None = None
    dry_run: bool = False
    action: LifecycleAction | None = None


class SweepMode(str, Enum):
    """How much a sweep may do, in rising order."""

    OFF = "off"
    REPORT = "report"
    APPLY = "apply"


@dataclass(frozen=True, slots=True)
class SweepRequest:
    """Asks for a sweep of everything that is bound. `mode` None is what the deployment allows."""

    event: EventRef
    mode: SweepMode | None = None


@dataclass(frozen=True, slots=True)
class Binding:
    """How one scaling group maps to one VServer group of one load balancer.

    `name_template` is expanded with stable facts only (see `naming`). `drain` is in seconds.
    `metadata_may_override` has the keys that a hook's NotificationMetadata may set.
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
    drain: int = 0
    delete_empty: bool = False
    on_pause: OnPause = OnPause.WAIT
    accept_partial: bool = True
    metadata_may_override: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class DesiredGroup:
    """A group that one load balancer should have. `fingerprint` identifies the request.

    `accept_partial` is True if the backends of a hook that the load balancer rejects may be left
    out. `may_change_foreign` is True if a group that somebody else created may be changed."""

    group: VServerGroup
    on_existing: OnExisting
    fingerprint: str
    from_hook: bool = False
    failure_result: LifecycleResult = LifecycleResult.ABANDON
    accept_partial: bool = True
    may_change_foreign: bool = True


@dataclass(frozen=True, slots=True)
class RejectedBackend:
    """A backend that the load balancer rejects, with its code."""

    backend: Backend
    code: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The changes that lead from the backends of a group to the wanted ones. It removes none.

    `unmanaged` are backends that nobody asked for. `rejected` are wanted backends that could not be
    added."""

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
    """What was removed from one group. `remaining` is empty if the group no longer exists.

    `rejected` are those that the load balancer refused to remove."""

    id: str
    name: str
    removed: tuple[Backend, ...] = ()
    remaining: tuple[Backend, ...] = ()
    deleted: bool = False
    rejected: tuple[RejectedBackend, ...] = ()


@dataclass(frozen=True, slots=True)
class RemovalResult:
    """All groups that the servers were to leave, after a removal, unchanged ones too.

    `not_restored` are backends whose servers stay and whose weight of before could not be set
    again."""

    groups: tuple[GroupRemoval, ...] = ()
    drained_seconds: float = 0.0
    not_restored: tuple[Backend, ...] = ()


@dataclass(frozen=True, slots=True)
class ActionState:
    """ESS's record of a lifecycle action. `result` has a meaning only after the action ended."""

    action: LifecycleAction
    pending: bool
    result: str
    timed_out: bool = False
    instance_ids: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class HookTerms:
    """How long an action waits: `heartbeat_timeout` seconds after `started`.

    `started` is the start of its activity; the action began no earlier. `now` is the Date of the
    answer, a lower bound. `transition`, `metadata` and `notification_arn` are those of the hook;
    `transition` None is unknown. `scaling_group_id` is the one that the activity belongs to."""

    started: float
    now: float
    heartbeat_timeout: float
    transition: Transition | None = None
    metadata: str = ""
    notification_arn: str = ""
    scaling_group_id: str = ""


@dataclass(frozen=True, slots=True)
class ScalingInstance:
    """ESS's record of an instance of a scaling group."""

    instance_id: str
    lifecycle_state: str
    private_ip: str
    scaling_activity_id: str = ""
    scaling_group_id: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class ScalingActivity:
    """ESS's record of an activity. `ended` is None while it is in progress.

    `created` and `destroyed` are ids of instances."""

    scaling_activity_id: str
    ended: float | None
    created: frozenset[str] = frozenset()
    destroyed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class EnsureResult:
    """The `plan` that was carried out, and the `group` as it is now.

    `others_in_use` are the ids of other groups of ours on the load balancer to which a listener or
    a rule refers."""

    group: VServerGroup
    created: bool
    plan: Plan
    others_in_use: tuple[str, ...] = ()

    @property
    def is_unused(self) -> bool:
        """True if the traffic may go to another group of ours, for example a renamed one."""
        return bool(self.others_in_use) and not self.group.in_use
