"""Where the code of a function lies: its folder, or a zip file's contents, unpacked once."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path


class Packages:
    def __init__(self) -> None:
        self._unpacked: dict[tuple[str, float], tempfile.TemporaryDirectory[str]] = {}

    def folder(self, code: str) -> str:
        """OSError or BadZipFile if there is none."""
        path = Path(code)
        if path.is_dir():
            return code
        version = (code, path.stat().st_mtime)
        if version not in self._unpacked:
            target = tempfile.TemporaryDirectory(prefix="localcloud-function-")
            self._unpacked[version] = target
            with zipfile.ZipFile(path) as archive:
                archive.extractall(target.name)
        return self._unpacked[version].name

    def clear(self) -> None:
        while self._unpacked:
            self._unpacked.popitem()[1].cleanup()
