"""The account's queues and topics, by name, and how a publication finds its queues."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from localcloud.services.mns.model import (
    Attributes,
    check_name,
    conflict,
    invalid_argument,
    not_found,
)
from localcloud.services.mns.queues import Message, Queue
from localcloud.services.mns.topics import Publication, Topic
from localcloud.wire.errors import not_implemented

_QUEUE_ENDPOINT = re.compile(r"acs:mns:([^:]+):([^:]+):queues/([^/:]+)")  # doc
_PUSH_ENDPOINT = re.compile(r"(https?://|mail:|sms:).+")  # doc


@dataclass
class Messaging:
    account: str
    region: str
    queues: dict[str, Queue] = field(default_factory=dict)
    topics: dict[str, Topic] = field(default_factory=dict)

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

    def publish(self, topic: Topic, body: str, tag: str, now: float) -> Publication:
        publication = topic.publish(body, tag, now)
        for subscription, text in topic.deliveries(publication):
            queue = self.queues.get(subscription.queue_name)
            if queue is not None:  # inferred: one whose queue is gone gets nothing
                delay = queue.attributes.numbers["DelaySeconds"]
                queue.messages.append(Message(text, now, now + delay))
        return publication

    def queue_of(self, endpoint: str) -> str:
        match = _QUEUE_ENDPOINT.fullmatch(endpoint)
        if match is None and _PUSH_ENDPOINT.fullmatch(endpoint):
            raise not_implemented(f"delivery to {endpoint.partition(':')[0]} endpoints")
        if match is None or match.groups()[:2] != (self.region, self.account):
            # doc: a queue of the same region and account
            raise invalid_argument("The value of Endpoint is invalid.")
        return match[3]

    def endpoint_of(self, queue_name: str) -> str:
        return f"acs:mns:{self.region}:{self.account}:queues/{queue_name}"
