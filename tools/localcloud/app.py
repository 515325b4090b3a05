"""The pipeline that every request to the cloud goes through, and the one place where an error
becomes an answer. Its order is handle()'s: find, admit, fault, run, record.
"""

from __future__ import annotations

import inspect
import logging
import time
from email.utils import formatdate
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount

from localcloud import control
from localcloud.connection import HttpConnection
from localcloud.faults import NO_FAULT
from localcloud.journal import Outcome
from localcloud.registry import identify
from localcloud.wire.errors import ApiError, internal_error, not_implemented
from localcloud.wire.message import HttpRequest
from localcloud.wire.signature import admit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import Message, Receive, Scope, Send

    from localcloud.call import Call, Connection, Operation
    from localcloud.cloud import Cloud
    from localcloud.faults import Fault
    from localcloud.wire.message import HttpAnswer
    from localcloud.wire.signature import Key

_log = logging.getLogger("localcloud")

_PIECES = 10  # of a body that trickles


def build(cloud: Cloud) -> Starlette:
    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        request = await _read(Request(scope, receive))
        connection = HttpConnection(scope, receive)
        call = identify(request, connection)
        answer = await handle(cloud, call)
        if answer is None:
            await connection.closed()
            return
        response = Response(answer.body, answer.status)
        for name, value in (("date", _date(cloud, call)), *answer.headers):
            response.headers.append(name, value)
        sending = _slowed(cloud, connection, send, answer.seconds) if answer.seconds else send
        await response(scope, receive, sending)

    return Starlette(routes=[Mount("/_cloud", control.build(cloud)), Mount("", serve)])


async def handle(cloud: Cloud, call: Call) -> HttpAnswer | None:
    """None: nothing reaches the caller, whose connection is gone."""
    started, fault, code = time.perf_counter(), NO_FAULT, None
    era = cloud.clock  # reset() starts another: what began before it must not reach the new world
    answer: HttpAnswer | None = None
    try:
        operation = _find(call)
        call.identity = _admit(cloud, call)
        fault = cloud.faults.pick(cloud, call)
        await fault.before(cloud, call)
        if cloud.clock is not era:
            call.connection.reset()
            return None
        if fault.has_no_effect:
            answer = call.dialect.render(call, _rehearse(operation, cloud, call, fault))
        elif fault.commit:
            answer = call.dialect.render(call, await _run(operation, cloud, call))
        answer = fault.alter_response(answer)
    except ApiError as error:
        answer, code = call.dialect.render_error(call, error), error.code
    except Exception:  # noqa: BLE001 - the funnel: whatever a service's bug is, it is answered
        _log.exception("%s failed", call.action)
        answer, code = call.dialect.render_error(call, internal_error()), "InternalError"
    if cloud.clock is era:
        outcome = Outcome(answer.status if answer else None, code, fault.name)
        duration = time.perf_counter() - started
        cloud.journal.record(call, outcome, time=cloud.clock.now(), duration=duration)
    return await fault.after(cloud, call, answer)


def _admit(cloud: Cloud, call: Call) -> Key | None:
    claim, words = call.dialect.claim(call.request), call.dialect.REFUSALS
    if claim is None:
        return None
    return admit(claim, words, cloud.keys, cloud.nonces, clock=cloud.clock.now())


def _find(call: Call) -> Operation:
    operation = call.service.operations.get(call.action) if call.service else None
    if operation is None:
        what = f"{call.request.method} {call.request.path}"
        version = f"version {call.version}" if call.version else "no version"
        raise not_implemented(f"{call.action} of {version}" if call.action else what)
    return operation


async def _run(operation: Operation, cloud: Cloud, call: Call) -> object:
    result = operation(cloud, call)
    return await result if inspect.isawaitable(result) else result


def _rehearse(operation: Operation, cloud: Cloud, call: Call, fault: Fault) -> object:
    """The answer of a call that succeeds and changes nothing."""
    with cloud.rehearsal():
        result = operation(cloud, call)
    if fault.answer == "actual" and call.service:
        return call.service.actual(cloud, result)
    return result


def _date(cloud: Cloud, call: Call) -> str:
    skew = cloud.settings.date_skew.next(call.service.name) if call.service else 0.0
    return formatdate(cloud.clock.now() + skew, usegmt=True)


def _slowed(cloud: Cloud, connection: Connection, send: Send, seconds: float) -> Send:
    """Sends a body in pieces, each after its share of the time."""

    async def slowed(message: Message) -> None:
        body = message.get("body", b"")
        if message["type"] != "http.response.body" or not body:
            await send(message)
            return
        size = -(-len(body) // _PIECES)
        for start in range(0, len(body), size):
            await cloud.elapse(seconds * size / len(body), connection)
            await send({**message, "body": body[start : start + size], "more_body": True})
        await send({**message, "body": b""})

    return slowed


async def _read(request: Request) -> HttpRequest:
    return HttpRequest(
        method=request.method,
        path=request.scope["raw_path"].decode("ascii"),
        query=request.scope["query_string"].decode("ascii"),
        headers=_joined(request.headers.items()),
        body=await request.body(),
    )


def _joined(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """One that is repeated means the same as one with all its values."""
    joined: dict[str, str] = {}
    for name, value in headers:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined
