"""Build one zip, with index.py and all libraries at its root. The same sources and the same
requirements give the same bytes, on any machine.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import checking, libraries, runtimes

ROOT = Path(__file__).parents[3]
SOURCES = ROOT / "src"
LOCK_FILE = ROOT / "requirements.txt"
_SHIPPED = ("index.py", "provisioner")
_SUFFIXES = {".py", ".json"}
_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest date that a zip can have
_MODE = 0o100644 << 16  # a file that everybody may read


@dataclass(frozen=True, slots=True)
class Package:
    """`size` is in bytes."""

    path: Path
    runtime: str
    size: int
    files: int


def build(
    runtime: str,
    folder: Path = ROOT / "build",
    *,
    sources: Path = SOURCES,
    lock_file: Path = LOCK_FILE,
    anew: bool = False,
) -> Package:
    """Build the package in `folder`, unless it is there and made from the same.

    `anew`: installs the libraries again and builds in any case. Raises PackageFailedError.
    """
    python = runtimes.find_interpreter(runtime)
    path = folder / f"package-{runtime}.zip"
    # The note is beside the zip and not in it: the bytes of the zip depend on its content alone.
    note = path.with_suffix(".made-of")
    with _lock(folder):
        installed = libraries.install(runtime, lock_file, folder, anew=anew)
        digest = _compute_digest(installed, sources)
        if anew or not path.exists() or _read_note(note) != digest:
            note.unlink(missing_ok=True)
            assemble(python, installed, path, sources)
            note.write_text(digest, "utf-8")
    with zipfile.ZipFile(path) as archive:
        return Package(path, runtime, path.stat().st_size, len(archive.infolist()))


def install_plain_libraries(runtime: str, folder: Path = ROOT / "build") -> Path:
    """Return a folder with the same libraries as pip installs them, compiled: the bench runs on
    them what it compares the package with. Raises PackageFailedError.
    """
    with _lock(folder):
        return libraries.install(runtime, LOCK_FILE, folder, plain=True)


def assemble(python: str, installed: Path, path: Path, sources: Path = SOURCES) -> None:
    """Zip the installed libraries and the function to `path`, if that passes the checks.

    Raises PackageFailedError.
    """
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        own = Path(scratch, "own")
        for source in _list_sources(sources):
            copy = own / source.relative_to(sources)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)
        libraries.compile_all(python, own)
        unchecked, code = Path(scratch, path.name), Path(scratch, "code")
        _write_zip(_list_entries(installed) | _list_entries(own), unchecked)
        with zipfile.ZipFile(unchecked) as archive:
            archive.extractall(code)
        checking.check(python, code)
        unchecked.replace(path)


def _list_sources(sources: Path) -> list[Path]:
    tops = [sources / name for name in _SHIPPED]
    below = [path for top in tops for path in [top, *top.rglob("*")]]
    return sorted(path for path in below if path.suffix in _SUFFIXES)


def _compute_digest(installed: Path, sources: Path) -> str:
    """Identify what a package is made from. The name of the libraries' folder is a digest too."""
    parts = [installed.name.encode()]
    for source in _list_sources(sources):
        parts += [bytes(source.relative_to(sources)), source.read_bytes()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _read_note(note: Path) -> str:
    return note.read_text("utf-8") if note.exists() else ""


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Let one process at a time build in `folder`; the others then find what it built."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".package.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _list_entries(tree: Path) -> dict[str, Path]:
    return {path.relative_to(tree).as_posix(): path for path in tree.rglob("*") if path.is_file()}


def _write_zip(files: dict[str, Path], target: Path) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = _MODE
            entry.create_system = 3  # Unix, whatever the host
            archive.writestr(entry, files[name].read_bytes())
