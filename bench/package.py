"""What is measured: the zip of `make package`, as Function Compute unpacks it."""

from __future__ import annotations

import platform
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from opskit.interpreters import find
from opskit.package import RUNTIMES, build

ROOT = Path(__file__).parents[1]
PEERS = Path(__file__).parent / "peers"
_UNPACKED = ROOT / "build" / "bench"


@dataclass(frozen=True)
class Package:
    python: str
    version: str
    folder: Path
    beside: tuple[Path, ...] = ()

    @property
    def paths(self) -> list[str]:
        return [str(path) for path in (self.folder, PEERS, *self.beside)]

    def without_byte_code(self) -> Package:
        """A copy, as a zip is that was never compiled."""
        bare = self.folder.with_name(f"{self.folder.name}-bare")
        shutil.rmtree(bare, ignore_errors=True)
        shutil.copytree(self.folder, bare, ignore=shutil.ignore_patterns("__pycache__"))
        return Package(self.python, self.version, bare)


def packages() -> list[Package]:
    """For every runtime whose interpreter is there."""
    found = list(_unpacked())
    if not found:
        versions = " or ".join(sorted(f"{major}.{minor}" for major, minor in RUNTIMES.values()))
        here = platform.python_version()
        raise SystemExit(f"the bench needs Python {versions}, as the runtimes do; this is {here}")
    return found


def _unpacked() -> Iterator[Package]:
    for runtime, version in sorted(RUNTIMES.items()):
        python = find(version)
        if python is None:
            continue
        folder = _UNPACKED / runtime
        shutil.rmtree(folder, ignore_errors=True)
        with zipfile.ZipFile(build(runtime).path) as archive:
            archive.extractall(folder)
        # The peers are no part of the package, and are compiled as it is.
        compiling = ("-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "-f")
        subprocess.run((python, *compiling, str(PEERS)), check=True)
        says = (python, "-c", "import platform; print(platform.python_version())")
        told = subprocess.run(says, check=True, capture_output=True, text=True).stdout
        yield Package(bare(python, _UNPACKED / f"{runtime}-alone"), told.strip(), folder)


def bare(python: str, folder: Path) -> str:
    """The interpreter without what this machine has installed for it: some of that would be
    imported at every start, and might import parts of the package."""
    command = (python, "-m", "venv", "--without-pip", "--clear", str(folder))
    subprocess.run(command, check=True)
    return str(folder / "bin" / "python")
