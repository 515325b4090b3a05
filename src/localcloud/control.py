"""The control endpoint: what a developer or a test does to the cloud that no API offers.

| request                | does                                                       |
| ---------------------- | ---------------------------------------------------------- |
| GET    /_cloud/health  | says that it is there, for which account and region        |
| GET    /_cloud/state   | everything there is, in the APIs' own words                |
| GET    /_cloud/journal | ?after=SEQ, and &wait=SECONDS to be told of the next entry |
| POST   /_cloud/seed    | adds a world document, as a whole or not at all            |
| POST   /_cloud/reset   | back to the world of the start, real time and no faults    |
| POST   /_cloud/clock   | {"advance": seconds} or {"set": moment}                    |
| POST   /_cloud/faults  | adds a list of rules (faults.py)                           |
| DELETE /_cloud/faults  | no rules any more                                          |
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.clock import moment
from localcloud.connection import HttpConnection
from localcloud.documents import BadDocument, Problem, check
from localcloud.state import describe

if TYPE_CHECKING:
    from starlette.requests import Request

    from localcloud.cloud import Cloud

_LONGEST_WAIT = 60  # seconds
_LATEST = moment("2200-01-01T00:00:00Z")

Answer = Callable[["Cloud", "Request"], Awaitable[Any]]


async def health(cloud: Cloud, _request: Request) -> dict[str, Any]:
    world = cloud.world
    return {
        "status": "ready",
        "account": world.account,
        "region": world.region,
        "now": cloud.clock.now(),
    }


async def state(cloud: Cloud, _request: Request) -> dict[str, Any]:
    return describe(cloud)


async def journal(cloud: Cloud, request: Request) -> dict[str, Any]:
    after = int(_number(request, "after"))
    deadline = time.monotonic() + min(_number(request, "wait"), _LONGEST_WAIT)
    connection = HttpConnection(request.scope, request.receive)
    await request.body()
    while True:
        entries = cloud.journal.after(after)
        left = deadline - time.monotonic()
        if entries or left <= 0 or connection.is_closed:
            return {"entries": entries}
        await cloud.journal.bell.heard(left, connection.closed())


async def seed(cloud: Cloud, request: Request) -> dict[str, Any]:
    cloud.seed(await _document(request))
    return {}


async def reset(cloud: Cloud, _request: Request) -> dict[str, Any]:
    cloud.reset()
    return {}


async def clock(cloud: Cloud, request: Request) -> dict[str, Any]:
    document = await _document(request)
    check(document, "clock")
    to = document.get("set", cloud.clock.now() + document.get("advance", 0))
    try:
        to = moment(to) if isinstance(to, str) else to
    except ValueError as error:
        raise BadDocument([Problem("/set", "there is no such moment")]) from error
    if not 0 <= to <= _LATEST:
        raise BadDocument([Problem("", "the clock goes from 1970 to 2200")])
    cloud.move_clock(to)
    return {"now": cloud.clock.now()}


async def add_faults(cloud: Cloud, request: Request) -> list[dict[str, Any]]:
    cloud.faults.add(await _document(request))
    return cloud.faults.describe()


async def clear_faults(cloud: Cloud, _request: Request) -> list[dict[str, Any]]:
    cloud.faults.clear()
    return []


ROUTES: tuple[tuple[str, str, Answer], ...] = (
    ("GET", "/health", health),
    ("GET", "/state", state),
    ("GET", "/journal", journal),
    ("POST", "/seed", seed),
    ("POST", "/reset", reset),
    ("POST", "/clock", clock),
    ("POST", "/faults", add_faults),
    ("DELETE", "/faults", clear_faults),
)


def build(cloud: Cloud) -> Starlette:
    routes = [
        Route(path, _endpoint(cloud, answer), methods=[method]) for method, path, answer in ROUTES
    ]
    return Starlette(routes=routes, exception_handlers={BadDocument: _refuse})


def _endpoint(cloud: Cloud, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return JSONResponse(await answer(cloud, request))

    return endpoint


async def _refuse(_request: Request, error: Exception) -> Response:
    problems = [item._asdict() for item in error.problems] if isinstance(error, BadDocument) else []
    body = {"error": {"code": "BadDocument", "message": str(error), "problems": problems}}
    return JSONResponse(body, HTTPStatus.BAD_REQUEST)


async def _document(request: Request) -> Any:
    try:
        return json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise BadDocument([Problem("", "this is not JSON")]) from error


def _number(request: Request, name: str) -> float:
    text = request.query_params.get(name, "0")
    if not re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,9})?", text):
        raise BadDocument([Problem(name, "this is not a number")])
    return float(text)
