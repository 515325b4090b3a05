"""What is measured: the zip of `make package`, as Function Compute unpacks it. The peers have the
same libraries, as pip installs them.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from opskit.interpreters import find
from opskit.package import RUNTIMES, build, install_plain_libraries

ROOT = Path(__file__).parents[1]
PEERS = Path(__file__).parent / "peers"
_UNPACKED = ROOT / "build" / "bench"


@dataclass(frozen=True)
class Package:
    """`libraries` are those of the peers; where there are none, the interpreter has them."""

    python: str
    version: str
    folder: Path
    libraries: Path | None = None

    def list_paths(self, module: str) -> list[str]:
        """Return the search path of a handler: the function has its package and nothing else."""
        if not (PEERS / f"{module}.py").exists():
            return [str(self.folder)]
        return [str(path) for path in (PEERS, self.libraries) if path]

    def copy_without_byte_code(self) -> Package:
        """Copy the package as a zip would have it that was never compiled."""
        copy = self.folder.with_name(f"{self.folder.name}-without-byte-code")
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self.folder, copy, ignore=shutil.ignore_patterns("__pycache__"))
        return replace(self, folder=copy)


def build_packages() -> list[Package]:
    """Build and unpack a package for every runtime that has an interpreter here."""
    found = list(_unpack_packages())
    if not found:
        versions = " or ".join(sorted(f"{major}.{minor}" for major, minor in RUNTIMES.values()))
        here = platform.python_version()
        raise SystemExit(f"the bench needs Python {versions}, as the runtimes do; this is {here}")
    return found


def _unpack_packages() -> Iterator[Package]:
    for runtime, version in sorted(RUNTIMES.items()):
        python = find(version)
        if not python:
            continue
        folder = _UNPACKED / runtime
        shutil.rmtree(folder, ignore_errors=True)
        with zipfile.ZipFile(build(runtime).path) as archive:
            archive.extractall(folder)
        plain = install_plain_libraries(runtime)
        # The peers are compiled as the package is.
        compiling = ("-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "-f")
        subprocess.run((python, *compiling, str(PEERS)), check=True)
        program = (python, "-c", "import platform; print(platform.python_version())")
        output = subprocess.run(program, check=True, capture_output=True, text=True).stdout
        alone = make_bare_interpreter(python, _UNPACKED / f"{runtime}-alone")
        yield Package(alone, output.strip(), folder, plain)


def make_bare_interpreter(python: str, folder: Path) -> str:
    """Make an interpreter without what this machine has installed for it: some of that would be
    imported at every start, and might import parts of the package."""
    command = (python, "-m", "venv", "--without-pip", "--clear", str(folder))
    subprocess.run(command, check=True)
    return str(folder / "bin" / "python")
