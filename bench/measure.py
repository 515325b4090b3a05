"""Run the function and its peers, and take their time, memory and calls.

They take turns, so that what disturbs the machine disturbs all of them. Results are in
milliseconds, MiB and counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from statistics import median, quantiles
from typing import Any, TypeVar

from bench import events
from bench.cloud import Cloud, bindings
from bench.package import Package
from bench.process import Process, Sample, cold_start, initialize, running

OURS, NAIVE, CAREFUL, DIRECT, CALLS = "index", "naive", "careful", "direct", "calls"
ONE_CALL = "one call"  # of the SLB SDK, with 20 backends
PEERS = (NAIVE, CAREFUL, DIRECT)
INSTANCES = 5
_GROUPS = (1, 2, 4)  # of one hook, each on another load balancer
_SHORT_BATCH = 20  # messages: a larger batch runs less often
_LONG_BATCH = 100  # messages: a larger batch runs once
_FEW_RUNS = 3  # have no middle half

Key = TypeVar("Key")


@dataclass(frozen=True)
class Effort:
    """How often everything runs, and how large it is."""

    runs: int
    latencies: tuple[float, ...]
    backends: tuple[int, ...]
    batches: tuple[tuple[int, int], ...]  # messages, load balancers
    overlap: int  # messages of the batch that runs over one and over ten load balancers
    endurance: int  # events over which memory must stay flat

    @classmethod
    def full(cls) -> Effort:
        batches = ((1, 1), (10, 1), (100, 1), (10, 10), (100, 10), (300, 10), (1000, 20))
        return cls(11, (0.0, 0.005, 0.05), (1, 10, 50, 100, 200), batches, 20, 10_000)

    @classmethod
    def quick(cls) -> Effort:
        return cls(1, (0.0,), (1, 10), ((1, 1), (4, 2)), 4, 20)

    def runs_of_batch(self, messages: int) -> int:
        if messages > _LONG_BATCH:
            return 1
        return self.runs if messages <= _SHORT_BATCH else min(3, self.runs)


@dataclass(frozen=True)
class Figure:
    """A median, and where the middle half of the runs lies. A few runs have the median alone."""

    median: float
    low: float
    high: float

    @classmethod
    def from_values(cls, values: Iterable[float]) -> Figure:
        found = sorted(values)
        middle = median(found)
        low, _, high = quantiles(found, n=4) if len(found) > _FEW_RUNS else (middle,) * 3
        return cls(middle, low, high)


def summarize(samples: Iterable[Sample]) -> dict[str, Figure]:
    found = list(samples)
    return {
        "cpu": Figure.from_values(each.cpu * 1000 for each in found),
        "wall": Figure.from_values(each.wall * 1000 for each in found),
        "own": Figure.from_values(each.own * 1000 for each in found),
        "memory": Figure.from_values(each.memory for each in found),
    }


def measure_cold_start(
    package: Package, cloud: Cloud, effort: Effort
) -> dict[str, dict[str, Figure]]:
    """Return figures of the function and its peers, and of the function that only initializes or
    that has no byte code."""
    uncompiled, event = package.copy_without_byte_code(), events.hook(INSTANCES)
    runs: dict[str, Callable[[], Sample]] = {
        module: partial(cold_start, package, module, cloud, event) for module in (OURS, *PEERS)
    }
    runs["initialize"] = lambda: initialize(package, OURS, cloud)
    runs["no byte code"] = lambda: cold_start(uncompiled, OURS, cloud, event)

    def run_afresh(run: Callable[[], Sample]) -> Sample:
        cloud.reset(INSTANCES)
        return run()

    return _take_turns(effort.runs, {name: partial(run_afresh, run) for name, run in runs.items()})


def measure_warm(
    package: Package, cloud: Cloud, effort: Effort
) -> dict[str, dict[str, list[Sample]]]:
    """Return samples by latency, then by who ran. Wall time leaves out the latency of calls."""
    event = events.hook(INSTANCES)
    taken: dict[str, dict[str, list[Sample]]] = defaultdict(lambda: defaultdict(list))
    with ExitStack() as stack:
        processes = {
            name: stack.enter_context(running(package, name, cloud))
            for name in (OURS, *PEERS, CALLS)
        }
        for process in processes.values():
            process.wait_until_ready()
        turns = {name: (process, event) for name, process in processes.items()}
        turns[ONE_CALL] = (processes[CALLS], b"one")
        for latency in effort.latencies:
            by = taken[f"{latency * 1000:g} ms"]
            for _ in range(effort.runs):
                for name, (process, asked) in turns.items():
                    by[name].append(_handle_twice(process, asked, cloud, latency))
    return taken


def _handle_twice(process: Process, event: bytes, cloud: Cloud, latency: float) -> Sample:
    """Return the second sample: the first brings code and data back to the processor's caches."""
    for _ in range(2):
        cloud.reset(INSTANCES, latency=latency)
        sample = process.handle(event)
    return replace(sample, wall=sample.wall - latency * len(cloud.calls()))


