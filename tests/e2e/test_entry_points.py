"""The four entry points of src/index.py, as each runtime of Function Compute calls them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest

import index
from e2e.stage import EVENTS, Stage, document, hook_event, servers_of
from provisioner import handler
from provisioner.errors import Code, ConfigurationError, Retryable

Staged = Callable[..., Stage]

EVENT = hook_event(3)
KEYS = ("localcloud", "localcloud-secret")
ROLE = {"ALIBABA_CLOUD_ACCESS_KEY_ID": KEYS[0], "ALIBABA_CLOUD_ACCESS_KEY_SECRET": KEYS[1]}


def context(*, timeout: Any, **shape: Any) -> SimpleNamespace:
    function = SimpleNamespace(name="provisioner", handler="index.handler", timeout=timeout)
    return SimpleNamespace(request_id="fc-0001", function=function, region="cn-hangzhou", **shape)


def given(token: str | None) -> SimpleNamespace:
    return SimpleNamespace(access_key_id=KEYS[0], access_key_secret=KEYS[1], security_token=token)


RUNTIMES: dict[str, tuple[SimpleNamespace, dict[str, str]]] = {
    "Python 3.9": (
        context(timeout=120, credentials=given(""), service=SimpleNamespace(name="s")),
        {},
    ),
    "Python 3.10": (context(timeout=120, credentials=given(None)), {}),
    "Python 3.12": (context(timeout="120"), ROLE),
    "a custom runtime": (context(timeout="120", credentials=None), ROLE),
}

each_runtime = pytest.mark.parametrize(("shape", "role"), RUNTIMES.values(), ids=RUNTIMES)


@pytest.fixture
def deploy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Sets the environment of a new instance of the function."""
    monkeypatch.setattr(handler, "_app", None)
    for name in ROLE:
        monkeypatch.delenv(name, raising=False)

    def set_environment(stage: Stage, role: dict[str, str]) -> None:
        for name, value in {**stage.environ, **role}.items():
            monkeypatch.setenv(name, value)

    yield set_environment
    index.pre_stop(None)


@each_runtime
def test_an_instance_lives_from_initialize_to_pre_stop(
    staged: Staged,
    deploy: Callable[..., None],
    shape: SimpleNamespace,
    role: dict[str, str],
) -> None:
    stage = staged(EVENT)
    deploy(stage, role)

    index.initialize(shape)
    assert stage.actions() == []  # nothing is called before there is an event
    (outcome,) = json.loads(index.handler(EVENT, shape))["outcomes"]
    index.pre_stop(shape)

    assert outcome["outcome"] == "provisioned"
    assert servers_of(stage.the_group()) == ["i-0001", "i-0002", "i-0003"]
    assert stage.hook() == ("Completed", "CONTINUE")


@each_runtime
def test_a_call_over_wsgi_is_answered_with_the_result_document(
    staged: Staged,
    deploy: Callable[..., None],
    shape: SimpleNamespace,
    role: dict[str, str],
) -> None:
    body = document(3)
    stage = staged(body)
    deploy(stage, role)

    status, headers, answer = call(shape, "POST /provision", body)

    assert (status, headers["Content-Type"]) == ("200 OK", "application/json")
    (published,) = stage.received()
    assert answer == published
    assert answer["data"]["VServerGroupId"] == stage.the_group("web-8080")["VServerGroupId"]


@pytest.mark.parametrize(
    ("asked", "body", "expected"),
    [
        ("GET /health", b"", "200 OK"),
        ("POST /plan", document(2), "200 OK"),
        ("POST /", b"{", "400 Bad Request"),
        ("POST /", document(1, VServerGroupNmae="x"), "422 Unprocessable Entity"),
        ("POST /", document(1, LoadBalancerId="lb-of-nobody"), "404 Not Found"),
        ("GET /", b"", "405 Method Not Allowed"),
        ("GET /nowhere", b"", "404 Not Found"),
    ],
)
def test_an_answer_over_wsgi_is_one_that_a_server_may_send(
    staged: Staged,
    deploy: Callable[..., None],
    asked: str,
    body: bytes,
    expected: str,
) -> None:
    stage = staged(document(1))
    deploy(stage, ROLE)

    status, headers, answer = call(context(timeout=60), asked, body)

    assert status == expected
    wanted = "application/json" if status == "200 OK" else "application/problem+json"
    assert headers["Content-Type"] == wanted
    assert status == "200 OK" or expected.startswith(str(answer["status"]))
    assert stage.groups() == []


def test_one_instance_answers_events_of_every_kind(
    staged: Staged, deploy: Callable[..., None]
) -> None:
    names = ("http.fc-v1.json", "http.gateway.json", "mns_queue.array.json", "timer.tick.json")
    events = [(EVENTS / name).read_bytes() for name in names]
    http_body = (EVENTS / "direct.request.json").read_bytes()
    stage = staged(*events, http_body)
    deploy(stage, ROLE)
    shape = context(timeout="60")

    v1, gateway, queue, timer = (json.loads(index.handler(event, shape)) for event in events)

    assert (v1["statusCode"], gateway["statusCode"]) == (200, 200)
    assert v1["isBase64Encoded"] is False
    ids = {json.loads(answer["body"])["data"]["VServerGroupId"] for answer in (v1, gateway)}
    (group,) = stage.groups()
    assert ids == {group["VServerGroupId"]}
    assert [o["VServerGroupId"] for o in queue["outcomes"]] == [group["VServerGroupId"]]
    assert timer["outcomes"] == []


def test_keys_that_rotate_under_a_warm_instance_are_those_of_each_invocation(
    staged: Staged, deploy: Callable[..., None]
) -> None:
    stage = staged(EVENT)
    deploy(stage, {})
    stranger = SimpleNamespace(access_key_id="a", access_key_secret="b", security_token="c")

    with pytest.raises(Retryable) as caught:
        index.handler(EVENT, context(timeout=60, credentials=stranger))
    assert caught.value.code == Code.PERMISSION_MISSING.value

    index.handler(EVENT, context(timeout=60, credentials=given(None)))
    assert stage.hook() == ("Completed", "CONTINUE")


def test_initialize_names_every_problem_of_the_environment(
    staged: Staged, deploy: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy(staged(), {"CLAIM": "maybe", "REQUEST_TIMEOUT": "60"})
    monkeypatch.delenv("RESULT_TOPIC")

    with pytest.raises(ConfigurationError) as caught:
        index.initialize(context(timeout=60))

    assert [problem.path for problem in caught.value.problems] == [
        "CLAIM",
        "RESULT_TOPIC",
        "REQUEST_TIMEOUT",
    ]


def call(shape: SimpleNamespace, asked: str, body: bytes) -> tuple[str, dict[str, str], Any]:
    """As a WSGI server does, held to PEP 3333."""
    method, path = asked.split()
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "SCRIPT_NAME": "",
        "QUERY_STRING": "",
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": "application/json",
        "wsgi.input": io.BytesIO(body),
        "fc.context": shape,
        "fc.request_uri": path,
    }
    setup_testing_defaults(environ)
    started: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], *_: Any) -> Any:
        started.extend((status, dict(headers)))
        return lambda _: None

    answered: Any = validator(index.http_handler)(environ, start_response)
    try:
        content = b"".join(answered)
    finally:
        answered.close()
    status, headers = started
    return status, headers, json.loads(content)
