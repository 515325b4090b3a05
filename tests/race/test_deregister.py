"""Servers leave a group while others come: every interleaving of one of each, within a bound on
what may go wrong, and a sample of those of more.

A run that reported success names the one group that stands for the name, and what it added is
there; a run that took servers out reported so once they were gone. No server both comes and leaves.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from provisioner.core import claim, lease, naming, parked, takeaway
from provisioner.core.commands import DeleteGroup
from provisioner.core.deregister import Deregistered, Removal, deregister
from provisioner.core.ensure import ensure
from provisioner.core.model import Backend, Desired, OnExisting, VServerGroup

from . import explorer
from .explorer import Budget, Group, Run, State, Violation, World, explore

NAME = "Group1"
FIRST, SECOND, GONE = Backend("i-0001", 80), Backend("i-0002", 80), Backend("i-0009", 80)
WANTED = VServerGroup("cn-hangzhou", "lb-0001", NAME, (FIRST,))
DESIRED = Desired(WANTED, OnExisting.EXTEND, "fingerprint")
OTHER = replace(DESIRED, group=replace(WANTED, backends=(SECOND,)))
REMOVAL = Removal("cn-hangzhou", "lb-0001", frozenset({"i-0009"}), names=(NAME,), delete_empty=True)
NAMES = (NAME, naming.parked(NAME))


def with_(*backends: Backend, name: str = NAME) -> World:
    return World(groups=(Group("rsp-0", name, backends),), created=1)


ONE_LEAVES = with_(GONE)
LEFT_BY_A_CRASH = (with_(name=naming.parked(NAME)), with_(GONE, name=naming.parked(NAME)))


def coming(desired: Desired = DESIRED) -> Any:
    return lambda: ensure(desired)


def leaving(removal: Removal = REMOVAL) -> Any:
    return lambda: deregister(removal)


@pytest.fixture(autouse=True)
def one_length_of_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """How long to wait is the driver's affair: one length keeps alike states alike."""
    for module in (claim, lease):
        monkeypatch.setattr(module, "SHORTEST_WAIT", lease.LONGEST_WAIT)


def check(state: State, _: VServerGroup) -> None:
    standing = [group for group in state.world.groups if group.name in NAMES]
    if len(standing) > 1:
        raise Violation("two groups stand for the wanted name", state.trace)
    held = {backend.key for group in standing for backend in group.backends}
    for number, run in enumerate(state.runs):
        result: Any = run.result
        if run.error is not None:
            raise Violation(f"run {number} failed: {run.error}", state.trace)
        if isinstance(result, Deregistered):
            if GONE.key in held:
                raise Violation(f"run {number} reported a server gone that is there", state.trace)
        elif result is not None:
            there = {b.key for b in (*result.plan.add, *result.plan.already_present)}
            if [group.id for group in standing] != [result.group.id] or there - held:
                raise Violation(f"run {number} reported what is not there", state.trace)
    ended = all(run.command is None for run in state.runs) and not state.world.late
    if ended and any(group.name != NAME for group in standing):
        raise Violation("all have ended, and the group is left without its name", state.trace)


def search(world: World, budget: Budget, *protocols: Any) -> explorer.Found:
    return explore(protocols, WANTED, budget, world=world, check=check)


COME_AND_LEAVE = (coming(), leaving())
RACERS = {
    "one comes and one leaves": (ONE_LEAVES, COME_AND_LEAVE),
    "likewise, and a crash left the empty group parked": (LEFT_BY_A_CRASH[0], COME_AND_LEAVE),
    "likewise, and it is not empty": (LEFT_BY_A_CRASH[1], COME_AND_LEAVE),
    "one leaves, delivered twice": (ONE_LEAVES, (leaving(), leaving())),
}
SHORT = [
    *((racers, Budget()) for racers in RACERS),
    *((racers, Budget(crashes=1)) for racers in RACERS if "not empty" not in racers),
    ("one comes and one leaves", Budget(ambiguous=1)),
]


def search_at_length() -> dict[tuple[str, Budget], explorer.Found]:
    """Everything within one crash, one lost answer or one passing of time; takes many minutes."""
    budgets = (Budget(crashes=1), Budget(ambiguous=1), Budget(ticks=1))
    cases = [(racers, budget) for racers in RACERS for budget in budgets]
    return {(r, b): search(RACERS[r][0], b, *RACERS[r][1]) for r, b in cases}


@pytest.mark.parametrize(("racers", "budget"), SHORT)
def test_two_racers_end_in_one_group_and_tell_the_truth(racers: str, budget: Budget) -> None:
    world, protocols = RACERS[racers]
    assert search(world, budget, *protocols).ends


WALKS = 30
LONGEST_WALK = 200  # steps: a run that waits for a claim goes on waiting when no time passes


def walk(random: Random, world: World, budget: Budget, *protocols: Any) -> bool:
    """One interleaving of many. Whether it came to its end."""
    state = State(world, tuple(map(Run, protocols)), budget)
    for _ in range(LONGEST_WALK):
        check(state, WANTED)
        following = list(explorer._following(state))
        if not following:
            return True
        calm = [each for each in following if each.budget == state.budget]
        state = random.choice(calm if calm and random.random() < 0.9 else following)
    return False


@pytest.mark.parametrize("world", [ONE_LEAVES, *LEFT_BY_A_CRASH])
def test_two_that_come_and_one_that_leaves_end_in_one_group(world: World) -> None:
    random = Random(4)  # noqa: S311 - the same sample in every run
    budget = Budget(crashes=1, ambiguous=1, ticks=3)
    protocols = (coming(), coming(OTHER), leaving())
    assert sum(walk(random, world, budget, *protocols) for _ in range(WALKS)) > WALKS / 2


def deleted_at_once(_desired: Any, _own: Any, group_id: str) -> Any:
    yield DeleteGroup(group_id)
    return False


def deleted_without_a_second_look(desired: Any, own: Any, group_id: str) -> Any:
    yield from parked.park(desired, own, group_id)
    yield DeleteGroup(group_id)
    return False


@pytest.mark.parametrize("hasty", [deleted_at_once, deleted_without_a_second_look])
def test_the_explorer_finds_that_a_group_must_be_parked_and_looked_at_again(
    hasty: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(takeaway, "_stands", hasty)
    with pytest.raises(Violation, match="reported what is not there"):
        search(ONE_LEAVES, Budget(), coming(), leaving())
