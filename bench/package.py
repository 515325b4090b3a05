"""What is measured: the function and its requirements in one folder, as Function Compute unpacks
them, compiled by the very version that will run them.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PEERS = Path(__file__).parent / "peers"
_BUILD = ROOT / "build" / "bench"
_OURS = "index"


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


def packaged(python: str) -> Package:
    """Requirements are installed once for each version and lock file; sources are copied anew."""
    says = "import platform; print(platform.python_version())"
    version = _run(python, "-c", says).strip()
    lock = ROOT / "requirements.txt"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    installed = _BUILD / f"{version}-{digest}"
    if not installed.exists():
        making = installed.with_suffix(".making")
        shutil.rmtree(making, ignore_errors=True)
        options = ("--quiet", "--no-compile", "--disable-pip-version-check", "--require-hashes")
        _run(python, "-m", "pip", "install", *options, "-r", str(lock), "--target", str(making))
        making.rename(installed)
    for name in (f"{_OURS}.py", "provisioner"):
        source, target = ROOT / "src" / name, installed / name
        if source.is_dir():
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    for folder in (installed, PEERS):
        compiling = ("-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "-f")
        _run(python, *compiling, str(folder))
    return Package(python, version, installed)


def _run(*command: str) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.stderr.write(done.stderr)
        raise SystemExit(f"failed: {' '.join(command[:4])} …")
    return done.stdout