def record_calls(package: Package, cloud: Cloud) -> dict[str, list[str]]:
    """Return the calls of each case in the order in which the cloud got them."""
    made = {}
    with running(package, OURS, cloud) as process:
        process.wait_until_ready()
        for count in (5, 45):
            cloud.reset(count)
            process.handle(events.hook(count))
            made[f"hook, new group of {count}"] = before = cloud.calls()
        process.handle(events.hook(45))
        made["hook, replay of 45"] = cloud.calls()[len(before) :]
        cloud.reset(1)
        process.handle(events.http_plan())
        made["HTTP plan"] = cloud.calls()
    return made


def measure_endurance(package: Package, cloud: Cloud, effort: Effort) -> dict[str, Any]:
    """Send events to one instance, and return what it opens and what it keeps. After a hundred
    hooks, one event in four is a replay of the hook, the others are plans over HTTP."""
    with running(package, OURS, cloud) as process:
        process.wait_until_ready()
        cloud.reset(INSTANCES)
        spent = cloud.cpu()
        first = [process.handle(events.hook(INSTANCES)) for _ in range(min(100, effort.endurance))]
        spent = (cloud.cpu() - spent) / len(cloud.calls())
        last = first[-1]
        replay, plan = events.hook(INSTANCES), events.http_plan()
        for number in range(effort.endurance - len(first)):
            last = process.handle(plan if number % 4 else replay)
    return {
        "connections": sum(sample.connections for sample in first),
        "events": effort.endurance,
        "resident": (first[-1].resident, last.resident),
        "replays per second": 1 / median(sample.wall for sample in first),
        "localcloud per call": spent * 1000,
    }


def measure_scale(package: Package, cloud: Cloud, effort: Effort) -> dict[str, Any]:
    """Return figures by size. Sizes grow, since memory is the peak of a process: only what is
    compared takes turns."""
    with running(package, OURS, cloud) as process:
        process.wait_until_ready()
        process.handle(events.hook(1, "SCALE_IN"))

        def run(event: bytes, instances: int = 1, **world: Any) -> Sample:
            cloud.reset(instances, **world)
            return process.handle(event)

        run(events.hook(1))
        backends = {
            n: summarize(run(events.hook(n), instances=n) for _ in range(effort.runs))
            for n in effort.backends
        }
        batches = {
            (n, spread): summarize(
                run(events.batch(n, spread), balancers=spread)
                for _ in range(effort.runs_of_batch(n))
            )
            for n, spread in effort.batches
        }
        overlap = _take_turns(
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
        "groups": _measure_groups(package, cloud, effort),
    }


def _measure_groups(package: Package, cloud: Cloud, effort: Effort) -> dict[int, dict[str, Figure]]:
    """Return figures by the number of load balancers that the scaling group of one hook is bound
    to, at 50 ms a call."""

    def run(process: Process, balancers: int) -> Sample:
        cloud.reset(INSTANCES, balancers=balancers, latency=0.05)
        return process.handle(events.hook(INSTANCES))

    with ExitStack() as stack:
        bound = {
            balancers: stack.enter_context(running(package, OURS, cloud, **bindings(balancers)))
            for balancers in _GROUPS
        }
        for balancers, process in bound.items():
            process.wait_until_ready()
            run(process, balancers)
        return _take_turns(
            effort.runs, {n: partial(run, process, n) for n, process in bound.items()}
        )


def _take_turns(
    times: int, runs: Mapping[Key, Callable[[], Sample]]
) -> dict[Key, dict[str, Figure]]:
    taken: dict[Key, list[Sample]] = defaultdict(list)
    for _ in range(times):
        for key, run in runs.items():
            taken[key].append(run())
    return {key: summarize(samples) for key, samples in taken.items()}
