r"""MNS topic trigger: one message for each call (doc).

STREAM, the default          the raw body: see `direct` and `ess_hook`
STREAM with attributes       {"body": "…", "attrs": {"Extend": "{\"k\": \"v\"}"}}
JSON                         {"TopicOwner": "1000000000000001", "TopicName": "topic-1",
                              "Subscriber": "1000000000000001", "SubscriptionName": "sub-1",
                              "MessageId": "<32 hex>", "MessageMD5": "<32 hex>", "Message": "…",
                              "PublishTime": 1767225600000}
JSON with attributes         the same, attributes among the top-level keys

`MessageTag` and `Context` are optional (unknown). A body is plain or Base64 (unknown). A queue that
is subscribed to a topic gets the JSON form as a message body.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .envelope import EnvelopeContext, Wrapped, read_identifier

_BESIDE_MESSAGE = frozenset(
    {"TopicOwner", "TopicName", "Subscriber", "SubscriptionName", "MessageId", "MessageMD5"}
)


def read_notification(value: dict[str, Any], delivery: EnvelopeContext) -> Wrapped | None:
    if "Message" not in value or _BESIDE_MESSAGE.isdisjoint(value):
        return None
    return Wrapped(
        value["Message"],
        replace(
            delivery,
            source="mns_topic",
            id=read_identifier(value.get("MessageId")),
            must_be_known=True,
            part="the Message",
        ),
    )


def read_body_with_attributes(value: dict[str, Any], delivery: EnvelopeContext) -> Wrapped | None:
    """Says nothing of which message it is."""
    if "body" not in value or not value.keys() <= {"body", "attrs"}:
        return None
    return Wrapped(value["body"], replace(delivery, source="mns_topic", part="the body"))
