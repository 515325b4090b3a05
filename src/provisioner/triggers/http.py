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

The caller of an HTTP trigger can ask for an asynchronous invocation with the header
`X-Fc-Invocation-Type: Async` (doc). Nobody waits for the answer then. Whether the event shows the
header is unknown; its name and value are compared in any case.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from provisioner.errors import Rejected
from provisioner.mapping import validation

from .envelope import (
    MAX_MESSAGE_BYTES,
    decode_base64,
    decode_json,
    read_identifier,
    too_large_error,
    unreadable_error,
)

_OBJECT_START = re.compile(rb"(\xef\xbb\xbf)?[ \t\r\n]*\{")
_METHODS_WITHOUT_BODY = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, slots=True)
class HttpCall:
    """One HTTP call. `request_id` is the gateway's or the trigger's id of the call.

    `raw_body` is what the event has for a body: bytes, a string that `is_base64` or not, or a value
    that is no body.
    """

    method: str
    path: str
    request_id: str = ""
    raw_body: object = field(default="", repr=False)
    is_base64: bool = False
    is_asynchronous: bool = False

    @property
    def raw_bytes(self) -> bytes:
        """The body of a call that came as WSGI."""
        assert isinstance(self.raw_body, bytes)
        return self.raw_body

    def read_body(self) -> bytes:
        """Return the body. Raises `Rejected` if it cannot be read or is longer than 1 MB."""
        body = self._decode_body()
        if len(body) > MAX_MESSAGE_BYTES:
            raise too_large_error(f"the body is longer than {MAX_MESSAGE_BYTES} bytes")
        return body

    def _decode_body(self) -> bytes:
        body = self.raw_body
        if isinstance(body, bytes):
            return body
        if body is None:
            return b""
        if not isinstance(body, str):
            seen = validation.describe_type(body)
            raise unreadable_error(f"the body must be a string, is {seen}")
        if not self.is_base64:
            return body.encode("utf-8", "surrogatepass")  # whatever decodes the text rejects it
        try:
            return decode_base64(body)
        except ValueError as error:
            raise unreadable_error(
                "isBase64Encoded is true, but the body is not Base64; correct the flag or the body"
            ) from error


def parse_event(payload: bytes) -> HttpCall | None:
    """Read an event of generation 3 or of an API gateway; None if it is no HTTP call."""
    if not _OBJECT_START.match(payload):
        return None
    try:
        value = decode_json(payload, part="the event")
    except Rejected:
        return None
    return read_call(value) if isinstance(value, dict) else None


def parse_environ(environ: Mapping[str, Any]) -> HttpCall:
    method = str(environ.get("REQUEST_METHOD", "GET")).upper()
    return HttpCall(
        method=method,
        path=str(environ.get("PATH_INFO", "/")),
        request_id=read_identifier(getattr(environ.get("fc.context"), "request_id", "")),
        raw_body=_read_wsgi_body(environ, method),
        is_asynchronous=_is_asynchronous(environ.get("HTTP_X_FC_INVOCATION_TYPE")),
    )


def read_call(value: dict[str, Any]) -> HttpCall | None:
    """Read a parsed event; None if it is no HTTP call."""
    context = value.get("requestContext")
    http = context.get("http") if isinstance(context, dict) else None
    headers = _read_headers(value.get("headers"))
    is_base64 = str(value.get("isBase64Encoded")).lower() == "true"
    if isinstance(context, dict) and isinstance(http, dict) and value.get("version") == "v1":
        return HttpCall(
            method=_as_text(http.get("method")).upper(),
            path=_as_text(http.get("path")) or _as_text(value.get("rawPath")),
            request_id=read_identifier(
                context.get("requestId") or headers.get("x-fc-request-id", "")
            ),
            raw_body=value.get("body"),
            is_base64=is_base64,
            is_asynchronous=_is_asynchronous(headers.get("x-fc-invocation-type")),
        )
    if isinstance(value.get("httpMethod"), str) and isinstance(value.get("path"), str):
        return HttpCall(
            method=value["httpMethod"].upper(),
            path=value["path"],
            request_id=read_identifier(headers.get("x-ca-request-id", "")),
            raw_body=value.get("body"),
            is_base64=is_base64,
        )
    return None


def _is_asynchronous(invocation_type: object) -> bool:
    return isinstance(invocation_type, str) and invocation_type.strip().lower() == "async"


def _read_headers(value: object) -> dict[str, str]:
    pairs = value.items() if isinstance(value, dict) else ()
    return {name.lower(): text for name, text in pairs if isinstance(text, str)}


def _read_wsgi_body(environ: Mapping[str, Any], method: str) -> bytes:
    """Read as many bytes as CONTENT_LENGTH says, or all: the stream ends with the body.

    Of a body that is too long, one byte more than the limit is read.
    """
    stream = environ.get("wsgi.input")
    length = str(environ.get("CONTENT_LENGTH", ""))
    if length.isascii() and length.isdecimal():
        size = min(int(length[:9]), MAX_MESSAGE_BYTES + 1)
    else:
        size = 0 if method in _METHODS_WITHOUT_BODY else MAX_MESSAGE_BYTES + 1
    return bytes(stream.read(size)) if stream and size else b""


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else ""
