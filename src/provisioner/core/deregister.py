"""Taking servers that leave out of a load balancer's groups, and deleting a group left empty.

Whose. Only groups that this function owns are touched: by their tag; where an endpoint has no tags,
by name, and there only backends that bear the mark of ours in their Description. A claim is never
touched: what it holds belongs to a run that is at work, or to nobody. A parked group (`parked`) is
one like the others: taking a server out of it misleads nobody.

What. An instance is released, so every backend of it goes, on whatever port: those whose ServerId
leaves, and of an ENI or ECI those whose ServerIp does, since ESS may know it by that alone.

How. Each owned group is read. With a drain, what leaves is weighted 0 first, everywhere, and the
drain is waited for once, from the last such call on: whole, also where an earlier delivery had
waited already, since nothing tells for how long. Then it is removed, 20 backends a call, and read
back; an ambiguous call is read back too. A group that is gone holds nothing. A replay is a list and
a read for each group. Where the time is too short for the drain, the driver ends the wait while
some of it is left, and the removal goes on: the servers leave anyway.

Empty. With `delete_empty`, a group that is left with nothing, and that no listener and no rule
refers to, is deleted by way of a parked name. It has to have become empty: by this run, or, as a
replay cannot know that, by bearing a name that the bindings give. Where a claim on its name is
seen, its end is waited for: a delivery that crashed may have sent the rename that parks the group,
and that may come late.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from . import naming
from .commands import Command, ListGroups, ReadGroup, RemoveBackends, SetWeights, Wait
from .errors import Ambiguous, Code, ConfigurationError, Fault, Rejected, Retryable
from .held import Steps
from .lease import claims_for, pause_after, wait_after
from .model import Answer, Backend, Deregistered, Desired, OnExisting, Shrunk, VServerGroup
from .sieve import chunks_of
from .takeaway import outlast, take_away
from .values import dataclass, replace

_ROUNDS = 3  # of removing from a group to which somebody else keeps adding the same servers


@dataclass(frozen=True, slots=True)
class Removal:
    """`addresses` are those of ENI and ECI instances. `names` are those of the bindings' groups, in
    which * stands for what an event alone knows. `mark` is the fingerprint of the request."""

    region_id: str
    load_balancer_id: str
    server_ids: frozenset[str]
    addresses: frozenset[str] = frozenset()
    names: tuple[str, ...] = ()
    drain: float = 0.0
    delete_empty: bool = False
    tagging: bool = True
    mark: str = ""

    @property
    def group(self) -> VServerGroup:
        """Where a drive takes place."""
        return VServerGroup(self.region_id, self.load_balancer_id, "")

    def named(self, name: str) -> bool:
        return any(naming.matches(name, pattern) for pattern in self.names)

    def whole_name(self, group: VServerGroup) -> str:
        """The name that a parked group had; empty where it is not known."""
        if not group.name.startswith(naming.PARKED_PREFIX):
            return group.name
        return next((name for name in self.names if naming.parked(name) == group.name), "")

    def owns(self, group: VServerGroup) -> bool:
        if naming.read_claim(group.name):
            return False
        if self.tagging:
            return naming.OWNER_TAG in group.tags
        return self.named(self.whole_name(group))

    def leaving(self, group: VServerGroup) -> tuple[Backend, ...]:
        return tuple(b for b in group.backends if self._leaves(b))

    def _leaves(self, backend: Backend) -> bool:
        by_address = backend.type != "ecs" and backend.server_ip in self.addresses
        ours = self.tagging or backend.description.startswith(naming.ownership_description(""))
        return ours and (backend.server_id in self.server_ids or by_address)


def deregister(
    removal: Removal, done: list[Shrunk] | None = None, *, claiming: bool = True
) -> Generator[Command, Any, Deregistered]:
    """`done` takes each group as it is done with, for whom this may fail on the next."""
    done = [] if done is None else done
    listed: Answer[tuple[VServerGroup, ...]] = yield ListGroups(references=removal.delete_empty)
    claimed = _claimed(removal, listed.value) if claiming else ()
    todo: list[tuple[VServerGroup, VServerGroup]] = yield from _read(removal, listed.value)
    drained = 0.0
    if removal.drain:
        drained = yield from _drained(removal, [actual for _, actual in todo])
    while todo:
        shrunk: Shrunk = yield from _shrunk(removal, todo[0][1])
        done.append(shrunk)
        if _to_be_deleted(removal, todo[0][0], shrunk):
            gone = yield from take_away(_to_take(removal, todo[0][0]), shrunk.id, claiming=claiming)
            done[-1] = replace(shrunk, deleted=gone)
        elif shrunk.id in claimed:
            gone = yield from outlast(_to_take(removal, todo[0][0]), shrunk.id)
            done[-1] = replace(shrunk, deleted=gone)
        del todo[0]
    return Deregistered(tuple(done), drained)


def owned(removal: Removal) -> Generator[Command, Any, tuple[VServerGroup, ...]]:
    """The groups as they stand, with their backends. Reads only."""
    listed: Answer[tuple[VServerGroup, ...]] = yield ListGroups()
    found: list[tuple[VServerGroup, VServerGroup]] = yield from _read(removal, listed.value)
    return tuple(actual for _, actual in found)


def _read(removal: Removal, listed: tuple[VServerGroup, ...]) -> Steps:
    """Pairs of what the list says of an owned group and what it holds."""
    todo = [group for group in listed if removal.owns(group)]
    found: list[tuple[VServerGroup, VServerGroup]] = []
    while todo:
        actual: Answer[VServerGroup | None] = yield ReadGroup(todo[0].id)
        if actual.value is not None:
            found.append((todo[0], actual.value))
        del todo[0]
    return found


def _claimed(removal: Removal, groups: tuple[VServerGroup, ...]) -> tuple[str, ...]:
    """The owned groups on whose names somebody is at work: maybe an earlier delivery of this very
    event, about to park a group that it found empty."""
    if not removal.delete_empty:
        return ()
    ours = [(group.id, _to_take(removal, group)) for group in groups if removal.owns(group)]
    return tuple(id_ for id_, desired in ours if claims_for(groups, desired))


def _drained(removal: Removal, groups: list[VServerGroup]) -> Steps:
    """Answers for how many seconds."""
    if not any(removal.leaving(group) for group in groups):
        return 0.0
    while groups:
        yield from _weighted_0(removal, groups[0])
        del groups[0]
    return (yield Wait(removal.drain, whole=True))


def _weighted_0(removal: Removal, actual: VServerGroup) -> Steps:
    rounds = 0
    while True:
        weighty = tuple(replace(b, weight=0) for b in removal.leaving(actual) if b.weight)
        chunks = chunks_of(weighty)
        rounds += 1
        pause = Wait(pause_after(rounds))
        while chunks:
            try:
                yield SetWeights(actual.id, chunks[0])
            except ConfigurationError:
                raise
            except Retryable as error:  # sent once: nobody else tries it again
                pause = wait_after(error, pause_after(rounds))
                break
            except Rejected as error:
                if rounds > _ROUNDS:
                    raise
                if error.fault is Fault.NOT_FOUND:
                    return
                break  # one of them may have been taken out meanwhile
            del chunks[0]
        if not chunks:
            return
        yield pause
        read: Answer[VServerGroup | None] = yield ReadGroup(actual.id)
        if read.value is None:
            return
        actual = read.value


def _shrunk(removal: Removal, actual: VServerGroup) -> Steps:
    """Removes until nothing that leaves is read any more."""
    removed: dict[object, Backend] = {}
    rounds = failures = 0
    while True:
        leaving = removal.leaving(actual)
        removed.update((backend.key, backend) for backend in leaving)
        if not leaving:
            gone = tuple(removed.values())
            return Shrunk(actual.id, actual.name, gone, actual.backends)
        if rounds == _ROUNDS:
            raise Retryable(
                Code.STILL_CHANGING,
                f"VServer group {actual.id} does not let go of what is removed from it: something "
                "else adds it at the same time",
            )
        try:
            yield from _removed(actual.id, leaving)
            rounds += 1
        except Ambiguous:
            failures += 1
            yield Wait(pause_after(failures))
        read: Answer[VServerGroup | None] = yield ReadGroup(actual.id)
        actual = read.value or replace(actual, backends=())


def _removed(group_id: str, leaving: tuple[Backend, ...]) -> Steps:
    chunks = chunks_of(leaving)
    while chunks:
        try:
            yield RemoveBackends(group_id, chunks[0])
        except Rejected as error:
            if error.fault is not Fault.NOT_FOUND:
                raise
            return  # somebody deleted it: reading back tells
        del chunks[0]


def _to_be_deleted(removal: Removal, listed: VServerGroup, shrunk: Shrunk) -> bool:
    name = removal.whole_name(listed)
    if not removal.delete_empty or listed.in_use or not name:
        return False
    if name != listed.name:
        return True  # parked: a crash left it so, and it is put back where it is not empty
    became = bool(shrunk.removed) or (removal.tagging and removal.named(name))
    return became and not shrunk.held


def _to_take(removal: Removal, listed: VServerGroup) -> Desired:
    name = removal.whole_name(listed)
    tags = naming.owner_tags(removal.mark) if removal.tagging else {}
    group = VServerGroup(removal.region_id, removal.load_balancer_id, name, tags=tags)
    return Desired(group, OnExisting.EXTEND, removal.mark)
