"""What does not depend on each other, at the same time: calls, and the work of several lanes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeVar

A = TypeVar("A")
B = TypeVar("B")
T = TypeVar("T")

_MOST = 10  # at once: what the SDKs keep open of one host
# A call may itself make calls at once and wait for them: one for each item of a batch that is being
# handled, 64 at most. With more threads than that, what they wait for always finds one.
_THREADS = 128


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Their answers, in order. The first error, in order, is raised after those beside it have
    ended. The first of ten calls is the caller's own; a single one needs no thread."""
    answers: list[T] = []
    for start in range(0, len(calls), _MOST):
        answers += _beside_each_other(calls[start : start + _MOST])
    return answers


def both(one: Callable[[], A], other: Callable[[], B]) -> tuple[A, B]:
    calls: list[Callable[[], Any]] = [one, other]
    first, second = at_once(calls)
    return first, second


def by_workers(work: Callable[[], None], workers: int) -> None:
    """The same work by several; one of them is the caller, and the others' threads end with it:
    what takes long must not take the threads that short calls wait for."""
    if workers <= 1:
        work()
        return
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - not in every event

    with ThreadPoolExecutor(workers - 1, "lane") as pool:
        others = [pool.submit(work) for _ in range(workers - 1)]
        work()
    for each in others:
        each.result()


def _beside_each_other(calls: Sequence[Callable[[], T]]) -> list[T]:
    if len(calls) == 1:
        return [calls[0]()]
    others = [_threads().submit(call) for call in calls[1:]]
    try:
        own = calls[0]()
    finally:
        for each in others:
            each.exception()  # waits for it
    return [own, *(each.result() for each in others)]


@cache
def _threads() -> Any:
    """They last as long as the instance; as many are started as are needed."""
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - not in every event

    return ThreadPoolExecutor(_THREADS, "at-once")
