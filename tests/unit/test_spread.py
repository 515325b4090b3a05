"""The groups of one request, worked on at once where their load balancers differ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Barrier, Semaphore, get_ident

import pytest

from deployments import Deployment
from provisioner.concurrency import run_groups
from provisioner.errors import Code, Retryable
from provisioner.invocation import Invocation
from provisioner.model import EventRef, VServerGroup
from provisioner.results.outcome import Outcome, Status

WORKED = Outcome(Status.PROVISIONED, EventRef("here", "e-1"))
HANGING = 60.0  # seconds, for a test that fails


@dataclass(frozen=True, slots=True)
class Named:
    group: VServerGroup


def on(*load_balancers: str) -> list[Named]:
    return [Named(VServerGroup("r", lb, f"g{n}")) for n, lb in enumerate(load_balancers)]


def spread_over(
    wanted: list[Named], work: Callable[[Named, Invocation], Outcome], most: int
) -> list[Outcome]:
    cloud = Deployment()
    return run_groups(wanted, work, cloud.invocation(seconds=60.0), cloud.clock, most=most)


def test_groups_of_different_load_balancers_are_worked_on_at_once() -> None:
    together = Barrier(2)

    def work(_wanted: Named, _share: Invocation) -> Outcome:
        together.wait(HANGING)  # nobody leaves alone
        return WORKED

    assert spread_over(on("a", "b"), work, most=8) == [WORKED, WORKED]


@pytest.mark.parametrize("most", [1, 8])
def test_a_single_group_has_all_the_time_and_its_failure_is_told(most: int) -> None:
    cloud = Deployment()
    invocation = cloud.invocation(seconds=60.0)
    late = Retryable(Code.OUT_OF_TIME, "later")
    ends: list[Outcome | Retryable] = [late, WORKED]

    def work(_wanted: Named, share: Invocation) -> Outcome:
        assert share is invocation
        end = ends.pop()
        if isinstance(end, Retryable):
            raise end
        return end

    assert run_groups(on("a"), work, invocation, cloud.clock, most=most) == [WORKED]
    with pytest.raises(Retryable) as told:
        run_groups(on("a"), work, invocation, cloud.clock, most=most)
    assert told.value is late


def test_groups_of_one_load_balancer_are_worked_on_in_their_order() -> None:
    seen: list[tuple[str, int]] = []

    def work(wanted: Named, _share: Invocation) -> Outcome:
        seen.append((wanted.group.name, get_ident()))
        return WORKED

    spread_over(on("a", "a", "a"), work, most=8)

    assert seen == [(f"g{number}", get_ident()) for number in range(3)]


def test_never_more_at_once_than_the_bound() -> None:
    pairs, inside = Barrier(2), Semaphore(2)
    most: list[bool] = []

    def work(_wanted: Named, _share: Invocation) -> Outcome:
        most.append(inside.acquire(blocking=False))  # a third finds no room
        pairs.wait(HANGING)
        inside.release()
        return WORKED

    spread_over(on(*"abcdef"), work, most=2)

    assert most == [True] * 6


@pytest.mark.parametrize(
    ("wanted", "most", "shares"),
    [
        (on("a", "b"), 1, {"g0": 30.0, "g1": 60.0}),
        (on("a", "b"), 2, {"g0": 60.0, "g1": 60.0}),
        (on("a", "a"), 2, {"g0": 30.0, "g1": 60.0}),
        (on("a", "b", "b"), 2, {"g0": 60.0, "g1": 30.0, "g2": 60.0}),
        (on("a", "b", "c", "c"), 2, {"g0": 30.0, "g1": 30.0, "g2": 30.0, "g3": 60.0}),
    ],
)
def test_each_has_its_share_of_the_time_among_those_that_wait_for_it(
    wanted: list[Named], most: int, shares: dict[str, float]
) -> None:
    told: dict[str, float] = {}
    cloud = Deployment()

    def work(each: Named, share: Invocation) -> Outcome:
        told[each.group.name] = share.deadline - cloud.clock.now()
        return WORKED

    run_groups(wanted, work, cloud.invocation(seconds=60.0), cloud.clock, most=most)

    assert told == shares


def test_one_that_is_retryable_is_told_after_all_were_tried_and_the_first_in_place_wins() -> None:
    worked: list[str] = []

    def work(wanted: Named, _share: Invocation) -> Outcome:
        worked.append(wanted.group.name)
        if wanted.group.name != "g1":
            raise Retryable("Busy", wanted.group.name)
        return WORKED

    with pytest.raises(Retryable, match="g0"):
        spread_over(on("a", "b", "c"), work, most=3)
    assert sorted(worked) == ["g0", "g1", "g2"]


def test_one_that_lacked_nothing_but_time_is_tried_once_more() -> None:
    tries: list[str] = []

    def work(wanted: Named, _share: Invocation) -> Outcome:
        tries.append(wanted.group.name)
        if tries.count("g0") == 1 and wanted.group.name == "g0":
            raise Retryable(Code.OUT_OF_TIME, "later")
        return WORKED

    assert spread_over(on("a", "b"), work, most=1) == [WORKED, WORKED]
    assert tries == ["g0", "g1", "g0"]


def test_a_defect_is_not_swallowed_in_whichever_thread_it_is_met() -> None:
    def work(_wanted: Named, _share: Invocation) -> Outcome:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        spread_over(on("a", "b"), work, most=2)


def test_nothing_wanted_is_nothing_done() -> None:
    assert spread_over([], lambda *_: WORKED, most=8) == []
