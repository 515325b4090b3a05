"""Answers to HTTP calls: result documents, and problem details (RFC 9457) for every error."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .errors import Code, Fault, Problem, ProvisionerError, Rejected, Retryable
from .results.document import build_result
from .results.outcome import Outcome

_STATUS: Mapping[Fault, int] = {
    Fault.UNREADABLE: 400,
    Fault.TOO_LARGE: 413,
    Fault.INVALID: 422,
    Fault.NOT_FOUND: 404,
    Fault.CONFLICT: 409,
}
_RETRY_AFTER = 5.0  # seconds, where the cloud named none
_NOT_FOUND = 404
_NOT_ALLOWED = 405
_INTERNAL_ERROR = 500
_UNAVAILABLE = 503
_NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class HttpResponse:
    status: int
    body: Any
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=lambda: _NOTHING)

    def encode(self) -> bytes:
        """Return the body as JSON, or nothing for the answer to a HEAD."""
        return b"" if self.body is None else json.dumps(self.body).encode("ascii")


def from_outcomes(outcomes: Sequence[Outcome]) -> HttpResponse:
    """One result document, or a list where bindings made several of one request."""
    documents = [build_result(outcome) for outcome in outcomes]
    results = documents[0] if len(documents) == 1 else documents
    errors = [outcome.error for outcome in outcomes if outcome.error]
    return from_error(errors[0], result=results) if errors else HttpResponse(200, results)


def from_error(error: ProvisionerError, **more: Any) -> HttpResponse:
    if isinstance(error, Retryable):
        seconds = str(max(1, round(error.retry_after or _RETRY_AFTER)))
        return _problem_response(_UNAVAILABLE, error, headers={"Retry-After": seconds}, **more)
    if isinstance(error, Rejected):
        return _problem_response(_STATUS[error.fault], error, problems=error.problems, **more)
    return HttpResponse(200, {"outcome": "skipped", "reason": error.message})


def from_internal_error(error: ProvisionerError) -> HttpResponse:
    return _problem_response(_INTERNAL_ERROR, error)


def unknown_path_error(paths: Iterable[str]) -> Rejected:
    told = f"there is nothing at this path; there is {', '.join(paths)}"
    return Rejected(Code.NOT_FOUND, told, fault=Fault.NOT_FOUND)


def unknown_method_error(methods: Iterable[str]) -> Rejected:
    return Rejected(Code.METHOD_NOT_ALLOWED, f"this path takes {' or '.join(methods)}")


def from_routing_error(error: Rejected, methods: Sequence[str]) -> HttpResponse:
    """`methods` are those of the path; without one, there is no such path."""
    if not methods:
        return _problem_response(_NOT_FOUND, error)
    return _problem_response(_NOT_ALLOWED, error, headers={"Allow": ", ".join(methods)})


def _problem_response(
    status: int,
    error: ProvisionerError,
    *,
    problems: Iterable[Problem] = (),
    headers: Mapping[str, str] = _NOTHING,
    **more: Any,
) -> HttpResponse:
    body = {
        "type": f"urn:provisioner:{error.code}",
        "title": error.code,
        "status": status,
        "detail": error.message,
        "code": error.code,
        "retryable": isinstance(error, Retryable),
        "errors": [{"pointer": p.path, "detail": p.message} for p in problems],
        **more,
    }
    return HttpResponse(status, body, "application/problem+json", headers)
