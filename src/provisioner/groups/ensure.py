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
    ApiResponse,
    Backend,
    DesiredGroup,
    EnsureResult,
    OnExisting,
    Plan,
    RejectedBackend,
    VServerGroup,
)

from . import diff, naming
from .bisect_rejected import (
    RejectedBackends,
    is_backend_error,
    rejection_error,
    split_into_chunks,
    split_rejected,
    wait_if_not_ready,
)
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
    LONGEST_WAIT,
    MAX_IN_FLIGHT,
    SHORTEST_WAIT,
    ClaimLost,
    RunState,
    Steps,
    UnfinishedGroup,
    backoff_seconds,
    delete_expired_claim,
    find_claims,
    is_expired,
    read_unfinished,
    release,
    renew_if_due,
    wait_to_retry,
)
from .pending_delete import find_pending_delete, restore_or_delete

_ROUNDS = 3  # of adding to a group that somebody else keeps changing


def ensure(
    desired: DesiredGroup, *, claiming: bool = True
) -> Generator[Command, Any, EnsureResult]:
    """`claiming=False` is for a caller that is alone on the load balancer: it creates and fills
    under the wanted name. Raises `Rejected` and `Retryable`; what was ours alone is then undone."""
    own = RunState()
    while True:
        looked: ApiResponse[VServerGroup | None] = yield from find_existing_or_wait(desired, own)
        if looked.value is not None:
            done = yield from _adopt_group(desired, looked.value, finished=claiming)
        elif claiming:
            done = yield from create_group(desired, own, looked.date)
        else:
            done = yield from create_without_claim(desired, own)
        if done is not None:
            ensured: EnsureResult = done
            return ensured


def inspect(desired: DesiredGroup) -> Generator[Command, Any, EnsureResult]:
    """What `ensure` would do, by reading only. `group.id` is empty where it would create one."""
    listed: ApiResponse[tuple[VServerGroup, ...]] = yield ListGroups()
    found = find_unique(listed.value, desired)
    likely = found or find_pending_delete(listed.value, desired)
    if likely is None:
        return created_result(desired, "")
    read: ApiResponse[VServerGroup | None] = yield ReadGroup(likely.id)
    if read.value is None or (found is None and not read.value.backends):
        return created_result(desired, "")
    return _assess_group(desired, likely, read.value, finished=True)


def _adopt_group(desired: DesiredGroup, found: VServerGroup, *, finished: bool) -> Steps:
    """None: the group lost its name or its life meanwhile, look again."""
    before, sieve = Plan(), RejectedBackends()
    rounds = failures = 0
    while True:
        read: ApiResponse[VServerGroup | None] = yield ReadGroup(found.id)
        if read.value is None or read.value.name != desired.group.name:
            return None
        judged = _assess_group(desired, found, read.value, finished=finished)
        plan = sieve.remaining(judged.plan)
        if plan.is_empty:
            sieve.raise_if_unacceptable(desired)
            return replace(judged, plan=sieve.remaining(_merge_plans(before, plan)))
        if rounds == _ROUNDS:
            raise Retryable(
                Code.STILL_CHANGING,
                f"VServer group {found.id} does not keep what is added to it: something else "
                "changes it at the same time",
            )
        before = _merge_plans(before, plan)  # whatever part of it is not done is planned again
        if (yield from _apply_plan(plan, found.id, desired, sieve, failures)):
            rounds += 1
        else:
            failures += 1


def _assess_group(
    desired: DesiredGroup, found: VServerGroup, actual: VServerGroup, *, finished: bool
) -> EnsureResult:
    """What adopting means for a group as it is. `finished`: what bears the name is whole."""
    on_existing = desired.on_existing
    if on_existing is OnExisting.REFUSE:
        plan = diff.diff_backends(actual.backends, desired.group.backends, on_existing)
        if plan.is_empty and not plan.unmanaged:
            return EnsureResult(actual, created=False, plan=plan)
        if not _is_created_by(desired, found, actual):
            raise Rejected(
                Code.VSERVER_GROUP_DIFFERS,
                f"VServer group {found.id} bears this name and holds other backends "
                f"({len(plan.add)} missing, {len(plan.update_weight)} with another Weight, "
                f"{len(plan.unmanaged)} more); choose another VServerGroupName, "
                "or OnExisting merge",
                path="/VServerGroupName",
                fault=Fault.CONFLICT,
            )
        if finished:
            return EnsureResult(actual, created=False, plan=replace(plan, add=(), update_weight=()))
        on_existing = OnExisting.EXTEND
    plan = diff.diff_backends(actual.backends, desired.group.backends, on_existing)
    return EnsureResult(actual, created=False, plan=plan)


