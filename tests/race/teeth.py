"""Protocols with something wrong, each of which the explorer must find out.

Three are what one would write by hand. The others are the shipped code with one rule taken out: a
passage of its source is replaced, and it must stand there exactly once, so that no variant outlives
the code it was made from.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

from provisioner.core import claim, commands, lease
from provisioner.core import ensure as protocol
from provisioner.core.claim import GivenUp, Held, Own, Steps, fill
from provisioner.core.ensured import Ensured, made, the_one
from provisioner.core.errors import Rejected, Retryable
from provisioner.core.model import Answer, Desired, VServerGroup
from provisioner.core.naming import claim as new_claim

from .explorer import NOTHING_WRONG, Budget

Ensure = Callable[[Desired], Generator[Any, Any, Ensured]]
TWO_NAMED = "two groups bear the wanted name"
GONE = "reported a group that is not there"
STUCK = "no end within"


@dataclass(frozen=True)
class Tooth:
    name: str
    what: str  # is wrong, in words
    violation: str
    ensure: Ensure = protocol.ensure
    budget: Budget = NOTHING_WRONG
    replaced: tuple[tuple[Any, str, Any], ...] = ()

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


def naive(desired: Desired) -> Generator[Any, Any, Ensured]:
    wanted = desired.group
    created = yield commands.CreateGroup(wanted.name, {}, wanted.backends)
    return made(desired, created.value)


def look_then_create(desired: Desired) -> Generator[Any, Any, Ensured]:
    listed = yield commands.ListGroups()
    found = the_one(listed.value, desired)
    if found:
        return made(desired, found.id)
    created = yield commands.CreateGroup(desired.group.name, {}, desired.group.backends)
    return made(desired, created.value)


def keep_the_oldest(desired: Desired) -> Generator[Any, Any, Ensured]:
    """Whoever created too much tidies up: the oldest group by CreateTime stays."""
    listed = yield commands.ListGroups()
    if not _named(listed, desired):
        yield commands.CreateGroup(desired.group.name, {}, desired.group.backends)
        listed = yield commands.ListGroups()
    by_age = sorted(_named(listed, desired), key=_create_time)
    oldest, others = by_age[0], by_age[1:]
    while others:
        yield commands.DeleteGroup(others.pop().id)
    return made(desired, oldest.id)


def _named(listed: Answer[tuple[VServerGroup, ...]], desired: Desired) -> list[VServerGroup]:
    return [group for group in listed.value if group.name == desired.group.name]


def _create_time(_: VServerGroup) -> str:
    """What the API says of every group: it is the load balancer's own."""
    return "2026-11-01T00:00:00Z"


def commit_before_fill(desired: Desired, own: Own, date: float) -> Steps:
    """As `claim.make`, the last two steps the other way round."""
    nonce: str = yield commands.Nonce()
    own.nonces.add(nonce)
    own.held = None
    try:
        yield from claim._claim(desired, own, new_claim(desired.group.name, date, nonce))
        if own.held is None:
            return None
        done = yield from claim._commit(desired, own)
        if done is None:
            return None
        own.held = Held(done.group.id, None, date)
        yield from fill(desired, own, desired.group.backends)
    except GivenUp:
        yield from claim.undo(own)
        return None
    except (Rejected, Retryable):
        yield from claim.undo(own)
        raise
    return replace(done, created=True)


def without(function: Any, passage: str, instead: str) -> Any:
    """The function with a passage of its source replaced, in the module where it lives."""
    source = textwrap.dedent(inspect.getsource(function))
    assert source.count(passage) == 1, f"{function.__name__} does not say so any more"
    found: dict[str, Any] = {}
    code = compile(source.replace(passage, instead), function.__name__, "exec")
    exec(code, function.__globals__, found)  # noqa: S102 - it is our own source
    return found[function.__name__]


ABOUT_A_RENEWAL = """    except Ambiguous:
        raise GivenUp from None
    except Retryable:
        pass"""

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
        replaced=((protocol, "make", commit_before_fill),),
    ),
    Tooth(
        "delete after an ambiguous commit",
        "Own.may_delete does not ask whether the commit was sent",
        GONE,
        budget=Budget(ambiguous=1),
        replaced=(
            (
                Own,
                "may_delete",
                without(Own.may_delete, " and claim.nonce not in self.committed", ""),
            ),
        ),
    ),
    Tooth(
        "renew after an ambiguous renewal",
        "_keep does not give the claim up, and its owner renames it once more",
        GONE,
        budget=Budget(ambiguous=1, ticks=1),
        replaced=(
            (claim, "_keep", without(claim._keep, ABOUT_A_RENEWAL, "    except Retryable: pass")),
        ),
    ),
    Tooth(
        "a lowest claim that does not wait",
        "_claim goes on as soon as its own claim is the lowest",
        TWO_NAMED,
        replaced=((claim, "_claim", without(claim._claim, "if mine and not live:", "if mine:")),),
    ),
    Tooth(
        "a claim that is not looked for",
        "_claim does not list after its create",
        TWO_NAMED,
        replaced=((claim, "_claim", without(claim._claim, "while True:", "while not own.held:")),),
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
        replaced=(
            (claim, "expired", lambda *_: False),
            (protocol, "expired", lambda *_: False),
        ),
    ),
)
