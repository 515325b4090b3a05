"""What runs at the same time, in which order, and in which slice of the time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from threading import Barrier, Semaphore, get_ident

import pytest

from builders import a_hook_request, a_request
from deployments import Deployment, a_binding, servers
from provisioner.concurrency import (
    MAX_THREADS,
    partition_by_load_balancer,
    run_all,
    run_groups,
)
from provisioner.errors import Code, Retryable
from provisioner.invocation import Invocation
from provisioner.model import EventRef, Request, SweepRequest, VServerGroup
from provisioner.results.outcome import Outcome, Status

WORKED = Outcome(Status.PROVISIONED, EventRef("here", "e-1"))
HANGING = 60.0  # seconds, for a test that fails


@dataclass(frozen=True, slots=True)
class Named:
    group: VServerGroup


def on(*load_balancers: str) -> list[Named]:
    return [Named(VServerGroup("r", lb, f"g{n}")) for n, lb in enumerate(load_balancers)]


def run_on(
    wanted: list[Named], work: Callable[[Named, Invocation], Outcome], most: int
) -> list[Outcome | Retryable]:
    cloud = Deployment()
    return run_groups(wanted, work, cloud.invocation(seconds=60.0), cloud.clock, limit=most)


def test_groups_of_different_load_balancers_are_worked_on_at_once() -> None:
    together = Barrier(2)

    def work(_wanted: Named, _share: Invocation) -> Outcome:
        together.wait(HANGING)  # nobody leaves alone
        return WORKED

    assert run_on(on("a", "b"), work, most=8) == [WORKED, WORKED]


@pytest.mark.parametrize("most", [1, 8])
def test_a_single_group_has_all_the_time_and_its_failure_is_told(most: int) -> None:
    cloud = Deployment()
    invocation = cloud.invocation(seconds=60.0)
    late = Retryable(Code.OUT_OF_TIME, "later")
    ends: list[Outcome | Retryable] = [late, WORKED]

    def work(_wanted: Named, share: Invocation) -> Outcome:
        assert share == invocation
        end = ends.pop()
        if isinstance(end, Retryable):
            raise end
        return end

    assert run_groups(on("a"), work, invocation, cloud.clock, limit=most) == [WORKED]
    assert run_groups(on("a"), work, invocation, cloud.clock, limit=most) == [late]


def test_groups_of_one_load_balancer_are_worked_on_in_their_order() -> None:
    seen: list[tuple[str, int]] = []

    def work(wanted: Named, _share: Invocation) -> Outcome:
        seen.append((wanted.group.name, get_ident()))
        return WORKED

    run_on(on("a", "a", "a"), work, most=8)

    assert seen == [(f"g{number}", get_ident()) for number in range(3)]


def test_never_more_at_once_than_the_bound() -> None:
    pairs, inside = Barrier(2), Semaphore(2)
    most: list[bool] = []

    def work(_wanted: Named, _share: Invocation) -> Outcome:
        most.append(inside.acquire(blocking=False))  # a third finds no room
        pairs.wait(HANGING)
        inside.release()
        return WORKED

    run_on(on(*"abcdef"), work, most=2)

    assert most == [True] * 6


@pytest.mark.parametrize(
    ("wanted", "most", "shares"),
    [
        (on("a", "b"), 1, {"g0": 30.0, "g1": 60.0}),
        (on("a", "b"), 2, {"g0": 60.0, "g1": 60.0}),
        (on("a", "a"), 2, {"g0": 30.0, "g1": 60.0}),
        (on("a", "b", "b"), 1, {"g0": 30.0, "g1": 20.0, "g2": 60.0}),
        (on("a", "b", "c", "c"), 1, {"g0": 20.0, "g1": 30.0, "g2": 15.0, "g3": 60.0}),
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

    run_groups(wanted, work, cloud.invocation(seconds=60.0), cloud.clock, limit=most)

    assert told == shares


def test_an_error_stands_in_the_place_of_its_group_and_all_are_tried() -> None:
    def work(wanted: Named, _share: Invocation) -> Outcome:
        if wanted.group.name != "g1":
            raise Retryable("Busy", wanted.group.name)
        return WORKED

    first, second, third = run_on(on("a", "b", "c"), work, most=3)
    assert second == WORKED
    assert [str(first), str(third)] == ["Busy: g0", "Busy: g2"]


def test_one_that_lacked_nothing_but_time_is_tried_once_more() -> None:
    tries: list[str] = []

    def work(wanted: Named, _share: Invocation) -> Outcome:
        tries.append(wanted.group.name)
        if tries.count("g0") == 1 and wanted.group.name == "g0":
            raise Retryable(Code.OUT_OF_TIME, "later")
        return WORKED

    assert run_on(on("a", "b"), work, most=1) == [WORKED, WORKED]
    assert tries == ["g0", "g1", "g0"]


def test_a_defect_is_not_swallowed_in_whichever_thread_it_is_met() -> None:
    def work(_wanted: Named, _share: Invocation) -> Outcome:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_on(on("a", "b"), work, most=2)


def test_nothing_wanted_is_nothing_done() -> None:
    assert run_on([], lambda *_: WORKED, most=8) == []


def test_calls_that_wait_for_calls_of_their_own_never_wait_for_each_other() -> None:
    depth = 3

    def nest(level: int) -> int:
        if level == depth:
            return 1
        return sum(run_all([partial(nest, level + 1)] * MAX_THREADS))

    assert nest(1) == MAX_THREADS ** (depth - 1)


def test_the_first_error_in_order_is_raised_after_all_calls_have_ended() -> None:
    ended: list[int] = []

    def call(number: int) -> None:
        ended.append(number)
        if number in {1, 2}:
            raise ValueError(number)

    with pytest.raises(ValueError, match="1"):
        run_all([partial(call, number) for number in range(4)])
    assert sorted(ended) == [0, 1, 2, 3]


def test_results_come_in_the_order_of_the_calls_and_none_is_no_result() -> None:
    assert run_all([partial(int, number) for number in range(20)]) == list(range(20))
    assert run_all([]) == []


# The partitions of a batch


def asks(event_id: str, balancer: str) -> Request:
    return a_request("mns_queue", event_id, load_balancer_id=balancer)


def test_items_of_different_load_balancers_are_in_lanes_of_their_own() -> None:
    asked = [asks("M1", "lb-1"), asks("M2", "lb-2"), asks("M3", "lb-2")]
    assert partition_by_load_balancer(asked, ()) == [[0], [1, 2]]


def test_what_touches_no_load_balancer_is_alone() -> None:
    assert partition_by_load_balancer([None, asks("M1", "lb-1"), None], ()) == [[0], [1], [2]]


def test_a_scaling_group_that_is_bound_to_two_load_balancers_joins_their_lanes() -> None:
    bound = [a_binding(load_balancer_id=name) for name in ("lb-1", "lb-2")]
    asked = [asks("M1", "lb-1"), asks("M2", "lb-2"), asks("M3", "lb-3"), a_hook_request()]
    assert partition_by_load_balancer(asked, bound) == [[2], [3, 0, 1]]


def test_a_hook_that_does_not_say_of_which_group_it_is_may_touch_whatever_is_bound() -> None:
    bound = [
        a_binding(scaling_group_id="asg-1", load_balancer_id="lb-1"),
        a_binding(scaling_group_id="asg-2", load_balancer_id="lb-2"),
    ]
    nameless = replace(a_hook_request(), scaling_group_id="")
    asked = [asks("M1", "lb-1"), asks("M2", "lb-2"), nameless]
    assert partition_by_load_balancer(asked, bound) == [[2, 0, 1]]


def test_chains_of_load_balancers_are_one_lane() -> None:
    pairs = [("asg-1", "lb-1"), ("asg-1", "lb-2"), ("asg-2", "lb-2"), ("asg-2", "lb-3")]
    bound = [a_binding(scaling_group_id=g, load_balancer_id=b) for g, b in pairs]
    hooks = [replace(a_hook_request(), scaling_group_id=group) for group in ("asg-1", "asg-2")]
    assert partition_by_load_balancer([*hooks, asks("M3", "lb-3")], bound) == [[0, 1, 2]]


def test_the_order_in_a_lane_is_of_what_the_items_are_and_not_of_their_places() -> None:
    more = replace(asks("M1", "lb-1"), backends=servers(2))
    asked = [asks("M2", "lb-1"), more, asks("M1", "lb-1"), asks("M0", "lb-1")]
    (lane,) = partition_by_load_balancer(asked, ())
    (backwards,) = partition_by_load_balancer(asked[::-1], ())
    assert [asked[i] for i in lane] == [asked[::-1][i] for i in backwards]
    assert lane[0] == 3
    assert lane[-1] == 0


def test_a_sweep_touches_whatever_is_bound_and_comes_last() -> None:
    bound = [
        a_binding(scaling_group_id="asg-1", load_balancer_id="lb-1"),
        a_binding(scaling_group_id="asg-2", load_balancer_id="lb-2"),
    ]
    tick = SweepRequest(EventRef("a", "first by its name"))
    others = [asks("M1", "lb-1"), asks("M2", "lb-2"), asks("M3", "lb-3")]
    assert partition_by_load_balancer([tick, *others], bound) == [[1, 2, 0], [3]]
