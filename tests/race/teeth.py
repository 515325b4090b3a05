"""Protocols with something wrong, each of which the explorer must find out.

Three are what one would write by hand. The others are the shipped code with one rule taken out: a
passage of its source is replaced, and it must stand there exactly once, so that no variant outlives
the code it was made from.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

from provisioner.errors import Ambiguous, Rejected, Retryable
from provisioner.groups import commands, ensure, lease, pending_delete
from provisioner.groups import deregister as leaving
from provisioner.groups import ensure as protocol
from provisioner.groups.bisect_rejected import RejectedBackends
from provisioner.groups.ensure import created_result, find_unique
from provisioner.groups.lease import ClaimLost, RunState, Steps, UnfinishedGroup
from provisioner.model import ApiResponse, DesiredGroup, EnsureResult, GroupRemoval, VServerGroup

from .explorer import NOTHING_WRONG, Budget
from .racers import Ensure

TWO_NAMED = "two groups stand for the wanted name"
GONE = "reported a group that is not there"
STUCK = "no end within"
NAMELESS = "the group is without its name"
STILL_THERE = "reported a server gone that is there"


@dataclass(frozen=True)
class Tooth:
    name: str
    what: str  # is wrong, in words
    violation: str
    ensure: Ensure = protocol.ensure
    budget: Budget = NOTHING_WRONG
    replaced: tuple[tuple[Any, str, Any], ...] = ()
    racers: str = "aa"
    world: str = "an empty load balancer"

    @contextmanager
    def broken(self) -> Iterator[Ensure]:
        patches = [patch.object(*replaced) for replaced in self.replaced]
        for one in patches:
            one.start()
        try:
            yield self.ensure
        finally:
            for one in patches:
                one.stop()


def naive(desired: DesiredGroup) -> Generator[Any, Any, EnsureResult]:
    wanted = desired.group
    created = yield commands.CreateGroup(wanted.name, {}, wanted.backends)
    return created_result(desired, created.value)


def look_then_create(desired: DesiredGroup) -> Generator[Any, Any, EnsureResult]:
    listed = yield commands.ListGroups()
    found = find_unique(listed.value, desired)
    if found:
        return created_result(desired, found.id)
    created = yield commands.CreateGroup(desired.group.name, {}, desired.group.backends)
    return created_result(desired, created.value)


def keep_the_oldest(desired: DesiredGroup) -> Generator[Any, Any, EnsureResult]:
    """Whoever created too much tidies up: the oldest group by CreateTime stays."""
    listed = yield commands.ListGroups()
    if not _named(listed, desired):
        yield commands.CreateGroup(desired.group.name, {}, desired.group.backends)
        listed = yield commands.ListGroups()
    by_age = sorted(_named(listed, desired), key=_create_time)
    oldest, others = by_age[0], by_age[1:]
    while others:
        yield commands.DeleteGroup(others.pop().id)
    return created_result(desired, oldest.id)


def _named(
    listed: ApiResponse[tuple[VServerGroup, ...]], desired: DesiredGroup
) -> list[VServerGroup]:
    return [group for group in listed.value if group.name == desired.group.name]


def _create_time(_: VServerGroup) -> str:
    """What the API says of every group: it is the load balancer's own."""
    return "2026-11-01T00:00:00Z"


def commit_before_fill(desired: DesiredGroup, own: RunState, date: float) -> Steps:
    """As `ensure.make`, the last two steps the other way round."""
    try:
        yield from ensure.acquire_claim(desired, own, date)
        if own.unfinished is None:
            return None
        done = yield from ensure._commit(desired, own)
        if done is None:
            return None
        own.unfinished = UnfinishedGroup(done.group.id, None, date)
        yield from ensure.fill_group(desired, own, desired.group.backends, RejectedBackends())
    except ClaimLost:
        yield from lease.release(own)
        return None
    except (Rejected, Retryable):
        yield from lease.release(own)
        raise
    return replace(done, created=True)


def removed_and_believed(removal: leaving.Removal, actual: VServerGroup) -> Steps:
    gone = removal.select_leaving(actual)
    with suppress(Ambiguous):
        yield commands.RemoveBackends(actual.id, gone)
    stays = tuple(backend for backend in actual.backends if backend not in gone)
    return GroupRemoval(actual.id, actual.name, gone, stays)


def deleted_at_once(_desired: DesiredGroup, _own: RunState, group_id: str) -> Steps:
    yield commands.DeleteGroup(group_id)
    return False


def deleted_without_a_second_look(desired: DesiredGroup, own: RunState, group_id: str) -> Steps:
    yield from pending_delete.mark_pending_delete(desired, own, group_id)
    yield commands.DeleteGroup(group_id)
    return False


