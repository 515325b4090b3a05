"""Asynchronous invocations: accepted at once, tried again, and told of in the end."""

from __future__ import annotations

import json
from typing import Any

import pytest

from functions import Functions, until
from localcloud.server import Running

QUEUE = "acs:mns:cn-hangzhou:1000000000000001:/queues/provision-results-inbox/messages"
TOPIC = "acs:mns:cn-hangzhou:1000000000000001:/topics/provision-results/messages"
FAILED = "FC Invoke End RequestId: {0}, Error: Unhandled function error"
FAILS_TWICE = """
    from pathlib import Path
    def handler(event, context):
        print("try", context.retry_count)
        if int(context.retry_count) < 2:
            raise ValueError("not yet")
        return "done"
    """
FAILS = "def handler(event, context): raise ValueError('never')"


def told(on: str, arn: str = QUEUE, **config: int) -> dict[str, Any]:
    return {**config, "destinationConfig": {on: {"destination": arn}}}


@pytest.fixture
def received(mns: Any) -> Any:
    """The next message of the destination."""
    queue = mns.get_queue("provision-results-inbox")
    queue.set_encoding(False)

    def receive() -> Any:
        message = queue.receive_message(10)
        return json.loads(message.message_body)

    return receive


def test_an_asynchronous_call_is_accepted_by_every_client(functions: Functions) -> None:
    functions.register("def handler(event, context): print(event)", "svc/fn")
    headers = {"x-fc-invocation-type": "Async"}
    older = functions.fc2().invoke_function("svc", "fn", b"older", headers=headers)
    assert (older.headers["x-fc-request-id"] != "", older.data) == (True, b"")
    newer = functions.fc3_call("svc$fn", b"newer", x_fc_invocation_type="Async")
    assert (newer.status, newer.body) == (202, b"")
    functions.logged("b'older'", name="svc/fn")
    functions.logged("b'newer'", name="svc/fn")


def test_a_success_is_told_to_its_destination(functions: Functions, received: Any) -> None:
    functions.register(
        "def handler(event, context): return {'got': event.decode()}",
        AsyncConfig=told("onSuccess"),
    )
    request_id = functions.later("fn", b"payload")
    record = received()
    assert isinstance(record.pop("timestamp"), int)
    assert record == {
        "requestContext": {
            "requestId": request_id,
            "functionArn": "acs:fc:cn-hangzhou:1000000000000001:functions/fn",
            "condition": "",
            "approximateInvokeCount": 1,
        },
        "requestPayload": "payload",
        "responseContext": {"statusCode": 200, "functionError": ""},
        "responsePayload": '{\n    "got": "payload"\n}',
    }


def test_a_function_error_is_tried_again_on_the_clouds_clock(
    functions: Functions, control: Any, received: Any
) -> None:
    functions.register(FAILS_TWICE, AsyncConfig=told("onSuccess"))
    request_id = functions.later()
    for tries in (1, 2):
        functions.logged(FAILED.format(request_id), tries)
        control.advance(1)
    record = received()
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["responsePayload"] == "done"
    log = functions.log()
    assert [log.count(f"try {number}\n") for number in range(3)] == [1, 1, 1]


def test_an_event_goes_with_the_function_that_it_waits_for(
    functions: Functions, served: Running, control: Any, caplog: pytest.LogCaptureFixture
) -> None:
    functions.register(FAILS)
    request_id = functions.later()
    functions.logged(FAILED.format(request_id))
    waiting = len(served.cloud.work)
    del served.cloud.world.functions["fn"]
    control.advance(1)
    until(lambda: len(served.cloud.work) < waiting)
    assert "failed" not in caplog.text


