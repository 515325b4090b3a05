from __future__ import annotations

import io
from typing import Any

import pytest

from builders import (
    ABSENT,
    a_hook_request,
    as_base64,
    as_bytes,
    cloud_event,
    document,
    hook_message,
    http_event,
    queue_message,
)
from provisioner.errors import Fault, Rejected
from provisioner.triggers import decode, http, request_document

GATEWAY = {
    "path": "/groups",
    "httpMethod": "post",
    "headers": {"X-Ca-Request-Id": "req-0002", "Accept": "application/json"},
    "queryParameters": {},
    "pathParameters": {},
    "body": "hi",
    "isBase64Encoded": "false",
}


def test_a_generation_3_event_is_read() -> None:
    call = http.parse_event(as_bytes(http_event("hi", headers={"X-Thing": "a", "odd": 7})))
    assert call == http.HttpCall("POST", "/", b"hi", "req-0001")


def test_an_api_gateway_event_is_read() -> None:
    assert http.parse_event(as_bytes(GATEWAY)) == http.HttpCall(
        "POST",
        "/groups",
        b"hi",
        "req-0002",
    )


@pytest.mark.parametrize("flag", [True, "true", "True"])
@pytest.mark.parametrize("event", [http_event(""), GATEWAY])
def test_a_body_is_decoded_when_the_flag_says_so_as_boolean_or_string(
    event: dict[str, Any], flag: Any
) -> None:
    call = http.parse_event(as_bytes({**event, "body": "/+4=", "isBase64Encoded": flag}))
    assert call is not None
    assert call.body == b"\xff\xee"


@pytest.mark.parametrize("flag", [False, "false", None, ABSENT])
def test_a_body_is_taken_as_it_is_without_the_flag(flag: Any) -> None:
    call = http.parse_event(as_bytes(http_event("/+4=", isBase64Encoded=flag)))
    assert call is not None
    assert call.body == b"/+4="


@pytest.mark.parametrize("body", [None, ABSENT, ""])
def test_a_call_without_a_body_has_an_empty_one(body: Any) -> None:
    call = http.parse_event(as_bytes(http_event(body)))
    assert call is not None
    assert call.body == b""


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
    event = as_bytes({**http_event(""), **changes})
    with pytest.raises(Rejected) as raised:
        http.parse_event(event)
    assert (raised.value.code, raised.value.fault) == ("Unreadable", Fault.UNREADABLE)
    (item,) = decode(event)
    assert isinstance(item, Rejected)


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
    call = http.parse_event(as_bytes(http_event("", requestContext={"http": {}}, rawPath="/a%20b")))
    assert call == http.HttpCall("", "/a%20b", b"", "")


def test_the_body_stays_out_of_a_calls_representation() -> None:
    call = http.parse_event(as_bytes(http_event("secret", headers={"Authorization": "secret"})))
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
    assert call.body == body


def test_a_wsgi_body_longer_than_the_platform_takes_is_cut() -> None:
    stream = io.BytesIO(b"x" * (http.MAX_BODY_BYTES + 10))
    call = http.parse_environ({"REQUEST_METHOD": "POST", "wsgi.input": stream})
    assert len(call.body) == http.MAX_BODY_BYTES


def test_a_bare_environ_is_a_call_all_the_same() -> None:
    assert http.parse_environ({}) == http.HttpCall("GET", "/", b"", "")


def test_an_http_body_is_one_request_document_and_no_hook_message() -> None:
    (item,) = decode(as_bytes(http_event(as_bytes(hook_message()).decode())))
    assert isinstance(item, Rejected)
    assert item.code == "InvalidRequest"
    assert decode(as_bytes(hook_message())) == [a_hook_request()]


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
