"""Where the code of a function lies: its folder, or a zip file's contents, unpacked once."""

from __future__ import annotations

import asyncio
import contextlib
import lzma
import tempfile
import zipfile
import zlib
from pathlib import Path

_Folder = tempfile.TemporaryDirectory[str]
# RuntimeError: the file is encrypted; its subclass NotImplementedError: an unknown compression.
_UNREADABLE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, ValueError, RuntimeError)


class BadPackage(Exception):
    """A zip file that cannot be unpacked."""


class Packages:
    def __init__(self) -> None:
        self._unpacked: dict[tuple[str, float], asyncio.Task[_Folder]] = {}

    async def folder(self, code: str) -> str:
        """OSError or BadPackage if there is none."""
        version = _version(code)
        if version is None:
            return code
        if version not in self._unpacked:
            unpacking = asyncio.create_task(asyncio.to_thread(_unpacked, Path(code)))
            self._unpacked[version] = unpacking
        unpacking = self._unpacked[version]
        try:
            return (await asyncio.shield(unpacking)).name  # others may wait for it too
        except (OSError, BadPackage):
            if self._unpacked.get(version) is unpacking:
                del self._unpacked[version]
            raise

    async def clear(self) -> None:
        while self._unpacked:
            _, unpacking = self._unpacked.popitem()
            with contextlib.suppress(OSError, BadPackage):
                await asyncio.to_thread((await unpacking).cleanup)


def _version(code: str) -> tuple[str, float] | None:
    """None: it is a folder, which is run in place."""
    path = Path(code)
    return None if path.is_dir() else (code, path.stat().st_mtime)


def _unpacked(path: Path) -> _Folder:
    target = tempfile.TemporaryDirectory(prefix="localcloud-function-")
    try:
        with zipfile.ZipFile(path) as archive:
            archive.extractall(target.name)
    except BaseException as error:
        target.cleanup()
        if isinstance(error, _UNREADABLE):
            raise BadPackage(f"{path} cannot be unpacked: {error}") from error
        raise
    return target
