"""Write the figures as tables, and each requirement with the figure that meets or misses it."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.measure import CALLS, CAREFUL, DIRECT, NAIVE, ONE_CALL, OURS, Figure

Figures = Mapping[str, Mapping[str, Figure]]

_COLD_START, _MEMORY = 0.65, 0.75  # at most, of careful
_PROTOCOL_CALLS = 8  # the calls of a new group of 5 that no peer makes
_MOST_CONNECTIONS = 4
_MEMORY_GROWTH = 4.0  # MiB
_OVERLAP = 5.0  # times as fast
_LINEAR = 1.15  # an exponent, with room for noise


@dataclass(frozen=True)
class Verdict:
    required: str
    measured: str
    met: bool


@dataclass(frozen=True)
class Results:
    cold: Mapping[str, Figures]  # by Python version
    imports: Mapping[str, Mapping[str, float]]  # by Python version and owner, in milliseconds
    warm: Mapping[str, Figures]  # by latency
    cpu: Mapping[str, float]  # of a warm event, in milliseconds
    calls: Mapping[str, Sequence[str]]
    endurance: Mapping[str, Any]
    scale: Mapping[str, Any]
    runs: int

    def verdicts(self) -> list[Verdict]:
        return [*self._cold(), *self._warm(), *self._scale()]

    def _cold(self) -> Iterator[Verdict]:
        for version, by in self.cold.items():
            for what, name, most in (
                ("cpu", "CPU of a cold start", _COLD_START),
                ("memory", "peak memory", _MEMORY),
            ):
                ratio = by[OURS][what].median / by[CAREFUL][what].median
                yield Verdict(
                    f"{name} on {version} at most {most} of careful", f"{ratio:.2f}", ratio <= most
                )

    def _warm(self) -> Iterator[Verdict]:
        by = {name: each["cpu"].median for name, each in self.warm["0 ms"].items()}
        most = by[CAREFUL] + _PROTOCOL_CALLS * by[ONE_CALL]
        yield Verdict(
            f"warm CPU at most careful and {_PROTOCOL_CALLS} SDK calls more ({most:.1f} ms)",
            f"{by[OURS]:.1f} ms",
            by[OURS] <= most,
        )
        opened = self.endurance["connections"]
        yield Verdict(
            "as many connections as calls at once: 2 to ESS, 1 to SLB, 1 to MNS",
            str(opened),
            opened <= _MOST_CONNECTIONS,
        )
        before, after = self.endurance["resident"]
        yield Verdict(
            f"memory flat over {self.endurance['events']} events",
            f"{after - before:+.1f} MiB",
            after - before < _MEMORY_GROWTH,
        )

    def _scale(self) -> Iterator[Verdict]:
        one, ten = (self.scale["overlap"][spread]["wall"].median for spread in (1, 10))
        yield Verdict(
            f"a batch over 10 load balancers {_OVERLAP:g} times as fast as over one, at 50 ms",
            f"{one / ten:.1f}",
            one / ten >= _OVERLAP,
        )
        for what, slope in _fit_slopes(self.scale):
            name = f"time at most linear in {what}"
            yield Verdict(name, f"exponent {slope:.2f}", slope <= _LINEAR)

    def markdown(self) -> str:
        return "\n".join(
            [
                f"Measured on {describe_machine()}. Each figure is a median of {self.runs} runs;",
                "the middle half of them is in brackets. What is compared takes turns. The",
                "function and the peers run on one core, localcloud on the others, over TLS.",
                "",
                *self._cold_tables(),
                *self._warm_tables(),
                *self._scale_tables(),
                "### What is required",
                "",
                *_table(
                    ("required", "measured", ""),
                    (
                        (each.required, each.measured, "met" if each.met else "**missed**")
                        for each in self.verdicts()
                    ),
                ),
            ]
        )

    def _cold_tables(self) -> Iterator[str]:
        yield from ("### Cold start", "", "Process start to the first handled hook event.", "")
        peers = (f"CPU of {peer}" for peer in _PEERS)
        head = ("Python", "who", "ms", "CPU ms", "MiB", *peers)
        rows = [
            (version, _name(who), _spread(each["wall"]), _spread(each["cpu"]))
            + (f"{each['memory'].median:.0f}",)
            + tuple(f"{each['cpu'].median / by[peer]['cpu'].median:.2f}" for peer in _PEERS)
            for version, by in self.cold.items()
            for who, each in by.items()
        ]
        yield from (*_table(head, rows), "")
        yield from ("The function's imports, in ms as the interpreter reports them:", "")
        owners = {owner: None for by in self.imports.values() for owner in by}
        rows = [(owner, *(f"{by[owner]:.1f}" for by in self.imports.values())) for owner in owners]
        yield from (*_table(("imports", *self.imports), rows), "")

    def _warm_tables(self) -> Iterator[str]:
        yield from ("### Warm", "", "One hook event that makes a group of 5.", "")
        head = ("latency", "who", "CPU ms", "not the SDKs'", "ms beyond latency", "CPU of careful")
        rows = [
            (latency, _name(who), _spread(each["cpu"]), _spread(each["own"]), _spread(each["wall"]))
            + (f"{each['cpu'].median / by[CAREFUL]['cpu'].median:.2f}",)
            for latency, by in self.warm.items()
            for who, each in by.items()
        ]
        yield from (*_table(head, rows), "")
        yield from ("The function's CPU, without latency:", "")
        cpu = ((what, f"{each:.2f}") for what, each in self.cpu.items())
        yield from (*_table(("what", "ms"), cpu), "")
        cases = ((case, str(len(made)), _count_calls(made)) for case, made in self.calls.items())
        yield from (*_table(("case", "calls", "which"), cases), "")
        found = self.endurance
        yield f"- connections opened in 100 events: {found['connections']}, to 3 products"
        yield f"- replays a second, one instance: {found['replays per second']:.0f}"
        cost = found["localcloud per call"]
        yield f"- localcloud: {cost:.1f} ms of CPU a call, {1000 / cost:.0f} calls a second"
        yield ""

    def _scale_tables(self) -> Iterator[str]:
        yield from ("### Scale", "")
        yield from ("Batches of 100 messages run three times, larger ones once.", "")
        backends = (
            (str(n), _spread(each["wall"]), _spread(each["cpu"]), f"{each['memory'].median:.0f}")
            for n, each in self.scale["backends"].items()
        )
        yield from (*_table(("backends in one event", "ms", "CPU ms", "MiB"), backends), "")
        batches = (
            (str(n), str(spread), _spread(each["wall"]), _spread(each["cpu"]))
            + (f"{n / each['wall'].median * 1000:.0f}", f"{each['memory'].median:.0f}")
            for (n, spread), each in self.scale["batches"].items()
        )
        head = ("messages", "load balancers", "ms", "CPU ms", "messages a second", "MiB")
        yield from (*_table(head, batches), "")
        bound = (
            (str(n), _spread(each["wall"]), _spread(each["cpu"]))
            for n, each in self.scale["groups"].items()
        )
        yield from (
            *_table(("load balancers of one hook, at 50 ms a call", "ms", "CPU ms"), bound),
            "",
        )


_PEERS = (NAIVE, CAREFUL, DIRECT)


def describe_machine() -> str:
    model = "an unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
    cores = len([line for line in Path("/proc/stat").read_text().splitlines() if _is_core(line)])
    load = os.getloadavg()[1]
    return f"{model}, {cores} cores, Linux {platform.release().split('-')[0]}, load {load:.0f}"


def _is_core(line: str) -> bool:
    return line.startswith("cpu") and line[3].isdigit()


def _fit_slopes(scale: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Return the slope of the line through the logarithms; 1 is linear. It leaves out the smallest
    sizes, which say what one call costs and not how the cost grows."""
    yield "backends", _fit_slope({n: each["cpu"].median for n, each in scale["backends"].items()})
    spreads: dict[int, dict[int, float]] = {}
    for (n, spread), each in scale["batches"].items():
        spreads.setdefault(spread, {})[n] = each["cpu"].median
    for spread, points in spreads.items():
        if len(points) > 1:
            yield f"messages over {spread} load balancer(s)", _fit_slope(points)


def _fit_slope(points: Mapping[int, float]) -> float:
    logs = [(math.log(n), math.log(value)) for n, value in sorted(points.items())[-3:]]
    x, y = (sum(values) / len(logs) for values in zip(*logs, strict=True))
    slope: float = sum((a - x) * (b - y) for a, b in logs) / sum((a - x) ** 2 for a, _ in logs)
    return slope


def _name(who: str) -> str:
    names = {
        OURS: "the function",
        CALLS: "the SDK's calls alone",
        ONE_CALL: "one SLB call of 20 backends",
        "initialize": "the function, initialize only",
        "no byte code": "the function, no byte code",
    }
    return names.get(who, who)


def _spread(figure: Figure) -> str:
    if figure.low == figure.high:
        return f"{figure.median:.1f}"
    return f"{figure.median:.1f} ({figure.low:.1f}–{figure.high:.1f})"


def _count_calls(made: Sequence[str]) -> str:
    counts = {name: made.count(name) for name in made}
    return ", ".join(f"{name} × {n}" if n > 1 else name for name, n in counts.items())


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]
