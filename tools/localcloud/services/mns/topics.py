"""One topic and its subscriptions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from localcloud.retries import BACKOFF, STRATEGIES
from localcloud.services.mns.endpoints import FUNCTION, Endpoint, read
from localcloud.services.mns.model import (
    SUBSCRIPTIONS,
    TAG_LENGTH,
    TOPIC_RETENTION,
    Attributes,
    Limits,
    check_body,
    check_name,
    conflict,
    invalid_argument,
    out_of_range,
)
from localcloud.services.mns.notifications import (
    FUNCTION_FORMATS,
    PUSH_FORMATS,
    Notification,
    Publication,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from localcloud.services.mns.messaging import Messaging


@dataclass
class Subscription:
    name: str
    endpoint: str
    target: Endpoint
    created: float
    modified: float
    filter_tag: str = ""
    notify_content_format: str = PUSH_FORMATS[0]
    notify_strategy: str = BACKOFF

    def check(self) -> None:
        check_name("SubscriptionName", self.name)
        formats = FUNCTION_FORMATS if self.target.kind == FUNCTION else PUSH_FORMATS
        if self.notify_content_format not in formats:
            raise invalid_argument("The value of NotifyContentFormat is invalid.")
        check_strategy(self.notify_strategy)
        if len(self.filter_tag) > TAG_LENGTH:
            raise invalid_argument(f"The FilterTag is longer than {TAG_LENGTH}.")

    def same(self, other: Subscription) -> bool:
        return (self.endpoint, self.filter_tag, self.notify_content_format) == (
            other.endpoint,
            other.filter_tag,
            other.notify_content_format,
        ) and self.notify_strategy == other.notify_strategy


def check_strategy(strategy: str) -> None:
    if strategy not in STRATEGIES:
        raise invalid_argument("The value of NotifyStrategy is invalid.")


def subscription_of(
    name: str, given: Mapping[str, str], mns: Messaging, now: float
) -> Subscription:
    """Reads a subscription as Subscribe and seeds write it; what is left out has its default."""
    endpoint = given.get("Endpoint", "")
    target = read(endpoint, mns.region, mns.account)
    default = (FUNCTION_FORMATS if target.kind == FUNCTION else PUSH_FORMATS)[0]
    return Subscription(
        name=name,
        endpoint=endpoint,
        target=target,
        created=now,
        modified=now,
        filter_tag=given.get("FilterTag", ""),
        notify_content_format=given.get("NotifyContentFormat") or default,
        notify_strategy=given.get("NotifyStrategy") or BACKOFF,
    )


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

    def publish(self, publication: Publication) -> None:
        check_body(publication.body, self.attributes.numbers["MaximumMessageSize"])
        if len(publication.tag) > TAG_LENGTH:
            raise out_of_range("MessageTag", Limits(1, TAG_LENGTH, 0, "bytes"))
        self.published.append(publication.published)

    def notifications(
        self, publication: Publication
    ) -> Iterator[tuple[Subscription, Notification]]:
        for item in self.subscriptions.values():
            # doc: a filter is the exact match of one tag
            if item.filter_tag in ("", publication.tag):
                content_format = item.notify_content_format
                yield (
                    item,
                    Notification(self.name, self.owner, item.name, content_format, publication),
                )

    def message_count(self, now: float) -> int:
        self.published = [at for at in self.published if at > now - TOPIC_RETENTION]
        return len(self.published)
