"""Answers to HTTP calls: result documents, and problem details (RFC 9457) for every error."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .core.errors import Fault, Problem, ProvisionerError, Rejected, Retryable
from .core.model import Outcome
from .core.result import result_document

_STATUS: Mapping[Fault, int] = {
    Fault.UNREADABLE: 400,
    Fault.INVALID: 422,
    Fault.NOT_FOUND: 404,
    Fault.CONFLICT: 409,
}
_RETRY_AFTER = 5.0  # seconds, where the cloud named none
_INTERNAL_ERROR = 500
_UNAVAILABLE = 503
_NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Any
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=lambda: _NOTHING)

    def encoded(self) -> bytes:
        return json.dumps(self.body, ensure_ascii=True).encode("ascii")


def of_outcomes(outcomes: Sequence[Outcome]) -> Answer:
    """One result document, or a list where bindings made several of one request."""
    documents = [result_document(outcome) for outcome in outcomes]
    results = documents[0] if len(documents) == 1 else documents
    errors = [outcome.error for outcome in outcomes if outcome.error]
    return of_error(errors[0], result=results) if errors else Answer(200, results)


def of_error(error: ProvisionerError, **more: Any) -> Answer:
    if isinstance(error, Retryable):
        seconds = str(max(1, round(error.retry_after or _RETRY_AFTER)))
        return _problem(_UNAVAILABLE, error, headers={"Retry-After": seconds}, **more)
    if isinstance(error, Rejected):
        return _problem(_STATUS[error.fault], error, problems=error.problems, **more)
    return Answer(200, {"outcome": "skipped", "reason": error.message})


def of_defect(error: ProvisionerError) -> Answer:
    return _problem(_INTERNAL_ERROR, error)


def no_such_path(paths: Iterable[str]) -> Answer:
    return _bare(404, f"there is nothing at this path; there is {', '.join(paths)}")


def no_such_method(methods: Sequence[str]) -> Answer:
    allowed = {"Allow": ", ".join(methods)}
    return _bare(405, f"this path takes {' or '.join(methods)}", headers=allowed)


def _problem(
    status: int,
    error: ProvisionerError,
    *,
    problems: Iterable[Problem] = (),
    headers: Mapping[str, str] = _NOTHING,
    **more: Any,
) -> Answer:
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
    return Answer(status, body, "application/problem+json", headers)


def _bare(status: int, detail: str, headers: Mapping[str, str] = _NOTHING) -> Answer:
    body = {"type": "about:blank", "status": status, "detail": detail}
    return Answer(status, body, "application/problem+json", headers)
