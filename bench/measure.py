"""What is run, and how often. Runs of the function and its peers take turns, so that what disturbs
the machine disturbs them alike. Answers are in milliseconds, MiB and counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from statistics import median, quantiles
from typing import Any

from bench import events
from bench.cloud import Cloud, bindings
from bench.package import Package
from bench.process import Process, Sample, cold_start, initialize, running

OURS, NAIVE, CAREFUL, DIRECT, CALLS = "index", "naive", "careful", "direct", "calls"
QUIET = "quiet"  # the function, at a level at which it logs nothing
PEERS = (NAIVE, CAREFUL, DIRECT)
INSTANCES = 5
_GROUPS = (1, 2, 4)  # of one hook, each on another load balancer
_SOON_DONE = 100  # messages: larger batches run once


@dataclass(frozen=True)
class Effort:
    """How much of everything."""

    runs: int
    latencies: tuple[float, ...]
    backends: tuple[int, ...]
    batches: tuple[tuple[int, int], ...]  # messages, load balancers
    overlap: int  # messages of the batch whose throughput is compared
    repeats: int
    lasting: int  # events that memory has to stay flat over

    @classmethod
    def full(cls) -> Effort:
        batches = ((1, 1), (10, 1), (100, 1), (10, 10), (100, 10), (300, 10), (1000, 20))
        return cls(11, (0.0, 0.005, 0.05), (1, 10, 50, 100, 200), batches, 20, 3, 10_000)

    @classmethod
    def quick(cls) -> Effort:
        return cls(1, (0.0,), (1, 10), ((1, 1), (4, 2)), 4, 1, 20)


@dataclass(frozen=True)
class Figure:
    """A median and where the middle half of the runs lies; of one run, that one."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Figure:
        found = sorted(values)
        low, _, high = quantiles(found, n=4) if len(found) > 1 else (found[0],) * 3
        return cls(median(found), low, high)


def figures(samples: Iterable[Sample]) -> dict[str, Figure]:
    found = list(samples)
    return {
        "cpu": Figure.of(each.cpu * 1000 for each in found),
        "wall": Figure.of(each.wall * 1000 for each in found),
        "own": Figure.of(each.own * 1000 for each in found),
        "memory": Figure.of(each.memory for each in found),
    }


def cold(package: Package, cloud: Cloud, effort: Effort) -> dict[str, dict[str, Figure]]:
    """By who: the function and its peers, the function when it only initialises, and both the
    function and the careful peer without byte code."""
    bare, event = package.without_byte_code(), events.hook(INSTANCES)
    runs: dict[str, Callable[[], Sample]] = {
        module: partial(cold_start, package, module, cloud, event) for module in (OURS, *PEERS)
    }
    runs["initialize"] = lambda: initialize(package, OURS, cloud)
    runs["no byte code"] = lambda: cold_start(bare, OURS, cloud, event)
    taken: dict[str, list[Sample]] = defaultdict(list)
    for _ in range(effort.runs):
        for name, run in runs.items():
            cloud.fresh(INSTANCES)
            taken[name].append(run())
    return {name: figures(samples) for name, samples in taken.items()}


def warm(package: Package, cloud: Cloud, effort: Effort) -> dict[str, dict[str, list[Sample]]]:
    """By latency, then by who. Wall time is what is beyond the calls' own latency."""
    event = events.hook(INSTANCES)
    taken: dict[str, dict[str, list[Sample]]] = defaultdict(lambda: defaultdict(list))
    with ExitStack() as stack:
        processes = _processes(stack, package, cloud)
        for latency in effort.latencies:
            by = taken[f"{latency * 1000:g} ms"]
            for _ in range(effort.runs):
                for name, process in processes.items():
                    by[name].append(_second(process, event, cloud, latency))
                by["one call"].append(_second(processes[CALLS], b"one", cloud, latency))
    return taken


def _second(process: Process, event: bytes, cloud: Cloud, latency: float) -> Sample:
    """The first of two brings code and data back to the processor's caches."""
    for _ in range(2):
        cloud.fresh(INSTANCES, latency=latency)
        sample = process.handle(event)
    return replace(sample, wall=sample.wall - latency * len(cloud.calls()))


def calls(package: Package, cloud: Cloud) -> dict[str, list[str]]:
    """By case, in order."""
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
    with running(package, OURS, cloud) as process:
        process.started()
        process.handle(events.hook(1, "SCALE_IN"))

        def measured(
            event: bytes, *, instances: int = 1, repeats: int = effort.repeats, **world: Any
        ) -> dict[str, Figure]:
            samples = []
            for _ in range(repeats):
                cloud.fresh(instances, **world)
                samples.append(process.handle(event))
            return figures(samples)

        measured(events.hook(1))
        backends = {n: measured(events.hook(n), instances=n) for n in effort.backends}
        batches = {
            (n, spread): measured(
                events.batch(n, spread),
                balancers=spread,
                repeats=effort.repeats if n <= _SOON_DONE else 1,
            )
            for n, spread in effort.batches
        }
        overlap = {
            spread: measured(events.batch(effort.overlap, spread), balancers=spread, latency=0.05)
            for spread in (1, 10)
        }
    groups = {n: _groups(package, cloud, n, effort.repeats) for n in _GROUPS}
    return {"backends": backends, "batches": batches, "overlap": overlap, "groups": groups}


def _groups(package: Package, cloud: Cloud, balancers: int, repeats: int) -> dict[str, Figure]:
    """One hook whose scaling group is bound to so many load balancers, at 50 ms a call."""
    samples = []
    with running(package, OURS, cloud, **bindings(balancers)) as process:
        process.started()
        for _ in range(repeats + 1):
            cloud.fresh(INSTANCES, balancers=balancers, latency=0.05)
            samples.append(process.handle(events.hook(INSTANCES)))
    return figures(samples[1:])


def _processes(stack: ExitStack, package: Package, cloud: Cloud) -> dict[str, Process]:
    quiet = running(package, OURS, cloud, LOG_LEVEL="ERROR")
    loud = {name: running(package, name, cloud) for name in (OURS, *PEERS, CALLS)}
    found = {name: stack.enter_context(each) for name, each in {**loud, QUIET: quiet}.items()}
    for process in found.values():
        process.started()
    return found
