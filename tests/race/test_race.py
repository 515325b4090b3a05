"""The protocol under small budgets of what `make race` explores; and the explorer has teeth."""

from __future__ import annotations

import pytest

from provisioner.groups import ensure as protocol

from . import fair, sampler
from .explorer import Budget
from .proof import Exploration, Sampling, bitten, explored, one_backend_a_call, sample, sampled_all
from .teeth import TEETH, Tooth
from .trace import Violation


@pytest.mark.parametrize(
    "exploration",
    [
        pytest.param(Exploration("aa"), id="nothing goes wrong"),
        pytest.param(Exploration("aa", Budget(crashes=1)), id="a run crashes"),
        pytest.param(Exploration("aa", Budget(ticks=1)), id="time passes"),
        pytest.param(Exploration("aa", Budget(ambiguous=1)), id="an answer is lost"),
        pytest.param(Exploration("aaa", Budget(crashes=1)), id="three racers, one crashes"),
        pytest.param(Exploration("ab", Budget(crashes=1)), id="two events, one group"),
        pytest.param(
            Exploration("ab", Budget(1, 1, 1, 1), world="the group is there"),
            id="the group is there and all goes wrong",
        ),
        pytest.param(
            Exploration("hh", Budget(crashes=1), world="a server is refused"),
            id="one of a hook's servers is refused, and a run crashes",
        ),
    ],
)
def test_racers_make_one_group_name_it_and_always_come_to_their_end(
    exploration: Exploration,
) -> None:
    found, way = explored(exploration)

    assert found.whole
    assert found.ends, "no interleaving came to its end"
    assert 0 < way.most <= fair.CALLS


def test_three_and_four_racers_by_chance_make_one_group() -> None:
    most = sampled_all(Sampling(("aaa", "aab", "aaaa", "aabb", "abcd"), 200, "test"))

    assert 0 < most <= sampler.CALLS


@pytest.mark.parametrize("tooth", TEETH, ids=lambda tooth: tooth.name)
def test_the_explorer_finds_what_is_wrong_with_a_broken_protocol(tooth: Tooth) -> None:
    violation = bitten(tooth)

    assert violation is not None
    assert tooth.violation in violation.what
    assert violation.steps


def test_chance_finds_a_lowest_claim_that_does_not_wait() -> None:
    (tooth,) = (tooth for tooth in TEETH if tooth.name == "a lowest claim that does not wait")

    def some() -> None:
        for number in range(500):
            sample(("aaaa", "aabb"), f"test/{number}", protocol.ensure)

    with tooth.broken(), one_backend_a_call(), pytest.raises(Violation):
        some()
