"""The edge: bytes or WSGI in, an answer out. The only place where an error becomes an answer.

Asynchronous events: what is `Rejected` has been published and is acknowledged, what is `Skip` is
logged and acknowledged, what is `Retryable` is raised after every other item was tried, so that the
platform delivers the event again. HTTP calls are answered by `answers`. A defect of ours becomes an
error without the text of what caused it: that may hold a payload.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from threading import Lock
from typing import Any

from . import batch, http_api
from .app import App, build_app
from .error_reporting import INTERNAL_ERROR, as_provisioner_error, log_error
from .errors import ProvisionerError, Rejected, Retryable, Skip
from .http_api import HttpResponse
from .invocation import Invocation
from .provisioning import ProvisionTask
from .results.outcome import Outcome
from .sweep import SweepReport
from .triggers import Item, decode_body, decode_call, decode_items
from .triggers import http as calls
from .triggers.http import HttpCall

_lock = Lock()
_app: App | None = None


def initialize(context: Any) -> None:
    """Once for each instance. A configuration that cannot work fails here, with all problems."""
    get_app(context)


def pre_stop(context: Any) -> None:  # noqa: ARG001 - the platform passes it
    if _app is not None:
        _app.close()


def handler(event: bytes, context: Any) -> str:
    ready = _get_app_or_error(context)
    if isinstance(ready, App):
        return handle_event(ready, event, context)
    call = calls.parse_event(event)
    if call and not call.is_asynchronous:
        return _to_document(_to_response(ready))
    raise Retryable(ready.code, ready.message)  # anew: see `handle_items`


def http_handler(environ: Mapping[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """WSGI, for HTTP triggers of generation 2."""
    context = environ.get("fc.context")
    call = calls.parse_environ(environ)
    ready = _get_app_or_error(context)
    if call.is_asynchronous:
        if not isinstance(ready, App):
            raise Retryable(ready.code, ready.message)
        answer = HttpResponse(200, handle_items(ready, _decode_wsgi_items(call), context))
    elif isinstance(ready, App):
        answer = handle_http(ready, call, context)
    else:
        answer = _to_response(ready)
    status = f"{answer.status} {HTTPStatus(answer.status).phrase}"
    start_response(status, [("Content-Type", answer.content_type), *answer.headers.items()])
    return [answer.encode()]


def get_app(context: Any) -> App:
    """Raises `ConfigurationError`, also where the context tells of too short a timeout."""
    global _app  # noqa: PLW0603 - an instance of the function is a process
    if _app is None:
        with _lock:
            _app = _app or build_app()
    _app.check_time(context)
    return _app


def handle_event(app: App, payload: bytes, context: Any) -> str:
    """Raises `Retryable`."""
    call = calls.parse_event(payload)
    if call and not call.is_asynchronous:
        return _to_document(handle_http(app, call, context))
    return json.dumps(handle_items(app, decode_items(payload), context))


def handle_items(app: App, items: Sequence[Item], context: Any) -> dict[str, Any]:
    """Handle the items of an event for whose answer nobody waits. Raises `Retryable`."""
    ended = batch.handle_items(app.deps, items, app.invocation(context))
    for each in ended:
        if isinstance(each, ProvisionerError):
            # Raised anew: what led to it is told in the log, and may hold what must not be printed.
            raise Retryable(each.code, each.message)
    lists = [each for each in ended if not isinstance(each, (Exception, SweepReport))]
    sweeps = [each.document() for each in ended if isinstance(each, SweepReport)]
    answer = {"outcomes": [_summarize(outcome) for outcomes in lists for outcome in outcomes]}
    return {**answer, "sweeps": sweeps} if sweeps else answer


def handle_http(app: App, call: HttpCall, context: Any) -> HttpResponse:
    """Answer a call for which the caller waits. Never raises."""
    response = _route(app, call, context)
    return replace(response, body=None) if call.method == "HEAD" else response


def _route(app: App, call: HttpCall, context: Any) -> HttpResponse:
    invocation = _bind_http_request_id(app.invocation(context), call)
    methods = _ROUTES.get(call.path.rstrip("/") or "/", {})
    if call.method not in methods:
        error = (
            http_api.unknown_method_error(methods)
            if methods
            else http_api.unknown_path_error(_ROUTES)
        )
        log_error(error, invocation.log)
        return http_api.from_routing_error(error, list(methods))
    try:
        return methods[call.method](app, call, invocation)
    except Exception as error:  # noqa: BLE001 - the funnel
        return _to_response(log_error(as_provisioner_error(error), invocation.log))


def _get_app_or_error(context: Any) -> App | ProvisionerError:
    try:
        return get_app(context)
    except Exception as error:  # noqa: BLE001 - the funnel
        return as_provisioner_error(error)


def _decode_wsgi_items(call: HttpCall) -> list[Item]:
    """Decode an asynchronous call. Its body by itself is an event that can be delivered again."""
    assert isinstance(call.raw_body, bytes)
    return [Item(decode_call(call), call.raw_body)]


def _to_response(error: ProvisionerError) -> HttpResponse:
    return (
        http_api.from_internal_error(error)
        if error.code == INTERNAL_ERROR
        else http_api.from_error(error)
    )


def _bind_http_request_id(invocation: Invocation, call: HttpCall) -> Invocation:
    if not call.request_id:
        return invocation
    return replace(invocation, log=invocation.log.bind(http_request_id=call.request_id))


def _get_health(app: App, call: HttpCall, invocation: Invocation) -> HttpResponse:  # noqa: ARG001
    policy = app.deps.config
    status = "paused" if policy.paused else "ok"
    return HttpResponse(200, {"status": status, "bindings": len(policy.bindings)})


def _post_provision(app: App, call: HttpCall, invocation: Invocation) -> HttpResponse:
    request = decode_body(call)
    if isinstance(request, Skip):
        return http_api.from_error(request)
    if isinstance(request, Rejected):
        raise request
    return http_api.from_outcomes(batch.handle_item(app.deps, request, request.event, invocation))


def _post_plan(app: App, call: HttpCall, invocation: Invocation) -> HttpResponse:
    request = decode_body(call)
    if isinstance(request, Skip):
        return http_api.from_error(request)
    if isinstance(request, Rejected):
        raise request
    return http_api.from_outcomes(ProvisionTask(app.deps, request, invocation).plan())


_ROUTES: Mapping[str, Mapping[str, Callable[[App, HttpCall, Invocation], HttpResponse]]] = {
    "/": {"POST": _post_provision},
    "/provision": {"POST": _post_provision},
    "/plan": {"POST": _post_plan},
    "/health": {"GET": _get_health, "HEAD": _get_health},
}


def _summarize(outcome: Outcome) -> dict[str, Any]:
    group, error = outcome.group, outcome.error
    return {
        "outcome": outcome.status.value,
        "VServerGroupId": group.id if group else "",
        "VServerGroupName": group.name if group else "",
        "code": error.code if error else "",
    }


def _to_document(answer: HttpResponse) -> str:
    """The response document of an HTTP trigger of generation 3 and of an API gateway."""
    return json.dumps(
        {
            "statusCode": answer.status,
            "headers": {"Content-Type": answer.content_type, **answer.headers},
            "isBase64Encoded": False,
            "body": answer.encode().decode("ascii"),
        }
    )