def without(function: Any, passage: str, instead: str) -> Any:
    """The function with a passage of its source replaced, in the module where it lives."""
    source = textwrap.dedent(inspect.getsource(function))
    assert source.count(passage) == 1, f"{function.__name__} does not say so any more"
    found: dict[str, Any] = {}
    code = compile(source.replace(passage, instead), function.__name__, "exec")
    exec(code, function.__globals__, found)  # noqa: S102 - it is our own source
    return found[function.__name__]


ABOUT_A_RENEWAL = """    except Ambiguous:
        raise ClaimLost from None
    except Retryable:
        pass"""
RENEWS_AGAIN = without(lease.renew_if_due, ABOUT_A_RENEWAL, "    except Retryable: pass")
OR_RENAMED = " or read.value.name != desired.group.name"

TEETH = (
    Tooth(
        "naive create",
        "creates the group, and that is all",
        TWO_NAMED,
        naive,
    ),
    Tooth(
        "list, then create",
        "creates the group where a list does not show it",
        TWO_NAMED,
        look_then_create,
    ),
    Tooth(
        "keep the oldest by CreateTime",
        "lists, creates, and deletes all but the oldest, whose CreateTime is the load balancer's",
        TWO_NAMED,
        keep_the_oldest,
    ),
    Tooth(
        "commit before fill, with undo",
        "the claim is renamed first and filled then; a failure to fill deletes it",
        GONE,
        budget=Budget(refused=1),
        replaced=((protocol, "create_group", commit_before_fill),),
    ),
    Tooth(
        "delete after an ambiguous commit",
        "Own.may_delete does not ask whether the commit was sent",
        GONE,
        budget=Budget(ambiguous=1),
        replaced=(
            (
                RunState,
                "may_delete",
                without(RunState.may_delete, " and claim.nonce not in self.committed", ""),
            ),
        ),
    ),
    Tooth(
        "renew after an ambiguous renewal",
        "keep does not give the claim up, and its owner renames it once more",
        GONE,
        budget=Budget(ambiguous=1, ticks=1),
        replaced=tuple((module, "renew_if_due", RENEWS_AGAIN) for module in (protocol,)),
    ),
    Tooth(
        "a lowest claim that does not wait",
        "_claim goes on as soon as its own claim is the lowest",
        TWO_NAMED,
        replaced=(
            (
                protocol,
                "_create_claim",
                without(ensure._create_claim, "if mine and not live:", "if mine:"),
            ),
        ),
    ),
    Tooth(
        "a claim that is not looked for",
        "_claim does not list after its create",
        TWO_NAMED,
        replaced=(
            (
                protocol,
                "_create_claim",
                without(ensure._create_claim, "while True:", "while not own.unfinished:"),
            ),
        ),
    ),
    Tooth(
        "a lease that its owner outlives",
        "LEASE is over at once",
        GONE,
        replaced=((lease, "LEASE", -1.0),),
    ),
    Tooth(
        "claims that nobody clears",
        "the lease of a claim never ends",
        STUCK,
        budget=Budget(crashes=1),
        replaced=((protocol, "is_expired", lambda *_: False),),
    ),
    Tooth(
        "remove without reading back",
        "a removal is reported that was sent and not answered",
        STILL_THERE,
        budget=Budget(ambiguous=1),
        replaced=((leaving, "_remove_leaving", removed_and_believed),),
        racers="xx",
        world="the group holds what leaves",
    ),
    Tooth(
        "delete without parking",
        "a group found empty is deleted under its name, while somebody adds to it",
        GONE,
        replaced=((leaving, "_delete_or_restore", deleted_at_once),),
        racers="ax",
        world="the group holds what leaves",
    ),
    Tooth(
        "delete without the second look",
        "a group is parked and deleted, though it may have been added to before it was parked",
        GONE,
        replaced=((leaving, "_delete_or_restore", deleted_without_a_second_look),),
        racers="ax",
        world="the group holds what leaves",
    ),
    Tooth(
        "add without looking at the name again",
        "_adopt reports what it added, though the group may have been parked meanwhile",
        GONE,
        replaced=((protocol, "_adopt_group", without(protocol._adopt_group, OR_RENAMED, "")),),
        racers="ax",
        world="the group holds what leaves",
    ),
    Tooth(
        "a parked group that the next claim leaves",
        "make fills and commits its own group beside one that is parked",
        TWO_NAMED,
        replaced=((protocol, "find_pending_delete", lambda *_: None),),
        racers="ax",
        world="it was left parked, not empty",
    ),
    Tooth(
        "a claim that is not outlasted",
        "who finds the group filled reports it, while a crashed delivery's rename may park it yet",
        NAMELESS,
        budget=Budget(crashes=1, ambiguous=1),
        replaced=((leaving, "_find_claimed", lambda *_: ()),),
        racers="ax",
        world="the group holds what leaves",
    ),
)
