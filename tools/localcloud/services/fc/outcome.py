"""How an invocation ended: what callers get, and what an instance says to make it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http import HTTPStatus

FUNCTION_ERROR = "UnhandledInvocationError"  # doc
TAIL = 4096  # doc: bytes


@dataclass(frozen=True)
class Answer:
    """Of a process, or in the place of one that no longer can."""

    body: bytes = b""
    error: str = ""  # what the log says of a failure
    memory: int = 0  # MB, at its peak
    status: int = HTTPStatus.OK  # these two: of a WSGI handler
    headers: tuple[tuple[str, str], ...] = ()


def of_platform(message: str) -> Answer:
    """The platform's own errors have nothing but a message (seen)."""
    return Answer(json.dumps({"errorMessage": message}).encode(), error=message)


@dataclass(frozen=True)
class Invocation:
    body: bytes
    error_type: str  # '' when it succeeded
    request_id: str
    log: bytes = b""
    instance_id: str = ""
    duration: float = 0.0  # seconds
    memory: int = 0  # MB
    status: int = HTTPStatus.OK  # doc: 200 for a function's error too
    headers: tuple[tuple[str, str], ...] = field(default=())

    @property
    def tail(self) -> bytes:
        return self.log[-TAIL:]
