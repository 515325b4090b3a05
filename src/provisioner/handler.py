"""The edge: bytes or WSGI in, an answer out. The only place where an error becomes an answer.

Asynchronous events: what is `Rejected` has been published and is acknowledged, what is `Skip` is
logged and acknowledged, what is `Retryable` is raised after every other item was tried, so that the
platform delivers the event again. HTTP calls are answered by `answers`. A defect of ours becomes an
error without the text of what caused it: that may hold a payload.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from http import HTTPStatus
from threading import Lock
from typing import Any

from . import batch, http_api
from .app import App, build
from .error_reporting import DEFECT, ours, told
from .errors import ProvisionerError, Rejected, Retryable, Skip
from .http_api import Answer
from .invocation import Invocation
from .provisioning import Task
from .results.outcome import Outcome
from .sweep import Swept
from .triggers import decode, items
from .triggers import http as calls
from .triggers import request_document as documents
from .triggers.http import HttpCall

_lock = Lock()
_app: App | None = None


def initialize(context: Any) -> None:
    """Once for each instance. A configuration that cannot work fails here, with all problems."""
    app(context)


def pre_stop(context: Any) -> None:  # noqa: ARG001 - the platform passes it
    if _app is not None:
        _app.close()


def handler(event: bytes, context: Any) -> str:
    ready = _ready(context)
    if isinstance(ready, App):
        return handle(ready, event, context)
    if _is_call(event):
        return _as_document(_answer(ready))
    raise Retryable(ready.code, ready.message)  # anew: see `handle`


def http_handler(environ: Mapping[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """WSGI, for HTTP triggers of generation 2."""
    context = environ.get("fc.context")
    ready = _ready(context)
    if isinstance(ready, App):
        answer = serve(ready, calls.read_environ(environ), context)
    else:
        answer = _answer(ready)
    status = f"{answer.status} {HTTPStatus(answer.status).phrase}"
    start_response(status, [("Content-Type", answer.content_type), *answer.headers.items()])
    return [answer.encoded()]


def app(context: Any) -> App:
    """Raises `ConfigurationError`, also where the context tells of too short a timeout."""
    global _app  # noqa: PLW0603 - an instance of the function is a process
    if _app is None:
        with _lock:
            _app = _app or build()
    _app.check_time(context)
    return _app


def handle(app: App, payload: bytes, context: Any) -> str:
    """Raises `Retryable`."""
    try:
        call = calls.read_event(payload)
    except Rejected as error:
        told(error, app.invocation(context).log)
        return _as_document(http_api.of_error(error))
    if call:
        return _as_document(serve(app, call, context))
    ended = batch.handled(app.means, items(payload), app.invocation(context))
    for each in ended:
        if isinstance(each, ProvisionerError):
            # Raised anew: what led to it is told in the log, and may hold what must not be printed.
            raise Retryable(each.code, each.message)
    lists = [each for each in ended if not isinstance(each, (Exception, Swept))]
    sweeps = [each.document() for each in ended if isinstance(each, Swept)]
    answer = {"outcomes": [_summary(outcome) for outcomes in lists for outcome in outcomes]}
    return json.dumps({**answer, "sweeps": sweeps} if sweeps else answer)


def serve(app: App, call: HttpCall, context: Any) -> Answer:
    """Never raises."""
    invocation = _traced(app.invocation(context), call)
    methods = _ROUTES.get(call.path.rstrip("/") or "/", {})
    if call.method not in methods:
        error = http_api.no_such_method(methods) if methods else http_api.no_such_path(_ROUTES)
        told(error, invocation.log)
        return http_api.of_misdirected(error, list(methods))
    try:
        return methods[call.method](app, call, invocation)
    except Exception as error:  # noqa: BLE001 - the funnel
        return _answer(told(ours(error), invocation.log))


def _ready(context: Any) -> App | ProvisionerError:
    try:
        return app(context)
    except Exception as error:  # noqa: BLE001 - the funnel
        return ours(error)


def _is_call(payload: bytes) -> bool:
    try:
        return calls.read_event(payload) is not None
    except Rejected:
        return True


def _answer(error: ProvisionerError) -> Answer:
    return http_api.of_defect(error) if error.code == DEFECT else http_api.of_error(error)


def _traced(invocation: Invocation, call: HttpCall) -> Invocation:
    if not call.request_id:
        return invocation
    return replace(invocation, log=invocation.log.bind(http_request_id=call.request_id))


def _health(app: App, call: HttpCall, invocation: Invocation) -> Answer:  # noqa: ARG001
    policy = app.means.policy
    status = "paused" if policy.paused else "ok"
    return Answer(200, {"status": status, "bindings": len(policy.bindings)})


def _provision(app: App, call: HttpCall, invocation: Invocation) -> Answer:
    (item, *rest) = decode(call.body)
    if isinstance(item, Skip) and not rest:
        return http_api.of_error(item)
    request = documents.read_body(call.body, source="http")
    return http_api.of_outcomes(batch.done(app.means, request, request.event, invocation))


def _plan(app: App, call: HttpCall, invocation: Invocation) -> Answer:
    request = documents.read_body(call.body, source="http")
    return http_api.of_outcomes(Task(app.means, request, invocation).planned())


_ROUTES: Mapping[str, Mapping[str, Callable[[App, HttpCall, Invocation], Answer]]] = {
    "/": {"POST": _provision},
    "/provision": {"POST": _provision},
    "/plan": {"POST": _plan},
    "/health": {"GET": _health},
}


def _summary(outcome: Outcome) -> dict[str, Any]:
    group, error = outcome.group, outcome.error
    return {
        "outcome": outcome.status.value,
        "VServerGroupId": group.id if group else "",
        "VServerGroupName": group.name if group else "",
        "code": error.code if error else "",
    }


def _as_document(answer: Answer) -> str:
    """The response document of an HTTP trigger of generation 3 and of an API gateway."""
    return json.dumps(
        {
            "statusCode": answer.status,
            "headers": {"Content-Type": answer.content_type, **answer.headers},
            "isBase64Encoded": False,
            "body": answer.encoded().decode("ascii"),
        }
    )
