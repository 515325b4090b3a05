"""What goes on beside the requests in the name of the present world: pushes, streams, timers.
reset() and the end of the server cancel all of it, so that nothing of an old world acts in a new
one.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Coroutine, Hashable

_log = logging.getLogger("localcloud")


class Work:
    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._cancelled: set[asyncio.Task[None]] = set()
        self.era = 0  # another after each cancel()
        self.begun: set[Hashable] = set()  # what this era does once, whoever starts it

    def start(self, work: Coroutine[Any, Any, None], name: str = "") -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work, name=name or None)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def end(self, name: str) -> None:
        """Takes no further step of what was started under this name."""
        for task in self._tasks:
            if task.get_name() == name:
                task.cancel()

    def cancel(self) -> None:
        """None of it takes another step; ended() is when nothing of it is left."""
        self.era += 1
        self.begun.clear()
        for task in self._tasks:
            task.cancel()
        self._cancelled |= self._tasks

    async def ended(self) -> None:
        await asyncio.gather(*self._cancelled, return_exceptions=True)
        self._cancelled = {task for task in self._cancelled if not task.done()}

    def __len__(self) -> int:
        return len(self._tasks)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("%s failed", task.get_name(), exc_info=error)
