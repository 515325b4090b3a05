"""The entry points that Function Compute calls: bytes or WSGI in, an answer out.

For an asynchronous event, `Rejected` has been published and is acknowledged, `Skip` is logged and
acknowledged, and `Retryable` is raised after every other item was tried, so that the platform
delivers the event again. HTTP calls are answered by `http_api`.

Errors that leave the function are raised anew, without cause and context: an SDK's message may hold
the whole request.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from threading import Lock
from typing import Any

from . import batch, http_api
from .app import App, build_app
from .error_reporting import as_provisioner_error
from .errors import ProvisionerError, Retryable
from .http_api import HttpResponse
from .invocation import Invocation
from .results.outcome import Outcome
from .sweep import SweepReport
from .triggers import Item, decode_call, decode_items
from .triggers import http as http_trigger

_lock = Lock()
_app: App | None = None


def initialize(context: Any) -> None:
    """Build the app of an instance. Raises `ConfigurationError` with all problems."""
    get_app(context)


def pre_stop(context: Any) -> None:  # noqa: ARG001 - the platform passes it
    """Close the app's connections before the platform stops the instance."""
    if _app is not None:
        _app.close()


def handler(event: bytes, context: Any) -> str:
    """Handle an event, or an HTTP call of generation 3. Raises `Retryable`."""
    app = _get_app_or_error(context)
    if isinstance(app, App):
        return handle_event(app, event, context)
    call = http_trigger.parse_event(event)
    if call and not call.is_asynchronous:
        return http_api.from_error(app).to_document()
    raise Retryable(app.code, app.message)


def http_handler(environ: Mapping[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Handle an HTTP call of generation 2, which is WSGI."""
    context = environ.get("fc.context")
    call = http_trigger.parse_environ(environ)
    app = _get_app_or_error(context)
    if isinstance(app, App):
        invocation = app.start_invocation(context)
        if call.is_asynchronous:
            # Its body by itself is an event that can be delivered again.
            item = Item(decode_call(call), call.raw_bytes)
            response = HttpResponse(200, _handle_items(app, [item], invocation))
        else:
            response = http_api.handle_call(app.deps, call, invocation)
    elif call.is_asynchronous:
        raise Retryable(app.code, app.message)
    else:
        response = http_api.from_error(app)
    status = f"{response.status} {HTTPStatus(response.status).phrase}"
    start_response(status, [("Content-Type", response.content_type), *response.headers.items()])
    return [response.encode()]


def get_app(context: Any) -> App:
    """Return the app of this instance. Raises `ConfigurationError`."""
    global _app  # noqa: PLW0603 - an instance of the function is a process
    if _app is None:
        with _lock:
            _app = _app or build_app()
    _app.check_timeout(context)
    return _app


def handle_event(app: App, payload: bytes, context: Any) -> str:
    """Handle an event and return what became of it, as JSON. Raises `Retryable`."""
    invocation = app.start_invocation(context)
    call = http_trigger.parse_event(payload)
    if call and not call.is_asynchronous:
        return http_api.handle_call(app.deps, call, invocation).to_document()
    return json.dumps(_handle_items(app, decode_items(payload), invocation))


def _handle_items(app: App, items: Sequence[Item], invocation: Invocation) -> dict[str, Any]:
    """Handle the items of an event for whose answer nobody waits. Raises `Retryable`."""
    results = batch.handle_items(app.deps, items, invocation)
    outcomes: list[Outcome] = []
    sweeps = []
    for result in results:
        if isinstance(result, ProvisionerError):
            raise Retryable(result.code, result.message)
        if isinstance(result, SweepReport):
            sweeps.append(result.to_document())
        else:
            outcomes += result
    answer = {"outcomes": [_summarize(outcome) for outcome in outcomes]}
    return {**answer, "sweeps": sweeps} if sweeps else answer


def _get_app_or_error(context: Any) -> App | ProvisionerError:
    try:
        return get_app(context)
    except Exception as error:  # noqa: BLE001 - every exception becomes a typed error
        return as_provisioner_error(error)


def _summarize(outcome: Outcome) -> dict[str, Any]:
    group, error = outcome.group, outcome.error
    return {
        "outcome": outcome.status.value,
        "VServerGroupId": group.id if group else "",
        "VServerGroupName": group.name if group else "",
        "code": error.code if error else "",
    }
