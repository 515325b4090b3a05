"""Function Compute on the wire, API 2016-08-15 and 2023-03-30, and HTTP triggers."""

from __future__ import annotations

import base64
from http import HTTPStatus
from typing import TYPE_CHECKING

from localcloud.call import Service
from localcloud.services.fc import http_trigger, read_api
from localcloud.services.fc.calls import Job
from localcloud.services.fc.model import LATEST, Function, HttpTrigger, invalid
from localcloud.wire import fc
from localcloud.wire.errors import ApiError, not_implemented
from localcloud.wire.fc import Reply

if TYPE_CHECKING:
    from localcloud.call import Call
    from localcloud.cloud import Cloud
    from localcloud.services.fc.outcome import Invocation

_JSON = "application/json"
_BYTES = "application/octet-stream"


async def invoke_function(cloud: Cloud, call: Call) -> Reply:
    if call.identity is None:
        message = "the header Authorization is required"
        raise ApiError(HTTPStatus.BAD_REQUEST, "MissingRequiredHeader", message)
    function, payload = _function(cloud, call), call.request.body
    told = _log_type(call)
    if _is_asynchronous(call):
        cloud.functions.enqueue(function.name, payload, call.request_id)
        return Reply(HTTPStatus.ACCEPTED)
    ended = await cloud.functions.run(function.name, Job(payload, call.request_id))
    media = {"content-type": _JSON if ended.error_type else _BYTES}
    return Reply(ended.status, ended.body, tuple((media | _report(ended, told)).items()))


async def trigger_by_http(cloud: Cloud, call: Call) -> Reply:
    function = _function(cloud, call)
    trigger = function.http_trigger
    if trigger is None:
        message = f"function '{function.name}' has no HTTP trigger"
        raise ApiError(HTTPStatus.NOT_FOUND, "TriggerNotFound", message)  # seen
    _admit(call, trigger)
    http_trigger.check(call.request)
    told = _log_type(call)
    if not function.service:
        payload = http_trigger.event(cloud, call)
        job = Job(payload, call.request_id)
    else:
        job = Job(call.request.body, call.request_id, environ=http_trigger.environ(call))
    if _is_asynchronous(call):
        cloud.functions.enqueue_job(function.name, job)
        return Reply(HTTPStatus.ACCEPTED)
    ended = await cloud.functions.run(function.name, job)
    if ended.error_type:  # doc: a bare 502
        return Reply(HTTPStatus.BAD_GATEWAY, b"", tuple(_report(ended, told).items()))
    read = http_trigger.of_wsgi if function.service else http_trigger.of_event
    reply = read(ended)
    report = _report(ended, told)
    own = [(name, value) for name, value in reply.headers if name not in report]
    return Reply(reply.status, reply.body, (*own, *report.items()))


def _function(cloud: Cloud, call: Call) -> Function:
    qualifier = call.parameters.text("Qualifier") or LATEST
    found = cloud.functions.definition(call.parameters.require("FunctionName"))
    if qualifier != LATEST:
        raise not_implemented(f"the qualifier {qualifier}: there are no versions and no aliases")
    return found


def _admit(call: Call, trigger: HttpTrigger) -> None:
    if trigger.auth_type != "anonymous" and call.identity is None:
        message = "the HTTP trigger takes signed requests only"
        raise ApiError(HTTPStatus.FORBIDDEN, "AccessDenied", message)
    if trigger.methods and call.request.method not in trigger.methods:
        message = f"the HTTP trigger does not take {call.request.method}"
        # inferred
        raise ApiError(HTTPStatus.METHOD_NOT_ALLOWED, "MethodNotAllowed", message)


def _is_asynchronous(call: Call) -> bool:
    return _one_of(call, "x-fc-invocation-type", "Sync", "Async") == "Async"


def _log_type(call: Call) -> str:
    return _one_of(call, "x-fc-log-type", "None", "Tail")


def _one_of(call: Call, header: str, *values: str) -> str:
    """The value of a header, which may be written in any case (inferred)."""
    given = call.request.headers.get(header, values[0])
    for value in values:
        if value.lower() == given.lower():
            return value
    raise invalid(f"{header} must be one of {', '.join(values)}")


def _report(ended: Invocation, log_type: str) -> dict[str, str]:
    """Documented names; times in ms, memory in MB."""
    headers = {
        "x-fc-instance-id": ended.instance_id,
        "x-fc-invocation-duration": str(round(ended.duration * 1000)),
        "x-fc-max-memory-usage": str(ended.memory),
    }
    if ended.error_type:
        headers["x-fc-error-type"] = ended.error_type
    if log_type == "Tail":
        headers["x-fc-log-result"] = base64.b64encode(ended.tail).decode()
    return headers


SERVICE = Service(
    name="fc",
    dialect=fc,
    versions=(fc.GENERATION_2, fc.GENERATION_3),
    operations={
        "InvokeFunction": invoke_function,
        "TriggerByHttp": trigger_by_http,
        "GetFunction": read_api.get_function,
        "ListTriggers": read_api.list_triggers,
    },
)
