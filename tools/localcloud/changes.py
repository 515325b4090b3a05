"""Change notifications: a long poll waits for the next change instead of polling."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class Changes:
    """Wakes everything that waits, at each `notify()`. A notification without a waiter is lost."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    def notify(self) -> None:
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)

    async def wait(self, within: float, unless: Coroutine[Any, Any, None] | None = None) -> None:
        """Returns at the next change, after `within` seconds, or as soon as `unless` ends."""
        change: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        awaited = [change] if unless is None else [change, asyncio.ensure_future(unless)]
        self._waiting.add(change)
        try:
            await asyncio.wait(awaited, timeout=within, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._waiting.discard(change)
            for future in awaited:
                future.cancel()
            await asyncio.wait(awaited)
