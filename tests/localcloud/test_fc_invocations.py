"""Calling functions: the clients, what functions see, what they return, and what is refused."""

from __future__ import annotations

import base64
import logging
import sys
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from fc2.fc_exceptions import FcError

from functions import ECHO, HERE, SECRET, Functions, found, runtime
from localcloud.services.fc import interpreters
from localcloud.wire import fc_auth
from localcloud.wire.message import HttpRequest

RAISES = """
    def handler(event, context):
        raise ValueError("boom")
    """


@pytest.fixture
def silent_fc2() -> Iterator[None]:
    """It logs the headers of a failed request, authorization and all, at ERROR."""
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


def test_every_client_calls_the_same_function_and_gets_the_same_answer(
    functions: Functions,
) -> None:
    functions.register("def handler(event, context): return b'<' + event + b'>'", "svc/fn")
    for answer in (
        functions.fc2().invoke_function("svc", "fn", b"\x00e").data,
        functions.fc2().invoke_function("svc", "fn", b"\x00e", qualifier="LATEST").data,
        functions.fc3_call("svc$fn", b"\x00e").body,
        functions.call("svc/fn", b"\x00e").body,
    ):
        assert answer == b"<\x00e>"
    (instance,) = functions.instances("svc/fn")
    assert instance["Status"] == "idle"


def test_the_journal_knows_which_function_was_called(functions: Functions, control: Any) -> None:
    functions.call(functions.register())
    entry = control.journal()[-1]
    assert (entry["service"], entry["action"], entry["caller"]) == (
        "fc",
        "InvokeFunction",
        "localcloud",
    )
    assert entry["concerns"] == {"FunctionName": "fn"}


def test_an_answer_says_which_request_and_instance_it_came_from(functions: Functions) -> None:
    functions.register("def handler(event, context): return context.request_id")
    answer = functions.call()
    assert answer.body.decode() == answer.headers["x-fc-request-id"]
    assert answer.headers["x-fc-instance-id"] == functions.instances()[0]["InstanceId"]
    assert int(answer.headers["x-fc-max-memory-usage"]) > 0
    assert int(answer.headers["x-fc-invocation-duration"]) >= 0
    assert not {"x-fc-error-type", "x-fc-log-result"} & answer.headers.keys()


@pytest.mark.parametrize(
    ("returned", "body"),
    [
        ("'text ü'", "text ü"),
        ("b'bytes'", "bytes"),
        ("{'b': [1], 'a': None}", '{\n    "a": null,\n    "b": [\n        1\n    ]\n}'),
        ("None", "null"),
        ("'{\"a\": 1}'", '{"a": 1}'),
    ],
)
def test_text_and_bytes_are_returned_as_they_are_and_anything_else_as_json(
    functions: Functions, returned: str, body: str
) -> None:
    functions.register(f"def handler(event, context): return {returned}")
    assert functions.call().body.decode() == body


def test_what_is_not_json_is_a_type_error_of_the_function(functions: Functions) -> None:
    functions.register("def handler(event, context): return {1, 2}")
    assert functions.call().json["errorType"] == "TypeError"


def test_a_function_error_is_answered_200_with_its_message_type_and_stack(
    functions: Functions,
) -> None:
    functions.register(RAISES)
    answer = functions.call()
    assert (answer.status, answer.headers["x-fc-error-type"]) == (200, "UnhandledInvocationError")
    error = answer.json
    assert (error["errorMessage"], error["errorType"]) == ("boom", "ValueError")
    ((file, line, where, code),) = error["stackTrace"]
    assert file.startswith('File "')
    assert file.endswith('/index.py"')
    assert (line, where, code) == ("line 3", "in handler", 'raise ValueError("boom")')
    functions.call()
    assert len(functions.instances()) == 1, "an instance survives the error of its function"


@pytest.mark.usefixtures("silent_fc2")
def test_fc2_raises_a_function_error(functions: Functions) -> None:
    functions.register(RAISES, "svc/fn")
    with pytest.raises(FcError) as caught:
        functions.fc2().invoke_function("svc", "fn", b"")
    assert (caught.value.status_code, caught.value.err_code) == (200, "")


def test_the_client_of_2023_does_not_raise_a_function_error(functions: Functions) -> None:
    answer = functions.fc3_call(functions.register(RAISES), b"")
    assert (answer.status, answer.headers["x-fc-error-type"]) == (200, "UnhandledInvocationError")


