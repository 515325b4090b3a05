from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from builders import (
    ABSENT,
    a_request,
    as_base64,
    as_bytes,
    cloud_event,
    document,
    hook_message,
    http_event,
    queue_message,
    xml_notification,
)
from provisioner.errors import Fault, Rejected, Skip
from provisioner.model import Request
from provisioner.triggers import decode, decode_body, decode_call, http, request_document
from provisioner.triggers.envelope import MAX_MESSAGE_BYTES
from provisioner.triggers.http import HttpCall

GATEWAY = {
    "path": "/groups",
    "httpMethod": "post",
    "headers": {"X-Ca-Request-Id": "req-0002", "Accept": "application/json"},
    "queryParameters": {},
    "pathParameters": {},
    "body": "hi",
    "isBase64Encoded": "false",
}


def parsed(event: dict[str, Any]) -> HttpCall:
    call = http.parse_event(as_bytes(event))
    assert call is not None
    return call


def test_a_generation_3_event_is_read() -> None:
    call = parsed(http_event("hi", headers={"X-Thing": "a", "odd": 7}))
    assert call == HttpCall("POST", "/", "req-0001", "hi")


def test_an_api_gateway_event_is_read() -> None:
    assert parsed(GATEWAY) == HttpCall("POST", "/groups", "req-0002", "hi")


@pytest.mark.parametrize("spell", [str, str.lower, str.upper])
@pytest.mark.parametrize(
    ("value", "is_asynchronous"),
    [("Async", True), ("async", True), (" ASYNC ", True), ("Sync", False), ("", False), (7, False)],
)
def test_a_call_of_a_trigger_is_asynchronous_if_its_header_says_so_in_any_case(
    spell: Callable[[str], str], value: Any, is_asynchronous: bool
) -> None:
    call = parsed(http_event("hi", headers={spell("X-Fc-Invocation-Type"): value}))
    assert call.is_asynchronous is is_asynchronous
    environ = {"REQUEST_METHOD": "POST", "HTTP_X_FC_INVOCATION_TYPE": value}
    assert http.parse_environ(environ).is_asynchronous is is_asynchronous


def test_a_call_of_a_gateway_is_never_asynchronous_because_the_gateway_waits() -> None:
    assert not parsed({**GATEWAY, "headers": {"X-Fc-Invocation-Type": "Async"}}).is_asynchronous


@pytest.mark.parametrize("flag", [True, "true", "True"])
@pytest.mark.parametrize("event", [http_event(""), GATEWAY])
def test_a_body_is_decoded_when_the_flag_says_so_as_boolean_or_string(
    event: dict[str, Any], flag: Any
) -> None:
    call = parsed({**event, "body": "/+4=", "isBase64Encoded": flag})
    assert call.read_body() == b"\xff\xee"


@pytest.mark.parametrize("flag", [False, "false", None, ABSENT])
def test_a_body_is_taken_as_it_is_without_the_flag(flag: Any) -> None:
    call = parsed(http_event("/+4=", isBase64Encoded=flag))
    assert call.read_body() == b"/+4="


@pytest.mark.parametrize("body", [None, ABSENT, ""])
def test_a_call_without_a_body_has_an_empty_one(body: Any) -> None:
    assert parsed(http_event(body)).read_body() == b""


@pytest.mark.parametrize(
    "changes",
    [
        {"body": "not base64", "isBase64Encoded": True},
        {"body": "YQ=", "isBase64Encoded": True},
        {"body": {"LoadBalancerId": "lb-0001"}},
        {"body": 7},
    ],
)
def test_a_call_whose_body_cannot_be_read_is_refused_as_unreadable(changes: Any) -> None:
    event = {**http_event(""), **changes}
    with pytest.raises(Rejected) as raised:
        parsed(event).read_body()
    assert (raised.value.code, raised.value.fault) == ("Unreadable", Fault.UNREADABLE)
    (item,) = decode(as_bytes(event))
    assert isinstance(item, Rejected)
    assert item.code == "Unreadable"


def test_a_body_may_be_a_megabyte_long_and_a_longer_one_is_too_large() -> None:
    assert len(parsed(http_event("x" * MAX_MESSAGE_BYTES)).read_body()) == MAX_MESSAGE_BYTES
    with pytest.raises(Rejected) as raised:
        parsed(http_event("x" * (MAX_MESSAGE_BYTES + 1))).read_body()
    assert (raised.value.code, raised.value.fault) == ("TooLarge", Fault.TOO_LARGE)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff",
        b"null",
        b"[" * 100_000,
        as_bytes([http_event("hi")]),
        as_bytes(http_event("hi", version="v2")),
        as_bytes(http_event("hi", requestContext={"requestId": "req-0001"})),
        as_bytes(document()),
        as_bytes(hook_message()),
        as_bytes(queue_message("hi")),
        as_bytes(cloud_event({})),
    ],
)
def test_what_is_no_http_call_is_none(payload: bytes) -> None:
    assert http.parse_event(payload) is None


def test_a_path_falls_back_on_the_raw_one() -> None:
    call = parsed(http_event("", requestContext={"http": {}}, rawPath="/a%20b"))
    assert call == HttpCall("", "/a%20b")


