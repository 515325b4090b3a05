"""HTTP triggers: an event and a response document in generation 3, WSGI in generation 2."""

from __future__ import annotations

import base64
import json
from contextlib import closing
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest

from functions import PATIENCE, Functions

EVENT = """
    import json
    def handler(event, context):
        return json.dumps({"statusCode": 201, "headers": {"Content-Type": "application/json",
            "X-Mine": "yes"}, "isBase64Encoded": False, "body": event.decode()})
    """
WSGI = """
    import json
    def handler(environ, start_response):
        body = environ["wsgi.input"].read()
        seen = {k: v for k, v in environ.items() if isinstance(v, str)}
        seen["body"], seen["context"] = body.decode(), environ["fc.context"].request_id
        start_response("202 Accepted", [("Content-Type", "application/json"), ("X-Mine", "yes")])
        yield json.dumps(seen).encode()
        yield b"\\n"
    """


def test_an_http_request_is_an_event_of_version_1(functions: Functions) -> None:
    functions.register(EVENT, HttpTrigger={})
    headers = {"content-type": "text/plain", "user-agent": "curl/8", "x-own": "1"}
    answer = functions.send("POST", "/_http/fn/a%20b?k=v1&k=v2&e=", b"hi", headers)
    assert answer.status == 201
    assert (answer.headers["content-type"], answer.headers["x-mine"]) == ("application/json", "yes")
    event = answer.json
    assert (event["version"], event["rawPath"]) == ("v1", "/a%20b")
    assert (event["body"], event["isBase64Encoded"]) == ("hi", False)
    assert event["queryParameters"] == {"k": "v1,v2", "e": ""}
    assert event["headers"]["Content-Type"] == "text/plain"
    assert event["headers"]["X-Own"] == "1"
    told = event["requestContext"]
    assert told["accountId"] == "1000000000000001"
    assert told["requestId"] == answer.headers["x-fc-request-id"]
    assert told["domainName"] == urlsplit(functions.url).netloc
    assert told["timeEpoch"].isdigit()
    assert told["http"] == {
        "method": "POST",
        "path": "/a b",
        "protocol": "HTTP/1.1",
        "sourceIp": "127.0.0.1",
        "userAgent": "curl/8",
    }


def test_a_binary_body_is_base64_both_ways(functions: Functions) -> None:
    functions.register(
        """
        import json
        def handler(event, context):
            event = json.loads(event)
            return json.dumps({"statusCode": 200, "headers": {}, "body": event["body"],
                "isBase64Encoded": event["isBase64Encoded"]})
        """,
        HttpTrigger={},
    )
    assert functions.send("POST", "/_http/fn", b"\xff\x00").body == b"\xff\x00"


def request(functions: Functions, method: str, body: bytes, media: str) -> dict[str, Any]:
    headers = {"content-type": media} if media else {}
    event: dict[str, Any] = functions.send(method, "/_http/fn", body, headers).json
    return {name: event[name] for name in ("body", "isBase64Encoded")}


def test_the_content_type_decides_whether_a_body_is_base64(functions: Functions) -> None:
    functions.register(EVENT, HttpTrigger={})
    for media in ("text/csv", "application/json; charset=utf-8", "Application/LD+JSON"):
        text = {"body": "hi", "isBase64Encoded": False}
        assert request(functions, "POST", b"hi", media) == text
    for media in ("", "application/octet-stream", "image/svg+xml"):
        binary = {"body": "aGk=", "isBase64Encoded": True}
        assert request(functions, "POST", b"hi", media) == binary
    broken = {"body": "/w==", "isBase64Encoded": True}
    assert request(functions, "POST", b"\xff", "text/plain") == broken


def test_a_get_has_an_empty_body_that_is_binary(functions: Functions) -> None:
    functions.register(EVENT, HttpTrigger={})
    assert request(functions, "GET", b"", "") == {"body": "", "isBase64Encoded": True}


@pytest.mark.parametrize("value", ["Async", "async", "ASYNC"])
def test_a_caller_may_leave_before_the_function_runs(functions: Functions, value: str) -> None:
    functions.register("def handler(event, context): print(event.decode())", HttpTrigger={})
    headers = {"X-Fc-Invocation-Type": value, "content-type": "text/plain"}
    answer = functions.send("POST", "/_http/fn/path", b"hi", headers)
    assert (answer.status, answer.body) == (202, b"")
    functions.logged(f'"X-Fc-Invocation-Type": "{value}"')
    functions.logged('"body": "hi", "isBase64Encoded": false')


