"""The libraries of a package: what requirements.txt locks, for the runtime and Linux on x86-64,
pruned and byte-compiled. They are kept in build/ under the digest of what they are made from.

What has to be built is built by the setuptools that requirements-build.txt locks: which one it was
stands in the metadata that it writes, and so in the package.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path, PurePosixPath

from . import pruning, runtimes
from .runtimes import PackageFailedError

# Of pure Python, and published without a wheel. Everything else comes as a wheel for the platform.
_WITHOUT_WHEEL = "alibabacloud-tea,aliyun-fc2"
_BUILDER = "requirements-build.txt"
_PLATFORM = "manylinux2014_x86_64"
_INSTALLED = "/code"  # where Function Compute unpacks a package


def made(runtime: str, lock_file: Path, folder: Path, *, anew: bool = False) -> Path:
    """A folder with them, below `folder`, which nobody else may work in; PackageFailedError."""
    python = runtimes.interpreter(runtime)
    kept = folder / f"libraries-{runtime}-{_digest(python, lock_file)}"
    if kept.is_dir() and not anew:
        return kept
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        installed, pruned = Path(scratch, "installed"), Path(scratch, "pruned")
        _install(python, runtimes.RUNTIMES[runtime], lock_file, installed)
        _prune(installed, pruned)
        compile_all(python, pruned)
        shutil.rmtree(kept, ignore_errors=True)
        pruned.rename(kept)
    return kept


def compile_all(python: str, tree: Path) -> None:
    """unchecked-hash: neither the source's time nor its contents are looked at when it is loaded.
    The paths that tracebacks show are those on Function Compute, wherever this ran."""
    options = ("-q", "--invalidation-mode", "unchecked-hash", "-s", str(tree), "-p", _INSTALLED)
    _run((python, "-m", "compileall", *options, str(tree)))


def _install(python: str, version: tuple[int, int], lock_file: Path, target: Path) -> None:
    # The runtime's own version runs pip: that is the one that markers are evaluated for.
    environment = target.with_name("environment")
    _run((python, "-m", "venv", str(environment)))
    own = (str(environment / "bin/python"), "-m", "pip", "--disable-pip-version-check", "install")
    pip = (*own, "--quiet", "--require-hashes", "--no-deps")
    builder = lock_file.with_name(_BUILDER)
    _run((*pip, "--only-binary", ":all:", "-r", str(builder)))
    options = (
        *("--platform", _PLATFORM, "--implementation", "cp"),
        *("--python-version", f"{version[0]}.{version[1]}"),
        *("--only-binary", ":all:", "--no-binary", _WITHOUT_WHEEL, "--use-pep517"),
        *("--no-build-isolation", "--no-compile", "--target", str(target)),
    )
    _run((*pip, *options, "-r", str(lock_file)))


def _prune(installed: Path, pruned: Path) -> None:
    for path in sorted(installed.rglob("*")):
        name = path.relative_to(installed)
        if path.is_file() and pruning.is_needed(PurePosixPath(name)):
            (pruned / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, pruned / name)


def _digest(python: str, lock_file: Path) -> str:
    own = sorted(Path(__file__).parent.glob("*.py"))
    # An environment's interpreter is the one that it was made by.
    files = (lock_file, lock_file.with_name(_BUILDER), *own)
    parts = [bytes(Path(python).resolve()), *(path.read_bytes() for path in files)]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def _run(command: tuple[str, ...]) -> None:
    environ = {**os.environ, "PYTHONHASHSEED": "0"}  # the order of sets is part of byte code
    ran = subprocess.run(  # noqa: S603 - interpreters that were found
        command, env=environ, capture_output=True, text=True, check=False
    )
    if ran.returncode:
        said = (ran.stderr or ran.stdout).strip()
        raise PackageFailedError(f"{' '.join(command[1:4])} failed:\n{said}")
