"""What is run, and how often. Runs of the function and its peers take turns, so that what disturbs
the machine disturbs them alike. Answers are in milliseconds, MiB and counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from functools import partial
from statistics import median, quantiles
from typing import Any, TypeVar

from bench import events
from bench.cloud import Cloud, bindings
from bench.package import Package
from bench.process import Process, Sample, cold_start, initialize, running

OURS, NAIVE, CAREFUL, DIRECT, CALLS = "index", "naive", "careful", "direct", "calls"
QUIET = "quiet"  # the function, at a level at which it logs nothing
ONE_CALL = "one call"  # of the SDK's, with 20 backends
PEERS = (NAIVE, CAREFUL, DIRECT)
INSTANCES = 5
_GROUPS = (1, 2, 4)  # of one hook, each on another load balancer
_SOON_DONE = 20  # messages: a larger batch runs less often
_LONG = 100  # messages: a larger batch runs once
_FEW = 3  # runs: they have no middle half

Key = TypeVar("Key")


@dataclass(frozen=True)
class Effort:
    """How much of everything."""

    runs: int
    latencies: tuple[float, ...]
    backends: tuple[int, ...]
    batches: tuple[tuple[int, int], ...]  # messages, load balancers
    overlap: int  # messages of the batch whose throughput is compared
    lasting: int  # events that memory has to stay flat over

    @classmethod
    def full(cls) -> Effort:
        batches = ((1, 1), (10, 1), (100, 1), (10, 10), (100, 10), (300, 10), (1000, 20))
        return cls(11, (0.0, 0.005, 0.05), (1, 10, 50, 100, 200), batches, 20, 10_000)

    @classmethod
    def quick(cls) -> Effort:
        return cls(1, (0.0,), (1, 10), ((1, 1), (4, 2)), 4, 20)

    def runs_of_batch(self, messages: int) -> int:
        if messages > _LONG:
            return 1
        return self.runs if messages <= _SOON_DONE else min(3, self.runs)


@dataclass(frozen=True)
class Figure:
    """A median and where the middle half of the runs lies; of a few, the median alone."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Figure:
        found = sorted(values)
        middle = median(found)
        low, _, high = quantiles(found, n=4) if len(found) > _FEW else (middle,) * 3
        return cls(middle, low, high)


def figures(samples: Iterable[Sample]) -> dict[str, Figure]:
    found = list(samples)
    return {
        "cpu": Figure.of(each.cpu * 1000 for each in found),
        "wall": Figure.of(each.wall * 1000 for each in found),
        "own": Figure.of(each.own * 1000 for each in found),
        "memory": Figure.of(each.memory for each in found),
    }


def cold(package: Package, cloud: Cloud, effort: Effort) -> dict[str, dict[str, Figure]]:
    """By who: the function and its peers; the function when it only initialises, and without byte
    code."""
    bare, event = package.without_byte_code(), events.hook(INSTANCES)
    runs: dict[str, Callable[[], Sample]] = {
        module: partial(cold_start, package, module, cloud, event) for module in (OURS, *PEERS)
    }
    runs["initialize"] = lambda: initialize(package, OURS, cloud)
    runs["no byte code"] = lambda: cold_start(bare, OURS, cloud, event)

    def fresh(run: Callable[[], Sample]) -> Sample:
        cloud.fresh(INSTANCES)
        return run()

    return _in_turns(effort.runs, {name: partial(fresh, run) for name, run in runs.items()})


def warm(package: Package, cloud: Cloud, effort: Effort) -> dict[str, dict[str, list[Sample]]]:
    """By latency, then by who; the function and the one call beside it, since they are compared in
    pairs. Wall time is what is beyond the calls' own latency."""
    event = events.hook(INSTANCES)
    taken: dict[str, dict[str, list[Sample]]] = defaultdict(lambda: defaultdict(list))
    with ExitStack() as stack:
        processes = _processes(stack, package, cloud)
        turns = {OURS: (processes[OURS], event), ONE_CALL: (processes[CALLS], b"one")}
        turns |= {name: (process, event) for name, process in processes.items()}
        for latency in effort.latencies:
            by = taken[f"{latency * 1000:g} ms"]
            for _ in range(effort.runs):
                for name, (process, asked) in turns.items():
                    by[name].append(_second(process, asked, cloud, latency))
    return taken


def own_share(by: Mapping[str, Sequence[Sample]]) -> Figure:
    """The function's, as a part of what one call takes right after it: a pair meets the machine in
    the same mood."""
    pairs = zip(by[OURS], by[ONE_CALL], strict=True)
    return Figure.of(ours.own / call.cpu for ours, call in pairs)