@pytest.mark.parametrize(
    ("source", "handler", "kind", "message"),
    [
        ("", "index", "InvalidHandleName", "Invalid handler 'index'"),
        ("", "index.f", "HandlerNotFound", "Handler 'f' is missing on module 'index'"),
        ("", "other.f", "ImportModuleError", "Unable to import module 'other'"),
        ("import nowhere", "index.f", "ImportModuleError", "Unable to import module 'index'"),
        ("def", "index.f", "UserCodeSyntaxError", "Syntax error in module 'index'"),
        ("1 / 0", "index.f", "UserCodeError", "Module initialization error: division by zero"),
    ],
)
def test_code_that_cannot_be_loaded_says_why(
    functions: Functions, source: str, handler: str, kind: str, message: str
) -> None:
    functions.register(source, Handler=handler)
    error = functions.call().json
    assert (error["errorType"], error["errorMessage"]) == (kind, message)
    assert all(isinstance(line, str) for line in error["stackTrace"])


def test_a_handlers_module_may_lie_in_a_folder(functions: Functions) -> None:
    functions.register(ECHO, Handler="package/module.handler")
    code = Path(functions.send("GET", "/_cloud/state").json["Functions"][0]["Code"])
    (code / "package").mkdir()
    (code / "index.py").rename(code / "package" / "module.py")
    assert functions.call("fn", b"found").body == b"found"


SEEN = """
    import json, os, sys
    def handler(event, context):
        def plain(value):
            fields = getattr(value, "__dict__", None)
            return {k: plain(v) for k, v in fields.items()} if fields is not None else value
        seen = plain(context)
        seen["logger"] = context.logger is not None
        version = "python%d.%d" % sys.version_info[:2]
        return json.dumps({"context": seen, "environ": dict(os.environ), "version": version})
    """
OLDER_CONTEXT = {"credentials", "service", "tracing"}


@pytest.mark.parametrize("name", ["python3.9", "python3.10", "python3.12"])
def test_a_function_runs_on_its_runtime_and_sees_that_runtimes_context(
    functions: Functions, name: str
) -> None:
    functions.register(SEEN, **runtime(name), Timeout=7, MemorySize=256)
    seen = functions.call().json
    assert seen["version"] == name
    context, environ = seen["context"], seen["environ"]
    assert (context["region"], context["account_id"]) == ("cn-hangzhou", "1000000000000001")
    assert (context["function"]["name"], context["function"]["memory"]) == ("fn", 256)
    if name == "python3.12":
        assert not OLDER_CONTEXT & context.keys()
        assert context["function"]["timeout"] == 7
        assert context["function"]["qualifier"] == "LATEST"
        assert context["logger"]
        assert environ["FC_FUNCTION_VERSION"] == "LATEST"
    else:
        assert context.keys() > OLDER_CONTEXT
        assert context["function"]["timeout"] == "7"
        assert context["credentials"]["access_key_id"] == environ["ALIBABA_CLOUD_ACCESS_KEY_ID"]
        assert environ["FC_VER_ID"] == "LATEST"


def test_a_function_runs_on_an_interpreter_that_it_names(functions: Functions) -> None:
    """The platform has no runtime of 3.11; it is given the context of the one before."""
    interpreter = found("python3.11")
    functions.register(SEEN, Runtime="python3.10", Interpreter=interpreter)
    seen = functions.call().json
    assert seen["version"] == "python3.11"
    assert seen["context"].keys() > OLDER_CONTEXT
    assert seen["environ"]["FC_VER_ID"] == "LATEST"


