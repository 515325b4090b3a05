"""What was measured, as tables; and what was required, with the figure that met or missed it."""

from __future__ import annotations

import math
import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.measure import CALLS, CAREFUL, DIRECT, NAIVE, ONE_CALL, OURS, QUIET, Figure

Figures = Mapping[str, Mapping[str, Figure]]

_PROTOCOL_CALLS = 8  # of a new group of 5: three calls are everybody's


@dataclass(frozen=True)
class Verdict:
    required: str
    found: str
    met: bool


@dataclass(frozen=True)
class Results:
    cold: Mapping[str, Figures]  # by Python version
    imports: Mapping[str, Mapping[str, float]]  # likewise, by owner, in milliseconds
    warm: Mapping[str, Figures]  # by latency
    shares: Mapping[str, Figure]  # likewise: our own, of one call
    spent: Mapping[str, float]  # of a warm event, in milliseconds of CPU
    calls: Mapping[str, Sequence[str]]
    lasting: Mapping[str, Any]
    scale: Mapping[str, Any]
    runs: int

    def verdicts(self) -> list[Verdict]:
        return [*self._cold(), *self._warm(), *self._scale()]

    def _cold(self) -> Iterator[Verdict]:
        for version, by in self.cold.items():
            for what, most in (("wall", 0.5), ("memory", 0.75)):
                ratio = _ratio(by, what, CAREFUL)
                name = "cold start" if what == "wall" else "peak memory"
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
        for latency, share in self.shares.items():
            yield Verdict(
                f"our own share at {latency} at most one SLB call with 20 backends, in pairs",
                f"{share.median:.2f} ({share.low:.2f}–{share.high:.2f})",
                share.median <= 1,
            )
        opened = self.lasting["connections"]
        yield Verdict(
            "no more connections than calls on their way at once: 2 to ESS, 1 to SLB, 1 to MNS",
            str(opened),
            opened <= 4,
        )
        before, after = self.lasting["resident"]
        yield Verdict(
            f"memory flat over {self.lasting['events']} events", f"{after - before:+.1f} MiB",
            after - before < 4,
        )  # fmt: skip

    def _scale(self) -> Iterator[Verdict]:
        one, ten = (self.scale["overlap"][spread]["wall"].median for spread in (1, 10))
        yield Verdict(
            "a batch over 10 load balancers at least 5 times as fast as over one, at 50 ms",
            f"{one / ten:.1f}",
            one / ten >= 5,
        )
        for what, slope in _slopes(self.scale):
            yield Verdict(f"time at most linear in {what}", f"exponent {slope:.2f}", slope <= 1.15)

    def markdown(self) -> str:
        return "\n".join(
            [
                f"Measured on {machine()}, each figure a median of {self.runs} runs and,",
                "in brackets, where the middle half of them lies; what is compared takes turns.",
                "Whoever is measured has one core, as an instance has a share of one by default",
                "(Cpu 0.35); localcloud, over TLS, has the others, where there are any.",
                "Ratios say more than milliseconds.",
                "",
                *self._cold_tables(),
                *self._warm_tables(),
                *self._scale_tables(),
                "### What is required",
                "",
                *_table(
                    ("required", "measured", ""),
                    (
                        (each.required, each.found, "met" if each.met else "**missed**")
                        for each in self.verdicts()
                    ),
                ),
            ]
        )

    def _cold_tables(self) -> Iterator[str]:
        yield from ("### Cold start", "", "Process start to the first handled hook event.", "")
        head = ("Python", "who", "ms", "CPU ms", "MiB", "of naive", "of careful", "of direct")
        rows = [
            (version, _name(who), _spread(each["wall"]), _spread(each["cpu"]))
            + (f"{each['memory'].median:.0f}",)
            + tuple(f"{each['wall'].median / by[peer]['wall'].median:.2f}" for peer in _PEERS)
            for version, by in self.cold.items()
            for who, each in by.items()
        ]
        yield from (*_table(head, rows), "")
        yield from ("Where its imports go, in ms as the interpreter itself reports them:", "")
        owners = {owner: None for by in self.imports.values() for owner in by}
        spent = [(owner, *(f"{by[owner]:.1f}" for by in self.imports.values())) for owner in owners]
        yield from (*_table(("imports", *self.imports), spent), "")

    def _warm_tables(self) -> Iterator[str]:
        yield from ("### Warm", "", "One hook event that makes a group of 5; and, as the yardstick")
        yield from (
            "of our own share, one CreateVServerGroup with 20 backends by the SDK alone.",
            "",
        )
        head = ("latency", "who", "CPU ms", "not the SDKs'", "ms beyond latency", "CPU of careful")
        rows = [
            (latency, _name(who), _spread(each["cpu"]), _spread(each["own"]), _spread(each["wall"]))
            + (f"{each['cpu'].median / by[CAREFUL]['cpu'].median:.2f}",)
            for latency, by in self.warm.items()
            for who, each in by.items()
        ]
        yield from (*_table(head, rows), "")
        yield from ("Where its CPU goes, without latency:", "")
        spent = ((what, f"{each:.2f}") for what, each in self.spent.items())
        yield from (*_table(("what", "ms"), spent), "")
        cases = ((case, str(len(made)), _counted(made)) for case, made in self.calls.items())
        yield from (*_table(("case", "calls", "which"), cases), "")
        last = self.lasting
        yield f"- connections opened in 100 events: {last['connections']}, to 3 products"
        yield f"- replays a second, one instance: {last['replays per second']:.0f}"
        spent = last["localcloud per call"]
        yield f"- localcloud: {spent:.1f} ms of CPU a call, {1000 / spent:.0f} calls a second"
        yield ""

    def _scale_tables(self) -> Iterator[str]:
        yield from ("### Scale", "")
        yield from ("Batches of 100 messages ran three times, larger ones once.", "")
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


