"""The backends that are still to be added, and the search for those that the load balancer rejects.

AddVServerGroupBackendServers is rejected as a whole, and the error does not say for which backend.
If the code is about a server, a hook's call is halved, down to the single backend that is left out:
one bad instance of 45 must not cost the other 44. A quota, a permission or a state of the load
balancer is the fault of no backend, and an explicit request is rejected as a whole.

An instance that is not ready yet is waited for first. All backends of one run share MAX_WAITS such
waits; after that, not ready counts as rejected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from provisioner.errors import Code, Problem, Rejected, Retryable
from provisioner.model import (
    BACKENDS_PER_CALL,
    Backend,
    DesiredGroup,
    EnsureResult,
    Plan,
    RejectedBackend,
)

# The instance has no address yet or is not running: on a fresh instance this passes.
NOT_READY_YET = "ObtainIpFail"
MAX_WAITS = 8  # waits of up to LONGEST_WAIT for that

# Codes of calls with backends that are about a server and not about the group (doc: tables of
# errors).
_ABOUT_SERVERS = frozenset(
    {
        NOT_READY_YET,
        "InvalidServerId.NotFound",
        "InvalidServerId.NotExist",
        "ResourceNotFound.vServers",
        "Mismatched.ZoneId",
        "BackendServer.InvalidType",
        "BackendServer.ServerRegionIdNotEqual",
        "OperationDeny.LbNotSupportIPv6Server",
        "LBNotSupportIpv6Backend",
        "NetworkConflict",  # may be: if it is not, every half is rejected, too
    }
)
_PREFIX_ABOUT_SERVERS = "InvalidBackendServers."  # ServerIpConflict, VpcNotInCen, Inconsistent, …

Chunks = tuple[tuple[Backend, ...], ...]


def split_into_chunks(backends: tuple[Backend, ...], size: int = BACKENDS_PER_CALL) -> Chunks:
    """Split backends into lists that fit into one call each."""
    return tuple(backends[start : start + size] for start in range(0, len(backends), size))


@dataclass(frozen=True, slots=True)
class AddQueue:
    """`chunks` are the calls that are still to be made. `rejected` are the backends that the load
    balancer rejected, and `waits` counts the waits for instances that were not ready."""

    chunks: Chunks = ()
    rejected: tuple[RejectedBackend, ...] = ()
    waits: int = 0

    def drop_first(self) -> AddQueue:
        return replace(self, chunks=self.chunks[1:])

    def count_wait(self) -> AddQueue:
        return replace(self, waits=self.waits + 1)

    def may_wait(self, error: Rejected, desired: DesiredGroup) -> bool:
        """Tell whether the rejected call is worth another attempt after a wait."""
        return error.code == NOT_READY_YET and desired.from_hook and self.waits < MAX_WAITS

    def bisect_first(self, error: Rejected, desired: DesiredGroup) -> AddQueue:
        """Replace the rejected first call by its halves, or leave its only backend out.

        Raises `error` if it is about no backend.
        """
        if not is_backend_error(error, desired):
            raise error
        chunk, rest = self.chunks[0], self.chunks[1:]
        if len(chunk) == 1:
            out = RejectedBackend(chunk[0], error.code)
            return replace(self, chunks=rest, rejected=(*self.rejected, out))
        middle = len(chunk) // 2
        return replace(self, chunks=(chunk[:middle], chunk[middle:], *rest))

    def apply_to(self, plan: Plan) -> Plan:
        """Return the plan without the rejected backends, which it names separately."""
        keys = {out.backend.key for out in self.rejected}
        add = tuple(backend for backend in plan.add if backend.key not in keys)
        return replace(plan, add=add, rejected=self.rejected)

    def apply_to_created(self, result: EnsureResult) -> EnsureResult:
        """Return the result for a new group, which holds only what was not rejected."""
        if not self.rejected:
            return result
        plan = self.apply_to(result.plan)
        return replace(result, plan=plan, group=replace(result.group, backends=plan.add))

    def raise_if_unacceptable(self, desired: DesiredGroup) -> None:
        """Check, after the last call, whether the request accepts what was rejected.

        Raises `Rejected` if every backend was rejected or if a part is not enough, and `Retryable`
        if no instance was ready: then the next delivery tries again.
        """
        if not self.rejected:
            return
        all_rejected = len(self.rejected) == len(desired.group.backends)
        if all_rejected and {out.code for out in self.rejected} == {NOT_READY_YET}:
            raise Retryable(
                Code.INSTANCES_NOT_READY,
                "none of the instances is ready to be added yet; the next delivery tries again",
            )
        if all_rejected or not desired.accept_partial:
            raise rejection_error(desired, self.rejected)


def is_backend_error(error: Rejected, desired: DesiredGroup) -> bool:
    """Tell whether a hook's call may be sent again without some of its backends."""
    return desired.from_hook and is_server_code(error.code)


def is_server_code(code: str) -> bool:
    """Tell whether a code of the load balancer is about single servers of a call."""
    return code in _ABOUT_SERVERS or code.startswith(_PREFIX_ABOUT_SERVERS)


def rejection_error(desired: DesiredGroup, rejected: Sequence[RejectedBackend]) -> Rejected:
    """Return an error that names each rejected backend by its place in the desired group."""
    places = {backend.key: n for n, backend in enumerate(desired.group.backends)}
    problems = [
        Problem(f"/BackendServers/{places[out.backend.key]}", f"was refused with {out.code}")
        for out in rejected
    ]
    return Rejected.from_problems(problems, code=rejected[0].code, what="the load balancer")