def _is_created_by(desired: DesiredGroup, found: VServerGroup, actual: VServerGroup) -> bool:
    """Whether this very request made the group: by its tag, or, where tags are off, by the
    Description that its backends were given."""
    mark = desired.fingerprint
    tags = (found.tags.get(naming.REQUEST_TAG), actual.tags.get(naming.REQUEST_TAG))
    return mark in tags or any(
        b.description == naming.build_owner_description(mark) for b in actual.backends
    )


def _apply_plan(
    plan: Plan, group_id: str, desired: DesiredGroup, sieve: RejectedBackends, failures: int
) -> Steps:
    """On a group that is not ours alone. What an ambiguous call left is seen by reading back, a
    while later. Answers False where that is why, or a fresh instance that is not ready yet."""
    chunks, reweigh = split_into_chunks(plan.add), plan.update_weight
    while chunks:
        try:
            yield AddBackends(group_id, chunks[0])
            del chunks[0]
        except Ambiguous:
            yield Wait(backoff_seconds(failures))
            return False
        except Rejected as error:
            if error.fault is Fault.NOT_FOUND:
                return True  # somebody deleted it: reading back tells
            if (yield from wait_if_not_ready(error, desired, sieve)):
                return False
            halves = split_rejected(error, chunks[0], desired, sieve)
            if not desired.accept_partial:
                # The half that is good would stay, of servers that are about to be released.
                raise rejection_error(
                    desired, [RejectedBackend(b, error.code) for b in chunks[0]]
                ) from error
            chunks[:1] = halves
    while reweigh:
        try:
            yield SetWeights(group_id, reweigh[:BACKENDS_PER_CALL])
        except ConfigurationError:
            raise
        except Retryable as error:  # sent once: nobody else tries it again
            yield wait_to_retry(error, backoff_seconds(failures))
            return False
        reweigh = reweigh[BACKENDS_PER_CALL:]
    return True


def _merge_plans(earlier: Plan, later: Plan) -> Plan:
    """One plan for all rounds: what an earlier one added is not `already_present` now."""
    added = {b.key: b for b in (*earlier.add, *later.add)}
    reweighed = {b.key: b for b in (*earlier.update_weight, *later.update_weight)}
    present = [b for b in later.already_present if b.key not in added and b.key not in reweighed]
    return replace(
        later,
        add=tuple(added.values()),
        update_weight=tuple(reweighed.values()),
        already_present=tuple(present),
    )


def find_existing_or_wait(desired: DesiredGroup, own: RunState) -> Steps:
    """Answers the group that bears the name, or None once nobody is at work on it."""
    pause = SHORTEST_WAIT
    while True:
        listed: ApiResponse[tuple[VServerGroup, ...]] = yield ListGroups()
        claims = find_claims(listed.value, desired)
        dead = [g for g, c in claims if own.may_delete(c) or is_expired(c, listed.date)]
        while dead:
            yield from delete_expired_claim(dead.pop(0))
        found = None if own.beside else find_unique(listed.value, desired)
        live = [g for g, c in claims if not (own.may_delete(c) or is_expired(c, listed.date))]
        if found is not None or not live:
            return ApiResponse(found, listed.date, listed.request_id)
        yield Wait(pause)
        pause = min(2 * pause, LONGEST_WAIT)


def create_group(desired: DesiredGroup, own: RunState, date: float) -> Steps:
    """None: somebody else was faster, or the claim is lost; look again."""
    try:
        yield from acquire_claim(desired, own, date)
        if own.unfinished is None:
            return None
        parked = find_pending_delete(own.listed, desired)
        if parked is not None and (yield from restore_or_delete(desired, own, parked.id)):
            yield from release(own)
            return None
        sieve = RejectedBackends()
        yield from fill_group(desired, own, desired.group.backends, sieve)
        done = yield from _commit(desired, own)
        return done and sieve.apply_to(done)
    except ClaimLost:
        yield from release(own)
        return None
    except (Rejected, Retryable):
        yield from release(own)
        raise


def acquire_claim(desired: DesiredGroup, own: RunState, date: float) -> Steps:
    """Holds a claim once a list shows it alone; nothing where another one has precedence, or where
    a group of the name stands that it is not about."""
    nonce: str = yield Nonce()
    own.nonces.add(nonce)
    own.unfinished, own.listed = None, ()
    yield from _create_claim(desired, own, naming.make_claim(desired.group.name, date, nonce))


