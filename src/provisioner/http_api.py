"""Answer HTTP calls: the routes, and result documents or problem details (RFC 9457) as responses.

POST /, /provision   handle one request document
POST /plan           say what /provision would do
GET, HEAD /health    say whether the function is ready
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any

from .batch import handle_item
from .error_reporting import INTERNAL_ERROR, as_provisioner_error, log_error
from .errors import Code, Fault, Problem, ProvisionerError, Rejected, Retryable, Skip
from .invocation import Invocation
from .model import Request
from .provisioning import Dependencies, ProvisionTask
from .results.document import build_result
from .results.outcome import Outcome
from .triggers import decode_body
from .triggers.http import HttpCall

_STATUS: Mapping[Fault, HTTPStatus] = {
    Fault.UNREADABLE: HTTPStatus.BAD_REQUEST,
    Fault.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Fault.INVALID: HTTPStatus.UNPROCESSABLE_ENTITY,
    Fault.NOT_FOUND: HTTPStatus.NOT_FOUND,
    Fault.CONFLICT: HTTPStatus.CONFLICT,
    Fault.QUOTA: HTTPStatus.CONFLICT,
}
_RETRY_AFTER = 5.0  # seconds, where the cloud does not say


@dataclass(frozen=True, slots=True)
class HttpResponse:
    status: int
    body: Any
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)

    def encode(self) -> bytes:
        """Return the body as JSON, or nothing for the answer to a HEAD."""
        return b"" if self.body is None else json.dumps(self.body).encode("ascii")

    def to_document(self) -> str:
        """Return the response document of an HTTP trigger (generation 3) or an API gateway."""
        return json.dumps(
            {
                "statusCode": self.status,
                "headers": {"Content-Type": self.content_type, **self.headers},
                "isBase64Encoded": False,
                "body": self.encode().decode("ascii"),
            }
        )


def handle_call(deps: Dependencies, call: HttpCall, invocation: Invocation) -> HttpResponse:
    """Answer a call for which the caller waits. Never raises."""
    response = _route(deps, call, invocation)
    return replace(response, body=None) if call.method == "HEAD" else response


def _route(deps: Dependencies, call: HttpCall, invocation: Invocation) -> HttpResponse:
    if call.request_id:
        invocation = invocation.bind_log(http_request_id=call.request_id)
    endpoints = _ROUTES.get(call.path.rstrip("/") or "/")
    if endpoints is None:
        message = f"nothing is at this path; the paths are {', '.join(_ROUTES)}"
        error = Rejected(Code.NOT_FOUND, message, fault=Fault.NOT_FOUND)
        return from_error(log_error(error, invocation.log))
    if call.method not in endpoints:
        return _method_not_allowed(endpoints, invocation)
    try:
        return endpoints[call.method](deps, call, invocation)
    except Skip as skip:
        return from_error(skip)
    except Exception as defect:  # noqa: BLE001 - the only place that catches defects of a call
        return from_error(log_error(as_provisioner_error(defect), invocation.log))


def from_outcomes(outcomes: Sequence[Outcome]) -> HttpResponse:
    """Return one result document, or a list if bindings made several groups of the request."""
    documents = [build_result(outcome) for outcome in outcomes]
    results = documents[0] if len(documents) == 1 else documents
    errors = [outcome.error for outcome in outcomes if outcome.error]
    return from_error(errors[0], result=results) if errors else HttpResponse(200, results)


def from_error(error: ProvisionerError, **members: Any) -> HttpResponse:
    """Return the problem details of an error, with `members` beside the standard ones."""
    if error.code == INTERNAL_ERROR:
        return _problem(HTTPStatus.INTERNAL_SERVER_ERROR, error, **members)
    if isinstance(error, Retryable):
        seconds = str(max(1, round(error.retry_after or _RETRY_AFTER)))
        headers = {"Retry-After": seconds}
        return _problem(HTTPStatus.SERVICE_UNAVAILABLE, error, headers=headers, **members)
    if isinstance(error, Rejected):
        return _problem(_STATUS[error.fault], error, problems=error.problems, **members)
    return HttpResponse(200, {"outcome": "skipped", "reason": error.message})


def _problem(
    status: HTTPStatus,
    error: ProvisionerError,
    *,
    problems: Iterable[Problem] = (),
    headers: Mapping[str, str] | None = None,
    **members: Any,
) -> HttpResponse:
    body = {
        "type": f"urn:provisioner:{error.code}",
        "title": error.code,
        "status": int(status),
        "detail": error.message,
        "code": error.code,
        "retryable": isinstance(error, Retryable),
        "errors": [{"pointer": p.path, "detail": p.message} for p in problems],
        **members,
    }
    return HttpResponse(int(status), body, "application/problem+json", headers or {})


def _method_not_allowed(methods: Iterable[str], invocation: Invocation) -> HttpResponse:
    error = Rejected(Code.METHOD_NOT_ALLOWED, f"this path takes {' or '.join(methods)}")
    log_error(error, invocation.log)
    headers = {"Allow": ", ".join(methods)}
    return _problem(HTTPStatus.METHOD_NOT_ALLOWED, error, headers=headers)


def _decode_request(call: HttpCall) -> Request:
    """Raises `Rejected`, and `Skip` for a body that asks for nothing."""
    decoded = decode_body(call)
    if isinstance(decoded, ProvisionerError):
        raise decoded
    return decoded


def _get_health(deps: Dependencies, _call: HttpCall, _invocation: Invocation) -> HttpResponse:
    status = "paused" if deps.config.paused else "ok"
    return HttpResponse(200, {"status": status, "bindings": len(deps.config.bindings)})


def _post_provision(deps: Dependencies, call: HttpCall, invocation: Invocation) -> HttpResponse:
    request = _decode_request(call)
    return from_outcomes(handle_item(deps, request, request.event, invocation))


def _post_plan(deps: Dependencies, call: HttpCall, invocation: Invocation) -> HttpResponse:
    request = _decode_request(call)
    return from_outcomes(ProvisionTask(deps, request, invocation).plan())


_Endpoint = Callable[[Dependencies, HttpCall, Invocation], HttpResponse]
_ROUTES: Mapping[str, Mapping[str, _Endpoint]] = {
    "/": {"POST": _post_provision},
    "/provision": {"POST": _post_provision},
    "/plan": {"POST": _post_plan},
    "/health": {"GET": _get_health, "HEAD": _get_health},
}
