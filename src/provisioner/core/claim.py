"""Making a group that nobody else makes at the same time: claim, fill, commit.

The steps and the rules of the lease are told at the head of `ensure`, which calls this once nobody
is seen to be at work. What a run holds is kept in `Own`, so that whoever ends the run can undo it.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any

from . import backends, naming
from .commands import (
    AddBackends,
    Command,
    CreateGroup,
    DeleteGroup,
    ListGroups,
    Nonce,
    ReadGroup,
    RenameGroup,
    Time,
    Wait,
)
from .ensured import made, the_one
from .errors import Ambiguous, ConfigurationError, Fault, Rejected, Retryable
from .lease import (
    HOLD,
    LONGEST_WAIT,
    RENEW,
    SHORTEST_WAIT,
    claims_for,
    expired,
    pause_after,
)
from .model import BACKENDS_PER_CALL, Answer, Backend, Desired, OnExisting, VServerGroup

# The instance has no address yet, or is not running: on a fresh instance this passes.
NOT_READY_YET = "ObtainIpFail"

Steps = Generator[Command, Any, Any]


@dataclass(frozen=True, slots=True)
class Held:
    """A group of ours that is not finished. Without a claim it bears the wanted name already.

    `date` is the newest Date heard from the API: what a renewal is stamped with.
    """

    id: str
    claim: naming.Claim | None
    date: float

    @property
    def before(self) -> float:
        return self.claim.stamped + HOLD if self.claim else inf


@dataclass(slots=True)
class Own:
    """What one run knows to be its own doing. A claim whose commit was sent is not ours to delete:
    it may bear the wanted name by now."""

    nonces: set[str] = field(default_factory=set)
    committed: set[str] = field(default_factory=set)
    held: Held | None = None

    def may_delete(self, claim: naming.Claim | None) -> bool:
        return claim is None or (claim.nonce in self.nonces and claim.nonce not in self.committed)


class GivenUp(Exception):
    """Not an error: the claim is lost, look again."""


def make(desired: Desired, own: Own, date: float) -> Steps:
    """None: somebody else was faster, or the claim is lost; look again."""
    nonce: str = yield Nonce()
    own.nonces.add(nonce)
    own.held = None
    try:
        yield from _claim(desired, own, naming.claim(desired.group.name, date, nonce))
        if own.held is None:
            return None
        yield from fill(desired, own, desired.group.backends)
        return (yield from _commit(desired, own))
    except GivenUp:
        yield from undo(own)
        return None
    except (Rejected, Retryable):
        yield from undo(own)
        raise


def _claim(desired: Desired, own: Own, claim: naming.Claim) -> Steps:
    """Holds the claim once a list shows it alone; nothing where another one has precedence."""
    try:
        sent: Answer[str] = yield CreateGroup(claim.name, desired.group.tags)
        own.held = Held(sent.value, claim, sent.date)
    except ConfigurationError:
        raise
    except Ambiguous:
        pass  # the list tells by the nonce; one that comes late is deleted when it is seen
    except Retryable as error:
        # Refused for the moment: nothing was made. Looking again stamps the next one anew.
        yield Wait(error.retry_after or LONGEST_WAIT)
        return
    pause = SHORTEST_WAIT
    while True:
        listed: Answer[tuple[VServerGroup, ...]] = yield ListGroups()
        claims = claims_for(listed.value, desired)
        mine = [Held(g.id, c, listed.date) for g, c in claims if c.nonce == claim.nonce]
        if not mine and own.held is None:
            yield Wait(pause_after(len(own.nonces)))  # the next create is a burden, not a look
            return
        own.held = mine[0] if mine else own.held
        others = [(g, c) for g, c in claims if c.nonce != claim.nonce]
        late = [g for g, c in others if own.may_delete(c)]
        while late:
            yield from clear(late.pop(0))
        live = [c for _, c in others if not (own.may_delete(c) or expired(c, listed.date))]
        if the_one(listed.value, desired) or (live and min(live) < claim):
            yield from undo(own)
            return
        if mine and not live:
            return
        yield Wait(pause)
        pause = min(2 * pause, LONGEST_WAIT)
        yield from _keep(desired, own)


def fill(desired: Desired, own: Own, remaining: tuple[Backend, ...]) -> Steps:
    failures = 0
    while remaining:
        held: Held = yield from _keep(desired, own)
        try:
            added: Answer[None] = yield AddBackends(
                held.id, remaining[:BACKENDS_PER_CALL], held.before
            )
            own.held = replace(held, date=added.date)
            remaining = remaining[BACKENDS_PER_CALL:]
        except Ambiguous:
            failures += 1
            yield Wait(pause_after(failures))
            actual: VServerGroup = yield from _read_own(own)
            remaining = backends.plan(actual.backends, remaining, OnExisting.EXTEND).add
        except ConfigurationError:
            raise
        except Retryable as error:
            failures += 1
            yield Wait(error.retry_after or pause_after(failures))
        except Rejected as error:
            if error.fault is Fault.NOT_FOUND:
                raise GivenUp from None  # somebody deleted it: look again
            if not may_pass(error, desired):
                raise
            yield Wait(LONGEST_WAIT)


def _commit(desired: Desired, own: Own) -> Steps:
    while True:
        held: Held = yield from _keep(desired, own)
        assert held.claim is not None
        own.committed.add(held.claim.nonce)
        try:
            yield RenameGroup(held.id, desired.group.name, held.before)
        except ConfigurationError:
            raise
        except Ambiguous:
            return None
        except Retryable as error:
            yield Wait(error.retry_after or SHORTEST_WAIT)
            continue
        except Rejected as error:
            if error.fault is Fault.NOT_FOUND:
                raise GivenUp from None
            raise
        return made(desired, held.id)


def _keep(desired: Desired, own: Own) -> Steps:
    """What is held, its claim renewed when that is due; given up when it is too late to."""
    held = own.held
    assert held is not None
    if held.claim is None:
        return held
    now: float = yield Time()
    if now > held.before:
        raise GivenUp
    if now < held.claim.stamped + RENEW:
        return held
    if held.date < held.claim.stamped + RENEW:
        yield from _read_own(own)
    heard = own.held.date if own.held else held.date
    claim = naming.claim(desired.group.name, heard, held.claim.nonce)
    try:
        renewed: Answer[None] = yield RenameGroup(held.id, claim.name, held.before)
        own.held = Held(held.id, claim, renewed.date)
    except ConfigurationError:
        raise
    except Ambiguous:
        raise GivenUp from None
    except Retryable:
        pass  # refused for the moment; the next step tries again, while the old stamp lasts
    return own.held


def _read_own(own: Own) -> Steps:
    """The unfinished group as it is; the Date of the answer is heard."""
    assert own.held is not None
    read: Answer[VServerGroup | None] = yield ReadGroup(own.held.id)
    if read.value is None:
        raise GivenUp
    own.held = replace(own.held, date=read.date)
    return read.value


def undo(own: Own) -> Steps:
    if own.held is not None and own.may_delete(own.held.claim):
        yield from _delete(own.held.id)
    own.held = None


def clear(group: VServerGroup) -> Steps:
    """Deletes a claim that nobody holds. It is read first: a late commit may have renamed it."""
    read: Answer[VServerGroup | None] = yield ReadGroup(group.id)
    if read.value is not None and read.value.name == group.name:
        yield from _delete(group.id)


def _delete(group_id: str) -> Steps:
    """Tidying: what cannot be deleted now expires, and is deleted by whoever looks next."""
    try:
        yield DeleteGroup(group_id)
    except (Rejected, Retryable):
        return


def may_pass(error: Rejected, desired: Desired) -> bool:
    return desired.from_hook and error.code == NOT_READY_YET
