"""MNS queues that call functions, through event streams: batches, tries, dead letters."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from typing import Any

import pytest
from mns.mns_exception import MNSServerException
from mns.queue import Message

from recorder import (
    ACCOUNT,
    DEAD,
    QUEUE,
    REGION,
    Recorder,
    bodies,
    held,
    stream,
    told,
    tried,
    window,
)


def test_even_one_message_is_an_array_of_one_cloud_event(
    recorder: Recorder, trigger: Any, mns: Any
) -> None:
    trigger("eventbridge", stream())
    sent = mns.get_queue(QUEUE).send_message(Message("TEST"))
    (event,) = recorder.next_json()
    assert event.pop("time") <= event.pop("aliyunpublishtime")
    assert event["data"].pop("requestId")
    assert event == {
        "id": sent.message_id,
        "source": "MNS-fn-t",
        "specversion": "1.0",
        "type": "mns:Queue:SendMessage",
        "datacontenttype": "application/json; charset=utf-8",
        "subject": f"acs:mns:{REGION}:{ACCOUNT}:queues/{QUEUE}",
        "aliyunaccountid": ACCOUNT,
        "aliyunoriginalaccountid": ACCOUNT,
        "aliyuneventbusname": "MNS-fn-t",
        "aliyunregionid": REGION,
        "aliyunpublishaddr": "127.0.0.1",
        "data": {"messageId": sent.message_id, "messageBody": "TEST"},
    }


def test_raw_data_has_no_envelope(recorder: Recorder, trigger: Any, send: Any) -> None:
    trigger("eventbridge", stream(schema="RawData"))
    send("plain")
    (data,) = recorder.next_json()
    assert data.keys() == {"requestId", "messageId", "messageBody"}


def test_an_event_driven_trigger_gets_one_object(
    recorder: Recorder, trigger: Any, send: Any
) -> None:
    trigger("eventbridge", stream(mode="event-driven", batchWindow=window(9, 9)))
    send("one", "two")
    assert bodies([recorder.next_json(), recorder.next_json()]) == ["one", "two"]


@pytest.mark.parametrize("decodes", [True, False])
def test_base64_is_decoded_unless_told_otherwise(
    recorder: Recorder, trigger: Any, send: Any, decodes: bool
) -> None:
    encoded = base64.b64encode("服务器".encode()).decode()
    trigger("eventbridge", stream(decodes=decodes, batchWindow=window(2, 15)))
    send(encoded, "{no base64}")
    expected = "服务器" if decodes else encoded
    assert bodies(recorder.next_json()) == [expected, "{no base64}"]


def waited(events: list[dict[str, Any]]) -> float:
    """Seconds from the first message of a batch to the call."""
    sent, called = (
        datetime.fromisoformat(events[0][name].replace("Z", "+00:00"))
        for name in ("time", "aliyunpublishtime")
    )
    return (called - sent).total_seconds()


def test_a_batch_goes_when_it_is_full(recorder: Recorder, trigger: Any, send: Any) -> None:
    trigger("eventbridge", stream(batchWindow=window(2, 15)))
    send("a", "b", "c", "d")
    for pair in (["a", "b"], ["c", "d"]):
        events = recorder.next_json()
        assert bodies(events) == pair
        assert waited(events) < 15


def test_a_batch_goes_when_its_window_ends(
    recorder: Recorder, trigger: Any, send: Any, control: Any
) -> None:
    trigger("eventbridge", stream(batchWindow=window(10, 15)))
    send("a", "b")
    held(control, 2)
    assert recorder.calls.empty()
    control.advance(15)
    assert bodies(recorder.next_json()) == ["a", "b"]


@pytest.mark.parametrize("options", [{}, {"batchWindow": window(1, 15)}])
def test_a_batch_of_one_message_goes_at_once_and_takes_no_other(
    recorder: Recorder, trigger: Any, send: Any, options: dict[str, Any]
) -> None:
    send("a", "b")
    trigger("eventbridge", stream(**options))
    for body in ("a", "b"):
        events = recorder.next_json()
        assert bodies(events) == [body]
        assert waited(events) < 15


def test_what_was_handed_over_is_gone_from_the_queue(
    recorder: Recorder, trigger: Any, send: Any, mns: Any, control: Any
) -> None:
    trigger("eventbridge", stream())
    send("once")
    recorder.next()
    tried(control, "PushEvents", 1)
    control.advance(3600)
    with pytest.raises(MNSServerException, match="MessageNotExist"):
        mns.get_queue(QUEUE).receive_message()


def test_a_failed_call_repeats_the_whole_batch(
    recorder: Recorder, trigger: Any, send: Any, control: Any
) -> None:
    trigger("eventbridge", stream(batchWindow=window(2, 15)))
    recorder.failing = 1
    send("a", "b")
    first = recorder.next_json()
    tried(control, "PushEvents", 1)
    control.advance(20)
    assert bodies(recorder.next_json()) == bodies(first) == ["a", "b"]
    assert tried(control, "PushEvents", 2) == ["UnhandledInvocationError", None]


def test_a_stream_that_tolerates_no_errors_stops_and_shows_its_messages_again(
    recorder: Recorder, trigger: Any, send: Any, control: Any, mns: Any
) -> None:
    trigger("eventbridge", stream())
    fail(recorder, send, control)
    assert control.state()["Triggers"][0]["Status"] == "Stopped"
    shown = mns.get_queue(QUEUE)
    shown.set_encoding(False)
    assert shown.peek_message().dequeue_count == 1
    send("after")
    control.advance(3600)
    assert recorder.calls.qsize() == 4


def test_a_tolerant_stream_goes_on_after_the_dead_letter(
    recorder: Recorder, trigger: Any, send: Any, control: Any, mns: Any
) -> None:
    arn = f"acs:mns:{REGION}:{ACCOUNT}:/queues/{DEAD}"
    trigger("eventbridge", stream(errorsTolerance="ALL", deadLetterQueue={"Arn": arn}))
    fail(recorder, send, control)
    dead = mns.get_queue(DEAD)
    dead.set_encoding(False)
    letter = json.loads(dead.receive_message(5).message_body)
    assert letter["data"]["messageBody"] == "poison"
    send("after")
    recorder.failing = 0
    while bodies(recorder.next_json()) != ["after"]:
        pass


def test_a_tolerant_stream_without_a_dead_letter_queue_discards(
    recorder: Recorder, trigger: Any, send: Any, control: Any
) -> None:
    trigger("eventbridge", stream(errorsTolerance="ALL"))
    fail(recorder, send, control)
    assert sum(item["InactiveMessages"] for item in control.state()["Queues"]) == 0


def test_a_reset_ends_a_stream_and_a_seed_begins_another(
    recorder: Recorder, trigger: Any, send: Any, control: Any
) -> None:
    trigger("eventbridge", stream(batchWindow=window(9, 15)))
    send("lost")
    held(control, 1)
    control.send("POST", "/_cloud/reset")
    trigger("eventbridge", stream())
    send("found")
    assert bodies(recorder.next_json()) == ["found"]
    control.advance(3600)
    assert recorder.calls.empty()


def test_a_seed_in_between_disturbs_no_stream(
    recorder: Recorder, trigger: Any, send: Any, control: Any
) -> None:
    trigger("eventbridge", stream(batchWindow=window(2, 15)))
    send("before")
    held(control, 1)
    control.seed(Queues=[{"QueueName": "more"}])
    send("after")
    assert bodies(recorder.next_json()) == ["before", "after"]
    tried(control, "PushEvents", 1)
    assert control.state()["Queues"][0]["Messages"] == []


def fail(recorder: Recorder, send: Any, control: Any) -> None:
    recorder.failing = 99
    send("poison")
    for tries in range(1, 4):
        tried(control, "PushEvents", tries)
        control.advance(20)
    tried(control, "PushEvents", 4)


def test_a_stream_goes_on_after_a_failure_that_nobody_foresaw(
    recorder: Recorder, trigger: Any, send: Any, control: Any, caplog: pytest.LogCaptureFixture
) -> None:
    recorder.breaking = 1
    trigger("eventbridge", stream())
    send("m")
    first = recorder.next_json()
    state = told(control, Failures=1)
    assert (state["Status"], state["LastFailure"]) == ("Running", "RuntimeError")
    assert "the trigger t of fn failed" in caplog.text
    control.advance(1)
    assert bodies(recorder.next_json()) == bodies(first) == ["m"]
    assert tried(control, "PushEvents", 1) == [None]
