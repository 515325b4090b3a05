"""`opskit invoke`: any event to a deployed function, of either generation, and what it answers."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from e2e.opskit_calls import called, reported
from e2e.stage import Cloud
from functions import ECHO, Functions

REFUSED = '{"outcomes": [{"outcome": "provisioned"}, {"outcome": "refused"}]}'
FAILING = """
    def handler(event, context):
        print("just before the end")
        raise ValueError("boom")
"""
# As the options name them.
PLACES = {
    "generation 2": ("svc/fn", ("--generation", "2", "--service", "svc", "--function", "fn")),
    "generation 3": ("fn", ("--function", "fn")),
}


@pytest.fixture
def functions(cloud: Cloud, tmp_path: Path) -> Iterator[Functions]:
    with closing(Functions(cloud.url, tmp_path)) as deployed:
        yield deployed
        cloud.reset()


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> tuple[str, tuple[str, ...]]:
    found: tuple[str, tuple[str, ...]] = PLACES[request.param]
    return found


def test_the_answer_comes_with_its_time_and_its_memory(
    cloud: Cloud, functions: Functions, place: Any
) -> None:
    name, options = place
    functions.register(ECHO, name)

    report = reported(cloud, "invoke", "-", *options, given=b'{"some": "event"}')

    assert report["result"] == {"some": "event"}
    assert report["status"] == 200
    assert report["duration_ms"] >= 0
    assert report["memory_mb"] > 0
    assert report["request_id"]
    assert report["log"] == ""


def test_an_error_of_the_function_comes_with_the_end_of_its_log_and_ends_in_status_1(
    cloud: Cloud, functions: Functions, place: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    name, options = place
    functions.register(FAILING, name)

    report = reported(cloud, "invoke", "-", *options, "--tail", status=1, given=b"{}")

    assert report["error_type"] == "UnhandledInvocationError"
    assert report["result"]["errorMessage"] == "boom"
    assert "just before the end" in report["log"]
    told = capfd.readouterr()
    assert "uthorization" not in told.out + told.err


def test_an_asynchronous_call_is_queued(cloud: Cloud, functions: Functions, place: Any) -> None:
    name, options = place
    functions.register(ECHO, name)

    report = reported(cloud, "invoke", "-", *options, "--async", given=b"{}")

    assert (report["status"], report["result"]) == (202, "")
    functions.logged("FC Invoke End", name=name)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (REFUSED, 3),
        ('{"outcomes": [{"outcome": "refused"}, {"outcome": "failed"}]}', 1),
        ('{"statusCode": 200}', 0),
        ('{"statusCode": 409}', 3),
        ('{"statusCode": 503}', 1),
        ("no JSON", 0),
    ],
)
def test_the_status_is_that_of_what_became_of_the_event(
    cloud: Cloud, functions: Functions, answer: str, status: int
) -> None:
    functions.register(ECHO)
    reported(cloud, "invoke", "-", "--function", "fn", status=status, given=answer.encode())


def test_a_person_reads_the_result_and_the_log(cloud: Cloud, functions: Functions) -> None:
    functions.register("def handler(event, context): print('[red]seen[/]'); return event")
    status, output, errors = called(
        "invoke", "-", "--function", "fn", "--tail", "--local", cloud.url, given=b'{"a": "[b]"}'
    )
    assert (status, errors) == (0, "")
    assert '"a": "[b]"' in output
    assert "[red]seen[/]" in output


def test_a_function_that_is_not_there_is_one_line_and_status_2(cloud: Cloud, place: Any) -> None:
    _, options = place
    status, output, errors = called("invoke", "-", *options, "--local", cloud.url, given=b"{}")
    assert (status, output) == (2, "")
    refused = "Function Compute refused the call: FunctionNotFound, of function "
    assert errors.startswith(f"opskit invoke: {refused}")


def test_a_port_where_nothing_listens_is_told_at_once(
    cloud: Cloud,  # noqa: ARG001 - without proxies
    place: Any,
) -> None:
    """fc2 would try for half a minute."""
    _, options = place
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and listens not
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        status, _, errors = called("invoke", "-", *options, "--local", url, given=b"{}")
    assert (status, errors) == (2, f"opskit invoke: no readable answer from {url}\n")


def test_an_answer_that_is_no_json_is_told_by_its_status(cloud: Cloud, place: Any) -> None:
    _, options = place
    cloud.fault(kind="html", action="InvokeFunction")
    status, _, errors = called("invoke", "-", *options, "--local", cloud.url, given=b"{}")
    assert status == 2
    assert "status 503" in errors or "no readable answer" in errors


def test_the_signed_headers_of_a_refused_call_are_not_logged(
    cloud: Cloud, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    _, options = PLACES["generation 2"]
    called("invoke", "-", *options, "--local", cloud.url, given=b"{}")
    assert "uthorization" not in caplog.text


def test_generation_2_needs_a_service(cloud: Cloud) -> None:
    status, _, errors = called(
        "invoke", "-", "--generation", "2", "--local", cloud.url, given=b"{}"
    )
    assert (status, errors) == (
        2,
        "opskit invoke: --service is needed for a function of generation 2\n",
    )


def test_without_credentials_nothing_is_sent(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALIBABA_CLOUD_ACCESS_KEY_ID", raising=False)
    status, _, errors = called("invoke", "-", "--endpoint", f"fc={cloud.url}", given=b"{}")
    assert status == 2
    assert "there are no credentials" in errors
    assert cloud.journal() == []


def test_named_credentials_are_used_on_localcloud_too(
    cloud: Cloud, functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    functions.register(ECHO)
    key = {"AccessKeyId": "other", "AccessKeySecret": "secret", "Caller": "somebody"}
    cloud.seed(Keys=[key])
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", key["AccessKeySecret"])
    reported(cloud, "invoke", "-", "--function", "fn", given=json.dumps({}).encode())
    assert [entry["caller"] for entry in cloud.journal()] == ["somebody"]
