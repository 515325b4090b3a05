"""`make chaos`: the function in its own processes, on a cloud that fails it."""

from __future__ import annotations

import argparse
import secrets
import sys

from opskit.local import without_proxies

from . import campaign
from .world import LARGE, SMALL

_LONGEST = 570.0  # seconds


def main() -> int:
    parser = argparse.ArgumentParser("chaos", description=__doc__)
    parser.add_argument("--seed", type=int, help="the same schedule and chances again")
    parser.add_argument("--small", action="store_true", help="as in make test")
    options = parser.parse_args()
    without_proxies()
    seed = secrets.randbelow(2**32) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    try:
        report = campaign.run(
            SMALL if options.small else LARGE,
            seed,
            longest=_LONGEST,
            tell=lambda line: print(f"  {line}", flush=True),
        )
    except campaign.DidNotConvergeError:
        print(f"not all had ended after {_LONGEST:.0f} s")
        return 1
    for name, figure in report.told.items():
        print(f"{name:<42} {figure}")
    for name, number in report.required.items():
        print(f"{name:<42} {number}")
    print("all well" if not report.violations else f"{report.violations} violations, seed {seed}")
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main())
