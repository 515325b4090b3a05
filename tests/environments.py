"""Environments for the interpreters that are really there, and the tests in each of them.

    environments.py FOLDER    make FOLDER for the interpreter that runs this
    environments.py           run the tests on 3.10 and on 3.12, or on this one where neither is

Standard library only: this runs before anything is installed.
"""

import subprocess
import sys
import xml.etree.ElementTree as ET  # of files that pytest wrote a moment ago
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))
from opskit.interpreters import find  # noqa: E402 - the sources are where this file says

LOCK = ROOT / "requirements-dev.txt"
SCHEMAS = ROOT / "requirements-ros.txt"
OLDEST = (3, 10)
TESTED = ((3, 10), (3, 12))


def main(arguments: list[str]) -> int:
    if sys.version_info < OLDEST:
        version = ".".join(map(str, sys.version_info[:3]))
        print(
            f"Python 3.10 or newer is needed, and this is {version}: try PYTHON=python3.12 make …"
        )
        return 1
    if arguments:
        return make(sys.executable, ROOT / arguments[0])
    found = {version: python for version in TESTED if (python := find(version))}
    here = sys.version_info[:2]
    return test(found or {(here[0], here[1]): sys.executable})


def make(python: str, folder: Path) -> int:
    """An environment with what the lock file names, and with the sources on its path. The schemas
    of ROS lie beside it as wheels: to install them would take an older attrs, and Node."""
    ready = folder / ".ready"
    locked = max(LOCK.stat().st_mtime, SCHEMAS.stat().st_mtime)
    if ready.exists() and ready.stat().st_mtime >= locked:
        return 0
    print(f"setting up {folder.name} (once; it may take a minute)", flush=True)
    pip = (str(folder / "bin/python"), "-m", "pip", "--quiet", "--disable-pip-version-check")
    kept = ("--no-deps", "--only-binary", ":all:", "--dest", str(folder / "ros"))
    for command in (
        (python, "-m", "venv", "--clear", str(folder)),
        (*pip, "install", "--use-pep517", "--require-hashes", "-r", str(LOCK)),
        (*pip, "download", *kept, "--require-hashes", "-r", str(SCHEMAS)),
    ):
        done = subprocess.run(command, check=False)
        if done.returncode:
            print(f"{folder.name} could not be set up; what went wrong is said above")
            return done.returncode
    (packages,) = folder.glob("lib/python3*/site-packages")
    (packages / "provisioner-sources.pth").write_text(f"{ROOT / 'src'}\n{ROOT / 'tools'}\n")
    ready.touch()
    return 0


def test(interpreters: dict[tuple[int, int], str]) -> int:
    """The last line is the sum over all interpreters."""
    passed = failed = skipped = status = 0
    for version, python in interpreters.items():
        here = sys.version_info[:2] == version
        folder = ROOT / (".venv" if here else f".venv-{version[0]}.{version[1]}")
        report = ROOT / "build" / f"tests-{version[0]}.{version[1]}.xml"
        report.unlink(missing_ok=True)
        print(f"Python {version[0]}.{version[1]}", flush=True)
        command = (
            folder / "bin/python",
            "-m",
            "pytest",
            "-q",
            "-n",
            "auto",
            f"--junitxml={report}",
        )
        status = (
            make(python, folder)
            or subprocess.run(command, cwd=ROOT, check=False).returncode
            or status
        )
        if not report.exists():
            print(f"Python {version[0]}.{version[1]} ran no test")
            return status or 1
        for suite in ET.parse(report).iter("testsuite"):
            broken = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            left_out = int(suite.get("skipped", 0))
            failed, skipped = failed + broken, skipped + left_out
            passed += int(suite.get("tests", 0)) - broken - left_out
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