def test_the_environment_is_the_documented_one_and_the_functions_own(
    functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OF_THE_HOST", "unseen")
    functions.register(SEEN, EnvironmentVariables={"MINE": "1"}, MemorySize=256)
    environ = functions.call().json["environ"]
    assert environ["MINE"] == "1"
    assert environ["FC_FUNCTION_NAME"] == "fn"
    assert environ["FC_FUNCTION_HANDLER"] == "index.handler"
    assert environ["FC_FUNCTION_MEMORY_SIZE"] == "256"
    assert (environ["FC_REGION"], environ["FC_ACCOUNT_ID"]) == ("cn-hangzhou", "1000000000000001")
    assert environ["FC_INSTANCE_ID"] == functions.instances()[0]["InstanceId"]
    assert Path(environ["FC_FUNC_CODE_PATH"], "index.py").exists()
    assert not {"OF_THE_HOST", "FC_SERVICE_NAME", "accessKeyID"} & environ.keys()


def test_generation_2_has_a_service_and_the_older_names_of_the_credentials(
    functions: Functions,
) -> None:
    functions.register(SEEN, "svc/fn", **runtime("python3.10"))
    seen = functions.call("svc/fn").json
    environ = seen["environ"]
    assert (environ["FC_SERVICE_NAME"], environ["FC_QUALIFIER"]) == ("svc", "LATEST")
    assert environ["FC_FUNCTION_NAME"] == "fn"
    assert environ["accessKeyID"] == environ["ALIBABA_CLOUD_ACCESS_KEY_ID"]
    assert environ["securityToken"] == environ["ALIBABA_CLOUD_SECURITY_TOKEN"]
    assert seen["context"]["service"]["name"] == "svc"


def test_a_runtime_that_is_not_there_is_named(
    functions: Functions, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    interpreters.find.cache_clear()
    functions.register(Runtime="python3.9")
    answer = functions.call()
    interpreters.find.cache_clear()
    assert (answer.status, answer.json["Code"]) == (501, "NotImplemented")
    assert "python3.9" in answer.json["Message"]


def test_an_interpreter_that_cannot_be_run_is_named(functions: Functions) -> None:
    functions.register(Runtime="python3.10", Interpreter="/nowhere/python")
    answer = functions.call()
    assert answer.status == 500
    assert "/nowhere/python" in answer.json["Message"]


def test_the_tail_of_the_log_comes_with_the_answer_if_asked_for(functions: Functions) -> None:
    functions.register("""
        import logging, sys
        def handler(event, context):
            print("x" * 5000)
            sys.stderr.write("to stderr\\n")
            logging.getLogger("some").info("logged")
        """)
    answer = functions.call(x_fc_log_type="Tail")
    tail = base64.b64decode(answer.headers["x-fc-log-result"]).decode()
    request_id = answer.headers["x-fc-request-id"]
    assert len(tail) == 4096
    assert "x\nto stderr\n" in tail
    assert f"{request_id} [INFO] logged\nFC Invoke End RequestId: {request_id}\n" in tail
    log = functions.log()
    assert log.startswith(f"FC Invoke Start RequestId: {request_id}\nxxx")
    assert log.endswith(tail)


def test_a_tail_has_nothing_of_earlier_calls(functions: Functions) -> None:
    functions.register("def handler(event, context): print(event)")
    functions.call("fn", b"first")
    answer = functions.call("fn", b"second", x_fc_log_type="Tail")
    tail = base64.b64decode(answer.headers["x-fc-log-result"]).decode()
    assert "first" not in tail
    assert "second" in tail


def test_payloads_have_limits(functions: Functions) -> None:
    functions.register("def handler(event, context): return str(len(event))")
    largest = 32 << 20
    assert functions.call("fn", bytes(largest)).body == str(largest).encode()
    for answer in (
        functions.call("fn", bytes(largest + 1)),
        functions.call("fn", bytes((128 << 10) + 1), x_fc_invocation_type="Async"),
    ):
        assert (answer.status, answer.json["Code"]) == (400, "EntityTooLarge")


@pytest.mark.parametrize(
    "header", [{"x_fc_invocation_type": "Later"}, {"x_fc_log_type": "Head"}], ids=str
)
def test_a_header_of_another_value_is_an_invalid_argument(
    functions: Functions, header: dict[str, str]
) -> None:
    answer = functions.call(functions.register(), b"", **header)
    assert (answer.status, answer.json["Code"]) == (400, "InvalidArgument")


def test_a_function_that_is_not_there_is_not_found(functions: Functions) -> None:
    answer = functions.call("nobody")
    assert (answer.status, answer.json["Code"]) == (404, "FunctionNotFound")
    assert answer.json["RequestId"] == answer.headers["x-fc-request-id"]


@pytest.mark.usefixtures("silent_fc2")
def test_the_older_dialect_words_its_errors_in_its_own_way(functions: Functions) -> None:
    with pytest.raises(FcError) as caught:
        functions.fc2().invoke_function("svc", "nobody", b"")
    assert (caught.value.status_code, caught.value.err_code) == (404, "FunctionNotFound")


def signed(path: str, secret: str = SECRET, **extra: str) -> dict[str, str]:
    headers = {"date": formatdate(usegmt=True), "content-type": "application/json", **extra}
    signature = fc_auth.sign(HttpRequest("POST", path, "", headers), secret)
    return {**headers, "authorization": f"FC localcloud:{signature}"}


ELSEWHERE = "acs:mns:cn-beijing:1000000000000001:/queues/q/messages"
PATH = "/2016-08-15/services/svc/functions/fn/invocations"


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 400, "MissingRequiredHeader"),
        (signed(PATH, "wrong"), 403, "SignatureNotMatch"),
        (signed(PATH, date="Thu, 01 Jan 2026 00:00:00 GMT"), 403, "AccessDenied"),
        (signed(PATH) | {"authorization": "FC nobody:c2lnbmF0dXJl"}, 403, "AccessDenied"),
        (signed(PATH, **{"x-fc-security-token": "stray"}), 403, "AccessDenied"),
    ],
)
def test_a_stranger_is_refused(
    functions: Functions, headers: dict[str, str], status: int, code: str
) -> None:
    functions.register(ECHO, "svc/fn")
    answer = functions.send("POST", PATH, b"", headers)
    assert (answer.status, answer.json["ErrorCode"]) == (status, code)
    assert functions.pids("svc/fn") == []


