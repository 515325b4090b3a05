"""The caller's TCP connection, under uvicorn: what ASGI does not offer, faults need."""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio import Transport

    from starlette.types import Receive, Scope

# On, for 0 seconds: close() sends RST instead of FIN, so that no client takes it for an orderly
# end (the MNS SDK sends a request again, silently, if the server just closed).
_ABORTIVE_CLOSE = struct.pack("ii", 1, 0)


class HttpConnection:
    """To be made after the request's body was read; the server puts the transport in the scope."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._transport: Transport = scope["state"]["transport"]
        self._receive = receive

    @property
    def is_closed(self) -> bool:
        return self._transport.is_closing()

    async def closed(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def reset(self) -> None:
        if not self.is_closed:
            connection = self._transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORTIVE_CLOSE)
            self._transport.abort()
