"""What was put into buckets, as files, beside the world: Function Compute runs code from them."""

from __future__ import annotations

import tempfile
from pathlib import Path


class Files:
    def __init__(self) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._paths: dict[tuple[str, str], Path] = {}
        self._count = 0

    def put(self, bucket: str, key: str, content: bytes) -> None:
        """A file of its own each time: what was there may be running."""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="localcloud-objects-")
        self._count += 1
        path = Path(self._folder.name, f"{self._count}.object")
        path.write_bytes(content)
        self._paths[bucket, key] = path

    def path(self, bucket: str, key: str) -> Path | None:
        return self._paths.get((bucket, key))

    def clear(self) -> None:
        self._paths.clear()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None
