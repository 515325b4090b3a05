"""What does not depend on each other, at the same time: calls, and the work of several lanes.

Which items of a batch may be handled at the same time, and in which order the others.

Two items that may touch one load balancer are in one lane: lanes are the connected components of
the load balancers that items name or are bound to; a sweep touches all that are bound. Within a
lane hooks come first, since servers wait for them, and sweeps last; then the event's own identity
decides, and then what it asks for. So the order is a function of what the items are and never of
where in the batch they stand: of two requests that exclude each other, the same one wins in every
delivery.

The groups of one request: those of one load balancer one after the other, as its API demands,
those of others at once, as many as the bound allows; each in its share of the time.

A share is what is left, by what waits in one's own lane and by an even part of what waits for a
worker: a guess, where one of the lanes that wait is long.

One that lacked nothing but time, as the claim of a delivery that crashed outlasts a share, is tried
once more in what the others left.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from math import ceil
from typing import Any, Generic, Protocol, TypeVar

from .errors import Code, Retryable
from .invocation import Invocation
from .model import Binding, Request, SweepRequest, VServerGroup
from .ports import Clock
from .results.outcome import Outcome

A = TypeVar("A")
B = TypeVar("B")
T = TypeVar("T")

_MOST = 10  # at once: what the SDKs keep open of one host
# A call may itself make calls at once and wait for them: one for each item of a batch that is being
# handled, 64 at most. With more threads than that, what they wait for always finds one.
_THREADS = 128


def run_all(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Their answers, in order. The first error, in order, is raised after those beside it have
    ended. The first of ten calls is the caller's own; a single one needs no thread."""
    answers: list[T] = []
    for start in range(0, len(calls), _MOST):
        answers += _beside_each_other(calls[start : start + _MOST])
    return answers


def run_both(one: Callable[[], A], other: Callable[[], B]) -> tuple[A, B]:
    calls: list[Callable[[], Any]] = [one, other]
    first, second = run_all(calls)
    return first, second


def run_workers(work: Callable[[], None], workers: int) -> None:
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


def partition_by_load_balancer(
    requests: Sequence[Request | SweepRequest | None], bindings: Sequence[Binding]
) -> list[list[int]]:
    """Lists of indexes, the longest first. None is an item that touches no load balancer."""
    if len(requests) == 1:
        return [[0]]
    bound = _bound(bindings)
    joined: dict[str, str] = {}
    members: dict[str, list[int]] = {}
    alone: list[list[int]] = []
    touched = [_touched(request, bound) if request else [] for request in requests]
    for names in touched:
        for name in names:
            joined[_end(joined, name)] = _end(joined, names[0])
    for index, names in enumerate(touched):
        if names:
            members.setdefault(_end(joined, names[0]), []).append(index)
        else:
            alone.append([index])
    for lane in members.values():
        lane.sort(key=lambda index: _order(requests[index]))
    return sorted([*members.values(), *alone], key=len, reverse=True)


def _bound(bindings: Sequence[Binding]) -> Mapping[str, list[str]]:
    """Load balancers by scaling group; "" has all of them."""
    found: dict[str, list[str]] = {"": []}
    for binding in bindings:
        for group in ("", binding.scaling_group_id):
            found.setdefault(group, []).append(binding.load_balancer_id)
    return found


def _touched(request: Request | SweepRequest, bound: Mapping[str, list[str]]) -> list[str]:
    """A request without a load balancer is mapped by the bindings of its scaling group; a hook that
    does not say of which group it is may be of any."""
    if isinstance(request, SweepRequest):
        return bound[""]
    if request.load_balancer_id:
        return [request.load_balancer_id]
    return bound.get(request.scaling_group_id, [])


def _order(request: Request | SweepRequest | None) -> tuple[object, ...]:
    assert request is not None  # it touches something
    rank = 2 if isinstance(request, SweepRequest) else int(request.action is None)
    return rank, request.event.source, request.event.id, repr(request)


def _end(joined: dict[str, str], name: str) -> str:
    """Of the chain of names that stand for one another, made shorter on the way."""
    while (above := joined.setdefault(name, name)) != name:
        joined[name] = joined[above]
        name = above
    return name


class Wanted(Protocol):
    @property
    def group(self) -> VServerGroup: ...


W = TypeVar("W", bound=Wanted)


def run_groups(
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

        run_workers(next_lanes, workers)

    def _lanes(self, numbers: Collection[int]) -> list[list[int]]:
        by_balancer: dict[str, list[int]] = {}
        for number in numbers:
            balancer = self.wanted[number].group.load_balancer_id
            by_balancer.setdefault(balancer, []).append(number)
        return list(by_balancer.values())

    def _try(self, number: int, parts: int) -> None:
        share = self.invocation.slice(self.clock.now(), parts)
        try:
            self.ended[number] = self.work(self.wanted[number], share)
        except Retryable as error:
            self.failures[number] = error
