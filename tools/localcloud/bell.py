"""How a long poll learns, without polling, that something may have changed."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class Bell:
    """Whoever waits is woken by the next ring; a ring that nobody hears leaves no trace."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    def ring(self) -> None:
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)

    async def heard(self, within: float, unless: Coroutine[Any, Any, None] | None = None) -> None:
        """Returns at the next ring, after `within` seconds, or as soon as `unless` is over."""
        ring: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        awaited = [ring] if unless is None else [ring, asyncio.ensure_future(unless)]
        self._waiting.add(ring)
        try:
            await asyncio.wait(awaited, timeout=within, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._waiting.discard(ring)
            for future in awaited:
                future.cancel()
            await asyncio.wait(awaited)
