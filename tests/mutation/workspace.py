"""A copy of the checkout, in which a mutant replaces one file and the tests try to kill it."""

from __future__ import annotations

import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

# Each stage and its tests, as globs. Before the first come the unit tests that name the module.
STAGES: dict[str, Sequence[str]] = {
    "unit": ["tests/unit", "tests/property"],
    "contract": ["tests/contract"],
    "whole": ["tests/localcloud/test_*provisioner*", "tests/e2e", "tests/race", "tests/shipping"],
}
_NOT_COPIED = (".git", ".venv*", "build", "__pycache__", ".*_cache", ".hypothesis")
_PACKAGES = "build/of-tests"  # copied all the same: tests/shipping builds it for a minute
_MEMORY = 8 << 30  # bytes of address space for one process
_writes = count(1)


@dataclass
class Workspace:
    """`limits` are the seconds that each stage may take, as `measure` sets them."""

    root: Path
    stages: dict[str, Sequence[str]] = field(default_factory=STAGES.copy)
    limits: dict[str, float] = field(default_factory=dict)

    @classmethod
    def copy(cls, checkout: Path, root: Path) -> Workspace:
        shutil.copytree(checkout, root, ignore=shutil.ignore_patterns(*_NOT_COPIED))
        if (checkout / _PACKAGES).is_dir():
            shutil.copytree(checkout / _PACKAGES, root / _PACKAGES)
        return cls(root)

    def measure(self) -> str:
        """Set the limits by a run without a mutant. Returns the stage that failed, if one did.

        A stage without a test fails, too.
        """
        for stage, globs in self.stages.items():
            began = time.monotonic()
            if not self._passes(globs, None):
                return stage
            self.limits[stage] = 60 + 3 * (time.monotonic() - began)
        return ""

    def find_killer(self, path: str, source: str) -> str:
        """Run the stages with `source` in the file at `path`. Returns the first that fails.

        A stage that exceeds its limit fails. Returns an empty string if all pass.
        """
        file = self.root / path
        original = file.read_text("utf-8")
        _write(file, source)
        try:
            nearest = self._tests_that_import(file)
            if nearest and not self._passes(nearest, self.limits["unit"]):
                return "nearest"
            for stage, globs in self.stages.items():
                if not self._passes(globs, self.limits[stage]):
                    return stage
        finally:
            _write(file, original)
        return ""

    def _tests_that_import(self, file: Path) -> list[str]:
        """The unit tests that name the module in an import."""
        name = file.parent.name if file.stem == "__init__" else file.stem
        named = re.compile(rf"^(from|import) .*\b{name}\b|^    {name},$", re.MULTILINE)
        tests = self.root.glob("tests/unit/**/test_*.py")
        found = [test for test in tests if named.search(test.read_text("utf-8"))]
        return [str(test.relative_to(self.root)) for test in sorted(found)]

    def _passes(self, globs: Sequence[str], seconds: float | None) -> bool:
        """Whether there are tests, and all of them pass within the time."""
        tests = [path for glob in globs for path in sorted(self.root.glob(glob))]
        if not tests:
            return False
        folders = (str(self.root / name) for name in ("src", "tools", "tests", "."))
        process = subprocess.Popen(  # noqa: S603 - this interpreter, and tests of this checkout
            (sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests),
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(folders)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        resource.prlimit(process.pid, resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        try:
            return process.wait(seconds) == 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            with suppress(ProcessLookupError):  # nothing of its session is left
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _write(file: Path, source: str) -> None:
    """Write with a new time of change: Python knows byte code by its source's time and size."""
    file.write_text(source, "utf-8")
    moment = time.time() + 2 * next(_writes)
    os.utime(file, (moment, moment))
