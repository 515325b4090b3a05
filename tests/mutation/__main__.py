"""`make mutants`: how many small defects of the function's source the tests find.

    python -m mutation [--seed SEED] [--count NUMBER] [--under FOLDER]

Draws mutants from a seed, which is printed, and runs the tests on each until one fails. Prints
each mutant as it ends, and then the survivors: a hole in the tests, or the same behaviour.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from random import Random

from .operators import Mutant, count_mutants, make_mutant
from .workspace import Workspace

ROOT = Path(__file__).parents[2]
PROCESSES = 2

Place = tuple[str, int]  # a file below the root, and the number of a mutant of it
Survivor = tuple[str, Mutant]  # the file, and what was changed in it


def main() -> int:
    parser = argparse.ArgumentParser("mutation", description=__doc__)
    parser.add_argument("--seed", type=int, help="the same mutants again")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--under", default="src/provisioner", help="the folder to draw from")
    options = parser.parse_args()
    seed = secrets.randbelow(2**32) if options.seed is None else options.seed
    drawn = draw_mutants(ROOT / options.under, options.count, seed)
    _print(f"seed {seed}: {len(drawn)} mutants; first every stage runs without one")
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        spaces = [Workspace.copy(ROOT, Path(folder, str(n))) for n in range(PROCESSES)]
        if failed := spaces[0].measure():
            _print(f"stage {failed} fails without a mutant, so it can show nothing")
            return 1
        _print(", ".join(f"{stage}: {most:.0f} s" for stage, most in spaces[0].limits.items()))
        for space in spaces:
            space.limits = spaces[0].limits
        shares = [drawn[n::PROCESSES] for n in range(PROCESSES)]
        with ThreadPoolExecutor(PROCESSES) as pool:
            found = chain.from_iterable(pool.map(try_mutants, spaces, shares))
        survivors = sorted(found, key=_title)
    for survivor in survivors:
        _print("\n    ".join((f"survived: {_title(survivor)}", *survivor[1].diff)))
    killed = len(drawn) - len(survivors)
    _print(f"{killed} of {len(drawn)} killed, {100 * killed / len(drawn):.1f} %")
    return 0


def draw_mutants(folder: Path, number: int, seed: int) -> list[Place]:
    """Draw so many mutants of the modules below a folder, or all if there are fewer."""
    every = [
        (str(file.relative_to(ROOT)), n)
        for file in sorted(folder.rglob("*.py"))
        for n in range(count_mutants(file.read_text("utf-8")))
    ]
    random = Random(seed)  # noqa: S311 - the same mutants from the same seed
    return random.sample(every, min(number, len(every)))


def try_mutants(space: Workspace, drawn: Sequence[Place]) -> list[Survivor]:
    """Try the mutants one after the other, and print what became of each."""
    survivors: list[Survivor] = []
    for n, (path, number) in enumerate(drawn, 1):
        began = time.monotonic()
        mutant = make_mutant((space.root / path).read_text("utf-8"), number)
        killer = space.find_killer(path, mutant.source)
        if not killer:
            survivors.append((path, mutant))
        fate, seconds = f"killed ({killer})" if killer else "SURVIVED", time.monotonic() - began
        _print(f"{n:3}/{len(drawn)} {fate:17} {seconds:4.0f} s  {_title((path, mutant))}")
    return survivors


def _title(place: Survivor) -> str:
    path, mutant = place
    return f"{path}:{mutant.line} {mutant.operator}"


def _print(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