def test_after_the_last_retry_the_failure_is_told(
    functions: Functions, control: Any, received: Any
) -> None:
    functions.register(
        FAILS, "svc/fn", AsyncConfig=told("onFailure", TOPIC, maxAsyncRetryAttempts=1)
    )
    request_id = functions.later("svc/fn")
    functions.logged(FAILED.format(request_id), name="svc/fn")
    control.advance(0.5)
    record = received()
    context = record["requestContext"]
    assert context["condition"] == "UnhandledInvocationError"
    assert context["approximateInvokeCount"] == 2
    assert context["functionArn"].endswith(":services/svc.LATEST/functions/fn")
    assert record["responseContext"] == {
        "statusCode": 200,
        "functionError": "UnhandledInvocationError",
    }
    assert json.loads(record["responsePayload"])["errorMessage"] == "never"


def test_no_retry_may_be_wanted(functions: Functions, received: Any) -> None:
    functions.register(FAILS, AsyncConfig=told("onFailure", maxAsyncRetryAttempts=0))
    functions.later()
    assert received()["requestContext"]["approximateInvokeCount"] == 1


def test_an_event_that_grew_too_old_is_not_tried_again(
    functions: Functions, control: Any, received: Any
) -> None:
    config = told("onFailure", maxAsyncRetryAttempts=8, maxAsyncEventAgeInSeconds=60)
    functions.register(FAILS, AsyncConfig=config)
    request_id = functions.later()
    functions.logged(FAILED.format(request_id))
    control.advance(60)
    assert 2 <= received()["requestContext"]["approximateInvokeCount"] < 9


def test_an_event_that_finds_no_instance_waits_for_one(
    functions: Functions, control: Any, received: Any
) -> None:
    began, let_go = functions.signal("began"), functions.gate("go")
    functions.register(
        """
        from pathlib import Path
        def handler(event, context):
            if event == b"first":
                Path("{folder}/began").write_bytes(event)
                Path("{folder}/go").read_bytes()
            return event
        """,
        InstanceLimit=1,
        Timeout=86400,
        AsyncConfig=told("onSuccess", maxAsyncRetryAttempts=0),
    )
    functions.later("fn", b"first")
    began()
    functions.later("fn", b"second")
    let_go()
    assert received()["requestPayload"] == "first"
    control.advance(1)
    record = received()
    assert record["requestPayload"] == "second"
    assert record["requestContext"]["approximateInvokeCount"] == 1


def test_an_event_that_found_no_instance_to_the_end_was_short_of_resources(
    functions: Functions, control: Any, received: Any
) -> None:
    began, let_go = functions.signal("began"), functions.gate("go")
    functions.register(
        """
        from pathlib import Path
        def handler(event, context):
            Path("{folder}/began").write_bytes(b"x")
            Path("{folder}/go").read_bytes()
        """,
        InstanceLimit=1,
        Timeout=86400,
        AsyncConfig=told("onFailure", maxAsyncEventAgeInSeconds=60),
    )
    functions.later("fn", b"first")
    began()
    functions.later("fn", b"second")
    until(lambda: not control.advance(60) and bool(results(control)))
    record = received()
    let_go()
    assert record["requestPayload"] == "second"
    assert record["requestContext"]["condition"] == "FunctionResourceExhausted"
    assert record["responseContext"]["functionError"] == ""


def results(control: Any) -> list[Any]:
    (found,) = [
        item for item in control.state()["Queues"] if item["QueueName"] == "provision-results-inbox"
    ]
    messages: list[Any] = found["Messages"]
    return messages


BUS = "acs:eventbridge:cn-hangzhou:1000000000000001:eventbus/default"


@pytest.mark.parametrize(
    ("source", "on", "kind"),
    [
        ("def handler(event, context): return 'done'", "onSuccess", "succeeded"),
        (FAILS, "onFailure", "failed"),
    ],
)
def test_the_event_bus_may_be_the_destination(
    functions: Functions, control: Any, source: str, on: str, kind: str
) -> None:
    functions.register("def handler(event, context): print(event.decode())", "watcher")
    pattern = json.dumps({"source": ["acs:fc"], "type": [f"fc:AsyncInvoke:{kind}"]})
    config = {
        "eventSourceConfig": {"eventSourceType": "Default"},
        "eventRuleFilterPattern": pattern,
    }
    row = {"FunctionName": "watcher", "TriggerName": "t", "TriggerType": "eventbridge"}
    control.seed(Triggers=[{**row, "TriggerConfig": config}])
    functions.register(source, AsyncConfig=told(on, BUS, maxAsyncRetryAttempts=0))
    functions.later("fn", b"passed on")
    functions.logged('"requestPayload": "passed on"', name="watcher")
    event = next(json.loads(line) for line in functions.log("watcher").splitlines() if "{" in line)
    assert event["subject"] == "acs:fc:cn-hangzhou:1000000000000001:functions/fn"
    assert event["data"]["requestContext"]["condition"] == (
        "" if kind == "succeeded" else "UnhandledInvocationError"
    )


