"""Topics with the vendor's SDK: publishing, and what arrives in the subscribing queues."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from defusedxml.ElementTree import fromstring
from mns.mns_exception import MNSServerException
from mns.subscription import SubscriptionMeta
from mns.topic import TopicMessage, TopicMeta

TOPIC, QUEUE = "scaling-events", "provision-requests"
LONG_TAG = f"<FilterTag>{'x' * 17}</FilterTag>"
ENDPOINT = f"acs:mns:cn-hangzhou:1000000000000001:queues/{QUEUE}"


@pytest.fixture
def topic(mns: Any) -> Any:
    return mns.get_topic(TOPIC)


@pytest.fixture
def arrived(mns: Any) -> Callable[[], list[str]]:
    """The bodies that wait in the queue."""
    queue = mns.get_queue(QUEUE)
    queue.set_encoding(False)

    def bodies() -> list[str]:
        try:
            return [message.message_body for message in queue.batch_peek_message(16)]
        except MNSServerException:
            return []

    return bodies


def refusal(operation: Callable[..., Any], *arguments: Any) -> str:
    with pytest.raises(MNSServerException) as caught:
        operation(*arguments)
    code: str = caught.value.type
    return code


def subscribe(
    topic: Any, content_format: str = "SIMPLIFIED", tag: str = "", name: str = "s"
) -> Any:
    meta = SubscriptionMeta(ENDPOINT, notify_content_format=content_format, filter_tag=tag)
    return topic.get_subscription(name).subscribe(meta)


def test_simplified_delivers_the_bare_body(topic: Any, arrived: Callable[[], list[str]]) -> None:
    subscribe(topic)
    topic.publish_message(TopicMessage('{"k": 1}'))
    assert arrived() == ['{"k": 1}']


def test_json_delivers_the_documented_fields(topic: Any, arrived: Callable[[], list[str]]) -> None:
    subscribe(topic, "JSON")
    message = TopicMessage("body", "blue")
    published = topic.publish_message(message)
    (text,) = arrived()
    document = json.loads(text)
    assert document.pop("PublishTime").isdigit()
    assert document == {
        "TopicOwner": "1000000000000001",
        "TopicName": TOPIC,
        "Subscriber": "1000000000000001",
        "SubscriptionName": "s",
        "MessageId": published.message_id,
        "Message": "body",
        "MessageMD5": published.message_body_md5,
        "MessageTag": "blue",
    }


def test_xml_delivers_a_notification(topic: Any, arrived: Callable[[], list[str]]) -> None:
    subscribe(topic, "XML")
    topic.publish_message(TopicMessage('<a b="c">&'))
    root = fromstring(arrived()[0])
    assert root.tag.endswith("}Notification")
    assert root.findtext("{http://mns.aliyuncs.com/doc/v1/}Message") == '<a b="c">&'


def test_a_filter_takes_the_very_same_tag_only(
    topic: Any, arrived: Callable[[], list[str]]
) -> None:
    subscribe(topic, tag="blue")
    for tag in ("blue", "green", ""):
        topic.publish_message(TopicMessage(f"tag {tag}", tag))
    assert arrived() == ["tag blue"]


def test_every_subscription_gets_its_own_copy(topic: Any, arrived: Callable[[], list[str]]) -> None:
    subscribe(topic, name="one")
    subscribe(topic, name="two")
    topic.publish_message(TopicMessage("twice"))
    assert arrived() == ["twice", "twice"]


def test_a_subscription_whose_queue_is_gone_gets_nothing(mns: Any, topic: Any) -> None:
    subscribe(topic)
    mns.get_queue(QUEUE).delete()
    topic.publish_message(TopicMessage("lost"))


def test_subscribing_again_is_fine_if_nothing_differs(topic: Any) -> None:
    assert subscribe(topic) == subscribe(topic)
    assert refusal(subscribe, topic, "JSON") == "SubscriptionAlreadyExist"


def test_a_subscription_is_read_set_listed_and_ended(topic: Any) -> None:
    subscribe(topic, tag="blue")
    subscription = topic.get_subscription("s")
    meta = SubscriptionMeta(notify_strategy="EXPONENTIAL_DECAY_RETRY")
    subscription.set_attributes(meta)
    found = subscription.get_attributes()
    assert (found.endpoint, found.filter_tag) == (ENDPOINT, "blue")
    assert (found.topic_owner, found.topic_name) == ("1000000000000001", TOPIC)
    assert found.notify_strategy == "EXPONENTIAL_DECAY_RETRY"
    urls, _ = topic.list_subscription()
    assert [url.rpartition("/")[2] for url in urls] == ["s"]
    subscription.unsubscribe()
    assert refusal(subscription.get_attributes) == "SubscriptionNotExist"


@pytest.mark.parametrize(
    ("meta", "code"),
    [
        (SubscriptionMeta("nowhere"), "InvalidArgument"),
        (SubscriptionMeta("acs:mns:cn-beijing:1000000000000001:queues/q"), "InvalidArgument"),
        (SubscriptionMeta("acs:mns:cn-hangzhou:2:queues/q"), "InvalidArgument"),
        (SubscriptionMeta(ENDPOINT, notify_content_format="STREAM"), "InvalidArgument"),
        (SubscriptionMeta(ENDPOINT, notify_strategy="NEVER"), "InvalidArgument"),
        (SubscriptionMeta(ENDPOINT.replace("queues", "topics")), "InvalidArgument"),
    ],
)
def test_a_bad_subscription_is_refused(topic: Any, meta: Any, code: str) -> None:
    assert refusal(topic.get_subscription("s").subscribe, meta) == code


def test_a_strategy_that_there_is_not_cannot_be_set(topic: Any) -> None:
    subscribe(topic)
    meta = SubscriptionMeta(notify_strategy="NEVER")
    assert refusal(topic.get_subscription("s").set_attributes, meta) == "InvalidArgument"


def test_a_topic_is_created_set_read_listed_and_deleted(mns: Any) -> None:
    topic = mns.get_topic("fresh")
    assert topic.create(TopicMeta(2048)).endswith("/topics/fresh")
    assert topic.create(TopicMeta(2048)).endswith("/topics/fresh")
    assert refusal(topic.create, TopicMeta(4096)) == "TopicAlreadyExist"
    topic.set_attributes(TopicMeta(1024, True))
    topic.publish_message(TopicMessage("m"))
    meta = topic.get_attributes()
    assert (meta.maximum_message_size, meta.logging_enabled) == (1024, True)
    assert (meta.message_count, meta.message_retention_period) == (1, 86400)
    assert [url.rpartition("/")[2] for url in mns.list_topic(prefix="f")[0]] == ["fresh"]
    topic.delete()
    assert refusal(topic.get_attributes) == "TopicNotExist"


def test_a_message_over_64_kb_is_refused(topic: Any) -> None:
    assert refusal(topic.publish_message, TopicMessage("x" * 65537)) == "InvalidArgument"


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        (
            "POST",
            f"/topics/{TOPIC}/messages",
            f"<Message><MessageBody>m</MessageBody><MessageTag>{'x' * 17}</MessageTag></Message>",
        ),
        ("POST", f"/topics/{TOPIC}/messages", "<Message><MessageBody/></Message>"),
        (
            "PUT",
            f"/topics/{TOPIC}/subscriptions/s",
            f"<Subscription><Endpoint>{ENDPOINT}</Endpoint>{LONG_TAG}</Subscription>",
        ),
        ("PUT", f"/topics/{TOPIC}/subscriptions/under_score", ""),
        ("PUT", "/topics/t", "<Topic><MaximumMessageSize>1</MaximumMessageSize></Topic>"),
        ("PUT", "/topics/t", "<Topic><MaximumMessageSize>x</MaximumMessageSize></Topic>"),
    ],
)
def test_what_the_sdk_itself_would_not_send_is_refused_too(
    mns_request: Callable[..., Any], method: str, target: str, body: str
) -> None:
    answer = mns_request(method, target, body)
    assert (answer.status, b"InvalidArgument" in answer.body) == (400, True)


def test_a_topic_that_is_not_there_is_named_as_such(mns: Any) -> None:
    topic = mns.get_topic("nowhere")
    assert refusal(topic.publish_message, TopicMessage("m")) == "TopicNotExist"
    assert refusal(topic.delete) == "TopicNotExist"
    assert refusal(subscribe, topic) == "TopicNotExist"


def test_a_topic_takes_a_hundred_subscriptions(control: Any, topic: Any) -> None:
    rows = [
        {"TopicName": TOPIC, "SubscriptionName": f"s-{number}", "QueueName": QUEUE}
        for number in range(100)
    ]
    control.seed(Subscriptions=rows)
    assert refusal(subscribe, topic, "XML", "", "one-more") == "InvalidArgument"


def test_a_list_shows_attributes_only_if_asked(mns_request: Callable[..., Any]) -> None:
    bare = mns_request("GET", "/topics")
    full = mns_request("GET", "/topics", headers={"x-mns-with-meta": "true"})
    assert b"MaximumMessageSize" not in bare.body
    assert b"<MaximumMessageSize>65536</MaximumMessageSize>" in full.body
