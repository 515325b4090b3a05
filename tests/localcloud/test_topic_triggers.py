"""MNS topics that call functions: the event, the filter, the tries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from mns.message_property import MessagePropertyValue, PropertyType
from mns.topic import TopicMessage

from functions import PATIENCE
from recorder import ACCOUNT, REGION, TOPIC, Recorder, tried


@pytest.fixture
def on_topic(trigger: Callable[..., None]) -> Callable[..., None]:
    def seed(**config: str) -> None:
        trigger("mns_topic", config, SourceArn=f"acs:mns:{REGION}:{ACCOUNT}:/topics/{TOPIC}")

    return seed


def test_a_stream_event_is_the_body_and_nothing_else(
    recorder: Recorder, on_topic: Any, mns: Any
) -> None:
    on_topic()
    mns.get_topic(TOPIC).publish_message(TopicMessage('{"k": "服务器"}'))
    assert recorder.next() == '{"k": "服务器"}'.encode()


def test_a_stream_event_with_attributes_is_an_object_of_both(
    recorder: Recorder, on_topic: Any, mns: Any
) -> None:
    on_topic()
    mns.get_topic(TOPIC).publish_message(with_property("k", "v"))
    assert recorder.next() == b'{"body": "body", "attrs": {"Extend": "{\\"k\\": \\"v\\"}"}}'


def test_a_json_event_has_the_documented_fields(
    recorder: Recorder, on_topic: Any, mns: Any
) -> None:
    on_topic(notifyContentFormat="JSON")
    published = mns.get_topic(TOPIC).publish_message(with_property("k", "v"))
    event = recorder.next_json()
    assert isinstance(event.pop("PublishTime"), int)
    assert event == {
        "TopicOwner": ACCOUNT,
        "TopicName": TOPIC,
        "Subscriber": ACCOUNT,
        "SubscriptionName": "fn-t",
        "MessageId": published.message_id,
        "Message": "body",
        "MessageMD5": published.message_body_md5,
        "k": "v",
    }


def test_a_filter_takes_the_very_same_tag_only(recorder: Recorder, on_topic: Any, mns: Any) -> None:
    on_topic(filterTag="blue")
    for tag in ("green", "", "blue"):
        mns.get_topic(TOPIC).publish_message(TopicMessage(f"tag {tag}", tag))
    assert recorder.next() == b"tag blue"
    assert recorder.calls.empty()


def test_what_the_function_refuses_comes_again_three_times_and_is_then_discarded(
    recorder: Recorder, on_topic: Any, mns: Any, control: Any
) -> None:
    on_topic()
    recorder.failing = 99
    mns.get_topic(TOPIC).publish_message(TopicMessage("m"))
    for tries in range(1, 4):
        assert tried(control, "PushNotification", tries) == ["ResourceExhausted"] * tries
        control.advance(20)
    assert tried(control, "PushNotification", 4) == ["ResourceExhausted"] * 4
    control.advance(86400)
    assert recorder.calls.qsize() == 4


def test_a_decaying_strategy_tries_again_after_a_second_and_then_ever_later(
    recorder: Recorder, on_topic: Any, mns: Any, control: Any
) -> None:
    on_topic(notifyStrategy="EXPONENTIAL_DECAY_RETRY")
    recorder.failing = 5
    mns.get_topic(TOPIC).publish_message(TopicMessage("m"))
    for tries, pause in enumerate((1, 2, 4, 8, 16), 1):
        tried(control, "PushNotification", tries)
        control.advance(pause)
    assert tried(control, "PushNotification", 6)[-1] is None


def test_a_generation_2_function_is_called_by_service_and_name(
    recorder: Recorder, control: Any, mns: Any
) -> None:
    arn = f"acs:fc:{REGION}:{ACCOUNT}:services/svc.LATEST/functions/fn"
    control.seed(Subscriptions=[{"TopicName": TOPIC, "SubscriptionName": "s", "Endpoint": arn}])
    mns.get_topic(TOPIC).publish_message(TopicMessage("m"))
    assert recorder.calls.get(timeout=PATIENCE) == ("svc/fn", b"m")


def with_property(name: str, value: str) -> Any:
    message = TopicMessage("body")
    message.add_user_property(name, MessagePropertyValue(PropertyType.STRING, value))
    return message
