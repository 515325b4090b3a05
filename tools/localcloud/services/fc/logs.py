"""What functions write: on stdout and stderr, in the order of writing, as the platform keeps it."""

from __future__ import annotations

import asyncio
import contextlib
import os

_KEPT = 1 << 20  # bytes; the oldest go first
_PIPE = 1 << 16  # what a pipe holds on Linux


class Log:
    """Of one function, all its instances together; or of one invocation."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def write(self, part: bytes) -> None:
        self._bytes += part
        del self._bytes[:-_KEPT]

    def take(self) -> bytes:
        """What was written since the last time."""
        taken, self._bytes = bytes(self._bytes), bytearray()
        return taken

    @property
    def text(self) -> str:
        return self._bytes.decode("utf-8", "replace")


class Output:
    """Of one process. A pipe of our own: what was written before an answer can then be read before
    the answer is used, and a grandchild that keeps the pipe open holds nobody up.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._latest = Log()
        self._end, self.descriptor = os.pipe()
        os.set_blocking(self._end, False)
        self._is_open = True
        asyncio.get_running_loop().add_reader(self._end, self.drain)

    def write(self, line: str) -> None:
        self._keep(f"{line}\n".encode())

    def drain(self) -> None:
        if not self._is_open:
            return
        with contextlib.suppress(BlockingIOError):
            part = os.read(self._end, _PIPE)  # one read takes all that the pipe can hold
            self._keep(part)
            if not part:
                self._stop_reading()

    def take(self) -> bytes:
        """What was written since the last time."""
        self.drain()
        return self._latest.take()

    def inherited(self) -> None:
        """The process has its copy of the writing end."""
        os.close(self.descriptor)

    def close(self) -> None:
        self.drain()
        if self._is_open:
            self._stop_reading()

    def _stop_reading(self) -> None:
        self._is_open = False
        asyncio.get_running_loop().remove_reader(self._end)
        os.close(self._end)

    def _keep(self, part: bytes) -> None:
        self._log.write(part)
        self._latest.write(part)
