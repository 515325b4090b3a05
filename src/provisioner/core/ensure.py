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
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from . import backends, naming
from .alone import make_alone
from .claim import look, make
from .commands import AddBackends, Command, ListGroups, ReadGroup, SetWeights, Wait
from .ensured import Ensured, made, the_one
from .errors import Ambiguous, Code, ConfigurationError, Fault, Rejected, Retryable
from .held import Own, Steps
from .lease import pause_after, wait_after
from .model import BACKENDS_PER_CALL, Answer, Desired, LeftOut, OnExisting, Plan, VServerGroup
from .parked import parked_for
from .sieve import Sieve, chunks_of, refusal, sifted, waited_for
from .values import replace

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
        plan = backends.plan(actual.backends, desired.group.backends, on_existing)
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
    plan = backends.plan(actual.backends, desired.group.backends, on_existing)
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