def _create_claim(desired: DesiredGroup, own: RunState, claim: naming.Claim) -> Steps:
    try:
        sent: ApiResponse[str] = yield CreateGroup(claim.name, desired.group.tags)
        own.unfinished = UnfinishedGroup(sent.value, claim, sent.date)
    except ConfigurationError:
        raise
    except Ambiguous:
        pass  # the list tells by the nonce; one that comes late is deleted when it is seen
    except Retryable as error:
        # Refused for the moment: nothing was made. Looking again stamps the next one anew.
        yield wait_to_retry(error, LONGEST_WAIT)
        return
    pause = SHORTEST_WAIT
    while True:
        listed: ApiResponse[tuple[VServerGroup, ...]] = yield ListGroups()
        claims = find_claims(listed.value, desired)
        mine = [UnfinishedGroup(g.id, c, listed.date) for g, c in claims if c.nonce == claim.nonce]
        if not mine and own.unfinished is None:
            yield Wait(backoff_seconds(len(own.nonces)))  # the next create is a burden, not a look
            return
        own.unfinished = mine[0] if mine else own.unfinished
        others = [(g, c) for g, c in claims if c.nonce != claim.nonce]
        late = [g for g, c in others if own.may_delete(c)]
        while late:
            yield from delete_expired_claim(late.pop(0))
        live = [c for _, c in others if not (own.may_delete(c) or is_expired(c, listed.date))]
        stands = not own.beside and find_unique(listed.value, desired)
        if stands or (live and min(live) < claim):
            yield from release(own)
            return
        if mine and not live:
            own.listed = listed.value
            return
        yield Wait(pause)
        pause = min(2 * pause, LONGEST_WAIT)
        yield from renew_if_due(desired, own)


def _commit(desired: DesiredGroup, own: RunState) -> Steps:
    while True:
        held: UnfinishedGroup = yield from renew_if_due(desired, own)
        assert held.claim is not None
        own.committed.add(held.claim.nonce)
        try:
            yield RenameGroup(held.id, desired.group.name, held.before)
        except ConfigurationError:
            raise
        except Ambiguous:
            return None
        except Retryable as error:
            yield wait_to_retry(error, SHORTEST_WAIT)
            continue
        except Rejected as error:
            if error.fault is Fault.NOT_FOUND:
                raise ClaimLost from None
            raise
        return created_result(desired, held.id)


def create_without_claim(desired: DesiredGroup, own: RunState) -> Steps:
    """Without claims: created under the wanted name with the first backends, then filled."""
    group, sieve = desired.group, RejectedBackends()
    first = group.backends[:BACKENDS_PER_CALL]
    try:
        try:
            created: ApiResponse[str] = yield CreateGroup(group.name, group.tags, first)
        except Rejected as error:
            if not is_backend_error(error, desired):
                raise
            first = ()  # which of them are refused, filling finds out
            created = yield CreateGroup(group.name, group.tags)
    except Ambiguous:
        yield from _wait_for_late_create(desired)
        return None
    except ConfigurationError:
        raise
    except Retryable as error:
        yield wait_to_retry(error, LONGEST_WAIT)
        return None
    own.unfinished = UnfinishedGroup(created.value, None, created.date)
    try:
        yield from fill_group(desired, own, group.backends[len(first) :], sieve)
    except ClaimLost:
        return None
    except Rejected:
        yield from release(own)
        raise
    return sieve.apply_to(created_result(desired, created.value))


def _wait_for_late_create(desired: DesiredGroup) -> Steps:
    until = (yield Time()) + MAX_IN_FLIGHT
    while (yield Time()) <= until:
        listed: ApiResponse[tuple[VServerGroup, ...]] = yield ListGroups()
        if find_unique(listed.value, desired):
            return
        yield Wait(LONGEST_WAIT)


def fill_group(
    desired: DesiredGroup, own: RunState, remaining: tuple[Backend, ...], sieve: RejectedBackends
) -> Steps:
    """Raises `Rejected` where what was left out is too much; the good ones are in by then."""
    failures = 0
    chunks = split_into_chunks(remaining)
    while chunks:
        held: UnfinishedGroup = yield from renew_if_due(desired, own)
        try:
            added: ApiResponse[None] = yield AddBackends(held.id, chunks[0], held.before)
            own.unfinished = replace(held, date=added.date)
            del chunks[0]
        except Ambiguous:
            failures += 1
            yield Wait(backoff_seconds(failures))
            actual: VServerGroup = yield from read_unfinished(own)
            missing = (
                diff.diff_backends(actual.backends, c, OnExisting.EXTEND).add for c in chunks
            )
            chunks = [chunk for chunk in missing if chunk]
        except ConfigurationError:
            raise
        except Retryable as error:
            failures += 1
            yield wait_to_retry(error, backoff_seconds(failures))
        except Rejected as error:
            if error.fault is Fault.NOT_FOUND:
                raise ClaimLost from None  # somebody deleted it: look again
            if not (yield from wait_if_not_ready(error, desired, sieve)):
                chunks[:1] = split_rejected(error, chunks[0], desired, sieve)
    sieve.raise_if_unacceptable(desired)


def find_unique(groups: tuple[VServerGroup, ...], desired: DesiredGroup) -> VServerGroup | None:
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


def created_result(desired: DesiredGroup, group_id: str) -> EnsureResult:
    return EnsureResult(
        replace(desired.group, id=group_id), created=True, plan=Plan(desired.group.backends)
    )
