"""The runtimes that a package can be built for, and the interpreter that each needs here."""

from __future__ import annotations

from opskit import interpreters

RUNTIMES = {"python3.10": (3, 10), "python3.12": (3, 12)}


class PackageFailedError(Exception):
    """There is no package. The message says what is missing or what failed."""


def find_interpreter(runtime: str) -> str:
    """Return the path of an interpreter of the runtime's own minor version.

    Byte code is of one minor version. Raises PackageFailedError where there is no interpreter.
    """
    if runtime not in RUNTIMES:
        raise PackageFailedError(f"there is no runtime {runtime}: try {' or '.join(RUNTIMES)}")
    version = RUNTIMES[runtime]
    found = interpreters.find(version)
    if not found:
        name = f"Python {version[0]}.{version[1]}"
        raise PackageFailedError(
            f"{name} is needed to compile for the runtime {runtime}, and this machine has no "
            f"interpreter of that version: install {name}, or choose another RUNTIME"
        )
    return found
