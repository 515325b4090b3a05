"""One process of a function, from its start to its end.

It is asked one thing at a time. Whatever happens to it, asking gives an answer: the process's own,
or the platform's in its place, after which the instance is broken. Only ever its own pid is ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import time
import uuid
from asyncio.subprocess import DEVNULL
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localcloud.services.fc import runtime
from localcloud.services.fc.logs import Output
from localcloud.services.fc.outcome import Answer, of_platform

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Callable, Coroutine, Mapping

    from localcloud.services.fc.logs import Log
    from localcloud.services.fc.model import Function

    Elapse = Callable[[float], Coroutine[Any, Any, None]]

_SCRIPT = str(Path(runtime.__file__).resolve())
_GRACE = 1.0  # seconds from SIGTERM to SIGKILL; real ones, as it is a real process that ends


class Instance:
    def __init__(self, function: Function, elapse: Elapse, era: int) -> None:
        self.instance_id = f"c-{uuid.uuid4().hex[:16]}"
        self.function = function
        self.era = era  # of the world that it belongs to
        self.is_busy = True  # it is made for somebody
        self.is_new = True  # its code has yet to be loaded
        self.is_broken = False
        self.is_running = False
        self.aging: asyncio.Task[None] | None = None  # while it is idle
        self._elapse = elapse

    async def start(
        self, interpreter: str, environ: Mapping[str, str], code: str, log: Log
    ) -> None:
        """OSError if there is no process to be had. Cancelled, it leaves nothing open."""
        self.output = Output(log)
        ours, theirs = socket.socketpair()
        try:
            self._reader, self._writer = await asyncio.open_connection(sock=ours)
            try:
                self.process = await self._launch(interpreter, environ, code, theirs.fileno())
            except BaseException:
                self._writer.close()
                raise
        except BaseException:
            self.output.close()
            raise
        finally:
            theirs.close()
            self.output.inherited()
        self.gone = asyncio.create_task(self._watch())
        self.is_running = True

    async def _launch(
        self, interpreter: str, environ: Mapping[str, str], code: str, descriptor: int
    ) -> Process:
        return await asyncio.create_subprocess_exec(
            *(interpreter, "-s", "-u", _SCRIPT, str(descriptor)),
            env=environ,
            cwd=code,
            stdin=DEVNULL,
            stdout=self.output.descriptor,
            stderr=self.output.descriptor,
            pass_fds=(descriptor,),
            start_new_session=True,  # an interrupt from the keyboard is localcloud's to handle
        )

    async def ask(self, header: Mapping[str, Any], body: bytes, seconds: float) -> Answer:
        began = time.monotonic()
        exchange = asyncio.create_task(self._exchange(header, body))
        timer = asyncio.create_task(self._elapse(seconds))
        try:
            watched = {exchange, timer, self.gone}
            done, _ = await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
            if exchange in done and (answer := exchange.result()) is not None:
                return answer
            duration = time.monotonic() - began
            timed_out = timer in done and not self.is_broken  # a reset kills, and ends every wait
            await self.end()
        except BaseException:
            self.is_broken = True  # what it was asked, it may still be doing
            raise
        finally:
            for task in (exchange, timer):
                task.cancel()
            await asyncio.gather(exchange, timer, return_exceptions=True)
        if timed_out:
            return of_platform(f"Function timed out after {seconds:g} seconds")
        told = f"(duration: {duration * 1000:.0f}ms)"
        return of_platform(f"Process exited unexpectedly before completing request {told}")

    async def end(self) -> None:
        self.is_broken = True
        self._signal(signal.SIGTERM)
        await asyncio.wait({self.gone}, timeout=_GRACE)
        self.kill()
        await asyncio.wait({self.gone})

    def kill(self) -> None:
        self.is_broken = True
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        # Not Process.kill(): it polls before it signals, and would reap the process before the
        # watcher, which then knows no exit status and complains.
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process.pid, number)

    async def _exchange(self, header: Mapping[str, Any], body: bytes) -> Answer | None:
        """None: there is nobody at the other end."""
        text, lengths = json.dumps(header).encode(), runtime.LENGTHS
        try:
            self._writer.write(lengths.pack(len(text), len(body)) + text + body)
            await self._writer.drain()
            size, rest = lengths.unpack(await self._reader.readexactly(lengths.size))
            answered = json.loads(await self._reader.readexactly(size))
            reply = await self._reader.readexactly(rest)
        except (OSError, asyncio.IncompleteReadError):
            return None
        headers = tuple((name, value) for name, value in answered.pop("headers", ()))
        return Answer(reply, headers=headers, **answered)

    async def _watch(self) -> None:
        await self.process.wait()
        self.is_broken, self.is_running = True, False
        self.output.close()
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()
