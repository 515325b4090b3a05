"""The platform's own record of what it gave up: what it is about, and what is kept of it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from builders import (
    ABSENT,
    as_base64,
    as_bytes,
    cloud_event,
    document,
    failure_record,
    hook_message,
    queue_message,
    xml_notification,
)
from provisioner.errors import Rejected, RetriesExhausted, Skip
from provisioner.model import EventRef, Request
from provisioner.triggers import decode

EVENTS = Path(__file__).parents[3] / "events"
HOOK = json.dumps(hook_message())
HOOK_EVENT = EventRef("ess_hook", "ash-0001:asa-0001")


def read(value: Any) -> RetriesExhausted:
    (item,) = decode(value if isinstance(value, bytes) else as_bytes(value))
    assert isinstance(item, RetriesExhausted)
    return item


def test_a_record_holds_the_event_its_attempts_and_how_the_last_one_ended() -> None:
    error = read(failure_record(HOOK, approximateInvokeCount=4))
    record = error.record
    assert record.payload == HOOK.encode()
    assert (record.attempts, record.condition) == (4, "UnhandledInvocationError")
    assert (record.request_id, error.event) == ("req-0001", HOOK_EVENT)
    assert "4 attempt" in error.message


WAYS: list[Any] = [
    lambda record: record,
    lambda record: [queue_message(json.dumps(record))],
    lambda record: [queue_message(as_base64(record))],
    as_base64,
    lambda record: cloud_event(record, type="fc:AsyncInvoke:failed"),
    lambda record: {"Message": json.dumps(record), "MessageId": "M9", "TopicName": "t"},
    lambda record: [queue_message(xml_notification(json.dumps(record)))],
]


@pytest.mark.parametrize("wrapped", WAYS)
def test_a_record_is_known_by_whatever_way_it_comes(wrapped: Any) -> None:
    error = read(wrapped(failure_record(HOOK)))
    assert (error.event, error.record.payload) == (HOOK_EVENT, HOOK.encode())


def test_an_event_in_base64_stays_as_it_was_delivered() -> None:
    text = base64.b64encode(HOOK.encode()).decode()
    error = read(failure_record(text))
    assert (error.event, error.record.payload) == (HOOK_EVENT, text.encode())


def test_a_record_of_a_batch_is_about_the_invocation() -> None:
    batch = json.dumps([queue_message(document(), "M1"), queue_message(document(), "M2")])
    error = read(failure_record(batch))
    assert error.event == EventRef("function_compute", "req-0001")
    assert error.record.payload == batch.encode()


def test_a_record_of_a_record_is_about_the_innermost_event() -> None:
    inner = failure_record(HOOK, approximateInvokeCount=4, requestId="req-0001")
    outer = failure_record([queue_message(json.dumps(inner))], requestId="req-0002")
    error = read(failure_record(json.dumps(outer), requestId="req-0003"))
    assert (error.event, error.record.payload) == (HOOK_EVENT, HOOK.encode())
    assert error.record.request_id == "req-0001"


@pytest.mark.parametrize("count", [None, True, -1, 2.5, "x", "9" * 5000, []])
def test_a_count_that_is_none_is_no_attempt_that_is_known_of(count: Any) -> None:
    assert read(failure_record(HOOK, approximateInvokeCount=count)).record.attempts == 0


def test_a_count_may_be_a_string() -> None:
    assert read(failure_record(HOOK, approximateInvokeCount="4")).record.attempts == 4


def test_a_payload_that_is_no_string_is_kept_as_json() -> None:
    assert json.loads(read(failure_record(hook_message())).record.payload) == hook_message()


@pytest.mark.parametrize("wrapped", WAYS)
def test_a_record_of_a_success_is_skipped_by_whatever_way_it_comes(wrapped: Any) -> None:
    record = failure_record(HOOK, condition="", functionError="")
    (item,) = decode(as_bytes(wrapped(record)))
    assert isinstance(item, Skip)


@pytest.mark.parametrize("data", [failure_record(HOOK), {}, "text", None])
def test_an_event_of_the_type_of_a_success_is_skipped_whatever_it_holds(data: Any) -> None:
    (item,) = decode(as_bytes(cloud_event(data, type="fc:AsyncInvoke:succeeded")))
    assert isinstance(item, Skip)


@pytest.mark.parametrize(
    ("condition", "error"),
    [
        ("", "UnhandledInvocationError"),
        ("FunctionResourceExhausted", ""),
        ("Success", ""),
        (ABSENT, ""),
        (None, ""),
        (7, None),
    ],
)
def test_whatever_has_an_error_or_lacks_an_empty_condition_is_no_success(
    condition: Any, error: Any
) -> None:
    assert read(failure_record(HOOK, condition=condition, functionError=error))


def test_records_of_successes_make_no_circle() -> None:
    """The record of a success whose event was a record of a success, and so on, is still skipped:
    each delivery ends without a result, a dead letter or a call that could come back."""
    record = failure_record(HOOK, condition="", functionError="")
    for _ in range(4):
        (item,) = decode(as_bytes([queue_message(json.dumps(record))]))
        assert isinstance(item, Skip)
        record = failure_record([queue_message(json.dumps(record))], condition="", functionError="")


def test_an_http_call_is_no_record_even_with_a_payload_beside_it() -> None:
    call = json.loads((EVENTS / "http.fc-v1.json").read_bytes())
    (item,) = decode(as_bytes({**call, "requestPayload": HOOK}))
    assert isinstance(item, (Request, Rejected))
    assert not isinstance(item, RetriesExhausted)
