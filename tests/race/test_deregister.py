"""Servers leave a group while others come: every interleaving of two, a sample of those of more."""

from __future__ import annotations

import pytest

from . import fair, sampler
from .explorer import Budget
from .proof import Exploration, Sampling, explored, sampled_all

HELD = "the group holds what leaves"
PARKED, PARKED_AND_HELD = "it was left parked", "it was left parked, not empty"
EXPLORATIONS = {
    "one comes and one leaves": Exploration("ax", world=HELD),
    "likewise, and one of them crashes": Exploration("ax", Budget(crashes=1), HELD),
    "likewise, and an answer is lost": Exploration("ax", Budget(ambiguous=1), HELD),
    "a crash left the empty group parked": Exploration("ax", Budget(crashes=1), PARKED),
    "a crash left the group parked, not empty": Exploration("ax", world=PARKED_AND_HELD),
    "the group is in use": Exploration("ax", Budget(crashes=1), "likewise, and is in use"),
    "one leaves, delivered twice": Exploration("xx", Budget(crashes=1), HELD),
    "the servers that come are those that leave": Exploration("ay", Budget(1, 1), HELD),
}


@pytest.mark.parametrize("exploration", EXPLORATIONS.values(), ids=EXPLORATIONS)
def test_those_that_come_and_those_that_leave_end_in_one_group_and_tell_the_truth(
    exploration: Exploration,
) -> None:
    found, way = explored(exploration)

    assert found.whole
    assert found.ends, "no interleaving came to its end"
    assert 0 < way.most <= fair.CALLS


def test_two_that_come_and_one_that_leaves_end_in_one_group_by_chance() -> None:
    most = sampled_all(Sampling(("aax", "abx", "axx", "aay", "abxy"), 200, "test"))

    assert 0 < most <= sampler.CALLS
