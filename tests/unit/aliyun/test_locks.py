"""Changes of one load balancer, one at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from provisioner.aliyun.locks import LoadBalancerLocks
from provisioner.errors import Code, Retryable


@contextmanager
def turn(turns: LoadBalancerLocks, load_balancer_id: str, within: float = 60) -> Iterator[None]:
    end_turn = turns.acquire(load_balancer_id, within=within)
    try:
        yield
    finally:
        end_turn()


def test_who_waits_gets_the_turn_when_the_one_before_has_ended() -> None:
    turns, order = LoadBalancerLocks(), []

    def second() -> None:
        with turn(turns, "lb-1"):
            order.append("second")

    with ThreadPoolExecutor(1) as pool, turn(turns, "lb-1"):
        waiting = pool.submit(second)
        order.append("first")
    waiting.result()

    assert order == ["first", "second"]


def test_changes_of_different_load_balancers_do_not_wait_for_each_other() -> None:
    turns, both = LoadBalancerLocks(), threading.Barrier(2, timeout=60)

    def change(load_balancer_id: str) -> None:
        with turn(turns, load_balancer_id):
            both.wait()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(change, ["lb-1", "lb-2"]))


def test_who_does_not_get_a_turn_in_time_sends_nothing() -> None:
    turns = LoadBalancerLocks()

    with turn(turns, "lb-1"), pytest.raises(Retryable) as late:
        turns.acquire("lb-1", within=0.01)

    assert late.value.code == Code.OUT_OF_TIME.value