def _second(process: Process, event: bytes, cloud: Cloud, latency: float) -> Sample:
    """The first of two brings code and data back to the processor's caches."""
    for _ in range(2):
        cloud.fresh(INSTANCES, latency=latency)
        sample = process.handle(event)
    return replace(sample, wall=sample.wall - latency * len(cloud.calls()))


def calls(package: Package, cloud: Cloud) -> dict[str, list[str]]:
    """By case, as the cloud saw them; two of a hook's reads are on their way at once."""
    made = {}
    with running(package, OURS, cloud) as process:
        process.started()
        for count in (5, 45):
            cloud.fresh(count)
            process.handle(events.hook(count))
            made[f"hook, new group of {count}"] = before = cloud.calls()
        process.handle(events.hook(45))
        made["hook, replay of 45"] = cloud.calls()[len(before) :]
        cloud.fresh(1)
        process.handle(events.http_plan())
        made["HTTP plan"] = cloud.calls()
    return made


def lasting(package: Package, cloud: Cloud, effort: Effort) -> dict[str, Any]:
    """Events one after the other on one instance: what it opens, and what it keeps. After a hundred
    hooks, one in four is a hook's replay, the others are plans over HTTP."""
    with running(package, OURS, cloud) as process:
        process.started()
        cloud.fresh(INSTANCES)
        spent = cloud.cpu()
        first = [process.handle(events.hook(INSTANCES)) for _ in range(min(100, effort.lasting))]
        spent = (cloud.cpu() - spent) / len(cloud.calls())
        last = first[-1]
        replay, plan = events.hook(INSTANCES), events.http_plan()
        for number in range(effort.lasting - len(first)):
            last = process.handle(plan if number % 4 else replay)
    return {
        "connections": sum(sample.connections for sample in first),
        "events": effort.lasting,
        "resident": (first[-1].resident, last.resident),
        "replays per second": 1 / median(sample.wall for sample in first),
        "localcloud per call": spent * 1000,
    }


def scale(package: Package, cloud: Cloud, effort: Effort) -> dict[str, Any]:
    """Sizes grow, since memory is the peak of a process: only what is compared takes turns."""
    with running(package, OURS, cloud) as process:
        process.started()
        process.handle(events.hook(1, "SCALE_IN"))

        def run(event: bytes, instances: int = 1, **world: Any) -> Sample:
            cloud.fresh(instances, **world)
            return process.handle(event)

        run(events.hook(1))
        backends = {
            n: figures(run(events.hook(n), instances=n) for _ in range(effort.runs))
            for n in effort.backends
        }
        batches = {
            (n, spread): figures(
                run(events.batch(n, spread), balancers=spread)
                for _ in range(effort.runs_of_batch(n))
            )
            for n, spread in effort.batches
        }
        overlap = _in_turns(
            effort.runs,
            {
                spread: partial(
                    run, events.batch(effort.overlap, spread), balancers=spread, latency=0.05
                )
                for spread in (1, 10)
            },
        )
    return {
        "backends": backends,
        "batches": batches,
        "overlap": overlap,
        "groups": _groups(package, cloud, effort),
    }


def _groups(package: Package, cloud: Cloud, effort: Effort) -> dict[int, dict[str, Figure]]:
    """By how many load balancers the scaling group of one hook is bound to, at 50 ms a call."""

    def run(process: Process, balancers: int) -> Sample:
        cloud.fresh(INSTANCES, balancers=balancers, latency=0.05)
        return process.handle(events.hook(INSTANCES))

    with ExitStack() as stack:
        bound = {
            balancers: stack.enter_context(running(package, OURS, cloud, **bindings(balancers)))
            for balancers in _GROUPS
        }
        for balancers, process in bound.items():
            process.started()
            run(process, balancers)
        return _in_turns(effort.runs, {n: partial(run, process, n) for n, process in bound.items()})


def _in_turns(times: int, runs: Mapping[Key, Callable[[], Sample]]) -> dict[Key, dict[str, Figure]]:
    taken: dict[Key, list[Sample]] = defaultdict(list)
    for _ in range(times):
        for key, run in runs.items():
            taken[key].append(run())
    return {key: figures(samples) for key, samples in taken.items()}


def process_of(package: Package, name: str, cloud: Cloud) -> AbstractContextManager[Process]:
    if name == QUIET:
        return running(package, OURS, cloud, LOG_LEVEL="ERROR")
    return running(package, name, cloud)


def _processes(stack: ExitStack, package: Package, cloud: Cloud) -> dict[str, Process]:
    found = {
        name: stack.enter_context(process_of(package, name, cloud))
        for name in (OURS, *PEERS, CALLS, QUIET)
    }
    for process in found.values():
        process.started()
    return found
