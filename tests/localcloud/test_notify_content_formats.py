"""What a subscription delivers, by its NotifyContentFormat: to a queue, from there to a function,
and to an HTTP endpoint; with what Auto Scaling publishes, and with what a client does."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from defusedxml.ElementTree import fromstring
from mns.subscription import SubscriptionMeta
from mns.topic import Base64TopicMessage, TopicMessage

from recorder import QUEUE, Recorder, stream

TOPIC, ACCOUNT = "news", "1000000000000001"
ENDPOINT = f"acs:mns:cn-hangzhou:{ACCOUNT}:queues/{QUEUE}"
SPACE = "{http://mns.aliyuncs.com/doc/v1/}"


@pytest.fixture(autouse=True)
def world(control: Any) -> None:
    hook = {
        "LifecycleHookId": "ash-1",
        "LifecycleTransition": "SCALE_OUT",
        "NotificationArn": f"acs:mns:cn-hangzhou:{ACCOUNT}:topic/{TOPIC}",
    }
    group = {"ScalingGroupId": "asg-1", "RegionId": "cn-hangzhou", "LifecycleHooks": [hook]}
    control.seed(Topics=[{"TopicName": TOPIC}], ScalingGroups=[group])


@pytest.fixture
def topic(mns: Any) -> Any:
    return mns.get_topic(TOPIC)


@pytest.fixture
def arrived(mns: Any) -> Callable[[], str]:
    """The body of the message that waits in the queue."""
    queue = mns.get_queue(QUEUE)
    queue.set_encoding(False)

    def body() -> str:
        text: str = queue.receive_message(10).message_body
        return text

    return body


def subscribe(topic: Any, content_format: str = "") -> None:
    meta = SubscriptionMeta(ENDPOINT, notify_content_format=content_format)
    topic.get_subscription("s").subscribe(meta)


def scale_out(control: Any) -> dict[str, Any]:
    """The content of the hook's message."""
    activity = control.change("scale", ScalingGroupId="asg-1", Adjustment=2)
    (action,) = activity["LifecycleActions"]
    return {"instanceIds": action["InstanceIds"], "token": action["LifecycleActionToken"]}


def hook_in(text: str) -> dict[str, Any]:
    content = json.loads(base64.b64decode(text))["content"]
    return {"instanceIds": content["instanceIds"], "token": content["lifecycleActionToken"]}


def fields(text: str) -> dict[str, str]:
    root = fromstring(text)
    assert root.tag == f"{SPACE}Notification"
    return {item.tag.removeprefix(SPACE): item.text or "" for item in root}


def test_xml_is_the_default_of_a_subscription(topic: Any) -> None:
    subscribe(topic)
    found = topic.get_subscription("s").get_attributes()
    assert found.notify_content_format == "XML"


def test_a_queue_gets_an_xml_notification_with_the_page_s_elements_in_their_order(
    topic: Any, arrived: Callable[[], str]
) -> None:
    subscribe(topic)
    published = topic.publish_message(TopicMessage("服务器 <&>", "blue"))
    text = arrived()
    assert text.startswith('<?xml version="1.0" encoding="utf-8"?>')
    found = fields(text)
    assert found.pop("PublishTime").isdigit()
    assert list(found.items()) == [
        ("TopicOwner", ACCOUNT),
        ("TopicName", TOPIC),
        ("Subscriber", ACCOUNT),
        ("SubscriptionName", "s"),
        ("MessageId", published.message_id),
        ("Message", "服务器 <&>"),
        ("MessageMD5", published.message_body_md5),
        ("MessageTag", "blue"),
    ]


@pytest.mark.parametrize(
    ("content_format", "read"),
    [
        ("XML", lambda text: fields(text)["Message"]),
        ("JSON", lambda text: json.loads(text)["Message"]),
        ("SIMPLIFIED", lambda text: text),
    ],
)
def test_a_message_stays_as_it_was_published_whatever_the_format(
    topic: Any, arrived: Callable[[], str], content_format: str, read: Callable[[str], str]
) -> None:
    subscribe(topic, content_format)
    topic.publish_message(TopicMessage('{"plain": 1}'))
    assert read(arrived()) == '{"plain": 1}'
    topic.publish_message(Base64TopicMessage('{"in": "Base64"}'))
    assert read(arrived()) == base64.b64encode(b'{"in": "Base64"}').decode()


@pytest.mark.parametrize("content_format", ["", "XML", "JSON", "SIMPLIFIED"])
def test_a_hook_of_a_topic_reaches_a_function_through_a_queue(
    control: Any, topic: Any, recorder: Recorder, trigger: Any, content_format: str
) -> None:
    subscribe(topic, content_format)
    trigger("eventbridge", stream())
    expected = scale_out(control)
    (event,) = recorder.next_json()
    body = event["data"]["messageBody"]
    if content_format in ("", "XML"):
        found = fields(body)
        assert hook_in(found["Message"]) == expected
        assert (found["TopicName"], found["SubscriptionName"]) == (TOPIC, "s")
    elif content_format == "JSON":
        assert hook_in(json.loads(body)["Message"]) == expected
    else:  # the bare body is Base64, and the trigger has undone it
        content = json.loads(body)["content"]
        assert content["instanceIds"] == expected["instanceIds"]
