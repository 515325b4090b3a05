"""The account's queues and topics, by name, and how a publication finds its subscribers: queues
have it at once, for endpoints elsewhere it waits in the outbox (pushing.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from localcloud.services.mns import endpoints
from localcloud.services.mns.dead_letters import DlqPolicy
from localcloud.services.mns.endpoints import Endpoint
from localcloud.services.mns.model import (
    Attributes,
    check_name,
    conflict,
    invalid_argument,
    not_found,
)
from localcloud.services.mns.notifications import Notification, Publication
from localcloud.services.mns.queues import Message, Queue
from localcloud.services.mns.topics import Topic

if TYPE_CHECKING:
    from collections.abc import Mapping

# doc, as they stand in hooks (both editions), destinations and triggers
_TARGET = re.compile(
    r"acs:(?:mns|ess):([^:/]+):([^:/]+):/?(queue|topic)s?/([^/:]+)(?:/messages)?",
)


class Push(NamedTuple):
    """Needs nothing of the world any more: a seed may replace it meanwhile."""

    endpoint: Endpoint
    strategy: str
    notification: Notification


@dataclass
class Messaging:
    account: str
    region: str
    queues: dict[str, Queue] = field(default_factory=dict)
    topics: dict[str, Topic] = field(default_factory=dict)
    outbox: list[Push] = field(default_factory=list)
    dead_letters: dict[str, DlqPolicy] = field(default_factory=dict)  # by queue

    def queue(self, name: str) -> Queue:
        found = self.queues.get(name)
        if found is None:
            raise not_found("Queue")
        return found

    def topic(self, name: str) -> Topic:
        found = self.topics.get(name)
        if found is None:
            raise not_found("Topic")
        return found

    def create_queue(self, name: str, attributes: Attributes, now: float) -> bool:
        """Whether it is new; an identical one may stand there already, another may not."""
        check_name("QueueName", name)
        existing = self.queues.get(name)
        if existing is None:
            self.queues[name] = Queue(name, attributes, now, now)
        elif existing.attributes != attributes:
            raise conflict("Queue")
        return existing is None

    def create_topic(self, name: str, attributes: Attributes, now: float) -> bool:
        check_name("TopicName", name)
        existing = self.topics.get(name)
        if existing is None:
            self.topics[name] = Topic(name, self.account, attributes, now, now)
        elif existing.attributes != attributes:
            raise conflict("Topic")
        return existing is None

    def publish(
        self,
        topic: Topic,
        body: str,
        tag: str,
        now: float,
        properties: Mapping[str, str] | None = None,
    ) -> Publication:
        publication = Publication(body, tag, now, properties or {})
        topic.publish(publication)
        for subscription, notification in topic.notifications(publication):
            target = subscription.target
            if target.kind != endpoints.QUEUE:
                self.outbox.append(Push(target, subscription.notify_strategy, notification))
            elif target.name in self.queues:  # inferred: one whose queue is gone gets nothing
                self._put(self.queues[target.name], notification.text(), now)
        return publication

    def send(self, queue: Queue, body: str, now: float) -> Message:
        message = Message(body, now, now + queue.attributes.numbers["DelaySeconds"])
        queue.accept(message)
        return message

    def target_of(self, arn: str) -> Queue | Topic:
        """ApiError if it is not there, or not of this region and account."""
        match = _TARGET.fullmatch(arn)
        if match is None or match.groups()[:2] != (self.region, self.account):
            raise invalid_argument(f"{arn} names no queue or topic of this region and account.")
        return self.queue(match[4]) if match[3] == "queue" else self.topic(match[4])

    def endpoint_of_queue(self, name: str) -> str:
        return f"acs:mns:{self.region}:{self.account}:queues/{name}"

    def endpoint_of_function(self, name: str) -> str:
        return endpoints.function_arn(name, self.region, self.account)

    def _put(self, queue: Queue, text: str, now: float) -> None:
        # inferred: a notification may be larger than the queue's own limit
        queue.messages.append(Message(text, now, now + queue.attributes.numbers["DelaySeconds"]))
