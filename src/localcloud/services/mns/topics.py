"""One topic: its subscriptions, and what a published message looks like to each of them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from localcloud.services.mns.model import (
    SUBSCRIPTIONS,
    TAG_LENGTH,
    TOPIC_RETENTION,
    Attributes,
    Limits,
    check_body,
    conflict,
    digest,
    invalid_argument,
    out_of_range,
)
from localcloud.services.mns.queues import milliseconds, new_message_id
from localcloud.wire import mns_xml

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMATS = ("XML", "JSON", "SIMPLIFIED")  # doc
STRATEGIES = ("BACKOFF_RETRY", "EXPONENTIAL_DECAY_RETRY")  # doc


@dataclass
class Subscription:
    name: str
    endpoint: str
    queue_name: str
    created: float
    modified: float
    filter_tag: str = ""
    notify_content_format: str = FORMATS[0]
    notify_strategy: str = STRATEGIES[0]

    def check(self) -> None:
        if self.notify_content_format not in FORMATS:
            raise invalid_argument("The value of NotifyContentFormat is invalid.")
        if self.notify_strategy not in STRATEGIES:
            raise invalid_argument("The value of NotifyStrategy is invalid.")
        if len(self.filter_tag) > TAG_LENGTH:
            raise invalid_argument(f"The FilterTag is longer than {TAG_LENGTH}.")

    def same(self, other: Subscription) -> bool:
        return (self.endpoint, self.filter_tag, self.notify_content_format) == (
            other.endpoint,
            other.filter_tag,
            other.notify_content_format,
        ) and self.notify_strategy == other.notify_strategy


@dataclass(frozen=True)
class Publication:
    body: str
    tag: str
    published: float
    message_id: str = field(default_factory=new_message_id)


@dataclass
class Topic:
    name: str
    owner: str
    attributes: Attributes
    created: float
    modified: float
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    published: list[float] = field(default_factory=list)

    def subscribe(self, subscription: Subscription) -> bool:
        """Whether it is new; an identical one may stand there already, another may not."""
        subscription.check()
        existing = self.subscriptions.get(subscription.name)
        if existing is not None:
            if not existing.same(subscription):
                raise conflict("Subscription")
            return False
        if len(self.subscriptions) >= SUBSCRIPTIONS:  # doc: the limit; inferred: the code
            raise invalid_argument(f"A topic has at most {SUBSCRIPTIONS} subscriptions.")
        self.subscriptions[subscription.name] = subscription
        return True

    def publish(self, body: str, tag: str, now: float) -> Publication:
        check_body(body, self.attributes.numbers["MaximumMessageSize"])
        if len(tag) > TAG_LENGTH:
            raise out_of_range("MessageTag", Limits(1, TAG_LENGTH, 0, "bytes"))
        self.published.append(now)
        return Publication(body, tag, now)

    def deliveries(self, publication: Publication) -> Iterator[tuple[Subscription, str]]:
        for subscription in self.subscriptions.values():
            # doc: a filter is the exact match of one tag
            if subscription.filter_tag in ("", publication.tag):
                yield subscription, self._notification(subscription, publication)

    def message_count(self, now: float) -> int:
        self.published = [at for at in self.published if at > now - TOPIC_RETENTION]
        return len(self.published)

    def _notification(self, subscription: Subscription, publication: Publication) -> str:
        if subscription.notify_content_format == "SIMPLIFIED":  # doc: the bare body
            return publication.body
        fields: dict[str, Any] = {  # doc, in this order
            "TopicOwner": self.owner,
            "TopicName": self.name,
            "Subscriber": self.owner,
            "SubscriptionName": subscription.name,
            "MessageId": publication.message_id,
            "Message": publication.body,
            "MessageMD5": digest(publication.body),
            "MessageTag": publication.tag or None,
            "PublishTime": str(milliseconds(publication.published)),
        }
        if subscription.notify_content_format == "JSON":
            given = {key: value for key, value in fields.items() if value is not None}
            return json.dumps(given, ensure_ascii=False)
        return mns_xml.write(mns_xml.element("Notification", fields)).decode()
