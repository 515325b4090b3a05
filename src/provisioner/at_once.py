"""Calls that do not depend on each other, made at the same time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

A = TypeVar("A")
B = TypeVar("B")
T = TypeVar("T")

_MOST = 10  # what the SDKs keep open of one host


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Their answers, in order. The first error, in order, is raised after all have ended. A single
    call needs no thread."""
    if len(calls) == 1:
        return [calls[0]()]
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - not in every event

    with ThreadPoolExecutor(min(len(calls), _MOST) or 1) as pool:
        ended = [pool.submit(call) for call in calls]
    return [each.result() for each in ended]


def both(one: Callable[[], A], other: Callable[[], B]) -> tuple[A, B]:
    calls: list[Callable[[], Any]] = [one, other]
    first, second = at_once(calls)
    return first, second
