"""The control endpoint: knobs of the cloud, for developers and tests, that no API offers.

| request                | does                                                       |
| ---------------------- | ---------------------------------------------------------- |
| GET    /_cloud/health  | says that it is there, for which account and region        |
| GET    /_cloud/state   | everything there is, in the APIs' own words                |
| GET    /_cloud/journal | ?after=SEQ, and &wait=SECONDS to be told of the next entry |
| POST   /_cloud/seed    | adds a world document, as a whole or not at all            |
| POST   /_cloud/reset   | back to the world of the start, real time and no faults    |
| POST   /_cloud/clock   | {"advance": seconds} or {"set": moment}                    |
| POST   /_cloud/scale   | {"ScalingGroupId", "Adjustment"}: instances come or go      |
| POST   /_cloud/settings | changes what it names (settings.py)                        |
| POST   /_cloud/load-balancers | status, for a while or for good, and quotas of one          |
| POST   /_cloud/servers | stops, starts or releases an instance, container group or ENI |
| POST   /_cloud/backend-health | what health checks find of a server (SetBackendHealth)      |
| POST   /_cloud/functions | adds a function, or takes the place of the one of its name   |
| GET    /_cloud/functions/{name}/logs | what its instances wrote                        |
| DELETE /_cloud/functions/{name}/instances | ends their processes, as a crash would     |
| GET    /_cloud/faults  | the rules, and how often each has fired                    |
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
from localcloud.seed import filled
from localcloud.services.ess.api import adjust
from localcloud.services.fc import seed as functions
from localcloud.state import describe
from localcloud.wire.errors import ApiError

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
        **cloud.places,
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
        await cloud.journal.changes.wait(left, connection.closed())


async def seed(cloud: Cloud, request: Request) -> dict[str, Any]:
    cloud.seed(await _document(request))
    return {}


async def reset(cloud: Cloud, _request: Request) -> dict[str, Any]:
    cloud.reset()
    await cloud.work.ended()
    await cloud.functions.ended()
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


async def scale(cloud: Cloud, request: Request) -> dict[str, Any]:
    document = await _document(request)
    check(document, "scale")
    return adjust(cloud, document["ScalingGroupId"], document["Adjustment"])


async def settings(cloud: Cloud, request: Request) -> dict[str, Any]:
    document = await _document(request)
    check(document, "settings")
    cloud.settings.change(document)
    return cloud.settings.describe()


async def change_load_balancer(cloud: Cloud, request: Request) -> dict[str, Any]:
    document = await _document(request)
    check(document, "load-balancer")
    found = cloud.world.slb.load_balancers.get(document["LoadBalancerId"])
    if found is None:
        raise _absent("LoadBalancerId", "load balancer", document)
    now = cloud.clock.now()
    if "LoadBalancerStatus" in document:
        found.status = document["LoadBalancerStatus"]
        found.status_ends = now + document["ForSeconds"] if "ForSeconds" in document else None
    found.vserver_group_quota = document.get("VServerGroupQuota", found.vserver_group_quota)
    found.backend_quota = document.get("BackendQuota", found.backend_quota)
    return found.describe(now)


async def change_server(cloud: Cloud, request: Request) -> dict[str, Any]:
    document = await _document(request)
    check(document, "server")
    server, status = document["ServerId"], document["Status"]
    compute, now = cloud.world.compute, cloud.clock.now()
    if compute.kind_of(server) is None or server in compute.released:
        raise _absent("ServerId", "server", document)
    if status == "Released":
        compute.release(server, now)
        cloud.world.ess.instances.pop(server, None)  # doc: it leaves out unknown instances
    elif server in compute.instances:
        compute.set_status(server, status, now)
    else:
        raise BadDocument([Problem("/Status", "a network interface can only be released")])
    return {"ServerId": server, "Status": status}


async def set_backend_health(cloud: Cloud, request: Request) -> dict[str, Any]:
    document = await _document(request)
    check(document, "backend-health")
    balancer = document.get("LoadBalancerId")
    if balancer is not None and balancer not in cloud.world.slb.load_balancers:
        raise _absent("LoadBalancerId", "load balancer", document)
    return cloud.world.slb.health.set(document, cloud.clock.now()).describe()


async def add_function(cloud: Cloud, request: Request) -> dict[str, Any]:
    document = filled(await _document(request), cloud.places)
    return functions.register(cloud.world, document).describe()


async def function_logs(cloud: Cloud, request: Request) -> dict[str, Any]:
    return {"log": cloud.functions.log(request.path_params["name"])}


async def kill_instances(cloud: Cloud, request: Request) -> dict[str, Any]:
    return {"Pids": cloud.functions.kill(request.path_params["name"])}


async def list_faults(cloud: Cloud, _request: Request) -> list[dict[str, Any]]:
    return cloud.faults.describe()


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
    ("POST", "/scale", scale),
    ("POST", "/settings", settings),
    ("POST", "/load-balancers", change_load_balancer),
    ("POST", "/servers", change_server),
    ("POST", "/backend-health", set_backend_health),
    ("POST", "/functions", add_function),
    ("GET", "/functions/{name:path}/logs", function_logs),
    ("DELETE", "/functions/{name:path}/instances", kill_instances),
    ("GET", "/faults", list_faults),
    ("POST", "/faults", add_faults),
    ("DELETE", "/faults", clear_faults),
)


def build(cloud: Cloud) -> Starlette:
    routes = [
        Route(path, _endpoint(cloud, answer), methods=[method]) for method, path, answer in ROUTES
    ]
    return Starlette(routes=routes, exception_handlers={BadDocument: _refuse, ApiError: _decline})


def _endpoint(cloud: Cloud, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return JSONResponse(await answer(cloud, request))

    return endpoint


def _absent(name: str, what: str, document: dict[str, Any]) -> BadDocument:
    return BadDocument([Problem(f"/{name}", f"there is no {what} {document[name]}")])


async def _refuse(_request: Request, error: Exception) -> Response:
    problems = [item._asdict() for item in error.problems] if isinstance(error, BadDocument) else []
    body = {"error": {"code": "BadDocument", "message": str(error), "problems": problems}}
    return JSONResponse(body, HTTPStatus.BAD_REQUEST)


async def _decline(_request: Request, error: Exception) -> Response:
    """Answers the refusal of a service."""
    assert isinstance(error, ApiError)
    body = {"error": {"code": error.code, "message": error.message, "problems": []}}
    return JSONResponse(body, error.status)


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
