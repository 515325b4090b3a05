"""The outcome of one desired state."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from provisioner.errors import ProvisionerError
from provisioner.model import (
    EventRef,
    LifecycleAction,
    LifecycleResult,
    Plan,
    RemovalResult,
    VServerGroup,
)


class Status(str, Enum):
    """How the work on one desired state ended."""

    PROVISIONED = "provisioned"
    PLANNED = "planned"
    DEREGISTERED = "deregistered"
    SKIPPED = "skipped"
    REFUSED = "refused"  # nothing was written
    FAILED = "failed"  # something was written, and the result says what remains


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one desired state. `group` is the group as the load balancer has it.

    `others_in_use` are the ids of other groups of ours to which a listener or a rule refers.
    `circuit_breaker` is True if a failure was answered with CONTINUE, after too many ABANDONs in a
    row."""

    status: Status
    event: EventRef
    group: VServerGroup | None = None
    created: bool = False
    plan: Plan = field(default_factory=Plan)
    others_in_use: tuple[str, ...] = ()
    dropped_instance_ids: tuple[str, ...] = ()
    removal: RemovalResult | None = None
    action: LifecycleAction | None = None
    lifecycle_result: LifecycleResult | None = None
    circuit_breaker: bool = False
    error: ProvisionerError | None = None
    slb_request_ids: tuple[str, ...] = ()
    fc_request_id: str = ""
