"""Remove servers that leave from the groups of a load balancer, and delete a group left empty.

Groups    The servers leave every group that bears our tag, and every group that a binding names,
          whoever created it. A claim is left alone: its backends belong to a run that is at work,
          or to no run. A load balancer that was deleted holds no server.
Backends  An instance is released, so every backend of it goes, on whatever port: those with its
          ServerId, and of an ENI those with its ServerIp, as ESS may know it by that alone. The
          ServerId of an ECI is its own, and its address is used again by its successor.
Drain     With a drain, the weight of what leaves is set to 0 in every group first. The drain then
          lasts its whole time, also if an earlier delivery has waited before: nothing says how
          long. If the time is too short, the executor ends it early and the removal goes on. A
          weight that the load balancer refuses to set does not keep the server. `lowered` holds the
          weights of before, which `restore_weights` sets again if the servers stay.
Refusals  SetVServerGroupAttribute and RemoveVServerGroupBackendServers are refused as a whole, for
          example because of one stopped server. The call is halved, down to the server that the
          refusal is about; it stays, and the others leave. `RETRIED_REFUSALS` may pass: such a call
          is sent again first, after MAX_WAITS waits of one run at most.
Deletion  `delete_empty` deletes a group of ours that holds nothing, if it bears a name of the
          bindings and no listener or rule refers to it, and if no other binding keeps the groups of
          this name. It is read again immediately before.

Nobody deletes on condition: a run may add to a group between the read and the deletion. So a
binding may say `DeleteEmpty` only if the names of its groups are never wanted again: they hold the
scaling activity's id or a hash of the event's content (`mapping.config` checks this). The only
event that wants such a name is the one that created the group, and its servers are those that have
left: what its redelivery adds is refused or found by the sweep (`docs/protocol.md`).

The states. "wait READ" means WAIT, then READ. An error that a row does not name ends the run;
`removals` then holds the groups that were finished before. A phase goes through all groups:
SET_ZERO if there is a drain, then REMOVE. READ looks at a group again within a phase.

  state     command         the answer, and the state that follows
  LIST      ListGroups      READ_ALL; no group is concerned, or no such load balancer: end
  READ_ALL  ReadGroups      SET_ZERO if there is a drain and something leaves, else REMOVE
  READ      ReadGroup       something is to be sent: SET_ZERO or REMOVE; empty and to be deleted:
                            DELETE; else the next group
  SET_ZERO  SetWeights      the next call, the next group, then DRAIN;
                            busy, no answer, or one of them is gone: wait READ;
                            a server is refused: the halves; refused again: the next group
  DRAIN     Drain           REMOVE
  REMOVE    RemoveBackends  the next call, then READ; busy, no answer, or gone: wait READ;
                            a refusal that may pass: wait REMOVE; a server is refused: the halves
  DELETE    DeleteGroup     the next group; busy, or no answer: wait READ;
                            in use, rejected or not permitted: the group stays

After the last group, the run ends with `Rejected` if every server was refused, or if some were and
a part is not enough.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any

from provisioner.errors import (
    IN_USE,
    Code,
    ConfigurationError,
    Fault,
    Problem,
    ProvisionerError,
    Rejected,
    Retryable,
)
from provisioner.model import (
    BACKENDS_PER_CALL,
    Backend,
    Binding,
    GroupRemoval,
    RejectedBackend,
    RemovalResult,
    Request,
    VServerGroup,
)

from . import naming
from .bisect_rejected import MAX_WAITS, Chunks, is_server_code, split_into_chunks
from .commands import (
    Command,
    DeleteGroup,
    Drain,
    Execute,
    ListGroups,
    Protocol,
    ReadGroup,
    ReadGroups,
    RemoveBackends,
    SetWeights,
    Wait,
)
from .lease import backoff_seconds, wait_to_retry

_MAX_ROUNDS = 3  # of removing from a group to which something else adds the same servers

# Refusals of RemoveVServerGroupBackendServers that may pass (seen): of a server, or of a listener
# that is changing.
RETRIED_REFUSALS = frozenset({"ObtainIpFail", "RspoolVipExist", "ServiceIsStopping"})

# The load balancer was deleted (seen).
_NO_LOAD_BALANCER = "InvalidLoadBalancerId.NotFound"

Groups = tuple[VServerGroup, ...]


@dataclass(frozen=True, slots=True)
class Removal:
    """What leaves one load balancer.

    `addresses` are those of ENIs. `name_globs` are the names of the bindings' groups; a * stands
    for what only the event knows that created a group. `drain` is in seconds. `kept_globs` are the
    names of groups that other bindings keep when they are empty. `accept_partial` is True if
    servers that the load balancer refuses to remove may stay behind.
    """

    region_id: str
    load_balancer_id: str
    server_ids: frozenset[str]
    addresses: frozenset[str] = frozenset()
    name_globs: tuple[str, ...] = ()
    drain: float = 0.0
    delete_empty: bool = False
    kept_globs: tuple[str, ...] = ()
    accept_partial: bool = True

    @property
    def group(self) -> VServerGroup:
        """The load balancer, as a group without a name."""
        return VServerGroup(self.region_id, self.load_balancer_id, "")

    @property
    def result_subject(self) -> VServerGroup:
        """The load balancer, with its group's name if the bindings give only one: what a result is
        about in every delivery, whatever has become of the group."""
        (*others, name) = self.name_globs
        return replace(self.group, name="" if others or "*" in name else name)

    def is_concerned(self, group: VServerGroup) -> bool:
        """Tell whether the servers leave this group."""
        if naming.parse_claim(group.name):
            return False
        return naming.is_owned(group) or naming.matches_any_glob(group.name, self.name_globs)

    def may_delete(self, group: VServerGroup) -> bool:
        """Tell whether a group may be deleted when it is empty."""
        return (
            self.delete_empty
            and not group.in_use
            and naming.is_owned(group)
            and naming.matches_any_glob(group.name, self.name_globs)
            and not naming.matches_any_glob(group.name, self.kept_globs)
        )

    def select_leaving(self, group: VServerGroup) -> tuple[Backend, ...]:
        return tuple(backend for backend in group.backends if self._is_leaving(backend))

    def _is_leaving(self, backend: Backend) -> bool:
        by_address = backend.type == "eni" and backend.server_ip in self.addresses
        return backend.server_id in self.server_ids or by_address


class State(Enum):
    """The command that the run waits for; the head of the module has the table."""

    LIST = auto()
    READ_ALL = auto()
    READ = auto()
    SET_ZERO = auto()
    DRAIN = auto()
    REMOVE = auto()
    DELETE = auto()
    WAIT = auto()
    ENDED = auto()


@dataclass(eq=False)
class DeregisterProtocol(Protocol[RemovalResult]):
    """One run on one load balancer. It ends with `Rejected` or `Retryable` where it fails; what was
    removed until then stays out, because its servers leave."""

    removal: Removal
    backends_per_call: int = BACKENDS_PER_CALL

    state: State = State.LIST
    resume: State = State.READ  # what follows WAIT
    wait: Wait | None = None
    failures: int = 0  # calls without effect, for the backoff
    refusal_waits: int = 0  # waits of this run for refusals that may pass
    refusal: Rejected | None = None  # the refusal that WAIT is about

    phase: State = State.READ_ALL  # SET_ZERO or REMOVE later
    groups: Groups = ()  # that are concerned, as they were read first
    lowered: Groups = ()  # the backends that were to be set to 0, with the weights of before
    todo: Groups = ()  # of this phase; the first is at work
    chunks: Chunks = ()  # what is still to be sent for it
    rounds: int = 0  # of sending all of its chunks
    removed: tuple[Backend, ...] = ()  # from it
    rejected: tuple[RejectedBackend, ...] = ()  # from it: what the load balancer does not remove
    removals: tuple[GroupRemoval, ...] = ()  # the groups that are finished
    drained_seconds: float = 0.0

    def next_command(self) -> Command | None:
        match self.state:
            case State.LIST:
                return ListGroups(references=self.removal.delete_empty)
            case State.READ_ALL:
                return ReadGroups(tuple(group.id for group in self.groups))
            case State.READ:
                return ReadGroup(self.todo[0].id)
            case State.SET_ZERO:
                return SetWeights(self.todo[0].id, self.chunks[0])
            case State.DRAIN:
                return Drain(self.removal.drain)
            case State.REMOVE:
                return RemoveBackends(self.todo[0].id, self.chunks[0])
            case State.DELETE:
                return DeleteGroup(self.todo[0].id)
            case State.WAIT:
                return self.wait
        return None

    def _receive(self, answer: Any) -> None:  # noqa: C901, PLR0912 - a table
        match self.state:
            case State.DELETE:
                self._on_deleted(answer)
            case _ if isinstance(answer, ConfigurationError):
                raise answer
            case State.SET_ZERO:
                self._on_weights_set(answer)
            case State.REMOVE:
                self._on_removed(answer)
            case State.LIST if is_without_load_balancer(answer):
                self._finish()
            case State.WAIT if self.refusal is not None:
                self._on_refusal_waited(answer, self.refusal)
            case _ if isinstance(answer, ProvisionerError):
                raise answer
            case State.LIST:
                self.groups = tuple(g for g in answer.value if self.removal.is_concerned(g))
                self.state = State.READ_ALL
                if not self.groups:
                    self._finish()
            case State.READ_ALL:
                self._on_all_read(answer.value)
            case State.READ:
                self._on_read(answer.value)
            case State.DRAIN:
                self.drained_seconds = answer
                self._start(State.REMOVE)
            case State.WAIT:
                self.state = self.resume

    def _on_all_read(self, read: Sequence[VServerGroup | None]) -> None:
        """A group that is gone holds nothing."""
        pairs = zip(self.groups, read, strict=True)
        self.groups = tuple(
            replace(group, in_use=listed.in_use) for listed, group in pairs if group is not None
        )
        leaving = any(map(self.removal.select_leaving, self.groups))
        self._start(State.SET_ZERO if self.removal.drain and leaving else State.REMOVE)

    def _start(self, phase: State) -> None:
        self.phase, self.todo = phase, self.groups
        self._go_on()

    def _go_on(self) -> None:
        """Go to the next group that needs a call, or to the next phase."""
        while self.todo and not self._start_group():
            self._finish_group()
        if self.todo:
            return
        if self.phase is State.SET_ZERO:
            self.state = State.DRAIN
        else:
            self._finish()

    def _finish(self) -> None:
        """End the run. Raises `Rejected` if too much of what leaves was refused."""
        rejected = {each.backend.server_id for g in self.removals for each in g.rejected}
        all_rejected = self.removal.server_ids <= rejected
        if rejected and (all_rejected or not self.removal.accept_partial):
            raise removal_error(self.removals)
        self.done = RemovalResult(self.removals, self.drained_seconds)
        self.state = State.ENDED

    def _start_group(self) -> bool:
        self.rounds = self.failures = 0
        self.removed, self.rejected = (), ()
        return self._work_on_group(just_read=False)

    def _finish_group(self, *, deleted: bool = False) -> None:
        group, self.todo = self.todo[0], self.todo[1:]
        if self.phase is State.REMOVE:
            rejected = self._still_rejected(group)
            keys = {each.backend.key for each in rejected}
            removed = tuple(backend for backend in self.removed if backend.key not in keys)
            done = GroupRemoval(group.id, group.name, removed, group.backends, deleted, rejected)
            self.removals += (done,)

    def _still_rejected(self, group: VServerGroup) -> tuple[RejectedBackend, ...]:
        held = {backend.key for backend in group.backends}
        return tuple(each for each in self.rejected if each.backend.key in held)

    def _on_read(self, group: VServerGroup | None) -> None:
        """A group that is gone holds nothing, whoever deleted it."""
        known = self.todo[0]
        there = replace(group or replace(known, backends=()), in_use=known.in_use)
        self.todo = (there, *self.todo[1:])
        if group and self._work_on_group(just_read=True):
            return
        self._finish_group(deleted=group is None and self._may_delete())
        self._go_on()

    def _work_on_group(self, *, just_read: bool) -> bool:
        """Tell whether the phase has something to do for the group at work, and begin it."""
        leaving = self.removal.select_leaving(self.todo[0])
        if self.phase is State.SET_ZERO:
            leaving = tuple(backend for backend in leaving if backend.weight)
            if leaving and not just_read:
                self.lowered += (replace(self.todo[0], backends=leaving),)
            leaving = tuple(replace(backend, weight=0) for backend in leaving)
        else:
            rejected = {each.backend.key for each in self.rejected}
            leaving = tuple(backend for backend in leaving if backend.key not in rejected)
            if leaving and self.rounds == _MAX_ROUNDS:
                raise Retryable(
                    Code.STILL_CHANGING,
                    f"VServer group {self.todo[0].id} gets back what is removed from it: something "
                    "else adds it at the same time",
                )
            known = {backend.key: backend for backend in (*self.removed, *leaving)}
            self.removed = tuple(known.values())
        self.chunks = split_into_chunks(leaving, self.backends_per_call)
        if self.chunks:
            self.state = self.phase
        elif self.phase is State.REMOVE and self._may_delete():
            self.state = State.DELETE if just_read else State.READ
        else:
            return False
        return True

    def _on_weights_set(self, answer: Any) -> None:
        """A weight that cannot be set does not keep the server: it is removed all the same."""
        match answer:
            case Retryable() | Rejected(fault=Fault.NOT_FOUND):
                self._wait_to_retry(answer)
            case Rejected(code=Code.HOOK_ENDED_OTHERWISE.value):
                raise answer
            case Rejected() if is_server_code(answer.code):
                self._bisect_first()
                self._go_on_with_weights()
            case Rejected() if self.rounds < _MAX_ROUNDS:
                self.rounds += 1  # one of them may have been removed meanwhile
                self._wait_to_retry(answer)
            case Rejected():
                self.chunks = ()
                self._go_on_with_weights()
            case _:
                self.chunks = self.chunks[1:]
                self._go_on_with_weights()

    def _go_on_with_weights(self) -> None:
        if not self.chunks:
            self._finish_group()
            self._go_on()

    def _on_removed(self, answer: Any) -> None:
        match answer:
            case Rejected() if self._may_pass(answer):
                self.refusal_waits += 1
                self.refusal = answer
                self._wait_to_retry(answer, State.REMOVE)
            case Retryable() | Rejected(fault=Fault.NOT_FOUND):
                self._wait_to_retry(answer)
            case Rejected():
                self._leave_out(answer)
            case _:
                self.chunks = self.chunks[1:]
                self._go_on_removing()

    def _may_pass(self, error: Rejected) -> bool:
        return error.code in RETRIED_REFUSALS and self.refusal_waits < MAX_WAITS

    def _on_refusal_waited(self, answer: Any, refusal: Rejected) -> None:
        """Send the call again. If there is no time to wait, take the refusal as it is."""
        self.refusal, self.state = None, State.REMOVE
        if isinstance(answer, Retryable):
            self.refusal_waits = MAX_WAITS
            self._leave_out(refusal)
        elif isinstance(answer, ProvisionerError):
            raise answer

    def _leave_out(self, error: Rejected) -> None:
        """Go on without the server that the refusal is about. Raises an error about none."""
        if not is_server_code(error.code):
            raise error
        if len(self.chunks[0]) == 1:
            self.rejected += (RejectedBackend(self.chunks[0][0], error.code),)
        self._bisect_first()
        self._go_on_removing()

    def _bisect_first(self) -> None:
        """Replace the refused first call by its halves, or drop it if it has only one backend."""
        chunk, rest = self.chunks[0], self.chunks[1:]
        middle = len(chunk) // 2
        self.chunks = (chunk[:middle], chunk[middle:], *rest) if middle else rest

    def _go_on_removing(self) -> None:
        if not self.chunks:
            self.rounds += 1
            self.state = State.READ

    def _may_delete(self) -> bool:
        return self.removal.may_delete(self.todo[0]) and not self.todo[0].backends

    def _on_deleted(self, answer: Any) -> None:
        """An empty group that may not be deleted does no harm: it stays."""
        permanent = isinstance(answer, Rejected | ConfigurationError)
        if isinstance(answer, Retryable) and not permanent and answer.code not in IN_USE:
            self._wait_to_retry(answer)
        else:
            self._finish_group(deleted=not isinstance(answer, ProvisionerError))
            self._go_on()

    def _wait_to_retry(self, error: ProvisionerError, resume: State = State.READ) -> None:
        self.failures += 1
        self.wait = wait_to_retry(error, backoff_seconds(self.failures))
        self.state, self.resume = State.WAIT, resume

    def _fail(self, error: ProvisionerError) -> None:
        self.error, self.state = error, State.ENDED


def removal_error(removals: Sequence[GroupRemoval]) -> Rejected:
    """Return an error that says in which groups which codes keep how many servers."""
    problems = [
        Problem(
            f"/groups/{place}",
            f"VServer group {group.id} keeps {len(group.rejected)} backend(s): the load balancer "
            f"refuses their removal with {', '.join(sorted({r.code for r in group.rejected}))}",
        )
        for place, group in enumerate(removals)
        if group.rejected
    ]
    code = next(each.code for group in removals for each in group.rejected)
    return Rejected.from_problems(problems, code=code, what="the removal")


def is_without_load_balancer(answer: object) -> bool:
    """Tell whether an answer says that the load balancer was deleted."""
    return isinstance(answer, Rejected) and answer.code == _NO_LOAD_BALANCER


def read_concerned_groups(removal: Removal, execute: Execute) -> Groups:
    """Return the groups that the servers leave, with their backends. Reads only."""
    try:
        listed: Groups = execute(ListGroups()).value
    except Rejected as error:
        if is_without_load_balancer(error):
            return ()
        raise
    ids = tuple(group.id for group in listed if removal.is_concerned(group))
    found: Sequence[VServerGroup | None] = execute(ReadGroups(ids)).value if ids else ()
    return tuple(group for group in found if group is not None)


def plan_removals(
    request: Request,
    bound: Sequence[Binding],
    leaving: Mapping[str, str],
    *,
    default_region_id: str,
    all_bindings: Sequence[Binding] = (),
) -> tuple[Removal, ...]:
    """Return one removal for each load balancer that the bindings name.

    `leaving` has the private address that ESS knows, or "", by instance id. The longest drain of
    the bindings counts, and a group left empty is deleted only if all of them say so. Of
    `all_bindings` of the deployment, those that keep their empty groups count too.
    """
    by_balancer: dict[tuple[str, str], list[Binding]] = {}
    for binding in bound:
        region = binding.region_id or request.region_id or default_region_id
        by_balancer.setdefault((region, binding.load_balancer_id), []).append(binding)
    return tuple(
        Removal(
            region,
            balancer,
            frozenset(leaving),
            _select_addresses(members, leaving),
            name_globs=tuple(
                naming.name_glob(b.name_template, b.scaling_group_id) for b in members
            ),
            drain=max(binding.drain for binding in members),
            delete_empty=all(binding.delete_empty for binding in members),
            kept_globs=tuple(
                naming.binding_glob(binding)
                for binding in all_bindings
                if binding.load_balancer_id == balancer and not binding.delete_empty
            ),
            accept_partial=all(binding.accept_partial for binding in members),
        )
        for (region, balancer), members in by_balancer.items()
    )


def _select_addresses(members: Sequence[Binding], leaving: Mapping[str, str]) -> frozenset[str]:
    if all(binding.type != "eni" for binding in members):
        return frozenset()
    return frozenset(leaving.values()) - {""}
