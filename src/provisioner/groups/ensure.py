"""Ensure that a load balancer has one VServer group of a name, holding the wanted backends.

CreateVServerGroup has no ClientToken and names are not unique, so two deliveries of one event, or
one delivery and its retry, can make two groups. There is no database to ask. Hence a protocol on
the load balancer's own list of groups, in four steps (they are in `claim`):

  look     One group bears the name: adopt it. Several: somebody else's doing, refuse. None, but a
           live claim: wait and look again. Claims that nobody holds any more are deleted.
  claim    Create an empty group under a claim's name and list until it stands there alone. Another
           live claim: the lowest nonce stays and waits, the others delete their own and look again.
  fill     Add the backends, 20 a call.
  commit   Rename the claim to the wanted name. This comes last, so that what bears the name is
           complete, and so that whatever is undone before it was seen by nobody.

The same claim is held by whoever deletes a group that became empty; what a crash then leaves
without its name, the next claim puts back or deletes (`parked`).

Lease. The time in a claim's name is a Date of the API's own. Its owner renews it by renaming every
`RENEW` seconds and sends nothing about it later than `HOLD` after the last confirmed one; any call
takes effect within `LATE`; after `LEASE` anybody may delete it. Hence HOLD + LATE < LEASE.

Ambiguous answers (`Ambiguous`: sent, no readable answer). A create is looked up by its nonce. After
a renewal the claim is given up: a second rename could undo a commit, a late one be undone by it. A
commit is looked up and never deleted by us. An add is read back.

The code is sans-IO: generators that yield `commands` and are sent their answers. The service drives
them on the real API; an explorer in the tests drives several at once through every interleaving.
For its sake no iterator is alive across a `yield`: all state is in local variables.

Making a group that nobody else makes at the same time: claim, fill, commit.

The steps and the rules of the lease are told at the head of `ensure`, which calls this once nobody
is seen to be at work. A group of the name that was parked is settled before anything is filled.

Making a group without claims, for a caller that is alone on the load balancer (CLAIM=off).

The group bears the wanted name from the beginning. A crash leaves it half filled, and the next
delivery finishes it: it knows its own by the request's mark.

Filling a group of our own, 20 backends a call.

What an ambiguous call left is seen by reading back; what the load balancer refuses for the sake of
single backends is halved (`sieve`). The claim is renewed before any call that would be too late.

What a list of groups says about the wanted one, and what ensuring it comes to.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Any

from provisioner.errors import Ambiguous, Code, ConfigurationError, Fault, Rejected, Retryable
from provisioner.model import (
    BACKENDS_PER_CALL,
    Answer,
    Backend,
    Desired,
    Ensured,
    LeftOut,
    OnExisting,
    Plan,
    VServerGroup,
)

from . import diff, naming
from .bisect_rejected import Sieve, about_servers, chunks_of, refusal, sifted, waited_for
from .commands import (
    AddBackends,
    Command,
    CreateGroup,
    ListGroups,
    Nonce,
    ReadGroup,
    RenameGroup,
    SetWeights,
    Time,
    Wait,
)
from .lease import (
    LATE,
    LONGEST_WAIT,
    SHORTEST_WAIT,
    GivenUp,
    Held,
    Own,
    Steps,
    claims_for,
    clear,
    expired,
    keep,
    pause_after,
    read_own,
    undo,
    wait_after,
)
from .pending_delete import parked_for, settle

_ROUNDS = 3  # of adding to a group that somebody else keeps changing


def ensure(desired: Desired, *, claiming: bool = True) -> Generator[Command, Any, Ensured]:
    """`claiming=False` is for a caller that is alone on the load balancer: it creates and fills
    under the wanted name. Raises `Rejected` and `Retryable`; what was ours alone is then undone."""
    own = Own()
    while True:
        looked: Answer[VServerGroup | None] = yield from look(desired, own)
        if looked.value is not None:
            done = yield from _adopt(desired, looked.value, finished=claiming)
        elif claiming:
            done = yield from make(desired, own, looked.date)
        else:
            done = yield from make_alone(desired, own)
        if done is not None:
            ensured: Ensured = done
            return ensured


def inspect(desired: Desired) -> Generator[Command, Any, Ensured]:
    """What `ensure` would do, by reading only. `group.id` is empty where it would create one."""
    listed: Answer[tuple[VServerGroup, ...]] = yield ListGroups()
    found = the_one(listed.value, desired)
    likely = found or parked_for(listed.value, desired)
    if likely is None:
        return made(desired, "")
    read: Answer[VServerGroup | None] = yield ReadGroup(likely.id)
    if read.value is None or (found is None and not read.value.backends):
        return made(desired, "")
    return _judge(desired, likely, read.value, finished=True)


def _adopt(desired: Desired, found: VServerGroup, *, finished: bool) -> Steps:
    """None: the group lost its name or its life meanwhile, look again."""
    before, sieve = Plan(), Sieve()
    rounds = failures = 0
    while True:
        read: Answer[VServerGroup | None] = yield ReadGroup(found.id)
        if read.value is None or read.value.name != desired.group.name:
            return None
        judged = _judge(desired, found, read.value, finished=finished)
        plan = sieve.rest(judged.plan)
        if plan.is_empty:
            sieve.judge(desired)
            return replace(judged, plan=sieve.rest(_joined(before, plan)))
        if rounds == _ROUNDS:
            raise Retryable(
                Code.STILL_CHANGING,
                f"VServer group {found.id} does not keep what is added to it: something else "
                "changes it at the same time",
            )
        before = _joined(before, plan)  # whatever part of it is not done is planned again
        if (yield from _carry_out(plan, found.id, desired, sieve, failures)):
            rounds += 1
        else:
            failures += 1


def _judge(
    desired: Desired, found: VServerGroup, actual: VServerGroup, *, finished: bool
) -> Ensured:
    """What adopting means for a group as it is. `finished`: what bears the name is whole."""
    on_existing = desired.on_existing
    if on_existing is OnExisting.REFUSE:
        plan = diff.plan(actual.backends, desired.group.backends, on_existing)
        if plan.is_empty and not plan.foreign:
            return Ensured(actual, created=False, plan=plan)
        if not _made_by(desired, found, actual):
            raise Rejected(
                Code.VSERVER_GROUP_DIFFERS,
                f"VServer group {found.id} bears this name and holds other backends "
                f"({len(plan.add)} missing, {len(plan.reweigh)} with another Weight, "
                f"{len(plan.foreign)} more); choose another VServerGroupName, or OnExisting merge",
                path="/VServerGroupName",
                fault=Fault.CONFLICT,
            )
        if finished:
            return Ensured(actual, created=False, plan=replace(plan, add=(), reweigh=()))
        on_existing = OnExisting.EXTEND
    plan = diff.plan(actual.backends, desired.group.backends, on_existing)
    return Ensured(actual, created=False, plan=plan)


def _made_by(desired: Desired, found: VServerGroup, actual: VServerGroup) -> bool:
    """Whether this very request made the group: by its tag, or, where tags are off, by the
    Description that its backends were given."""
    mark = desired.fingerprint
    tags = (found.tags.get(naming.REQUEST_TAG), actual.tags.get(naming.REQUEST_TAG))
    return mark in tags or any(
        b.description == naming.ownership_description(mark) for b in actual.backends
    )


def _carry_out(plan: Plan, group_id: str, desired: Desired, sieve: Sieve, failures: int) -> Steps:
    """On a group that is not ours alone. What an ambiguous call left is seen by reading back, a
    while later. Answers False where that is why, or a fresh instance that is not ready yet."""
    chunks, reweigh = chunks_of(plan.add), plan.reweigh
    while chunks:
        try:
            yield AddBackends(group_id, chunks[0])
            del chunks[0]
        except Ambiguous:
            yield Wait(pause_after(failures))
            return False
        except Rejected as error:
            if error.fault is Fault.NOT_FOUND:
                return True  # somebody deleted it: reading back tells
            if (yield from waited_for(error, desired, sieve)):
                return False
            halves = sifted(error, chunks[0], desired, sieve)
            if not desired.partial:
                # The half that is good would stay, of servers that are about to be released.
                raise refusal(desired, [LeftOut(b, error.code) for b in chunks[0]]) from error
            chunks[:1] = halves
    while reweigh:
        try:
            yield SetWeights(group_id, reweigh[:BACKENDS_PER_CALL])
        except ConfigurationError:
            raise
        except Retryable as error:  # sent once: nobody else tries it again
            yield wait_after(error, pause_after(failures))
            return False
        reweigh = reweigh[BACKENDS_PER_CALL:]
    return True


def _joined(earlier: Plan, later: Plan) -> Plan:
    """One plan for all rounds: what an earlier one added is not `already_present` now."""
    added = {b.key: b for b in (*earlier.add, *later.add)}
    reweighed = {b.key: b for b in (*earlier.reweigh, *later.reweigh)}
    present = [b for b in later.already_present if b.key not in added and b.key not in reweighed]
    return replace(
        later,
        add=tuple(added.values()),
        reweigh=tuple(reweighed.values()),
        already_present=tuple(present),
    )


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


def make_alone(desired: Desired, own: Own) -> Steps:
    """Without claims: created under the wanted name with the first backends, then filled."""
    group, sieve = desired.group, Sieve()
    first = group.backends[:BACKENDS_PER_CALL]
    try:
        try:
            created: Answer[str] = yield CreateGroup(group.name, group.tags, first)
        except Rejected as error:
            if not about_servers(error, desired):
                raise
            first = ()  # which of them are refused, filling finds out
            created = yield CreateGroup(group.name, group.tags)
    except Ambiguous:
        yield from _outlast_a_late_create(desired)
        return None
    except ConfigurationError:
        raise
    except Retryable as error:
        yield wait_after(error, LONGEST_WAIT)
        return None
    own.held = Held(created.value, None, created.date)
    try:
        yield from fill(desired, own, group.backends[len(first) :], sieve)
    except GivenUp:
        return None
    except Rejected:
        yield from undo(own)
        raise
    return sieve.told(made(desired, created.value))


def _outlast_a_late_create(desired: Desired) -> Steps:
    until = (yield Time()) + LATE
    while (yield Time()) <= until:
        listed: Answer[tuple[VServerGroup, ...]] = yield ListGroups()
        if the_one(listed.value, desired):
            return
        yield Wait(LONGEST_WAIT)


def fill(desired: Desired, own: Own, remaining: tuple[Backend, ...], sieve: Sieve) -> Steps:
    """Raises `Rejected` where what was left out is too much; the good ones are in by then."""
    failures = 0
    chunks = chunks_of(remaining)
    while chunks:
        held: Held = yield from keep(desired, own)
        try:
            added: Answer[None] = yield AddBackends(held.id, chunks[0], held.before)
            own.held = replace(held, date=added.date)
            del chunks[0]
        except Ambiguous:
            failures += 1
            yield Wait(pause_after(failures))
            actual: VServerGroup = yield from read_own(own)
            missing = (diff.plan(actual.backends, c, OnExisting.EXTEND).add for c in chunks)
            chunks = [chunk for chunk in missing if chunk]
        except ConfigurationError:
            raise
        except Retryable as error:
            failures += 1
            yield wait_after(error, pause_after(failures))
        except Rejected as error:
            if error.fault is Fault.NOT_FOUND:
                raise GivenUp from None  # somebody deleted it: look again
            if not (yield from waited_for(error, desired, sieve)):
                chunks[:1] = sifted(error, chunks[0], desired, sieve)
    sieve.judge(desired)


def the_one(groups: tuple[VServerGroup, ...], desired: Desired) -> VServerGroup | None:
    named = [group for group in groups if group.name == desired.group.name]
    if len(named) > 1:
        raise Rejected(
            Code.VSERVER_GROUP_NAME_NOT_UNIQUE,
            f"{len(named)} VServer groups bear this name ({', '.join(g.id for g in named)}); "
            "rename or delete all but one, or choose another VServerGroupName",
            path="/VServerGroupName",
            fault=Fault.CONFLICT,
        )
    return named[0] if named else None


def made(desired: Desired, group_id: str) -> Ensured:
    return Ensured(
        replace(desired.group, id=group_id), created=True, plan=Plan(desired.group.backends)
    )
