"""One queue: which messages are there, which are visible, and who may delete them.

A receipt handle is `<message id>-<random>`: a new one with every delivery and every change of
visibility, and it holds only until the message is visible again. It needs no URL encoding, since
the SDK does none.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any

from localcloud.services.mns.model import (
    PRIORITY,
    Attributes,
    check_body,
    digest,
    not_found,
)
from localcloud.wire.errors import ApiError

Chance = Callable[[], bool]


def new_message_id() -> str:
    return uuid.uuid4().hex.upper()


@dataclass
class Message:
    body: str
    enqueued: float
    visible: float
    priority: int = PRIORITY.default
    message_id: str = field(default_factory=new_message_id)
    deliveries: int = 0
    first_delivered: float = 0.0
    handle: str = ""
    properties: list[dict[str, str]] = field(default_factory=list)

    def hide(self, until: float) -> None:
        self.visible = until
        self.handle = f"{self.message_id}-{uuid.uuid4().hex[:8]}"

    def describe(self) -> dict[str, Any]:
        return {
            "MessageId": self.message_id,
            "MessageBody": self.body,
            "MessageBodyMD5": digest(self.body),
            "EnqueueTime": milliseconds(self.enqueued),
            "NextVisibleTime": milliseconds(self.visible),
            "DequeueCount": self.deliveries,
            "Priority": self.priority,
        }


@dataclass
class Queue:
    name: str
    attributes: Attributes
    created: float
    modified: float
    messages: list[Message] = field(default_factory=list)

    def accept(self, message: Message) -> None:
        check_body(message.body, self.attributes.numbers["MaximumMessageSize"])
        self.messages.append(message)

    def visible(self, now: float, at_most: int) -> list[Message]:
        """1 is the highest priority; within one, the order of arrival (inferred)."""
        self._forget(now)
        found = [message for message in self.messages if message.visible <= now]
        return sorted(found, key=lambda message: message.priority)[:at_most]

    def receive(
        self, now: float, at_most: int, duplicated: Chance, hidden: float | None = None
    ) -> list[Message]:
        """`hidden` is for how long, if not for the queue's own VisibilityTimeout; `duplicated`
        says of each whether the queue keeps a copy to deliver again (doc: at least once)."""
        messages = self.visible(now, at_most)
        seconds = self.attributes.numbers["VisibilityTimeout"] if hidden is None else hidden
        for message in messages:
            message.deliveries += 1
            message.first_delivered = message.first_delivered or now
            message.hide(now + seconds)
            if duplicated():
                self.messages.append(replace(message, visible=now, handle=""))
        return messages

    def delete(self, handle: str, now: float) -> None:
        held = self._held(handle, now)
        self.messages = [item for item in self.messages if item is not held]

    def change_visibility(self, handle: str, seconds: int, now: float) -> Message:
        message = self._held(handle, now)
        message.hide(now + seconds)
        return message

    def kept(self, now: float) -> list[Message]:
        self._forget(now)
        return self.messages

    def next_arrival(self, now: float) -> float | None:
        """Seconds until a message that is hidden now becomes visible by itself."""
        hidden = [message.visible - now for message in self.messages if message.visible > now]
        return min(hidden, default=None)

    def counts(self, now: float) -> dict[str, int]:
        self._forget(now)
        hidden = [message for message in self.messages if message.visible > now]
        delayed = sum(1 for message in hidden if not message.deliveries)
        return {
            "ActiveMessages": len(self.messages) - len(hidden),
            "InactiveMessages": len(hidden) - delayed,
            "DelayMessages": delayed,
        }

    def _held(self, handle: str, now: float) -> Message:
        message_id, dash, _ = handle.rpartition("-")
        found = [item for item in self.messages if item.message_id == message_id]
        if not found and dash:
            raise not_found("Message")
        for item in found:
            if item.handle == handle and item.visible > now:
                return item
        message = "The receipt handle you provide is not valid."
        raise ApiError(HTTPStatus.BAD_REQUEST, "ReceiptHandleError", message)

    def _forget(self, now: float) -> None:
        oldest = now - self.attributes.numbers["MessageRetentionPeriod"]
        self.messages = [item for item in self.messages if item.enqueued > oldest]


def milliseconds(moment: float) -> int:
    return int(moment * 1000)