def test_the_result_of_such_a_call_goes_to_its_destination_only(
    functions: Functions, mns: Any
) -> None:
    arn = "acs:mns:cn-hangzhou:1000000000000001:/queues/provision-failures/messages"
    destination = {"destinationConfig": {"onFailure": {"destination": arn}}}
    functions.register(
        "def handler(event, context): raise ValueError",
        HttpTrigger={},
        AsyncConfig={**destination, "maxAsyncRetryAttempts": 0},
    )
    headers = {"x-fc-invocation-type": "Async"}
    answer = functions.send("POST", "/_http/fn", b"hi", headers)
    queue = mns.get_queue("provision-failures")
    queue.set_encoding(False)
    record = json.loads(queue.receive_message(10).message_body)
    assert record["requestContext"]["requestId"] == answer.headers["x-fc-request-id"]
    assert json.loads(record["requestPayload"])["body"] == "aGk="


def test_generation_2_is_called_asynchronously_over_http_too(functions: Functions) -> None:
    functions.register(
        """
        def handler(environ, start_response):
            print(environ["PATH_INFO"], environ["wsgi.input"].read())
            start_response("200 OK", [])
            return [b"ok"]
        """,
        "svc/fn",
        HttpTrigger={},
    )
    headers = {"x-fc-invocation-type": "Async"}
    answer = functions.send("POST", "/2016-08-15/proxy/svc/fn/later", b"hi", headers)
    assert (answer.status, answer.body) == (202, b"")
    functions.logged("/later b'hi'", name="svc/fn")


def test_a_header_that_is_repeated_is_joined(functions: Functions) -> None:
    functions.register(EVENT, HttpTrigger={})
    connection = HTTPConnection(urlsplit(functions.url).netloc, timeout=PATIENCE)
    connection.putrequest("GET", "/_http/fn/")
    connection.putheader("X-Own", "1")
    connection.putheader("X-Own", "2")
    connection.endheaders()
    assert json.loads(connection.getresponse().read())["headers"]["X-Own"] == "1,2"
    connection.close()


def test_generation_2_speaks_wsgi(functions: Functions) -> None:
    functions.register(WSGI, "svc/fn", HttpTrigger={"authType": "function"})
    answer = functions.fc2().do_http_request(
        "POST", "svc", "fn", "/a%20b", {"x-own": "1"}, {"a": "1", "b": ["2", "1"]}, b"hi"
    )
    assert (answer.status_code, answer.headers["x-mine"]) == (202, "yes")
    seen = answer.json()
    assert seen["REQUEST_METHOD"] == "POST"
    assert (seen["SCRIPT_NAME"], seen["PATH_INFO"]) == ("", "/a b")
    assert seen["QUERY_STRING"] == "a=1&b=2&b=1"
    assert seen["fc.request_uri"] == "/2016-08-15/proxy/svc/fn/a%20b?a=1&b=2&b=1"
    assert (seen["SERVER_NAME"], seen["SERVER_PORT"]) == ("FCRUNTIME", "9000")
    assert (seen["REMOTE_ADDR"], seen["SERVER_PROTOCOL"]) == ("127.0.0.1", "HTTP/1.1")
    assert (seen["CONTENT_TYPE"], seen["CONTENT_LENGTH"]) == ("application/json", "2")
    assert (seen["body"], seen["HTTP_X_OWN"]) == ("hi", "1")
    assert seen["context"] == answer.headers["x-fc-request-id"]
    assert seen["FC_FUNCTION_NAME"] == "fn", "the environment of the process is part of it"
    assert "HTTP_AUTHORIZATION" not in seen


def test_two_cookies_are_two_headers(functions: Functions) -> None:
    functions.register(
        """
        def handler(environ, start_response):
            start_response("200 OK", [("Set-Cookie", "a=1; Path=/"), ("Set-Cookie", "b=2")])
            return [b"ok"]
        """,
        "svc/fn",
        HttpTrigger={},
    )
    with closing(HTTPConnection(urlsplit(functions.url).netloc, timeout=PATIENCE)) as connection:
        connection.request("GET", "/2016-08-15/proxy/svc/fn/")
        answer = connection.getresponse()
        assert answer.read() == b"ok"
    assert answer.headers.get_all("Set-Cookie") == ["a=1; Path=/", "b=2"]


def test_a_body_without_a_type_is_an_octet_stream(functions: Functions) -> None:
    functions.register(WSGI, "svc/fn", HttpTrigger={})
    seen = functions.send("POST", "/2016-08-15/proxy/svc/fn", b"x").json
    assert (seen["CONTENT_TYPE"], seen["PATH_INFO"]) == ("application/octet-stream", "/")


def test_an_open_trigger_leaves_authorization_to_the_function(functions: Functions) -> None:
    functions.register(EVENT, HttpTrigger={"authType": "anonymous"})
    headers = {"authorization": "Bearer own"}
    assert functions.send("GET", "/_http/fn", headers=headers).json["headers"]["Authorization"] == (
        "Bearer own"
    )


