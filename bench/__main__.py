"""Measure everything, print it, and write it into docs/performance.md. Exits with 1 where a
requirement is missed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench import measure, profile
from bench.cloud import localcloud
from bench.cores import CLOUD, on
from bench.measure import Effort
from bench.package import ROOT, build_packages
from bench.report import Results

_REPORT = ROOT / "docs" / "performance.md"
_BEGIN, _END = "<!-- measured -->", "<!-- /measured -->"


def main() -> int:
    parser = argparse.ArgumentParser("bench", description="The function beside its peers.")
    parser.add_argument("--quick", action="store_true", help="once each, to see that it runs")
    parser.add_argument("--output", type=Path, default=_REPORT, help="the file to write into")
    options = parser.parse_args()
    with on(CLOUD):
        results = measure_all(Effort.quick() if options.quick else Effort.full())
    text = results.markdown()
    print(text)
    write(options.output, text)
    missed = [verdict for verdict in results.verdicts() if not verdict.met]
    return 0 if options.quick or not missed else 1


def measure_all(effort: Effort) -> Results:
    packages = build_packages()
    with localcloud() as cloud:
        cold, imports = {}, {}
        for package in packages:
            _report_progress(f"cold start on {package.version}")
            cold[package.version] = measure.measure_cold_start(package, cloud, effort)
            imports[package.version] = profile.measure_imports(package, effort.runs)
        oldest = packages[0]
        _report_progress("warm events")
        samples = measure.measure_warm(oldest, cloud, effort)
        calls = measure.record_calls(oldest, cloud)
        _report_progress("scale")
        scale = measure.measure_scale(oldest, cloud, effort)
        _report_progress(f"{effort.endurance} events on one instance")
        endurance = measure.measure_endurance(oldest, cloud, effort)
    warm = {
        latency: {name: measure.summarize(taken) for name, taken in by.items()}
        for latency, by in samples.items()
    }
    cpu = profile.split_cpu(samples["0 ms"][measure.OURS])
    return Results(cold, imports, warm, cpu, calls, endurance, scale, effort.runs)


def write(file: Path, text: str) -> None:
    """Write between the marks: the text around them stays."""
    old = file.read_text() if file.exists() else f"# Performance\n\n{_BEGIN}\n{_END}\n"
    before, _, rest = old.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    file.write_text(f"{before}{_BEGIN}\n{text}\n{_END}{after}")


def _report_progress(what: str) -> None:
    sys.stderr.write(f"bench: {what}\n")


if __name__ == "__main__":
    sys.exit(main())
