"""Runs everything, prints it, and writes it into docs/performance.md; exits with 1 where what is
required was missed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench import measure, profile
from bench.cloud import localcloud
from bench.cores import CLOUD, on
from bench.measure import Effort
from bench.package import ROOT, packages
from bench.report import Results

_REPORT = ROOT / "docs" / "performance.md"
_BEGIN, _END = "<!-- measured -->", "<!-- /measured -->"


def main() -> int:
    parser = argparse.ArgumentParser("bench", description="The function beside its peers.")
    parser.add_argument("--quick", action="store_true", help="once each: does it run at all?")
    parser.add_argument("--output", type=Path, default=_REPORT, help="the file to write into")
    options = parser.parse_args()
    with on(CLOUD):
        results = measured(Effort.quick() if options.quick else Effort.full())
    text = results.markdown()
    print(text)
    write(options.output, text)
    missed = [verdict for verdict in results.verdicts() if not verdict.met]
    return 0 if options.quick or not missed else 1


def measured(effort: Effort) -> Results:
    measurable = packages()
    with localcloud() as cloud:
        cold, imports = {}, {}
        for package in measurable:
            _say(f"cold start on {package.version}")
            cold[package.version] = measure.cold(package, cloud, effort)
            imports[package.version] = profile.imports(package, effort.runs)
        oldest = measurable[0]
        _say("warm")
        warm = measure.warm(oldest, cloud, effort)
        calls = measure.calls(oldest, cloud)
        _say("scale")
        scale = measure.scale(oldest, cloud, effort)
        _say(f"{effort.lasting} events on one instance")
        lasting = measure.lasting(oldest, cloud, effort)
    unhindered = warm["0 ms"]
    spent = profile.spent(unhindered[measure.OURS], unhindered[measure.QUIET])
    told = {
        latency: {name: measure.figures(samples) for name, samples in by.items()}
        for latency, by in warm.items()
    }
    shares = {latency: measure.own_share(by) for latency, by in warm.items()}
    return Results(cold, imports, told, shares, spent, calls, lasting, scale, effort.runs)


def write(file: Path, text: str) -> None:
    """Between the marks, so that what people wrote around them stays."""
    old = file.read_text() if file.exists() else f"# Performance\n\n{_BEGIN}\n{_END}\n"
    before, _, rest = old.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    file.write_text(f"{before}{_BEGIN}\n{text}\n{_END}{after}")


def _say(what: str) -> None:
    sys.stderr.write(f"bench: {what}\n")


if __name__ == "__main__":
    sys.exit(main())
