"""`make fuzz`: bent inputs to everything that reads. Fails where one of them breaks a promise."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from . import campaign

_PART = 2_500  # inputs between two lines of progress


def main() -> int:
    parser = argparse.ArgumentParser("fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=200_000)
    parser.add_argument("--seed", type=int, help="the same inputs again")
    options = parser.parse_args()
    seed = secrets.randbelow(2**32) if options.seed is None else options.seed
    started = time.monotonic()
    print(f"{options.inputs:,} inputs from seed {seed}", flush=True)
    starts = range(0, options.inputs, _PART)
    parts = [range(start, min(start + _PART, options.inputs)) for start in starts]
    inputs: Counter[str] = Counter()
    violations: list[str] = []
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for report in pool.map(partial(campaign.run, seed), parts):
            inputs += report.inputs
            violations += report.violations
            if not inputs.total() % (10 * _PART):
                print(f"{inputs.total():>10,} inputs, {len(violations)} violations", flush=True)
    for name, number in sorted(inputs.items()):
        print(f"  {name:<28} {number:>8,}")
    for violation in violations[:20]:
        print(f"  {violation}")
    seconds = time.monotonic() - started
    print(f"{inputs.total():,} inputs, {len(violations)} violations, {seconds:.0f} s, seed {seed}")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
