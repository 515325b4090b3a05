"""`make race`: what is shown of the shipped protocol, with its figures, and that it could fail.

    python -m race [--seed SEED] [--samples NUMBER]

The exit status is 1 where the shipped protocol breaks a promise, or a mutant is not found out.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from time import monotonic, process_time

from . import liveness, sampler
from .explorer import Budget, Progress
from .mutants import MUTANTS, Mutant
from .suite import Exploration, Sampling, find_violation, run_exploration, run_sampling
from .trace import Violation

HEAD = (
    f"{'configuration':58} {'crash lost busy refused tick':29} "
    f"{'states':>8} {'depth':>10} {'calls':>5} {'violations':>10} {'CPU':>7}"
)
HELD_BY_X, HELD_BY_Y = "the group holds what x takes", "the group holds what y takes"
# The longest first, so that two processes end together.
EXPLORATIONS = (
    Exploration("aaa", Budget(ticks=1)),
    Exploration("aa", Budget(crashes=1, ambiguous=1, ticks=1)),
    Exploration("aaa", Budget(crashes=1, ambiguous=1)),
    Exploration("aaa", Budget(crashes=1, ambiguous=1, ticks=1), depth=13),
    Exploration("aab", Budget(crashes=1)),
    Exploration("ay", Budget(crashes=1, ambiguous=1, ticks=1), world=HELD_BY_Y),
    Exploration("aa", Budget(ticks=2)),
    Exploration("ax", Budget(crashes=1, ambiguous=1, ticks=1), world=HELD_BY_X),
    Exploration("xx", Budget(crashes=1, ambiguous=1, ticks=1), world=HELD_BY_X),
    Exploration("yy", Budget(1, 1, 1, ticks=1), world=HELD_BY_Y),
    Exploration("aay", Budget(crashes=1), world=HELD_BY_Y),
    Exploration("ayy", Budget(crashes=1), world=HELD_BY_Y),
    Exploration("aax", Budget(crashes=1), world=HELD_BY_X),
    Exploration("ab", Budget(crashes=2, ambiguous=1)),
    Exploration("zz", Budget(1, 1, 1), world="the group holds what z takes, one is stopped"),
    Exploration("ab", Budget(crashes=1, ambiguous=1), one_backend_a_call=True),
    Exploration("ab", Budget(ambiguous=1, busy=1, refused=1)),
    Exploration("ay", Budget(1, 1, 1), world="likewise, and is in use"),
    Exploration("ab", Budget(crashes=1, ticks=1), world="a crashed claim is there"),
    Exploration("aa", Budget(1, 1, 1, 1, 1), world="one place is left"),
    Exploration("aab", Budget(crashes=1, ambiguous=1), world="one place is left"),
    Exploration("ab", Budget(1, 1), world="a crashed claim on another name has the last place"),
    Exploration("aaaa"),
    Exploration("hh", Budget(crashes=1, ambiguous=1), world="a server is refused"),
    Exploration("ab", Budget(1, 1, 1, 1, 1), world="the group is there"),
    Exploration("aab", Budget(1, 1), world="the group is there"),
)
SAMPLED = (
    ("aaaa", "aaab", "aabb", "abcd"),
    ("aaa", "aab", "abb", "bcd"),
    ("aax", "abx", "axx", "aay", "ayy"),
)
BATCHES = 4


@dataclass(frozen=True)
class Line:
    text: str
    seconds: float
    violation: Violation | None = None


def explore(what: Exploration) -> Line:
    began = process_time()
    reported = 0

    def report(progress: Progress) -> None:
        nonlocal reported
        if progress.states >= reported + 50_000:
            reported = progress.states
            _print(f"  … {what.title}: {reported:,} states, depth {progress.depth}")

    try:
        progress, way = run_exploration(what, report)
    except Violation as violation:
        return _line(_row(what), "", began, violation)
    depth = f"{progress.depth}{' (whole)' if progress.is_whole else ''}"
    return _line(_row(what), f"{progress.states:8,} {depth:>10} {way.most:5}", began)


def _row(what: Exploration) -> str:
    b = what.budget
    spent = f"{b.crashes:5} {b.ambiguous:4} {b.busy:4} {b.refused:7} {b.ticks:4}"
    return f"{what.title:58} {spent} "


def sample(what: Sampling) -> Line:
    began = process_time()
    title = f"{what.title:58} {'up to 6 of any kind':29}"
    try:
        most = run_sampling(what)
    except Violation as violation:
        return _line(title, "", began, violation)
    return _line(title, f"{what.number:8,} {'':>10} {most:5}", began)


def _line(title: str, figures: str, began: float, violation: Violation | None = None) -> Line:
    seconds = process_time() - began
    text = f"{title} {figures:25} {int(violation is not None):10} {seconds:7.1f}"
    return Line(text, seconds, violation)


def main() -> int:
    options = argparse.ArgumentParser(prog="race")
    options.add_argument("--seed", default="2026")
    options.add_argument("--samples", type=int, default=10_000, help="of each row of kinds")
    chosen = options.parse_args()
    began, wrong, seconds = monotonic(), 0, 0.0
    _print(f"seed {chosen.seed}; calls: of one run to its end, once nothing more goes wrong")
    _print("CPU in seconds\n")
    _print(HEAD)
    for line in _lines(chosen.seed, chosen.samples):
        wrong += _show(line)
        seconds += line.seconds
    _print(f"\npromised: {liveness.MAX_CALLS} calls (explored), {sampler.MAX_CALLS} (sampled)\n")
    wrong += sum(not _find_out(mutant) for mutant in MUTANTS)
    seconds += process_time()
    _print(f"\n{wrong} wrong; {seconds:.0f} s of CPU, {monotonic() - began:.0f} s in all")
    return int(wrong > 0)


def _lines(seed: str, samples: int) -> Iterator[Line]:
    size = max(samples // BATCHES, 1)
    batches = [
        Sampling(kinds, size, f"{seed}/{row}/{batch}")
        for row, kinds in enumerate(SAMPLED)
        for batch in range(BATCHES)
    ]
    with ProcessPoolExecutor() as pool:
        waiting = [pool.submit(explore, what) for what in EXPLORATIONS]
        waiting += [pool.submit(sample, what) for what in batches]
        for done in as_completed(waiting):
            yield done.result()


def _show(line: Line) -> bool:
    _print(line.text)
    if line.violation is not None:
        _print(str(line.violation))
    return line.violation is not None


def _find_out(mutant: Mutant) -> bool:
    began = process_time()
    violation = find_violation(mutant)
    _print(f"\nmutant: {mutant.name}. {mutant.what[0].upper()}{mutant.what[1:]}.")
    if violation is None or mutant.violation not in violation.what:
        _print(f"  NOT FOUND ({violation and violation.what})")
        return False
    _print(f"  found in {process_time() - began:.1f} s: {violation.what}; a shortest way there:")
    for step in violation.steps:
        _print(f"    {step}")
    return True


def _print(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
