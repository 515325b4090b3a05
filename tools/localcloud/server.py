"""Serving a cloud on 127.0.0.1: until told to stop, or in a thread for the length of a test."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import socket
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from localcloud.app import build
from localcloud.cloud import Cloud
from localcloud.registry import SERVICES
from localcloud.worlds import DEFAULT_WORLD

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping

    from localcloud.call import Background

_log = logging.getLogger("localcloud")

HOST = "127.0.0.1"
DEFAULT_PORT = 8900
_PAUSE = 1.0  # seconds before what runs beside the requests is started again


@dataclass(frozen=True)
class Running:
    url: str
    cloud: Cloud  # for reading; changes go through the control endpoint, on the server's loop


@contextlib.contextmanager
def running(world: Mapping[str, Any] = DEFAULT_WORLD, *, port: int = 0) -> Iterator[Running]:
    """Serves a world in a thread; stopped, with every connection, when the block ends."""
    listener = listen(port)
    try:
        cloud = Cloud(world, address(listener))
    except BaseException:
        listener.close()
        raise
    started: Future[Callable[[], object]] = Future()  # how to stop it
    thread = threading.Thread(target=_run, args=(cloud, listener, started), name="localcloud")
    thread.start()
    try:
        stop = started.result()
        try:
            yield Running(address(listener), cloud)
        finally:
            stop()
    finally:
        thread.join()


def _run(cloud: Cloud, listener: socket.socket, started: Future[Callable[[], object]]) -> None:
    async def main() -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        stopping = functools.partial(loop.call_soon_threadsafe, stop.set)
        await serve(cloud, listener, stop, lambda: started.set_result(stopping))

    try:
        asyncio.run(main())
    except BaseException as error:
        if started.done():
            raise
        started.set_exception(error)


def listen(port: int) -> socket.socket:
    # The protocol has to be named: asyncio switches Nagle's algorithm off for nothing else, and
    # with it a client that sends or reads in two parts waits 40 ms for each answer.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        error.filename = f"{HOST}:{port}"  # which a port that is taken does not say
        raise
    return listener


def address(listener: socket.socket, scheme: str = "http") -> str:
    return f"{scheme}://{HOST}:{listener.getsockname()[1]}"


async def serve(
    cloud: Cloud,
    listener: socket.socket,
    stop: asyncio.Event,
    on_ready: Callable[[], None],
    context: ssl.SSLContext | None = None,
) -> None:
    config = uvicorn.Config(
        build(cloud),
        http=_Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        date_header=False,  # the app's own follows the cloud's clock
        server_header=False,
        timeout_keep_alive=600,
        ssl_context_factory=None if context is None else lambda *_: context,
    )
    async with _background(cloud):
        await _Server(config, stop, on_ready).serve([listener])


@contextlib.asynccontextmanager
async def _background(cloud: Cloud) -> AsyncIterator[None]:
    works = [work for service in SERVICES for work in service.background]
    tasks = [asyncio.create_task(_run_beside(work, cloud)) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        cloud.work.cancel()
        await cloud.work.ended()
        cloud.functions.abandon()
        await cloud.functions.ended()
        cloud.files.clear()


async def _run_beside(work: Background, cloud: Cloud) -> None:
    while True:
        try:
            await work(cloud)
        except Exception:  # noqa: BLE001 - the requests go on, and it starts again
            _log.exception("%s failed", work.__qualname__)
        await asyncio.sleep(_PAUSE)


class _Protocol(H11Protocol):
    """Lets a fault reach the connection that it is to break."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


class _Server(uvicorn.Server):
    """Stops when the event is set, at once: nobody waits for idle or hanging connections."""

    def __init__(
        self, config: uvicorn.Config, stop: asyncio.Event, on_ready: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._stop = stop
        self._on_ready = on_ready

    def capture_signals(self) -> contextlib.AbstractContextManager[None]:  # type: ignore[override]
        return contextlib.nullcontext()

    async def main_loop(self) -> None:
        self._on_ready()
        await self._stop.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await _stop_accepting(sockets or [])
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        tasks = list(self.server_state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, asyncio.sleep(0), return_exceptions=True)
        for server in self.servers:
            server.close()
        for item in sockets or []:
            item.close()


async def _stop_accepting(sockets: list[socket.socket]) -> None:
    """Afterwards whoever was accepted stands among the connections. The listeners are still open:
    a connection that asyncio accepted for a server that has closed since is nobody's to close."""
    loop = asyncio.get_running_loop()
    for item in sockets:
        loop.remove_reader(item.fileno())
    for _ in ("accepted", "has a transport", "is made"):
        await asyncio.sleep(0)
