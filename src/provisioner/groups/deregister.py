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

What a scale-in takes out of each load balancer that the scaling group is bound to.

One removal for each load balancer, however many bindings name it: an instance that leaves goes out
of every owned group there. The longest drain of the bindings is waited for, and a group left empty
is deleted only where all of them say so.

Deleting one group under the claim on its name (`parked` tells why), or without claims.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from provisioner.errors import (
    IN_USE,
    Ambiguous,
    Code,
    ConfigurationError,
    Fault,
    Rejected,
    Retryable,
)
from provisioner.model import (
    ApiResponse,
    Backend,
    Binding,
    DesiredGroup,
    GroupRemoval,
    OnExisting,
    RemovalResult,
    Request,
    VServerGroup,
)

from . import naming
from .bisect_rejected import split_into_chunks
from .commands import Command, DeleteGroup, ListGroups, ReadGroup, RemoveBackends, SetWeights, Wait
from .ensure import acquire_claim, find_existing_or_wait
from .lease import ClaimLost, RunState, Steps, backoff_seconds, find_claims, release, wait_to_retry
from .pending_delete import find_pending_delete, mark_pending_delete, restore_or_delete

_ROUNDS = 3  # of removing from a group to which somebody else keeps adding the same servers


@dataclass(frozen=True, slots=True)
class Removal:
    """`addresses` are those of ENI and ECI instances. `names` are those of the bindings' groups, in
    which * stands for what an event alone knows. `mark` is the fingerprint of the request."""

    region_id: str
    load_balancer_id: str
    server_ids: frozenset[str]
    addresses: frozenset[str] = frozenset()
    name_globs: tuple[str, ...] = ()
    drain: float = 0.0
    delete_empty: bool = False
    tagging: bool = True
    mark: str = ""

    @property
    def group(self) -> VServerGroup:
        """Where a drive takes place."""
        return VServerGroup(self.region_id, self.load_balancer_id, "")

    def has_binding_name(self, name: str) -> bool:
        return any(naming.matches_glob(name, pattern) for pattern in self.name_globs)

    def original_name(self, group: VServerGroup) -> str:
        """The name that a parked group had; empty where it is not known."""
        if not group.name.startswith(naming.PENDING_DELETE_PREFIX):
            return group.name
        return next(
            (name for name in self.name_globs if naming.pending_delete_name(name) == group.name), ""
        )

    def is_owned(self, group: VServerGroup) -> bool:
        if naming.parse_claim(group.name):
            return False
        if self.tagging:
            return naming.OWNER_TAG in group.tags
        return self.has_binding_name(self.original_name(group))

    def select_leaving(self, group: VServerGroup) -> tuple[Backend, ...]:
        return tuple(b for b in group.backends if self._is_leaving(b))

    def _is_leaving(self, backend: Backend) -> bool:
        by_address = backend.type != "ecs" and backend.server_ip in self.addresses
        ours = self.tagging or backend.description.startswith(naming.build_owner_description(""))
        return ours and (backend.server_id in self.server_ids or by_address)


def deregister(
    removal: Removal, done: list[GroupRemoval] | None = None, *, claiming: bool = True
) -> Generator[Command, Any, RemovalResult]:
    """`done` takes each group as it is done with, for whom this may fail on the next."""
    done = [] if done is None else done
    listed: ApiResponse[tuple[VServerGroup, ...]] = yield ListGroups(
        references=removal.delete_empty
    )
    claimed = _find_claimed(removal, listed.value) if claiming else ()
    todo: list[tuple[VServerGroup, VServerGroup]] = yield from _read_groups(removal, listed.value)
    drained = 0.0
    if removal.drain:
        drained = yield from _drain_groups(removal, [actual for _, actual in todo])
    while todo:
        shrunk: GroupRemoval = yield from _remove_leaving(removal, todo[0][1])
        done.append(shrunk)
        if _should_delete(removal, todo[0][0], shrunk):
            gone = yield from delete_if_empty(
                _deletion_target(removal, todo[0][0]), shrunk.id, claiming=claiming
            )
            done[-1] = replace(shrunk, deleted=gone)
        elif shrunk.id in claimed:
            gone = yield from wait_for_claims(_deletion_target(removal, todo[0][0]), shrunk.id)
            done[-1] = replace(shrunk, deleted=gone)
        del todo[0]
    return RemovalResult(tuple(done), drained)