def test_the_body_stays_out_of_a_calls_representation() -> None:
    call = parsed(http_event("secret", headers={"Authorization": "secret"}))
    assert "secret" not in repr(call)


@pytest.mark.parametrize(
    ("environ", "body"),
    [
        ({"REQUEST_METHOD": "POST", "CONTENT_LENGTH": "2"}, b"hi"),
        ({"REQUEST_METHOD": "POST", "CONTENT_LENGTH": "0"}, b""),
        ({"REQUEST_METHOD": "POST", "CONTENT_LENGTH": ""}, b"hi there"),
        ({"REQUEST_METHOD": "POST"}, b"hi there"),
        ({"REQUEST_METHOD": "POST", "CONTENT_LENGTH": "-1"}, b"hi there"),
        ({"REQUEST_METHOD": "POST", "CONTENT_LENGTH": "two"}, b"hi there"),
        ({"REQUEST_METHOD": "POST", "CONTENT_LENGTH": "²"}, b"hi there"),
        ({"REQUEST_METHOD": "POST", "CONTENT_LENGTH": "9" * 5000}, b"hi there"),
        ({"REQUEST_METHOD": "GET"}, b""),
        ({}, b""),
    ],
)
def test_a_wsgi_body_is_read_as_far_as_its_length_can_be_believed(
    environ: dict[str, Any], body: bytes
) -> None:
    call = http.parse_environ({**environ, "wsgi.input": io.BytesIO(b"hi there")})
    assert call.read_body() == body


@pytest.mark.parametrize("length", ["", str(MAX_MESSAGE_BYTES + 10), "9" * 5000])
def test_a_wsgi_body_that_is_too_long_is_refused_and_not_read_to_its_end(length: str) -> None:
    stream = io.BytesIO(b"x" * (MAX_MESSAGE_BYTES + 10))
    environ = {"REQUEST_METHOD": "POST", "wsgi.input": stream, "CONTENT_LENGTH": length}
    call = http.parse_environ(environ)
    assert stream.tell() == MAX_MESSAGE_BYTES + 1
    with pytest.raises(Rejected) as raised:
        call.read_body()
    assert raised.value.code == "TooLarge"


def test_a_bare_environ_is_a_call_all_the_same() -> None:
    assert http.parse_environ({}) == HttpCall("GET", "/", raw_body=b"")


HOOK = json.dumps(hook_message())


@pytest.mark.parametrize(
    "body",
    [
        HOOK,
        as_base64(hook_message()),
        xml_notification(HOOK),
        json.dumps({"TopicName": "t", "MessageId": "M1", "Message": HOOK}),
        json.dumps([hook_message()]),
    ],
)
def test_a_hook_message_over_http_is_refused_in_one_sentence(body: str) -> None:
    refused = decode_body(HttpCall("POST", "/", raw_body=body))
    assert isinstance(refused, Rejected)
    assert refused.code == "InvalidRequest"
    assert refused.message.startswith("the body is a lifecycle hook message; let the hook notify")
    assert "." not in refused.message
    (item,) = decode(as_bytes(http_event(body)))
    assert isinstance(item, Rejected)
    assert item.message == refused.message


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/health"), ("HEAD", "/health"), ("HEAD", "/health/")]
)
def test_a_health_check_that_nobody_waits_for_asks_for_nothing(method: str, path: str) -> None:
    assert isinstance(decode_call(HttpCall(method, path)), Skip)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("PUT", "/plan"), ("POST", "/health"), ("POST", "/x")],
)
def test_an_asynchronous_call_without_a_route_is_refused(method: str, path: str) -> None:
    refused = decode_call(HttpCall(method, path, raw_body=json.dumps(document())))
    assert isinstance(refused, Rejected)
    assert (refused.code, refused.fault) == ("NotFound", Fault.NOT_FOUND)


@pytest.mark.parametrize(
    ("path", "dry_run"), [("/", False), ("", False), ("/provision", False), ("/plan", True)]
)
def test_an_asynchronous_call_asks_for_what_its_route_says(path: str, dry_run: bool) -> None:
    asked = decode_call(HttpCall("POST", path, raw_body=json.dumps(document())))
    assert isinstance(asked, Request)
    assert asked == a_request("http", asked.event.id, dry_run=dry_run)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "Unreadable"),
        (b"\xff", "Unreadable"),
        (b"{", "Unreadable"),
        (b'{"LoadBalancerId": NaN}', "Unreadable"),
        (as_base64(document()).encode(), "Unreadable"),
        (as_bytes(document(VServerGroupName="\ud800")), "Unreadable"),
        (as_bytes([document()]), "InvalidRequest"),
        (b'"text"', "InvalidRequest"),
        (b"null", "InvalidRequest"),
        (b"{}", "InvalidRequest"),
    ],
)
def test_a_body_that_is_no_request_document_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(Rejected) as raised:
        request_document.parse_body(body)
    assert raised.value.code == code


def test_a_body_with_a_byte_order_mark_is_read() -> None:
    assert (
        request_document.parse_body(b"\xef\xbb\xbf" + as_bytes(document())).load_balancer_id
        == "lb-0001"
    )
