"""Two deliveries of one event at once: every interleaving, within a bound on what may go wrong."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from provisioner.core import claim, commands, held, lease
from provisioner.core.ensure import ensure
from provisioner.core.ensured import Ensured, made, the_one
from provisioner.core.model import Backend, Desired, OnExisting, VServerGroup

from .explorer import Budget, Violation, explore

WANTED = VServerGroup("cn-hangzhou", "lb-0001", "Group1", (Backend("i-0001", 80),))
DESIRED = Desired(WANTED, OnExisting.EXTEND, "fingerprint")


@pytest.fixture(autouse=True)
def one_length_of_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """How long to wait is the driver's affair: one length keeps alike states alike."""
    for module in (claim, lease):
        monkeypatch.setattr(module, "SHORTEST_WAIT", lease.LONGEST_WAIT)


@pytest.mark.parametrize(
    "budget",
    [
        pytest.param(Budget(), id="nothing goes wrong"),
        pytest.param(Budget(ticks=1), id="time passes"),
        pytest.param(Budget(crashes=1), id="a run crashes"),
        pytest.param(Budget(ambiguous=1), id="an answer is lost"),
        pytest.param(Budget(crashes=1, ticks=1), id="a run crashes and time passes"),
    ],
)
def test_two_racers_make_one_group_and_both_name_it(budget: Budget) -> None:
    found = explore((lambda: ensure(DESIRED),) * 2, WANTED, budget)
    assert found.ends, "no interleaving came to its end"


def naive() -> Generator[Any, Any, Ensured]:
    created = yield commands.CreateGroup(WANTED.name, {}, WANTED.backends)
    return made(DESIRED, created.value)


def look_then_create() -> Generator[Any, Any, Ensured]:
    listed = yield commands.ListGroups()
    found = the_one(listed.value, DESIRED)
    if found:
        return made(DESIRED, found.id)
    created = yield commands.CreateGroup(WANTED.name, {}, WANTED.backends)
    return made(DESIRED, created.value)


@pytest.mark.parametrize("handwritten", [naive, look_then_create])
def test_the_explorer_finds_what_is_wrong_with_a_handwritten_function(handwritten: Any) -> None:
    with pytest.raises(Violation, match="two groups bear the wanted name"):
        explore((handwritten,) * 2, WANTED, Budget())


def test_the_explorer_finds_that_a_lease_must_outlast_its_owner(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lease, "LEASE", -1.0)
    with pytest.raises(Violation):
        explore((lambda: ensure(DESIRED),) * 2, WANTED, Budget())


def test_the_explorer_finds_that_a_claim_must_be_seen_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def blind(desired: Desired, own: held.Own, pending: Any) -> Any:
        created = yield commands.CreateGroup(pending.name, desired.group.tags)
        own.held = held.Held(created.value, pending, created.date)

    monkeypatch.setattr(claim, "_claim", blind)
    with pytest.raises(Violation, match="two groups bear the wanted name"):
        explore((lambda: ensure(DESIRED),) * 2, WANTED, Budget())