def read_owned_groups(removal: Removal) -> Generator[Command, Any, tuple[VServerGroup, ...]]:
    """The groups as they stand, with their backends. Reads only."""
    listed: ApiResponse[tuple[VServerGroup, ...]] = yield ListGroups()
    found: list[tuple[VServerGroup, VServerGroup]] = yield from _read_groups(removal, listed.value)
    return tuple(actual for _, actual in found)


def _read_groups(removal: Removal, listed: tuple[VServerGroup, ...]) -> Steps:
    """Pairs of what the list says of an owned group and what it holds."""
    todo = [group for group in listed if removal.is_owned(group)]
    found: list[tuple[VServerGroup, VServerGroup]] = []
    while todo:
        actual: ApiResponse[VServerGroup | None] = yield ReadGroup(todo[0].id)
        if actual.value is not None:
            found.append((todo[0], actual.value))
        del todo[0]
    return found


def _find_claimed(removal: Removal, groups: tuple[VServerGroup, ...]) -> tuple[str, ...]:
    """The owned groups on whose names somebody is at work: maybe an earlier delivery of this very
    event, about to park a group that it found empty."""
    if not removal.delete_empty:
        return ()
    ours = [
        (group.id, _deletion_target(removal, group)) for group in groups if removal.is_owned(group)
    ]
    return tuple(id_ for id_, desired in ours if find_claims(groups, desired))


def _drain_groups(removal: Removal, groups: list[VServerGroup]) -> Steps:
    """Answers for how many seconds."""
    if not any(removal.select_leaving(group) for group in groups):
        return 0.0
    while groups:
        yield from _set_weights_to_zero(removal, groups[0])
        del groups[0]
    return (yield Wait(removal.drain, whole=True))


def _set_weights_to_zero(removal: Removal, actual: VServerGroup) -> Steps:
    rounds = 0
    while True:
        weighty = tuple(replace(b, weight=0) for b in removal.select_leaving(actual) if b.weight)
        chunks = split_into_chunks(weighty)
        rounds += 1
        pause = Wait(backoff_seconds(rounds))
        while chunks:
            try:
                yield SetWeights(actual.id, chunks[0])
            except ConfigurationError:
                raise
            except Retryable as error:  # sent once: nobody else tries it again
                pause = wait_to_retry(error, backoff_seconds(rounds))
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
        read: ApiResponse[VServerGroup | None] = yield ReadGroup(actual.id)
        if read.value is None:
            return
        actual = read.value


def _remove_leaving(removal: Removal, actual: VServerGroup) -> Steps:
    """Removes until nothing that leaves is read any more."""
    removed: dict[object, Backend] = {}
    rounds = failures = 0
    while True:
        leaving = removal.select_leaving(actual)
        removed.update((backend.key, backend) for backend in leaving)
        if not leaving:
            gone = tuple(removed.values())
            return GroupRemoval(actual.id, actual.name, gone, actual.backends)
        if rounds == _ROUNDS:
            raise Retryable(
                Code.STILL_CHANGING,
                f"VServer group {actual.id} does not let go of what is removed from it: something "
                "else adds it at the same time",
            )
        try:
            yield from _remove_chunks(actual.id, leaving)
            rounds += 1
        except Ambiguous:
            failures += 1
            yield Wait(backoff_seconds(failures))
        read: ApiResponse[VServerGroup | None] = yield ReadGroup(actual.id)
        actual = read.value or replace(actual, backends=())


def _remove_chunks(group_id: str, leaving: tuple[Backend, ...]) -> Steps:
    chunks = split_into_chunks(leaving)
    while chunks:
        try:
            yield RemoveBackends(group_id, chunks[0])
        except Rejected as error:
            if error.fault is not Fault.NOT_FOUND:
                raise
            return  # somebody deleted it: reading back tells
        del chunks[0]


def _should_delete(removal: Removal, listed: VServerGroup, shrunk: GroupRemoval) -> bool:
    name = removal.original_name(listed)
    if not removal.delete_empty or listed.in_use or not name:
        return False
    if name != listed.name:
        return True  # parked: a crash left it so, and it is put back where it is not empty
    became = bool(shrunk.removed) or (removal.tagging and removal.has_binding_name(name))
    return became and not shrunk.remaining