def machine() -> str:
    model = "an unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
    cores = len([line for line in Path("/proc/stat").read_text().splitlines() if _is_core(line)])
    return f"{model}, {cores} cores, Linux {platform.release().split('-')[0]}"


def _is_core(line: str) -> bool:
    return line.startswith("cpu") and line[3].isdigit()


def _ratio(by: Figures, what: str, peer: str) -> float:
    return by[OURS][what].median / by[peer][what].median


def _slopes(scale: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Of the line through the logarithms: 1 is linear. The smallest sizes say what one call costs,
    not how it grows."""
    yield "backends", _slope({n: each["cpu"].median for n, each in scale["backends"].items()})
    spreads: dict[int, dict[int, float]] = {}
    for (n, spread), each in scale["batches"].items():
        spreads.setdefault(spread, {})[n] = each["cpu"].median
    for spread, points in spreads.items():
        if len(points) > 1:
            yield f"messages over {spread} load balancer(s)", _slope(points)


def _slope(points: Mapping[int, float]) -> float:
    logs = [(math.log(n), math.log(value)) for n, value in sorted(points.items())[-3:]]
    x, y = (sum(values) / len(logs) for values in zip(*logs, strict=True))
    slope: float = sum((a - x) * (b - y) for a, b in logs) / sum((a - x) ** 2 for a, _ in logs)
    return slope


def _name(who: str) -> str:
    names = {OURS: "the function", CALLS: "the SDK's calls alone", ONE_CALL: "one SLB call of 20"}
    names |= {"initialize": "the function, initialize only", QUIET: "the function, no log"}
    names |= {"no byte code": "the function, no byte code"}
    return names.get(who, who)


def _spread(figure: Figure) -> str:
    if figure.low == figure.high:
        return f"{figure.median:.1f}"
    return f"{figure.median:.1f} ({figure.low:.1f}–{figure.high:.1f})"


def _counted(made: Sequence[str]) -> str:
    counts = {name: made.count(name) for name in made}
    return ", ".join(f"{name} × {n}" if n > 1 else name for name, n in counts.items())


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]
