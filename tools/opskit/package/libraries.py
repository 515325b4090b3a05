"""Install the libraries of a package: what requirements.txt locks, for the runtime and Linux on
x86-64. They are kept in build/ under the digest of everything that they are made from.

The setuptools that requirements-build.txt locks builds what has no wheel: its version stands in the
metadata that it writes, and so in the package.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path, PurePosixPath

from . import lazy_models, pruning, runtimes, stubs
from .runtimes import PackageFailedError

# Pure Python, published without a wheel. Everything else comes as a wheel for the platform.
_WITHOUT_WHEEL = "alibabacloud-tea"
_BUILDER = "requirements-build.txt"
_PLATFORM = "manylinux2014_x86_64"
_CODE = "/code"  # where Function Compute unpacks a package


def install(
    runtime: str, lock_file: Path, folder: Path, *, anew: bool = False, plain: bool = False
) -> Path:
    """Return a folder below `folder` with the compiled libraries.

    `plain`: with all that pip installs, as a package would have it that nobody made smaller.
    The caller must hold the lock of `folder`. Raises PackageFailedError.
    """
    python = runtimes.find_interpreter(runtime)
    kind = "plain-libraries" if plain else "libraries"
    kept = folder / f"{kind}-{runtime}-{_compute_digest(python, lock_file)}"
    if kept.is_dir() and not anew:
        return kept
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        installed, ready = Path(scratch, "installed"), Path(scratch, "ready")
        _run_pip(python, runtimes.RUNTIMES[runtime], lock_file, installed)
        if plain:
            ready = installed
        else:
            _copy_needed(installed, ready)
            stubs.write_stubs(ready)
            lazy_models.write_lazy_models(ready)
        compile_all(python, ready)
        for outdated in folder.glob(f"{kind}-{runtime}-*"):
            shutil.rmtree(outdated)
        ready.rename(kept)
    return kept


def compile_all(python: str, tree: Path) -> None:
    """Compile every module of the tree to byte code that is loaded without a look at its source.

    The paths that tracebacks show are those on Function Compute.
    """
    options = ("-q", "--invalidation-mode", "unchecked-hash", "-s", str(tree), "-p", _CODE)
    _run((python, "-m", "compileall", *options, str(tree)))


def _run_pip(python: str, version: tuple[int, int], lock_file: Path, target: Path) -> None:
    # The runtime's own version runs pip: pip evaluates markers for the version that runs it.
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


def _copy_needed(installed: Path, needed: Path) -> None:
    for path in sorted(installed.rglob("*")):
        name = path.relative_to(installed)
        if path.is_file() and pruning.is_needed(PurePosixPath(name)):
            (needed / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, needed / name)


def _compute_digest(python: str, lock_file: Path) -> str:
    own = sorted(Path(__file__).parent.glob("*.py"))
    # The interpreter of an environment is a link to the one that made it.
    files = (lock_file, lock_file.with_name(_BUILDER), *own)
    parts = [bytes(Path(python).resolve()), *(path.read_bytes() for path in files)]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def _run(command: tuple[str, ...]) -> None:
    environ = {**os.environ, "PYTHONHASHSEED": "0"}  # the order of sets is part of byte code
    ran = subprocess.run(  # noqa: S603 - interpreters that were found
        command, env=environ, capture_output=True, text=True, check=False
    )
    if ran.returncode:
        output = (ran.stderr or ran.stdout).strip()
        raise PackageFailedError(f"{' '.join(command[1:4])} failed:\n{output}")
