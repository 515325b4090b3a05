"""Which backends a refused call is refused for, found by halving.

AddVServerGroupBackendServers is refused as a whole and names nobody. Where a hook's backends are
refused for what they are themselves, each half is sent, down to the single one that is left out:
one bad instance of 45 must not cost the other 44. A quota, a permission, a state of the group or of
the load balancer is no backend's fault, and an explicit request is refused whole.

What fresh instances may still grow out of is waited for first, a bounded number of times for all of
the call's backends together; then it counts like the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from provisioner.errors import Code, Problem, Rejected, Retryable
from provisioner.model import (
    BACKENDS_PER_CALL,
    Backend,
    BackendKey,
    DesiredGroup,
    EnsureResult,
    Plan,
    RejectedBackend,
)

from .commands import Wait
from .lease import LONGEST_WAIT, Steps

# The instance has no address yet, or is not running: on a fresh instance this passes.
NOT_READY_YET = "ObtainIpFail"
MAX_WAITS = 8  # waits of up to LONGEST_WAIT for that

# Codes of Create and Add that are about a server and not about the group (doc: tables of errors).
_ABOUT_SERVERS = frozenset(
    {
        NOT_READY_YET,
        "InvalidServerId.NotFound",
        "InvalidServerId.NotExist",
        "BackendServer.InvalidType",
        "BackendServer.ServerRegionIdNotEqual",
        "OperationDeny.LbNotSupportIPv6Server",
        "LBNotSupportIpv6Backend",
    }
)
_ABOUT_SERVERS_TOO = "InvalidBackendServers."  # ServerIpConflict, VpcNotInCen, Inconsistent, …

Chunks = list[tuple[Backend, ...]]


@dataclass(slots=True)
class RejectedBackends:
    """What one run has left out so far."""

    rejected: list[RejectedBackend] = field(default_factory=list)
    waits: int = 0

    def keys(self) -> set[BackendKey]:
        return {out.backend.key for out in self.rejected}

    def remaining(self, plan: Plan) -> Plan:
        """The plan without those that were refused, who are told beside it."""
        gone = self.keys()
        add = tuple(backend for backend in plan.add if backend.key not in gone)
        return replace(plan, add=add, rejected=tuple(self.rejected))

    def apply_to(self, done: EnsureResult) -> EnsureResult:
        """Of a group of our own, which holds what it was given."""
        if not self.rejected:
            return done
        plan = self.remaining(done.plan)
        return replace(done, plan=plan, group=replace(done.group, backends=plan.add))

    def raise_if_unacceptable(self, desired: DesiredGroup) -> None:
        """Once all have been tried. Raises where a part is not enough, or where there is none.
        Where nobody is ready yet, nobody waits for the others: the next delivery tries again."""
        none_is_in = len(self.rejected) == len(desired.group.backends)
        if none_is_in and {out.code for out in self.rejected} == {NOT_READY_YET}:
            raise Retryable(
                Code.INSTANCES_NOT_READY,
                "none of the instances is ready to be added yet; the next delivery tries again",
            )
        if self.rejected and (none_is_in or not desired.accept_partial):
            raise rejection_error(desired, self.rejected)


def is_backend_error(error: Rejected, desired: DesiredGroup) -> bool:
    known = error.code in _ABOUT_SERVERS or error.code.startswith(_ABOUT_SERVERS_TOO)
    return desired.from_hook and known


def split_into_chunks(backends: tuple[Backend, ...]) -> Chunks:
    starts = range(0, len(backends), BACKENDS_PER_CALL)
    return [backends[start : start + BACKENDS_PER_CALL] for start in starts]


def wait_if_not_ready(error: Rejected, desired: DesiredGroup, sieve: RejectedBackends) -> Steps:
    """Whether the same call is worth sending again, after a while."""
    passes = error.code == NOT_READY_YET and desired.from_hook and sieve.waits < MAX_WAITS
    if passes:
        sieve.waits += 1
        yield Wait(LONGEST_WAIT)
    return passes


def split_rejected(
    error: Rejected, refused: tuple[Backend, ...], desired: DesiredGroup, sieve: RejectedBackends
) -> Chunks:
    """What is to be sent instead of the refused call. Raises `error` where it is about others."""
    if not is_backend_error(error, desired):
        raise error
    if len(refused) == 1:
        sieve.rejected.append(RejectedBackend(refused[0], error.code))
        return []
    middle = len(refused) // 2
    return [refused[:middle], refused[middle:]]


def rejection_error(desired: DesiredGroup, refused: list[RejectedBackend]) -> Rejected:
    """Names each by its place in what the load balancer should hold."""
    places = {backend.key: n for n, backend in enumerate(desired.group.backends)}
    problems = [
        Problem(f"/BackendServers/{places[out.backend.key]}", f"was refused with {out.code}")
        for out in refused
    ]
    return Rejected.from_problems(problems, code=refused[0].code, what="the load balancer")