def test_what_function_compute_has_and_localcloud_has_not_is_named(functions: Functions) -> None:
    functions.register(ECHO, "svc/fn")
    listing = functions.send("GET", "/2023-03-30/functions")
    assert (listing.status, listing.json["Code"]) == (501, "NotImplemented")
    assert "GET /2023-03-30/functions" in listing.json["Message"]
    path = PATH.replace("svc", "svc.prod")
    version = functions.send("POST", path, b"", signed(path))
    assert version.status == 501
    assert "prod" in version.json["ErrorMessage"]


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ({"Code": "/nowhere"}, "/Code"),
        ({"Runtime": "python2.7"}, "/Functions/0/Runtime"),
        ({"EnvironmentVariables": {"FC_MINE": "1"}}, "/EnvironmentVariables/FC_MINE"),
        ({"EnvironmentVariables": {"A": "x" * 4096}}, "/EnvironmentVariables"),
        ({"Timeout": 86401}, "/Functions/0/Timeout"),
        ({"MemorySize": 130}, "/Functions/0/MemorySize"),
        (
            {"AsyncConfig": {"destinationConfig": {"onFailure": {"destination": "acs:oss:x"}}}},
            "/AsyncConfig/destinationConfig/onFailure/destination",
        ),
        (
            {"AsyncConfig": {"destinationConfig": {"onSuccess": {"destination": ELSEWHERE}}}},
            "/AsyncConfig/destinationConfig/onSuccess/destination",
        ),
    ],
    ids=str,
)
def test_a_function_that_cannot_be_is_refused_with_the_place_of_the_problem(
    functions: Functions, tmp_path: Path, settings: dict[str, Any], path: str
) -> None:
    row = {"FunctionName": "fn", "Code": str(tmp_path), "Handler": "index.handler", **HERE}
    answer = functions.send("POST", "/_cloud/functions", {**row, **settings})
    assert answer.status == 400
    assert [problem["path"] for problem in answer.json["error"]["problems"]] == [path]
    assert functions.send("GET", "/_cloud/state").json["Functions"] == []


def test_a_seed_brings_functions_and_refuses_another_of_the_same_name(
    functions: Functions, control: Any, tmp_path: Path
) -> None:
    (tmp_path / "index.py").write_text(ECHO)
    row = {"FunctionName": "fn", "Code": str(tmp_path), "Handler": "index.handler", **HERE}
    control.seed(Functions=[row])
    control.seed(Functions=[row])
    assert functions.call("fn", b"seeded").body == b"seeded"
    answer = control.send("POST", "/_cloud/seed", {"Functions": [{**row, "Timeout": 4}]})
    (problem,) = answer.json["error"]["problems"]
    assert problem["path"] == "/Functions/0/FunctionName"


def test_registering_again_takes_the_place_of_the_function(functions: Functions) -> None:
    functions.register("def handler(event, context): return 'old'")
    assert functions.call().body == b"old"
    functions.register("def handler(event, context): return 'new'")
    assert functions.call().body == b"new"
