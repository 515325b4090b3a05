"""Calls that do not depend on each other, made at the same time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeVar

A = TypeVar("A")
B = TypeVar("B")
T = TypeVar("T")

_MOST = 10  # what the SDKs keep open of one host


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Their answers, in order. The first error, in order, is raised after all have ended. The first
    call is the caller's own; a single one needs no thread."""
    if len(calls) == 1:
        return [calls[0]()]
    from concurrent.futures import wait  # noqa: PLC0415 - not in every event

    others = [_threads().submit(call) for call in calls[1:]]
    try:
        own = [call() for call in calls[:1]]
    finally:
        wait(others)
    return own + [each.result() for each in others]


def both(one: Callable[[], A], other: Callable[[], B]) -> tuple[A, B]:
    calls: list[Callable[[], Any]] = [one, other]
    first, second = at_once(calls)
    return first, second


@cache
def _threads() -> Any:
    """They last as long as the instance."""
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - not in every event

    return ThreadPoolExecutor(_MOST, "at-once")
