"""Changes of one load balancer, one at a time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from provisioner.adapters.turns import Turns
from provisioner.core.errors import Code, Retryable


def test_who_waits_gets_the_turn_when_the_one_before_has_ended() -> None:
    turns, order = Turns(), []

    def second() -> None:
        with turns.of("lb-1", within=60):
            order.append("second")

    with ThreadPoolExecutor(1) as pool, turns.of("lb-1", within=60):
        waiting = pool.submit(second)
        order.append("first")
    waiting.result()

    assert order == ["first", "second"]


def test_changes_of_different_load_balancers_do_not_wait_for_each_other() -> None:
    turns, both = Turns(), threading.Barrier(2, timeout=60)

    def change(load_balancer_id: str) -> None:
        with turns.of(load_balancer_id, within=60):
            both.wait()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(change, ["lb-1", "lb-2"]))


def test_who_does_not_get_a_turn_in_time_sends_nothing() -> None:
    turns = Turns()

    with (
        turns.of("lb-1", within=60),
        pytest.raises(Retryable) as late,
        turns.of("lb-1", within=0.01),
    ):
        pytest.fail("two at once")

    assert late.value.code == Code.OUT_OF_TIME.value


def test_a_turn_ends_with_an_error_too() -> None:
    turns = Turns()
    with pytest.raises(KeyError), turns.of("lb-1", within=0):
        raise KeyError

    with turns.of("lb-1", within=0):
        pass
