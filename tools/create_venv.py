"""Create or complete a virtual environment.

    create_venv.py FOLDER run     install what `make run` and `make cloud` need
    create_venv.py FOLDER dev     install that, the development tools and the ROS schemas

The environment belongs to the interpreter that runs this file. The stamps `.ready-run` and
`.ready-dev` in its folder say what is installed. The output of pip goes to a log file in `build/`,
and is printed only if a command fails. This file uses the standard library only: it runs before
anything is installed.
"""

import re
import subprocess
import sys
import time
from pathlib import Path

# Before anything that an older interpreter cannot read.
if sys.version_info < (3, 10):
    sys.exit(
        f"Python 3.10 or newer is needed, and this is {sys.version.split()[0]}: "
        "add PYTHON=python3.12 to the command"
    )

ROOT = Path(__file__).resolve().parents[1]
# Of each set of packages: its lock file, and its size on the disk in MB, roughly.
SETS = {"run": ("requirements-run.txt", 140), "dev": ("requirements-dev.txt", 270)}
BUILDERS = ROOT / "requirements-build.txt"
SCHEMAS = ROOT / "requirements-ros.txt"
_LOG_LINES = 40


class SetUpFailedError(Exception):
    """A command failed; the message says which one, and holds the end of its output."""


def create(python: str, folder: Path, name: str) -> None:
    """Install the set `name` of packages in `folder`, for the interpreter `python`.

    Nothing happens if it is installed already. A set "run" that is up to date is completed to a
    set "dev"; whatever is older than its lock file is replaced. Raises SetUpFailedError.
    """
    if _is_ready(folder, name):
        return
    is_new = not _is_ready(folder, "run") or (folder / ".ready-dev").exists()
    lock_file, size = ROOT / SETS[name][0], SETS[name][1]
    log = ROOT / "build" / f"set-up-{folder.name.lstrip('.')}.log"
    log.parent.mkdir(exist_ok=True)
    log.unlink(missing_ok=True)
    verb = "installing" if is_new else "adding what is missing of"
    what = f"{count_packages(lock_file)} packages, about {size} MB"
    print(f"{folder.name}: {verb} {what} (log: {log.relative_to(ROOT)})", flush=True)
    began = time.monotonic()
    if is_new:
        _run((python, "-m", "venv", "--clear", str(folder)), log)
    _install(folder, lock_file, log)
    if name == "dev":
        _download_schemas(folder, log)
    for stamp in ("run", name):  # the set "dev" holds the set "run"
        (folder / f".ready-{stamp}").touch()
    print(f"{folder.name}: ready after {time.monotonic() - began:.0f} s", flush=True)


def count_packages(lock_file: Path) -> int:
    """Return how many packages a lock file names for Unix; a few are for older Pythons only."""
    pins = re.findall(r"^([\w.-]+)==(.*)", lock_file.read_text("utf-8"), re.MULTILINE)
    return len({name for name, rest in pins if "win32" not in rest})


def _is_ready(folder: Path, name: str) -> bool:
    """Return whether the stamp of a set is newer than everything that the set comes from."""
    stamp = folder / f".ready-{name}"
    sources = [BUILDERS, ROOT / SETS[name][0], *([SCHEMAS] if name == "dev" else [])]
    newest = max(source.stat().st_mtime for source in sources)
    return stamp.exists() and stamp.stat().st_mtime >= newest


def _install(folder: Path, lock_file: Path, log: Path) -> None:
    """Install what the lock files name, with their hashes.

    A package that is published without a wheel is built by the setuptools of `BUILDERS`: an
    isolated build would fetch one without a hash. Byte code is compiled at the end, on all cores,
    which pip does not do.
    """
    python = str(folder / "bin/python")
    pip = (python, "-m", "pip", "--disable-pip-version-check", "install", "--no-compile")
    locked = ("--no-deps", "--require-hashes", "-r")
    _run((*pip, "--only-binary", ":all:", *locked, str(BUILDERS)), log)
    _run((*pip, "--use-pep517", "--no-build-isolation", *locked, str(lock_file)), log)
    (packages,) = folder.glob("lib/python3*/site-packages")
    (packages / "project-sources.pth").write_text(f"{ROOT / 'src'}\n{ROOT / 'tools'}\n")
    # Some packages ship files for other versions of Python, which do not compile.
    compiling = (python, "-m", "compileall", "-q", "-j", "0", str(packages))
    _run(compiling, log, may_fail=True)


def _download_schemas(folder: Path, log: Path) -> None:
    """Put the schemas of ROS beside the packages, as wheels: to install them takes an older attrs,
    and Node."""
    pip = (str(folder / "bin/python"), "-m", "pip", "--disable-pip-version-check", "download")
    options = ("--no-deps", "--only-binary", ":all:", "--dest", str(folder / "ros"))
    _run((*pip, *options, "--require-hashes", "-r", str(SCHEMAS)), log)


def _run(command: tuple[str, ...], log: Path, *, may_fail: bool = False) -> None:
    with log.open("a") as output:
        output.write(f"$ {' '.join(command)}\n")
        output.flush()
        ran = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=False)
    if ran.returncode and not may_fail:
        end = "\n".join(log.read_text("utf-8", "replace").splitlines()[-_LOG_LINES:])
        raise SetUpFailedError(f"{end}\nset-up failed; the whole output is in {log}")


def main(arguments: list[str]) -> int:
    folder, name = arguments
    try:
        create(sys.executable, ROOT / folder, name)
    except SetUpFailedError as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
