"""Python interpreters that are really there. Standard library only: tools/run_tests.py uses this
before anything is installed.

`python3.10` on the PATH may be a version manager's stand-in that only says that it is not there, so
an interpreter counts as found when it has run.
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from pathlib import Path

_SAYS = "import sys; print(*sys.version_info[:2], sys.executable)"


@functools.cache
def find(version: tuple[int, int]) -> str:
    """The path of an interpreter of this version that runs; empty where there is none."""
    name = f"python{version[0]}.{version[1]}"
    managed = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
    versions = sorted(managed.glob(f"{version[0]}.{version[1]}.*/bin/python"))
    for candidate in (sys.executable, name, *map(str, versions)):
        try:
            ran = subprocess.run(  # noqa: S603 - runs what it found, to see whether it does
                (candidate, "-c", _SAYS), capture_output=True, text=True, check=True
            )
        except (OSError, subprocess.CalledProcessError):
            continue
        major, minor, path = ran.stdout.split(maxsplit=2)
        if (int(major), int(minor)) == version:
            return path.strip()
    return ""
