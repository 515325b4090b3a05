"""One zip, index.py and all libraries at its root, the same to the byte whenever it is built."""

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

from . import libraries, runtimes
from .runtimes import PackageFailedError

ROOT = Path(__file__).parents[3]
_SOURCES = ROOT / "src"
_SHIPPED = ("index.py", "provisioner")
_SUFFIXES = {".py", ".json"}
_WRITTEN = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can say
_MODE = 0o100644 << 16  # a file that everybody may read


@dataclass(frozen=True, slots=True)
class Package:
    path: Path
    runtime: str
    size: int
    files: int


def build(runtime: str, folder: Path = ROOT / "build", *, anew: bool = False) -> Package:
    """What is there and made of the same is taken. `anew`: nothing is. PackageFailedError."""
    python = runtimes.interpreter(runtime)
    path = folder / f"package-{runtime}.zip"
    # Beside the zip and not in it: its bytes are those of what is in it, wherever it was made.
    note = path.with_suffix(".made-of")
    with _alone(folder):
        found = libraries.made(runtime, ROOT / "requirements.txt", folder, anew=anew)
        if anew or not path.exists() or _noted(note) != _digest(found):
            note.unlink(missing_ok=True)
            assemble(python, found, path)
            note.write_text(_digest(found), "utf-8")
    with zipfile.ZipFile(path) as archive:
        return Package(path, runtime, path.stat().st_size, len(archive.infolist()))


def assemble(python: str, found: Path, path: Path) -> None:
    """The libraries that were found and the function, in one zip."""
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        own = Path(scratch, "own")
        for source in _sources():
            copy = own / source.relative_to(_SOURCES)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)
        libraries.compile_all(python, own)
        unfinished = Path(scratch, path.name)
        _zip(_entries(found) | _entries(own), unfinished)
        unfinished.replace(path)


def _sources() -> list[Path]:
    tops = [_SOURCES / name for name in _SHIPPED]
    below = [path for top in tops for path in [top, *top.rglob("*")]]
    return sorted(path for path in below if path.suffix in _SUFFIXES)


def _digest(found: Path) -> str:
    """Of what a package is made from; the name of the libraries' folder is one already."""
    parts = [found.name.encode()]
    for source in _sources():
        parts += [bytes(source.relative_to(_SOURCES)), source.read_bytes()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _noted(note: Path) -> str:
    return note.read_text("utf-8") if note.exists() else ""


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Several may want the same package at once: one makes it, the others take it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".package.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _entries(tree: Path) -> dict[str, Path]:
    return {path.relative_to(tree).as_posix(): path for path in tree.rglob("*") if path.is_file()}


def _zip(files: dict[str, Path], target: Path) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _WRITTEN)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = _MODE
            entry.create_system = 3  # Unix, whatever the host
            archive.writestr(entry, files[name].read_bytes())


__all__ = ["Package", "PackageFailedError", "build"]
