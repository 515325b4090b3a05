"""Turns an HTTP request into a function's input, and the function's answer into an HTTP response.

Generation 3 has an event and a response document (doc), generation 2 WSGI (doc; seen, rt).
"""

from __future__ import annotations

import base64
import json
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from localcloud.clock import timestamp
from localcloud.wire.errors import ApiError
from localcloud.wire.fc import Reply

if TYPE_CHECKING:
    from collections.abc import Iterable

    from localcloud.call import Call
    from localcloud.cloud import Cloud
    from localcloud.services.fc.outcome import Invocation
    from localcloud.wire.message import HttpRequest

LARGEST_HEADERS = 8 << 10  # doc: bytes
LARGEST_TARGET = 4 << 10  # doc
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+\Z")  # a token of HTTP, in lower case
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*\Z")
_TEXTS = {  # doc: text, besides text/*
    f"application/{name}"
    for name in ("json", "ld+json", "xhtml+xml", "xml", "atom+xml", "javascript")
}
_STATUSES = range(200, 600)
_CLIENT = "127.0.0.1"  # there is no other: the server binds to nothing else
_CREDENTIALS = ("authorization", "x-fc-security-token", "x-acs-security-token")
# The connection's, not the function's.
_HOP_BY_HOP = ("connection", "content-length", "date", "keep-alive", "transfer-encoding")


def event(cloud: Cloud, call: Call) -> bytes:
    request, path, now = call.request, call.parameters.require("Path"), cloud.clock.now()
    body, is_binary = _text(request)
    host = request.headers.get("host", "")
    document = {
        "version": "v1",
        "rawPath": path,
        "headers": {name.title(): value for name, value in _headers(call).items()},
        "queryParameters": _joined(request.query_pairs),
        "body": body,
        "isBase64Encoded": is_binary,
        "requestContext": {
            "accountId": cloud.world.account,
            "domainName": host,
            "domainPrefix": host.partition(".")[0],
            "requestId": call.request_id,
            "time": timestamp(now),
            "timeEpoch": str(int(now * 1000)),
            "http": {
                "method": request.method,
                "path": unquote(path),
                "protocol": "HTTP/1.1",
                "sourceIp": _CLIENT,
                "userAgent": request.headers.get("user-agent", ""),
            },
        },
    }
    return json.dumps(document).encode()


def environ(call: Call) -> dict[str, str]:
    request = call.request
    headers = _headers(call)
    content_type = headers.pop("content-type", "application/octet-stream")
    headers.pop("content-length", None)
    return {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(call.parameters.require("Path")),
        "QUERY_STRING": request.query,
        "REMOTE_ADDR": _CLIENT,
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(request.body)),
        "SERVER_NAME": "FCRUNTIME",
        "SERVER_PORT": "9000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "fc.request_uri": request.target,
        **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()},
    }


def check(request: HttpRequest) -> None:
    too_large = {
        "headers": sum(len(name) + len(value) for name, value in request.headers.items())
        > LARGEST_HEADERS,
        "path and query": len(request.target) > LARGEST_TARGET,
    }
    for what, found in too_large.items():
        if found:
            message = f"the {what} of the request are too large"
            raise ApiError(HTTPStatus.BAD_REQUEST, "InvalidArgument", message)  # doc


def of_event(ended: Invocation) -> Reply:
    """What becomes of an answer without statusCode is unknown: none is let pass."""
    try:
        document = json.loads(ended.body)
        body = document.get("body", "")
        raw = base64.b64decode(body) if document.get("isBase64Encoded") else body.encode()
        status, headers = document["statusCode"], dict(document.get("headers") or {})
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _bad_response("the function's answer is no response document") from error
    return _reply(status, raw, headers.items())


def of_wsgi(ended: Invocation) -> Reply:
    return _reply(ended.status, ended.body, ended.headers)


def _reply(status: Any, body: bytes, headers: Iterable[tuple[str, Any]]) -> Reply:
    if type(status) is not int or status not in _STATUSES:
        raise _bad_response("the function's answer has no statusCode of HTTP")
    kept = [(name.lower(), str(value)) for name, value in headers]
    kept = [(name, value) for name, value in kept if name not in _HOP_BY_HOP]
    if sum(len(name) + len(value) for name, value in kept) > LARGEST_HEADERS:
        raise _bad_response("the headers of the function's answer are too large")
    if not all(_NAME.match(name) and _VALUE.match(value) for name, value in kept):
        raise _bad_response("a header of the function's answer is none of HTTP")
    return Reply(status, body, tuple(kept))


def _bad_response(message: str) -> ApiError:
    return ApiError(HTTPStatus.BAD_GATEWAY, "BadResponse", message)  # doc


def _headers(call: Call) -> dict[str, str]:
    """Without credentials that the platform has checked (inferred)."""
    hidden = _CREDENTIALS if call.identity else ()
    headers = call.request.headers
    return {name: value for name, value in headers.items() if name not in hidden}


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """doc: what is repeated is joined by commas."""
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _text(request: HttpRequest) -> tuple[str, bool]:
    """doc: the Content-Type decides whether a body is text; without one it is binary."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media.startswith("text/") or media in _TEXTS:
        try:
            return request.body.decode(), False
        except UnicodeDecodeError:  # inferred: text that is none is binary too
            pass
    return base64.b64encode(request.body).decode(), True
