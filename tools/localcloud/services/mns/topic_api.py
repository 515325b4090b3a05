"""Topics and their subscriptions on the wire."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from localcloud.services.mns.listing import listed, location
from localcloud.services.mns.model import (
    TOPIC_ATTRIBUTES,
    TOPIC_RETENTION,
    check_name,
    digest,
    invalid_argument,
    not_found,
    read_attributes,
)
from localcloud.services.mns.topics import check_strategy, subscription_of
from localcloud.wire import mns_xml
from localcloud.wire.mns import Reply

if TYPE_CHECKING:
    from localcloud.call import Call
    from localcloud.cloud import Cloud
    from localcloud.services.mns.topics import Subscription, Topic


def create_topic(cloud: Cloud, call: Call) -> Reply:
    name = call.parameters.require("TopicName")
    attributes = read_attributes(_given(call, "Topic"), TOPIC_ATTRIBUTES)
    new = cloud.world.mns.create_topic(name, attributes, cloud.clock.now())
    return _created(call, f"/topics/{name}", new)


def set_topic_attributes(cloud: Cloud, call: Call) -> Reply:
    topic = _topic(cloud, call)
    topic.attributes = read_attributes(_given(call, "Topic"), TOPIC_ATTRIBUTES, topic.attributes)
    topic.modified = cloud.clock.now()
    return Reply(HTTPStatus.NO_CONTENT)


def get_topic_attributes(cloud: Cloud, call: Call) -> Reply:
    content = _described(_topic(cloud, call), cloud.clock.now())
    return Reply(HTTPStatus.OK, mns_xml.element("Topic", content))


def delete_topic(cloud: Cloud, call: Call) -> Reply:
    del cloud.world.mns.topics[_topic(cloud, call).name]
    return Reply(HTTPStatus.NO_CONTENT)


def list_topic(cloud: Cloud, call: Call) -> Reply:
    topics, now = cloud.world.mns.topics, cloud.clock.now()
    return listed(call, "Topic", topics, "/topics", lambda name: _described(topics[name], now))


def publish_message(cloud: Cloud, call: Call) -> Reply:
    topic, node = _topic(cloud, call), mns_xml.read(call.request.body, "Message")
    given = mns_xml.fields(node)
    properties = {item["Name"]: item.get("Value", "") for item in mns_xml.properties(node)}
    body, tag = given.get("MessageBody", ""), given.get("MessageTag", "")
    if not body:
        raise invalid_argument("The MessageBody is missing.")
    publication = cloud.world.mns.publish(topic, body, tag, cloud.clock.now(), properties)
    cloud.changes.notify()
    receipt = {"MessageId": publication.message_id, "MessageBodyMD5": digest(body)}
    return Reply(HTTPStatus.CREATED, mns_xml.element("Message", receipt))


def subscribe(cloud: Cloud, call: Call) -> Reply:
    topic, name = _topic(cloud, call), call.parameters.require("SubscriptionName")
    check_name("SubscriptionName", name)
    given, now = _given(call, "Subscription"), cloud.clock.now()
    subscription = subscription_of(name, given, cloud.world.mns, now)
    new = topic.subscribe(subscription)
    return _created(call, f"/topics/{topic.name}/subscriptions/{name}", new)


def set_subscription_attributes(cloud: Cloud, call: Call) -> Reply:
    subscription = _subscription(cloud, call)
    strategy = _given(call, "Subscription").get("NotifyStrategy") or subscription.notify_strategy
    check_strategy(strategy)
    subscription.notify_strategy = strategy  # sdk: nothing else can be set
    subscription.modified = cloud.clock.now()
    return Reply(HTTPStatus.NO_CONTENT)


def get_subscription_attributes(cloud: Cloud, call: Call) -> Reply:
    subscription = _subscription(cloud, call)
    content = {
        "TopicOwner": cloud.world.mns.account,
        "TopicName": call.parameters.require("TopicName"),
        "SubscriptionName": subscription.name,
        "Endpoint": subscription.endpoint,
        "FilterTag": subscription.filter_tag or None,
        "NotifyStrategy": subscription.notify_strategy,
        "NotifyContentFormat": subscription.notify_content_format,
        "CreateTime": int(subscription.created),
        "LastModifyTime": int(subscription.modified),
    }
    return Reply(HTTPStatus.OK, mns_xml.element("Subscription", content))


def unsubscribe(cloud: Cloud, call: Call) -> Reply:
    del _topic(cloud, call).subscriptions[_subscription(cloud, call).name]
    return Reply(HTTPStatus.NO_CONTENT)


def list_subscription_by_topic(cloud: Cloud, call: Call) -> Reply:
    topic = _topic(cloud, call)
    path = f"/topics/{topic.name}/subscriptions"
    return listed(call, "Subscription", topic.subscriptions, path)


def _topic(cloud: Cloud, call: Call) -> Topic:
    return cloud.world.mns.topic(call.parameters.require("TopicName"))


def _subscription(cloud: Cloud, call: Call) -> Subscription:
    found = _topic(cloud, call).subscriptions.get(call.parameters.require("SubscriptionName"))
    if found is None:
        raise not_found("Subscription")
    return found


def _given(call: Call, root: str) -> dict[str, str]:
    body = call.request.body
    return mns_xml.fields(mns_xml.read(body, root)) if body else {}


def _created(call: Call, path: str, new: bool) -> Reply:
    # sdk: Location also when nothing was created, or the client fails.
    headers = {"location": location(call, path)}
    return Reply(HTTPStatus.CREATED if new else HTTPStatus.NO_CONTENT, headers=headers)


def _described(topic: Topic, now: float) -> dict[str, Any]:
    return {
        "TopicName": topic.name,
        "CreateTime": int(topic.created),
        "LastModifyTime": int(topic.modified),
        "MessageCount": topic.message_count(now),
        "MessageRetentionPeriod": TOPIC_RETENTION,
        **topic.attributes.describe(),
    }