def _deletion_target(removal: Removal, listed: VServerGroup) -> DesiredGroup:
    name = removal.original_name(listed)
    tags = naming.build_owner_tags(removal.mark) if removal.tagging else {}
    group = VServerGroup(removal.region_id, removal.load_balancer_id, name, tags=tags)
    return DesiredGroup(group, OnExisting.EXTEND, removal.mark)


def plan_removals(  # noqa: PLR0913 - each is another fact of the removal
    request: Request,
    bound: Sequence[Binding],
    leaving: Collection[str],
    addresses: Mapping[str, str],
    *,
    default_region_id: str,
    tagging: bool,
) -> tuple[Removal, ...]:
    """`leaving` are instance ids; `addresses`, those of them that ESS knows, by instance id."""
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
            tagging=tagging,
            mark=naming.compute_fingerprint(request, VServerGroup(region, balancer, "")),
        )
        for (region, balancer), members in by_balancer.items()
    )


def _select_addresses(
    members: Sequence[Binding], leaving: Collection[str], addresses: Mapping[str, str]
) -> frozenset[str]:
    if all(binding.type == "ecs" for binding in members):
        return frozenset()
    return frozenset(addresses[name] for name in leaving if addresses.get(name))


def result_subject(removal: Removal) -> VServerGroup:
    """The load balancer, and its group where the bindings name just one: what a result is about, in
    every delivery, whatever has become of the group."""
    (*others, name) = removal.name_globs
    known = "" if others or "*" in name else name
    return VServerGroup(removal.region_id, removal.load_balancer_id, known)


def delete_if_empty(desired: DesiredGroup, group_id: str, *, claiming: bool) -> Steps:
    """Answers whether the group is gone; if not, it is not empty any more, or is in use."""
    own = RunState(beside=True)
    while claiming:
        looked: ApiResponse[VServerGroup | None] = yield from find_existing_or_wait(desired, own)
        gone: bool | None = yield from _delete_under_claim(desired, own, group_id, looked.date)
        if gone is not None:
            return gone
    return (yield from _delete_without_claim(group_id))


def wait_for_claims(desired: DesiredGroup, group_id: str) -> Steps:
    """Waits for whoever is at work on the name, and answers whether the group is gone. A run that
    crashed may have sent a rename that parks the group later, until its lease is over."""
    yield from find_existing_or_wait(desired, RunState(beside=True))
    read: ApiResponse[VServerGroup | None] = yield ReadGroup(group_id)
    if read.value is None or read.value.name != naming.pending_delete_name(desired.group.name):
        return read.value is None
    return (yield from delete_if_empty(desired, group_id, claiming=True))


def _delete_under_claim(desired: DesiredGroup, own: RunState, group_id: str, date: float) -> Steps:
    """None: the claim is lost, or what was sent is not known to have taken effect; look again."""
    try:
        yield from acquire_claim(desired, own, date)
        if own.unfinished is None:
            return None
        stands = yield from _delete_or_restore(desired, own, group_id)
        yield from release(own)
    except ClaimLost:
        yield from release(own)
        return None
    except (Rejected, Retryable):
        yield from release(own)
        raise
    return not stands


def _delete_or_restore(desired: DesiredGroup, own: RunState, group_id: str) -> Steps:
    parked = find_pending_delete(own.listed, desired)
    if parked is not None and parked.id == group_id:
        return (yield from restore_or_delete(desired, own, group_id))
    named = [group for group in own.listed if group.name == desired.group.name]
    if [group.id for group in named] == [group_id]:
        yield from mark_pending_delete(desired, own, group_id)
        return (yield from restore_or_delete(desired, own, group_id))
    # It was renamed, or has a double: somebody else's doing, and not ours to delete.
    return any(group.id == group_id for group in own.listed)


def _delete_without_claim(group_id: str) -> Steps:
    failures = 0
    while True:
        read: ApiResponse[VServerGroup | None] = yield ReadGroup(group_id)
        if read.value is None or read.value.backends:
            return read.value is None
        try:
            yield DeleteGroup(group_id)
        except Ambiguous:
            failures += 1
            yield Wait(backoff_seconds(failures))
        except Retryable as error:
            if error.code not in IN_USE:
                raise
            return False
        except Rejected:
            return False
        else:
            return True
