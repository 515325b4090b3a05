"""Which interpreter runs a runtime. A `python3.x` on the PATH may be a version manager's stand-in
that only says that it is not there, so one counts as found when it has run.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from localcloud.wire.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterator

_PATIENCE = 20  # seconds
# The interpreter behind a virtual environment: the platform has none of its packages.
_SAYS = "import sys; print(*sys.version_info[:2], getattr(sys, '_base_executable', sys.executable))"


@functools.cache
def find(runtime: str) -> str:
    for candidate in _candidates(runtime):
        version, path = _ask(candidate)
        if f"python{version}" == runtime:
            return path
    message = (
        f"This machine has no interpreter for the runtime {runtime}: install one, "
        "or name one as the function's Interpreter."
    )
    raise ApiError(HTTPStatus.NOT_IMPLEMENTED, "NotImplemented", message)


def _candidates(runtime: str) -> Iterator[str]:
    yield sys.executable
    if (found := shutil.which(runtime)) is not None:
        yield found
    managed = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
    version = runtime.removeprefix("python")
    yield from sorted(map(str, managed.glob(f"{version}.*/bin/python")), reverse=True)


def _ask(candidate: str) -> tuple[str, str]:
    """Its version and its path; two empty texts if it does not run."""
    try:
        ran = subprocess.run(  # noqa: S603 - runs what it found, to see whether it does
            (candidate, "-c", _SAYS), capture_output=True, text=True, check=True, timeout=_PATIENCE
        )
    except (OSError, subprocess.SubprocessError):
        return "", ""
    major, minor, path = ran.stdout.strip().split(" ", 2)
    return f"{major}.{minor}", path
