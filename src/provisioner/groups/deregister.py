"""Remove servers that leave from the groups of a load balancer, and delete a group left empty.

Groups    Only groups that bear our tag are changed. A claim is left alone: its backends belong to
          a run that is at work, or to no run.
Backends  An instance is released, so every backend of it goes, on whatever port: those with its
          ServerId, and of an ENI or ECI those with its ServerIp, as ESS may know it by that alone.
Drain     With a drain, the weight of what leaves is set to 0 in every group first. The drain then
          lasts its whole time, also if an earlier delivery has waited before: nothing says how
          long. If the time is too short, the executor ends it early and the removal goes on.
Deletion  `delete_empty` deletes a group that holds nothing, if it bears a name of the bindings and
          no listener or rule refers to it. It is read again immediately before.

Nobody deletes on condition: a run may add to a group between the read and the deletion. So a
binding may say `DeleteEmpty` only if the names of its groups are never wanted again: they hold the
scaling activity's id or a hash of the event's content (`mapping.config` checks this). The only
event that wants such a name is the one that created the group, and its servers are those that have
left: what its redelivery adds is refused or found by the sweep (`docs/protocol.md`).

The states. "wait READ" means WAIT, then READ. An error that a row does not name ends the run;
`removals` then holds the groups that were finished before. A phase goes through all groups: READ,
then SET_ZERO if there is a drain, then REMOVE. READ also looks at a group again within a phase.

  state     command         the answer, and the state that follows
  LIST      ListGroups      READ for every group of ours
  READ      ReadGroup       the next group, the next phase; in a phase: something is to be sent:
                            SET_ZERO or REMOVE; empty and to be deleted: DELETE; else the next group
  SET_ZERO  SetWeights      the next call, the next group, then DRAIN;
                            busy, no answer, or one of them is gone: wait READ
  DRAIN     Drain           REMOVE
  REMOVE    RemoveBackends  the next call, then READ; busy, no answer, or gone: wait READ
  DELETE    DeleteGroup     the next group; busy, or no answer: wait READ;
                            in use, rejected or not permitted: the group stays
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any

from provisioner.errors import (
    IN_USE,
    Code,
    ConfigurationError,
    Fault,
    ProvisionerError,
    Rejected,
    Retryable,
)
from provisioner.model import (
    BACKENDS_PER_CALL,
    Backend,
    Binding,
    GroupRemoval,
    RemovalResult,
    Request,
    VServerGroup,
)

from . import naming
from .bisect_rejected import Chunks, split_into_chunks
from .commands import (
    Command,
    DeleteGroup,
    Drain,
    Execute,
    ListGroups,
    Protocol,
    ReadGroup,
    RemoveBackends,
    SetWeights,
    Wait,
)
from .lease import backoff_seconds, wait_to_retry

_MAX_ROUNDS = 3  # of removing from a group to which something else adds the same servers

Groups = tuple[VServerGroup, ...]


@dataclass(frozen=True, slots=True)
class Removal:
    """What leaves one load balancer.

    `addresses` are those of ENI and ECI instances. `name_globs` are the names of the bindings'
    groups; a * stands for what only the event knows that created a group. `drain` is in seconds.
    """

    region_id: str
    load_balancer_id: str
    server_ids: frozenset[str]
    addresses: frozenset[str] = frozenset()
    name_globs: tuple[str, ...] = ()
    drain: float = 0.0
    delete_empty: bool = False

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

    def is_owned(self, group: VServerGroup) -> bool:
        return naming.OWNER_TAG in group.tags and not naming.parse_claim(group.name)

    def may_delete(self, group: VServerGroup) -> bool:
        """Tell whether a group may be deleted when it is empty."""
        named = any(naming.matches_glob(group.name, glob) for glob in self.name_globs)
        return self.delete_empty and named and not group.in_use

    def select_leaving(self, group: VServerGroup) -> tuple[Backend, ...]:
        return tuple(backend for backend in group.backends if self._is_leaving(backend))

    def _is_leaving(self, backend: Backend) -> bool:
        by_address = backend.type != "ecs" and backend.server_ip in self.addresses
        return backend.server_id in self.server_ids or by_address


class State(Enum):
    """The command that the run waits for; the head of the module has the table."""

    LIST = auto()
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
    wait: Wait | None = None
    failures: int = 0  # calls without effect, for the backoff

    phase: State = State.READ  # READ, SET_ZERO or REMOVE
    groups: Groups = ()  # of ours, as the first phase read them
    todo: Groups = ()  # of this phase; the first is at work
    chunks: Chunks = ()  # what is still to be sent for it
    rounds: int = 0  # of sending all of its chunks
    removed: tuple[Backend, ...] = ()  # from it
    removals: tuple[GroupRemoval, ...] = ()  # the groups that are finished
    drained_seconds: float = 0.0

    def next_command(self) -> Command | None:
        match self.state:
            case State.LIST:
                return ListGroups(references=self.removal.delete_empty)
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

    def _receive(self, answer: Any) -> None:
        match self.state:
            case State.DELETE:
                self._on_deleted(answer)
            case _ if isinstance(answer, ConfigurationError):
                raise answer
            case State.SET_ZERO | State.REMOVE:
                self._on_sent(answer)
            case _ if isinstance(answer, ProvisionerError):
                raise answer
            case State.LIST:
                self.groups = tuple(g for g in answer.value if self.removal.is_owned(g))
                self._start(State.READ)
            case State.READ:
                self._on_read(answer.value)
            case State.DRAIN:
                self.drained_seconds = answer
                self._start(State.REMOVE)
            case State.WAIT:
                self.state = State.READ

    def _start(self, phase: State) -> None:
        self.phase, self.todo = phase, self.groups
        if phase is State.READ:
            self.groups = ()
        self._go_on()

    def _go_on(self) -> None:
        """Go to the next group that needs a call, or to the next phase."""
        while self.todo and not self._start_group():
            self._finish_group()
        if self.todo:
            return
        if self.phase is State.READ:
            leaving = any(map(self.removal.select_leaving, self.groups))
            self._start(State.SET_ZERO if self.removal.drain and leaving else State.REMOVE)
        elif self.phase is State.SET_ZERO:
            self.state = State.DRAIN
        else:
            self.done = RemovalResult(self.removals, self.drained_seconds)
            self.state = State.ENDED

    def _start_group(self) -> bool:
        self.rounds = self.failures = 0
        self.removed = ()
        if self.phase is not State.READ:
            return self._work_on_group(just_read=False)
        self.state = State.READ
        return True

    def _finish_group(self, *, deleted: bool = False) -> None:
        group, self.todo = self.todo[0], self.todo[1:]
        if self.phase is State.REMOVE:
            done = GroupRemoval(group.id, group.name, self.removed, group.backends, deleted)
            self.removals += (done,)

    def _on_read(self, group: VServerGroup | None) -> None:
        """A group that is gone holds nothing, whoever deleted it."""
        known = self.todo[0]
        there = replace(group or replace(known, backends=()), in_use=known.in_use)
        self.todo = (there, *self.todo[1:])
        if self.phase is State.READ and group:
            self.groups += (there,)
        elif group and self._work_on_group(just_read=True):
            return
        self._finish_group(deleted=group is None and self._may_delete())
        self._go_on()

    def _work_on_group(self, *, just_read: bool) -> bool:
        """Tell whether the phase has something to do for the group at work, and begin it."""
        leaving = self.removal.select_leaving(self.todo[0])
        if self.phase is State.SET_ZERO:
            leaving = tuple(replace(backend, weight=0) for backend in leaving if backend.weight)
        elif leaving and self.rounds == _MAX_ROUNDS:
            raise Retryable(
                Code.STILL_CHANGING,
                f"VServer group {self.todo[0].id} gets back what is removed from it: something "
                "else adds it at the same time",
            )
        else:
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

    def _on_sent(self, answer: Any) -> None:
        match answer:
            case Retryable() | Rejected(fault=Fault.NOT_FOUND):
                self._wait_to_retry(answer)
            case Rejected() if self.phase is State.SET_ZERO and self.rounds < _MAX_ROUNDS:
                self.rounds += 1  # one of them may have been removed meanwhile
                self._wait_to_retry(answer)
            case Rejected():
                raise answer
            case _:
                self.chunks = self.chunks[1:]
                if not self.chunks and self.phase is State.SET_ZERO:
                    self._finish_group()
                    self._go_on()
                elif not self.chunks:
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

    def _wait_to_retry(self, error: ProvisionerError) -> None:
        self.failures += 1
        self.wait = wait_to_retry(error, backoff_seconds(self.failures))
        self.state = State.WAIT

    def _fail(self, error: ProvisionerError) -> None:
        self.error, self.state = error, State.ENDED


def read_owned_groups(removal: Removal, execute: Execute) -> Groups:
    """Return the groups of ours with their backends. Reads only."""
    listed: Groups = execute(ListGroups()).value
    found = [execute(ReadGroup(group.id)).value for group in listed if removal.is_owned(group)]
    return tuple(group for group in found if group is not None)


def plan_removals(
    request: Request,
    bound: Sequence[Binding],
    leaving: Collection[str],
    addresses: Mapping[str, str],
    *,
    default_region_id: str,
) -> tuple[Removal, ...]:
    """Return one removal for each load balancer that the bindings name.

    `leaving` are instance ids; `addresses` are the private addresses that ESS knows, by instance
    id. The longest drain of the bindings counts, and a group left empty is deleted only if all of
    them say so.
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
            _select_addresses(members, leaving, addresses),
            name_globs=tuple(
                naming.name_glob(b.name_template, b.scaling_group_id) for b in members
            ),
            drain=max(binding.drain for binding in members),
            delete_empty=all(binding.delete_empty for binding in members),
        )
        for (region, balancer), members in by_balancer.items()
    )


def _select_addresses(
    members: Sequence[Binding], leaving: Collection[str], addresses: Mapping[str, str]
) -> frozenset[str]:
    if all(binding.type == "ecs" for binding in members):
        return frozenset()
    return frozenset(addresses[name] for name in leaving if addresses.get(name))