def test_a_trigger_may_take_signed_requests_only(functions: Functions) -> None:
    functions.register(EVENT, HttpTrigger={"authType": "function"})
    answer = functions.send("GET", "/_http/fn")
    assert (answer.status, answer.json["Code"]) == (403, "AccessDenied")


def test_a_trigger_takes_its_methods_only(functions: Functions) -> None:
    functions.register(EVENT, HttpTrigger={"methods": ["GET"]})
    assert functions.send("GET", "/_http/fn").status == 201
    assert functions.send("POST", "/_http/fn").status == 405


def test_a_function_without_a_trigger_has_none(functions: Functions) -> None:
    answer = functions.send("GET", f"/_http/{functions.register(EVENT)}")
    assert (answer.status, answer.json["Code"]) == (404, "TriggerNotFound")
    assert functions.send("GET", "/_http/nobody").json["Code"] == "FunctionNotFound"


def test_a_function_error_is_a_bare_bad_gateway(functions: Functions) -> None:
    for name, path in (("fn", "/_http/fn"), ("svc/fn", "/2016-08-15/proxy/svc/fn/")):
        functions.register("def handler(*_): raise KeyError('k')", name, HttpTrigger={})
        answer = functions.send("GET", path)
        assert (answer.status, answer.body) == (502, b"")
        assert answer.headers["x-fc-error-type"] == "UnhandledInvocationError"
        functions.logged("KeyError: 'k'", name=name)


@pytest.mark.parametrize(
    "returned",
    [
        "'text'",
        "[]",
        "{'body': 'no status'}",
        "{'statusCode': 200, 'body': {}}",
        "{'statusCode': 'fine'}",
        "{'statusCode': 99}",
        "{'statusCode': 200.0}",
        "{'statusCode': 200, 'headers': {'x': 'a\\r\\nb'}}",
        "{'statusCode': 200, 'headers': {'x': '\\u2603'}}",
        "{'statusCode': 200, 'headers': ['x']}",
        "{'statusCode': 200, 'headers': {'x': 'y' * 9000}}",
    ],
)
def test_what_is_no_response_document_is_a_bad_response(
    functions: Functions, returned: str
) -> None:
    functions.register(f"def handler(event, context): return {returned}", HttpTrigger={})
    answer = functions.send("GET", "/_http/fn")
    assert (answer.status, answer.json["Code"]) == (502, "BadResponse")


@pytest.mark.parametrize(
    ("target", "headers"),
    [(f"/_http/fn/{'p' * 4096}", {}), ("/_http/fn", {"x-long": "y" * 8192})],
    ids=["path", "headers"],
)
def test_what_is_too_large_of_a_request_is_an_invalid_argument(
    functions: Functions, target: str, headers: dict[str, str]
) -> None:
    functions.register(EVENT, HttpTrigger={})
    answer = functions.send("GET", target, headers=headers)
    assert (answer.status, answer.json["Code"]) == (400, "InvalidArgument")


def test_logs_and_later_calls_are_there_for_http_too(functions: Functions) -> None:
    functions.register(EVENT.replace("return", "print('seen'); return"), HttpTrigger={})
    answer = functions.send("GET", "/_http/fn", headers={"x-fc-log-type": "Tail"})
    assert b"seen\n" in base64.b64decode(answer.headers["x-fc-log-result"])
    later = functions.send("GET", "/_http/fn", headers={"x-fc-invocation-type": "Async"})
    assert (later.status, later.body) == (202, b"")
    functions.logged(f"FC Invoke End RequestId: {later.headers['x-fc-request-id']}")


@pytest.mark.parametrize("headers", ['[("a",)]', "None", '{"Name": "value"}', '[(b"a", b"b")]'])
def test_wsgi_headers_that_are_none_are_the_functions_error(
    functions: Functions, headers: str
) -> None:
    source = """
        def handler(environ, start_response):
            start_response("200 OK", {headers})
            return [b""]
        """
    functions.register(source.replace("{headers}", headers), "svc/fn", HttpTrigger={})
    answer = functions.send("GET", "/2016-08-15/proxy/svc/fn/")
    assert (answer.status, answer.headers["x-fc-error-type"]) == (502, "UnhandledInvocationError")
    log = functions.log("svc/fn")
    assert "ValueError" in log or "TypeError" in log


def test_wsgi_without_start_response_is_an_error(functions: Functions) -> None:
    functions.register("def handler(environ, start): return [b'x']", "svc/fn", HttpTrigger={})
    assert functions.send("GET", "/2016-08-15/proxy/svc/fn/").status == 502
    functions.logged("the handler did not call start_response", name="svc/fn")
