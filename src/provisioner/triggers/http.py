"""HTTP calls, in the three forms that Function Compute has for them.

HTTP trigger, generation 3, version v1 (doc). All values are strings except `isBase64Encoded`:

    {"version": "v1", "rawPath": "/a%20b", "body": "hi", "isBase64Encoded": false,
     "headers": {"Content-Type": "text/plain"}, "queryParameters": {"k": "v1,v2"},
     "requestContext": {"http": {"method": "POST", "path": "/a b", "…": "…"},
                        "requestId": "req-0001", "…": "…"}}

API gateway (doc). `isBase64Encoded` is documented as a boolean, and a string in the sample:

    {"path": "/a", "httpMethod": "POST", "headers": {}, "queryParameters": {}, "pathParameters": {},
     "body": "hi", "isBase64Encoded": "false"}

HTTP trigger, generation 2: the environ of WSGI (seen), which includes the process's environment.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from provisioner.errors import Rejected
from provisioner.mapping import validation
from provisioner.model import Request

from . import request_document
from .envelope import (
    EnvelopeContext,
    decode_base64,
    decode_json,
    read_identifier,
    unreadable_error,
)

_OBJECT_START = re.compile(rb"(\xef\xbb\xbf)?[ \t\r\n]*\{")
MAX_BODY_BYTES = 32 * 1024 * 1024  # of a synchronous call (doc)
_METHODS_WITHOUT_BODY = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, slots=True)
class HttpCall:
    """One HTTP call. `request_id` is the gateway's or the trigger's id of the call."""

    method: str
    path: str
    body: bytes = field(repr=False)
    request_id: str


def parse_event(payload: bytes) -> HttpCall | None:
    """Read an event of generation 3 or of an API gateway; None if it is no HTTP call.

    Raises `Rejected` for a call with an unreadable body.
    """
    if not _OBJECT_START.match(payload):
        return None
    try:
        value = decode_json(payload, part="the event")
    except Rejected:
        return None
    return _parse_call(value) if isinstance(value, dict) else None


def parse_environ(environ: Mapping[str, Any]) -> HttpCall:
    method = str(environ.get("REQUEST_METHOD", "GET")).upper()
    return HttpCall(
        method=method,
        path=str(environ.get("PATH_INFO", "/")),
        body=_read_wsgi_body(environ, method),
        request_id=read_identifier(getattr(environ.get("fc.context"), "request_id", "")),
    )


def read(value: dict[str, Any], _: EnvelopeContext) -> Request | None:
    """Read the body of a call as one request document, as the route for calls does."""
    call = _parse_call(value)
    return None if call is None else request_document.parse_body(call.body, source="http")


def _parse_call(value: dict[str, Any]) -> HttpCall | None:
    context = value.get("requestContext")
    http = context.get("http") if isinstance(context, dict) else None
    headers = _read_headers(value.get("headers"))
    if isinstance(context, dict) and isinstance(http, dict) and value.get("version") == "v1":
        return HttpCall(
            method=_as_text(http.get("method")).upper(),
            path=_as_text(http.get("path")) or _as_text(value.get("rawPath")),
            body=_read_body(value),
            request_id=read_identifier(
                context.get("requestId") or headers.get("x-fc-request-id", "")
            ),
        )
    if isinstance(value.get("httpMethod"), str) and isinstance(value.get("path"), str):
        return HttpCall(
            method=value["httpMethod"].upper(),
            path=value["path"],
            body=_read_body(value),
            request_id=read_identifier(headers.get("x-ca-request-id", "")),
        )
    return None


def _read_body(value: Mapping[str, Any]) -> bytes:
    body = value.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise unreadable_error(f"the body must be a string, is {validation.describe_type(body)}")
    if str(value.get("isBase64Encoded")).lower() != "true":
        return body.encode("utf-8", "surrogatepass")  # whatever decodes the text rejects it
    try:
        return decode_base64(body)
    except ValueError as error:
        raise unreadable_error(
            "isBase64Encoded is true, but the body is not Base64; correct the flag or the body"
        ) from error


def _read_headers(value: object) -> dict[str, str]:
    pairs = value.items() if isinstance(value, dict) else ()
    return {name.lower(): text for name, text in pairs if isinstance(text, str)}


def _read_wsgi_body(environ: Mapping[str, Any], method: str) -> bytes:
    """Read as many bytes as CONTENT_LENGTH says, or all: the stream ends with the body."""
    stream = environ.get("wsgi.input")
    length = str(environ.get("CONTENT_LENGTH", ""))
    if length.isascii() and length.isdecimal():
        size = min(int(length[:9]), MAX_BODY_BYTES)
    else:
        size = 0 if method in _METHODS_WITHOUT_BODY else MAX_BODY_BYTES
    return bytes(stream.read(size)) if stream and size else b""


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else ""
