"""`make race`: what is shown of the shipped protocol, with its figures, and that it could fail.

    python -m race [--seed SEED] [--samples NUMBER]

The exit status is 1 where the shipped protocol breaks a promise, or a broken one is not found out.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from time import monotonic, process_time

from . import fair, sampler
from .explorer import Budget, Found
from .proof import Exploration, Sampling, bitten, explored, sampled_all
from .teeth import TEETH
from .trace import Violation

HEAD = (
    f"{'configuration':58} {'crash lost busy refused tick':29} "
    f"{'states':>8} {'depth':>10} {'calls':>5} {'violations':>10} {'CPU':>7}"
)
HELD, PARKED = "the group holds what leaves", "it was left parked, not empty"
# The longest first, so that two processes end together.
EXPLORATIONS = (
    Exploration("aa", Budget(crashes=1, ambiguous=1, ticks=1)),
    Exploration("ax", Budget(ambiguous=1, ticks=1), world=HELD),
    Exploration("aaa", Budget(ambiguous=1)),
    Exploration("ax", Budget(crashes=1, ambiguous=1), world=PARKED),
    Exploration("xx", Budget(crashes=1, ambiguous=1), world=HELD),
    Exploration("ax", Budget(crashes=1, ticks=1), world=HELD),
    Exploration("aax", world=HELD),
    Exploration("aaa", Budget(crashes=1, ambiguous=1), depth=16),
    Exploration("ab", Budget(crashes=2, ambiguous=1)),
    Exploration("ab", Budget(crashes=1, ambiguous=1), chunked=True),
    Exploration("ab", Budget(ambiguous=1, busy=1, refused=1)),
    Exploration("aaa", Budget(ticks=1), depth=16),
    Exploration("ax", Budget(crashes=1, ambiguous=1), world=HELD),
    Exploration("ax", Budget(crashes=1, ambiguous=1), world="it was left parked"),
    Exploration("ax", Budget(1, 1, 1), world="likewise, and is in use"),
    Exploration("ay", Budget(1, 1, 1), world=HELD),
    Exploration("ab", Budget(crashes=1, ticks=1), world="a crashed claim is there"),
    Exploration("aab", Budget(crashes=1)),
    Exploration("aaaa"),
    Exploration("hh", Budget(crashes=1, ambiguous=1), world="a server is refused"),
    Exploration("ab", Budget(1, 1, 1, 1, 1), world="the group is there"),
    Exploration("aab", Budget(1, 1), world="the group is there"),
)
SAMPLED = (
    ("aaaa", "aaab", "aabb", "abcd"),
    ("aaa", "aab", "abb", "bcd"),
    ("aax", "abx", "axx", "aay", "abxy"),
)
BATCHES = 4


@dataclass(frozen=True)
class Line:
    text: str
    seconds: float
    violation: Violation | None = None


def exploration(what: Exploration) -> Line:
    began = process_time()
    told = 0

    def note(found: Found) -> None:
        nonlocal told
        if found.states >= told + 50_000:
            told = found.states
            _say(f"  … {what.title}: {told:,} states, depth {found.depth}")

    try:
        found, way = explored(what, note)
    except Violation as violation:
        return _line(_row(what), "", began, violation)
    depth = f"{found.depth}{' (whole)' if found.whole else ''}"
    return _line(_row(what), f"{found.states:8,} {depth:>10} {way.most:5}", began)


def _row(what: Exploration) -> str:
    b = what.budget
    spent = f"{b.crashes:5} {b.ambiguous:4} {b.busy:4} {b.refused:7} {b.ticks:4}"
    return f"{what.title:58} {spent} "


def sampling(what: Sampling) -> Line:
    began = process_time()
    title = f"{what.title:58} {'up to 6 of any kind':29}"
    try:
        most = sampled_all(what)
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
    _say(f"seed {chosen.seed}; calls: of one run to its end, once nothing more goes wrong")
    _say("CPU in seconds\n")
    _say(HEAD)
    for line in _lines(chosen.seed, chosen.samples):
        wrong += _shown(line)
        seconds += line.seconds
    _say(f"\npromised: {fair.CALLS} calls (explored), {sampler.CALLS} (sampled)\n")
    wrong += sum(not _bites(number) for number in range(len(TEETH)))
    seconds += process_time()
    _say(f"\n{wrong} wrong; {seconds:.0f} s of CPU, {monotonic() - began:.0f} s in all")
    return int(wrong > 0)


def _lines(seed: str, samples: int) -> Iterator[Line]:
    size = max(samples // BATCHES, 1)
    batches = [
        Sampling(kinds, size, f"{seed}/{row}/{batch}")
        for row, kinds in enumerate(SAMPLED)
        for batch in range(BATCHES)
    ]
    with ProcessPoolExecutor() as pool:
        waiting = [pool.submit(exploration, what) for what in EXPLORATIONS]
        waiting += [pool.submit(sampling, what) for what in batches]
        for done in as_completed(waiting):
            yield done.result()


def _shown(line: Line) -> bool:
    _say(line.text)
    if line.violation is not None:
        _say(str(line.violation))
    return line.violation is not None


def _bites(number: int) -> bool:
    tooth = TEETH[number]
    began = process_time()
    violation = bitten(tooth)
    _say(f"\nbroken: {tooth.name}. {tooth.what[0].upper()}{tooth.what[1:]}.")
    if violation is None or tooth.violation not in violation.what:
        _say(f"  NOT FOUND ({violation and violation.what})")
        return False
    _say(f"  found in {process_time() - began:.1f} s: {violation.what}; a shortest way there:")
    for step in violation.steps:
        _say(f"    {step}")
    return True


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
