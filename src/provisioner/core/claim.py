"""Making a group that nobody else makes at the same time: claim, fill, commit.

The steps and the rules of the lease are told at the head of `ensure`, which calls this once nobody
is seen to be at work. A group of the name that was parked is settled before anything is filled.
"""

from __future__ import annotations

from . import naming
from .commands import CreateGroup, ListGroups, Nonce, RenameGroup, Wait
from .ensured import made, the_one
from .errors import Ambiguous, ConfigurationError, Fault, Rejected, Retryable
from .fill import fill
from .held import GivenUp, Held, Own, Steps, clear, keep, undo
from .lease import LONGEST_WAIT, SHORTEST_WAIT, claims_for, expired, pause_after, wait_after
from .model import Answer, Desired, VServerGroup
from .parked import parked_for, settle
from .sieve import Sieve


def look(desired: Desired, own: Own) -> Steps:
    """Answers the group that bears the name, or None once nobody is at work on it."""
    pause = SHORTEST_WAIT
    while True:
        listed: Answer[tuple[VServerGroup, ...]] = yield ListGroups()
        claims = claims_for(listed.value, desired)
        dead = [g for g, c in claims if own.may_delete(c) or expired(c, listed.date)]
        while dead:
            yield from clear(dead.pop(0))
        found = None if own.beside else the_one(listed.value, desired)
        live = [g for g, c in claims if not (own.may_delete(c) or expired(c, listed.date))]
        if found is not None or not live:
            return Answer(found, listed.date, listed.request_id)
        yield Wait(pause)
        pause = min(2 * pause, LONGEST_WAIT)


def make(desired: Desired, own: Own, date: float) -> Steps:
    """None: somebody else was faster, or the claim is lost; look again."""
    try:
        yield from claim(desired, own, date)
        if own.held is None:
            return None
        parked = parked_for(own.seen, desired)
        if parked is not None and (yield from settle(desired, own, parked.id)):
            yield from undo(own)
            return None
        sieve = Sieve()
        yield from fill(desired, own, desired.group.backends, sieve)
        done = yield from _commit(desired, own)
        return done and sieve.told(done)
    except GivenUp:
        yield from undo(own)
        return None
    except (Rejected, Retryable):
        yield from undo(own)
        raise


def claim(desired: Desired, own: Own, date: float) -> Steps:
    """Holds a claim once a list shows it alone; nothing where another one has precedence, or where
    a group of the name stands that it is not about."""
    nonce: str = yield Nonce()
    own.nonces.add(nonce)
    own.held, own.seen = None, ()
    yield from _claim(desired, own, naming.claim(desired.group.name, date, nonce))


def _claim(desired: Desired, own: Own, claim: naming.Claim) -> Steps:
    try:
        sent: Answer[str] = yield CreateGroup(claim.name, desired.group.tags)
        own.held = Held(sent.value, claim, sent.date)
    except ConfigurationError:
        raise
    except Ambiguous:
        pass  # the list tells by the nonce; one that comes late is deleted when it is seen
    except Retryable as error:
        # Refused for the moment: nothing was made. Looking again stamps the next one anew.
        yield wait_after(error, LONGEST_WAIT)
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
        stands = not own.beside and the_one(listed.value, desired)
        if stands or (live and min(live) < claim):
            yield from undo(own)
            return
        if mine and not live:
            own.seen = listed.value
            return
        yield Wait(pause)
        pause = min(2 * pause, LONGEST_WAIT)
        yield from keep(desired, own)


def _commit(desired: Desired, own: Own) -> Steps:
    while True:
        held: Held = yield from keep(desired, own)
        assert held.claim is not None
        own.committed.add(held.claim.nonce)
        try:
            yield RenameGroup(held.id, desired.group.name, held.before)
        except ConfigurationError:
            raise
        except Ambiguous:
            return None
        except Retryable as error:
            yield wait_after(error, SHORTEST_WAIT)
            continue
        except Rejected as error:
            if error.fault is Fault.NOT_FOUND:
                raise GivenUp from None
            raise
        return made(desired, held.id)
