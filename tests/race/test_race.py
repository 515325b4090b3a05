"""The protocol under small budgets of what `make race` explores; and the explorer finds mutants."""

from __future__ import annotations

import pytest

from . import liveness, sampler
from .explorer import Budget
from .mutants import MUTANTS, STUCK, LowestDoesNotWait, Mutant
from .suite import (
    Exploration,
    Sampling,
    find_violation,
    run_exploration,
    run_sample,
    run_sampling,
)
from .trace import Violation

HELD_BY_X, HELD_BY_Y = "the group holds what x takes", "the group holds what y takes"
COMING = {
    "nothing goes wrong": Exploration("aa"),
    "a run crashes": Exploration("aa", Budget(crashes=1)),
    "time passes": Exploration("aa", Budget(ticks=1)),
    "an answer is lost": Exploration("aa", Budget(ambiguous=1)),
    "three racers, one crashes": Exploration("aaa", Budget(crashes=1)),
    "two events, one group": Exploration("ab", Budget(crashes=1)),
    "the group is there and all goes wrong": Exploration(
        "ab", Budget(1, 1, 1, 1), "the group is there"
    ),
    "a sibling's claim has the last place of the quota, and a run crashes": Exploration(
        "aa", Budget(crashes=1), "one place is left"
    ),
    "likewise, with three racers, and an answer is lost": Exploration(
        "aaa", Budget(ambiguous=1), "one place is left"
    ),
    "an expired claim on another name has the last place, and an answer is lost": Exploration(
        "aa", Budget(ambiguous=1), "a crashed claim on another name has the last place"
    ),
    "one of a hook's servers is refused, and a run crashes": Exploration(
        "hh", Budget(crashes=1), "a server is refused"
    ),
}
LEAVING = {
    "one comes and one leaves": Exploration("ax", world=HELD_BY_X),
    "likewise, and one of them crashes": Exploration("ax", Budget(crashes=1), HELD_BY_X),
    "likewise, and an answer is lost": Exploration("ax", Budget(ambiguous=1), HELD_BY_X),
    "one leaves, delivered twice": Exploration("xx", Budget(crashes=1), HELD_BY_X),
    "the servers that come are those that leave": Exploration("ay", Budget(1, 1), HELD_BY_Y),
    "the group is deleted, delivered twice": Exploration("yy", Budget(1, 1, 1), HELD_BY_Y),
    "one of those that leave is stopped, delivered twice": Exploration(
        "zz", Budget(crashes=1, ambiguous=1), "the group holds what z takes, one is stopped"
    ),
    "the empty group is in use": Exploration("ay", Budget(1), "likewise, and is in use"),
}


@pytest.mark.parametrize("exploration", COMING.values(), ids=COMING)
def test_racers_make_one_group_name_it_and_always_come_to_their_end(
    exploration: Exploration,
) -> None:
    progress, way = run_exploration(exploration)

    assert progress.is_whole
    assert progress.ends, "no interleaving came to its end"
    assert 0 < way.most <= liveness.MAX_CALLS


@pytest.mark.parametrize("exploration", LEAVING.values(), ids=LEAVING)
def test_those_that_come_and_those_that_leave_end_in_one_group_and_tell_the_truth(
    exploration: Exploration,
) -> None:
    progress, way = run_exploration(exploration)

    assert progress.is_whole
    assert progress.ends, "no interleaving came to its end"
    assert 0 < way.most <= liveness.MAX_CALLS


@pytest.mark.parametrize(
    "kinds",
    [("aaa", "aab", "aaaa", "aabb", "abcd"), ("aax", "abx", "axx", "aay", "ayy")],
    ids=["coming", "coming and leaving"],
)
def test_three_and_four_racers_at_random_make_one_group(kinds: tuple[str, ...]) -> None:
    most = run_sampling(Sampling(kinds, 200, "test"))

    assert 0 < most <= sampler.MAX_CALLS


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_explorer_finds_what_is_wrong_with_a_broken_protocol(mutant: Mutant) -> None:
    violation = find_violation(mutant)

    assert violation is not None
    assert mutant.violation in violation.what
    assert violation.steps or mutant.violation == STUCK  # from the start


def test_samples_find_a_lowest_claim_that_does_not_wait() -> None:
    def run_some() -> None:
        for number in range(500):
            run_sample(("aaaa", "aabb"), f"test/{number}", LowestDoesNotWait)

    with pytest.raises(Violation):
        run_some()
