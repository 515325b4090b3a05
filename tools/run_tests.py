"""Run all tests, and print as the last line how many passed, failed and were skipped.

    run_tests.py             on the interpreter that runs this file
    run_tests.py --all       on Python 3.10 and 3.12, as far as they are installed
    run_tests.py --others    on those of the two that do not run this file; the last line includes
                             the latest run on the interpreter that does

Each interpreter has a virtual environment of its own and leaves a JUnit report in `build/`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ET  # the reports are pytest's own
from dataclasses import dataclass
from pathlib import Path

from create_venv import ROOT, SetUpFailedError, create
from opskit.interpreters import find

Version = tuple[int, int]
TESTED: tuple[Version, ...] = ((3, 10), (3, 12))
HERE: Version = sys.version_info[:2]
FIRST_RUN = 90  # seconds, on two cores that have nothing else to do


@dataclass
class Counts:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __str__(self) -> str:
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"


def main(arguments: list[str]) -> int:
    installed = {version: python for version in TESTED if (python := find(version))}
    others = {version: python for version, python in installed.items() if version != HERE}
    if arguments == []:
        chosen, counted = {HERE: sys.executable}, [HERE]
    elif arguments == ["--others"]:
        chosen, counted = others, [HERE, *others]
    elif arguments == ["--all"]:
        chosen = installed or {HERE: sys.executable}
        counted = list(chosen)
    else:
        print(__doc__)
        return 2
    if arguments:
        for major, minor in set(TESTED) - installed.keys():
            print(f"Python {major}.{minor} is not installed: nothing is tested on it")
    status = 0
    for version, python in chosen.items():
        status = run(version, python) or status
    counts = Counts()
    for version in counted:
        if not add_report(counts, report_of(version)):
            print(f"Python {version[0]}.{version[1]} ran no test")
            counts.failed += 1
    print(counts, flush=True)
    return status or min(counts.failed, 1)


def run(version: Version, python: str) -> int:
    """Run all tests in the environment of an interpreter; return the exit status of pytest."""
    report = report_of(version)
    expected = expect_duration(report)
    report.unlink(missing_ok=True)
    if version != HERE:
        folder = ROOT / f".venv-{version[0]}.{version[1]}"
        try:
            create(python, folder, "dev")
        except SetUpFailedError as error:
            print(error)
            return 1
        python = str(folder / "bin/python")
    workers = str((os.cpu_count() or 1) + 1)  # one more than cores: some tests wait for a while
    print(f"Python {version[0]}.{version[1]}: all tests; {expected}", flush=True)
    options = ("-q", "-n", workers, "--dist", "worksteal", f"--junitxml={report}")
    command = (python, "-m", "pytest", *options)
    # Byte code that is kept saves each worker, and each process that a test starts, its compiler.
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.run(command, cwd=ROOT, env=kept, check=False).returncode


def expect_duration(report: Path) -> str:
    """Say how long the tests take, from the report of the last run if there is one."""
    if not report.exists():
        return f"about {FIRST_RUN} s on two cores that have nothing else to do"
    suites = list(ET.parse(report).iter("testsuite"))
    tests = sum(int(suite.get("tests", 0)) for suite in suites)
    seconds = sum(float(suite.get("time", 0)) for suite in suites)
    return f"{tests:,} took {seconds:.0f} s the last time"


def report_of(version: Version) -> Path:
    return ROOT / "build" / f"tests-{version[0]}.{version[1]}.xml"


def add_report(counts: Counts, report: Path) -> bool:
    """Add what a report counts; return False if there is no report."""
    if not report.exists():
        return False
    for suite in ET.parse(report).iter("testsuite"):
        failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped = int(suite.get("skipped", 0))
        counts.failed += failed
        counts.skipped += skipped
        counts.passed += int(suite.get("tests", 0)) - failed - skipped
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
