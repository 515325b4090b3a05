"""The groups of one request: those of one load balancer one after the other, as its API demands,
those of others at once, as many as the bound allows; each in its share of the time.

A share is what is left, by what waits in one's own lane and by an even part of what waits for a
worker: a guess, where one of the lanes that wait is long.

One that lacked nothing but time, as the claim of a delivery that crashed outlasts a share, is tried
once more in what the others left.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import field
from math import ceil
from typing import Generic, Protocol, TypeVar

from .at_once import by_workers
from .core.errors import Code, Retryable
from .core.model import Outcome, VServerGroup
from .core.values import dataclass
from .driver import Invocation
from .ports import Clock


class Wanted(Protocol):
    @property
    def group(self) -> VServerGroup: ...


W = TypeVar("W", bound=Wanted)


def spread(
    wanted: Sequence[W],
    work: Callable[[W, Invocation], Outcome],
    invocation: Invocation,
    clock: Clock,
    *,
    most: int,
) -> list[Outcome]:
    """Raises `Retryable` after all were tried."""
    if len(wanted) == 1:
        return [work(wanted[0], invocation)]
    run = _Run(wanted, work, invocation, clock, most)
    run.tried(range(len(wanted)))
    late = [n for n, error in run.failures.items() if error.code == Code.OUT_OF_TIME]
    if late:
        for number in late:
            del run.failures[number]
        run.tried(sorted(late))
    if run.failures:
        raise run.failures[min(run.failures)]
    return [run.ended[number] for number in range(len(wanted))]


@dataclass(slots=True)
class _Run(Generic[W]):
    wanted: Sequence[W]
    work: Callable[[W, Invocation], Outcome]
    invocation: Invocation
    clock: Clock
    most: int
    ended: dict[int, Outcome] = field(default_factory=dict)
    failures: dict[int, Retryable] = field(default_factory=dict)

    def tried(self, numbers: Collection[int]) -> None:
        lanes = self._lanes(numbers)
        workers = min(self.most, len(lanes))
        waiting = deque(enumerate(lanes))

        def next_lanes() -> None:
            while True:
                try:
                    position, lane = waiting.popleft()
                except IndexError:
                    return
                # Those of the lanes that no worker has begun when all are at work.
                behind = sum(map(len, lanes[max(position + 1, workers) :]))
                for place, number in enumerate(lane):
                    self._try(number, len(lane) - place + ceil(behind / workers))

        by_workers(next_lanes, workers)

    def _lanes(self, numbers: Collection[int]) -> list[list[int]]:
        by_balancer: dict[str, list[int]] = {}
        for number in numbers:
            balancer = self.wanted[number].group.load_balancer_id
            by_balancer.setdefault(balancer, []).append(number)
        return list(by_balancer.values())

    def _try(self, number: int, parts: int) -> None:
        share = self.invocation.share(self.clock.now(), parts)
        try:
            self.ended[number] = self.work(self.wanted[number], share)
        except Retryable as error:
            self.failures[number] = error
