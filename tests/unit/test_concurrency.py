"""Which items of a batch may be handled at once, whatever their places."""

from __future__ import annotations

from dataclasses import replace

from builders import a_hook_request, a_request
from deployments import a_binding, servers
from provisioner.concurrency import partition_by_load_balancer
from provisioner.model import EventRef, Request, SweepRequest


def asks(event_id: str, balancer: str) -> Request:
    return a_request("mns_queue", event_id, load_balancer_id=balancer)


def test_items_of_different_load_balancers_are_in_lanes_of_their_own_the_longest_first() -> None:
    asked = [asks("M1", "lb-1"), asks("M2", "lb-2"), asks("M3", "lb-2")]
    assert partition_by_load_balancer(asked, ()) == [[1, 2], [0]]


def test_what_touches_no_load_balancer_is_alone() -> None:
    assert partition_by_load_balancer([None, asks("M1", "lb-1"), None], ()) == [[1], [0], [2]]


def test_a_scaling_group_that_is_bound_to_two_load_balancers_joins_their_lanes() -> None:
    bound = [a_binding(load_balancer_id=name) for name in ("lb-1", "lb-2")]
    asked = [asks("M1", "lb-1"), asks("M2", "lb-2"), asks("M3", "lb-3"), a_hook_request()]
    assert partition_by_load_balancer(asked, bound) == [[3, 0, 1], [2]]


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