def test_a_record_that_the_bus_does_not_take_is_lost(
    functions: Functions, caplog: pytest.LogCaptureFixture
) -> None:
    functions.register(
        "def handler(event, context): return 'x' * 70000", AsyncConfig=told("onSuccess", BUS)
    )
    functions.later()
    until(lambda: f"nothing reached {BUS}" in caplog.text)


def test_a_success_that_comes_back_by_the_bus_ends_there(
    functions: Functions, control: Any
) -> None:
    """EventBridge calls synchronously, and such a call has no record."""
    functions.register(AsyncConfig=told("onSuccess", BUS))
    pattern = json.dumps({"type": ["fc:AsyncInvoke:succeeded"]})
    config = {
        "eventSourceConfig": {"eventSourceType": "Default"},
        "eventRuleFilterPattern": pattern,
    }
    row = {"FunctionName": "fn", "TriggerName": "t", "TriggerType": "eventbridge"}
    control.seed(Triggers=[{**row, "TriggerConfig": config}])
    functions.later()
    until(lambda: [item for item in control.journal() if item["action"] == "PushEvents"] != [])
    functions.logged("FC Invoke End", 2)
    control.advance(3600)
    assert functions.log().count("FC Invoke Start") == 2


def test_a_function_that_is_its_own_destination_is_called_until_its_record_is_too_large(
    functions: Functions, caplog: pytest.LogCaptureFixture
) -> None:
    arn = "acs:fc:cn-hangzhou:1000000000000001:functions/fn"
    functions.register("def handler(event, context): return ''", AsyncConfig=told("onSuccess", arn))
    functions.later("fn", b'{"a": "b"}')
    until(lambda: f"nothing reached {arn}" in caplog.text)
    assert "EntityTooLarge" in caplog.text
    assert 1 < functions.log().count("FC Invoke Start") < 30


def test_a_function_may_be_the_destination(functions: Functions) -> None:
    functions.register("def handler(event, context): print(event.decode())", "after")
    arn = "acs:fc:cn-hangzhou:1000000000000001:functions/after"
    functions.register(AsyncConfig=told("onSuccess", arn))
    functions.later("fn", b"passed on")
    functions.logged('"requestPayload": "passed on"', name="after")


def test_what_cannot_be_delivered_is_lost_and_logged(
    functions: Functions, caplog: pytest.LogCaptureFixture
) -> None:
    arn = "acs:mns:cn-hangzhou:1000000000000001:/queues/nowhere/messages"
    functions.register(AsyncConfig=told("onSuccess", arn))
    request_id = functions.later()
    functions.logged(f"FC Invoke End RequestId: {request_id}")
    assert f"nothing reached {arn}" in caplog.text


def test_an_event_whose_function_is_deleted_is_dropped(
    functions: Functions, served: Running, control: Any, caplog: pytest.LogCaptureFixture
) -> None:
    functions.register("def handler(event, context): print('tried'); raise ValueError")
    functions.later()
    functions.logged("Error: Unhandled")
    served.cloud.world.functions.clear()  # as the deletion of its stack does
    control.advance(3600)
    until(lambda: len(served.cloud.work) == 0)
    assert caplog.text == ""


def test_a_reset_drops_what_waits(functions: Functions, control: Any) -> None:
    functions.register(FAILS)
    request_id = functions.later()
    functions.logged(FAILED.format(request_id))
    control.send("POST", "/_cloud/reset")
    functions.register(FAILS)
    control.advance(60)
    assert functions.log() == ""
