"""Decide what runs at the same time, in which order, and in which slice of the time.

`run_all` and `run_both` run independent calls, such as reads, side by side.

`run_partitions` runs work items: one at a time within a partition, partitions side by side. The API
of a load balancer wants its changes one after the other, so items that may touch the same load
balancer are in one partition.

`partition_by_load_balancer` finds these partitions for the items of a batch, `run_groups` for the
VServer groups of one request.

All of them share one bounded thread pool. A caller that waits runs by itself what the pool has not
started, so nested calls cannot deadlock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache
from math import ceil
from threading import Lock
from typing import Any, Protocol, TypeVar

from .errors import Code, Retryable
from .invocation import Invocation
from .model import Binding, Request, SweepRequest, VServerGroup
from .ports import Clock
from .results.outcome import Outcome

A = TypeVar("A")
B = TypeVar("B")
T = TypeVar("T")

MAX_THREADS = 64  # also the largest CONCURRENCY that the settings allow


def run_all(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Run independent calls at the same time and return their results in order.

    The caller runs the first one itself. Raises the first error, in the order of `calls`, after
    all of them have ended.
    """
    if not calls:
        return []
    first, *others = calls
    futures = [_executor().submit(call) for call in others]
    ended = [
        _run_here(first),
        *(
            _run_here(call) if future.cancel() else future
            for future, call in zip(futures, others, strict=True)
        ),
    ]
    wait(ended)
    return [future.result() for future in ended]


def run_both(one: Callable[[], A], other: Callable[[], B]) -> tuple[A, B]:
    calls: list[Callable[[], Any]] = [one, other]
    first, second = run_all(calls)
    return first, second


def run_partitions(
    partitions: Iterable[Sequence[int]],
    work: Callable[[int, Invocation], T],
    invocation: Invocation,
    clock: Clock,
    *,
    limit: int,
) -> dict[int, T]:
    """Run `work(item, slice)` for each item and return the results by item.

    At most `limit` items run at the same time. Workers take the next item of each partition in
    turn, the longest partition first. The slice of an item is its part of the time that is left:
    what waits in its partition runs one by one, and everything that waits is shared by the workers.
    """
    waiting = deque(map(deque, sorted(partitions, key=len, reverse=True)))
    workers = min(limit, len(waiting))
    left = sum(map(len, waiting))
    results: dict[int, T] = {}
    lock = Lock()

    def run_worker() -> None:
        nonlocal left
        while True:
            with lock:
                if not waiting:
                    return
                partition = waiting.popleft()
                parts = max(len(partition), ceil(left / workers))
                left -= 1
            item = partition.popleft()
            results[item] = work(item, invocation.slice(clock.now(), parts))
            if partition:
                with lock:
                    waiting.append(partition)

    run_all([run_worker] * workers)
    return results


def partition_by_load_balancer(
    requests: Sequence[Request | SweepRequest | None], bindings: Sequence[Binding]
) -> list[list[int]]:
    """Return the partitions of a batch as lists of indexes; None touches no load balancer.

    Two items are in one partition if they name or are bound to a common load balancer, directly or
    through other items. Within a partition hooks come first, because servers wait for them, and
    sweeps last; then the event's identity decides, then its content. The order is a function of
    the items and not of their places: of two requests that exclude each other, the same one wins
    in every delivery.
    """
    partitions: list[tuple[set[str], list[int]]] = []
    for index, request in enumerate(requests):
        names, members = _load_balancers_of(request, bindings), [index]
        separate = []
        for partition in partitions:
            if names.isdisjoint(partition[0]):
                separate.append(partition)
            else:
                names |= partition[0]
                members = [*partition[1], *members]
        partitions = [*separate, (names, members)]
    return [sorted(members, key=lambda i: _priority(requests[i])) for _, members in partitions]


class HasGroup(Protocol):
    @property
    def group(self) -> VServerGroup: ...


G = TypeVar("G", bound=HasGroup)


def run_groups(
    wanted: Sequence[G],
    work: Callable[[G, Invocation], Outcome],
    invocation: Invocation,
    clock: Clock,
    *,
    limit: int,
) -> list[Outcome | Retryable]:
    """Run `work` for each group of one request, partitioned by load balancer.

    Returns the outcomes in the order of `wanted`, with the error in place of a group whose `work`
    raised `Retryable`. A group that ran out of its slice, for example because it waited for the
    lease of a crashed delivery, is tried once more in the time that the others left.
    """

    def try_group(number: int, time_slice: Invocation) -> Outcome | Retryable:
        try:
            return work(wanted[number], time_slice)
        except Retryable as error:
            return error

    def try_groups(numbers: Iterable[int]) -> dict[int, Outcome | Retryable]:
        partitions: dict[str, list[int]] = {}
        for number in numbers:
            partitions.setdefault(wanted[number].group.load_balancer_id, []).append(number)
        return run_partitions(partitions.values(), try_group, invocation, clock, limit=limit)

    results = try_groups(range(len(wanted)))
    if len(wanted) > 1:
        results |= try_groups([n for n in sorted(results) if _is_out_of_time(results[n])])
    return [results[number] for number in range(len(wanted))]


@cache
def _executor() -> ThreadPoolExecutor:
    """The pool lasts as long as the instance and starts as many threads as it needs."""
    return ThreadPoolExecutor(MAX_THREADS, "provisioner")


def _run_here(call: Callable[[], T]) -> Future[T]:
    future: Future[T] = Future()
    try:
        future.set_result(call())
    except Exception as error:  # noqa: BLE001 - `run_all` raises it after the other calls ended
        future.set_exception(error)
    return future


def _load_balancers_of(
    request: Request | SweepRequest | None, bindings: Sequence[Binding]
) -> set[str]:
    """Return the load balancers that an item may touch.

    A sweep touches all that are bound. A request without a load balancer is mapped by the bindings
    of its scaling group; a hook that does not name its scaling group may be of any.
    """
    if request is None:
        return set()
    if isinstance(request, Request) and request.load_balancer_id:
        return {request.load_balancer_id}
    scaling_group_id = "" if isinstance(request, SweepRequest) else request.scaling_group_id
    return {
        binding.load_balancer_id
        for binding in bindings
        if scaling_group_id in ("", binding.scaling_group_id)
    }


def _priority(request: Request | SweepRequest | None) -> tuple[object, ...]:
    if request is None:  # alone in its partition
        return ()
    rank = 2 if isinstance(request, SweepRequest) else int(request.action is None)
    return rank, request.event.source, request.event.id, repr(request)


def _is_out_of_time(result: Outcome | Retryable) -> bool:
    return isinstance(result, Retryable) and result.code == Code.OUT_OF_TIME
