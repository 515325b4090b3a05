"""One zip, index.py and all libraries at its root, the same to the byte whenever it is built."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
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
    """`anew`: the libraries, too, whatever is there. PackageFailedError."""
    python = runtimes.interpreter(runtime)
    lock_file = ROOT / "requirements.txt"
    found = libraries.made(runtime, lock_file, folder, anew=anew)
    path = folder / f"package-{runtime}.zip"
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        own = Path(scratch, "own")
        _copy_sources(own)
        libraries.compile_all(python, own)
        files = _entries(found) | _entries(own)
        unfinished = Path(scratch, path.name)
        _zip(files, unfinished)
        unfinished.replace(path)
    return Package(path, runtime, path.stat().st_size, len(files))


def _copy_sources(target: Path) -> None:
    for name in _SHIPPED:
        top = _SOURCES / name
        for path in [top] if top.is_file() else sorted(top.rglob("*")):
            if path.suffix in _SUFFIXES:
                copy = target / path.relative_to(_SOURCES)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copy)


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
