"""Deleting one group under the claim on its name (`parked` tells why), or without claims."""

from __future__ import annotations

from . import naming
from .claim import claim, look
from .commands import DeleteGroup, ReadGroup, Wait
from .errors import IN_USE, Ambiguous, Rejected, Retryable
from .held import GivenUp, Own, Steps, undo
from .lease import pause_after
from .model import Answer, Desired, VServerGroup
from .parked import park, parked_for, settle


def take_away(desired: Desired, group_id: str, *, claiming: bool) -> Steps:
    """Answers whether the group is gone; if not, it is not empty any more, or is in use."""
    own = Own(beside=True)
    while claiming:
        looked: Answer[VServerGroup | None] = yield from look(desired, own)
        gone: bool | None = yield from _under_claim(desired, own, group_id, looked.date)
        if gone is not None:
            return gone
    return (yield from _alone(group_id))


def outlast(desired: Desired, group_id: str) -> Steps:
    """Waits for whoever is at work on the name, and answers whether the group is gone. A run that
    crashed may have sent a rename that parks the group later, until its lease is over."""
    yield from look(desired, Own(beside=True))
    read: Answer[VServerGroup | None] = yield ReadGroup(group_id)
    if read.value is None or read.value.name != naming.parked(desired.group.name):
        return read.value is None
    return (yield from take_away(desired, group_id, claiming=True))


def _under_claim(desired: Desired, own: Own, group_id: str, date: float) -> Steps:
    """None: the claim is lost, or what was sent is not known to have taken effect; look again."""
    try:
        yield from claim(desired, own, date)
        if own.held is None:
            return None
        stands = yield from _stands(desired, own, group_id)
        yield from undo(own)
    except GivenUp:
        yield from undo(own)
        return None
    except (Rejected, Retryable):
        yield from undo(own)
        raise
    return not stands


def _stands(desired: Desired, own: Own, group_id: str) -> Steps:
    parked = parked_for(own.seen, desired)
    if parked is not None and parked.id == group_id:
        return (yield from settle(desired, own, group_id))
    named = [group for group in own.seen if group.name == desired.group.name]
    if [group.id for group in named] == [group_id]:
        yield from park(desired, own, group_id)
        return (yield from settle(desired, own, group_id))
    # It was renamed, or has a double: somebody else's doing, and not ours to delete.
    return any(group.id == group_id for group in own.seen)


def _alone(group_id: str) -> Steps:
    failures = 0
    while True:
        read: Answer[VServerGroup | None] = yield ReadGroup(group_id)
        if read.value is None or read.value.backends:
            return read.value is None
        try:
            yield DeleteGroup(group_id)
        except Ambiguous:
            failures += 1
            yield Wait(pause_after(failures))
        except Retryable as error:
            if error.code not in IN_USE:
                raise
            return False
        except Rejected:
            return False
        else:
            return True
