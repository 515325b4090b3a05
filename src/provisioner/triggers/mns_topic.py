r"""MNS topic: one message a call of its trigger, or a message of a queue that subscribes (doc).

STREAM, the default          the raw body: see `request_document` and `ess_hook`
STREAM with attributes       {"body": "…", "attrs": {"Extend": "{\"k\": \"v\"}"}}
JSON                         {"TopicOwner": "1000000000000001", "TopicName": "topic-1",
                              "Subscriber": "1000000000000001", "SubscriptionName": "sub-1",
                              "MessageId": "<32 hex>", "MessageMD5": "<32 hex>", "Message": "…",
                              "PublishTime": 1767225600000}
JSON with attributes         the same, with the attributes among the top-level keys
XML                          <Notification xmlns="http://mns.aliyuncs.com/doc/v1/"><TopicName>…
                             <Message>…</Message>…</Notification>, with the keys of the JSON form

A subscription has the format XML unless its NotifyContentFormat says otherwise, so a queue that
subscribes to a topic normally gets XML as a message body. `MessageTag` and `Context` are optional
(unknown). A body is plain or Base64, as it was published.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

from .envelope import EnvelopeContext, Wrapped, unreadable_error, wrap_message

_KEYS_BESIDE_MESSAGE = frozenset(
    {"TopicOwner", "TopicName", "Subscriber", "SubscriptionName", "MessageId", "MessageMD5"}
)
_XML_START = re.compile(r"\ufeff?\s*<")


def read_notification(value: dict[str, Any], context: EnvelopeContext) -> Wrapped | None:
    if "Message" not in value or _KEYS_BESIDE_MESSAGE.isdisjoint(value):
        return None
    return wrap_message(
        value["Message"],
        context,
        source="mns_topic",
        message_id=value.get("MessageId"),
        part="the Message",
    )


def is_xml(text: str) -> bool:
    return _XML_START.match(text) is not None


def read_xml(text: str, context: EnvelopeContext) -> Wrapped | None:
    """Read the XML form. Raises `Rejected` for XML that could define entities."""
    if not is_xml(text):
        return None
    if "<!DOCTYPE" in text:
        raise unreadable_error(
            f"{context.part} is XML with a document type declaration, which could define entities; "
            "forward the notification as MNS sent it"
        )
    try:
        root = ET.fromstring(text.lstrip("\ufeff \t\r\n"))  # noqa: S314 - see above
    except (ET.ParseError, ValueError):
        return None
    if _local_name(root) != "Notification" or any(map(len, root)):
        return None
    return read_notification({_local_name(each): each.text or "" for each in root}, context)


def _local_name(element: ET.Element) -> str:
    """Return the name without its namespace: the vendor's own sample misspells `xmlns`."""
    return element.tag.rpartition("}")[2]


def read_body_with_attributes(value: dict[str, Any], context: EnvelopeContext) -> Wrapped | None:
    """Read the STREAM form with attributes, which does not identify the message."""
    if "body" not in value or not value.keys() <= {"body", "attrs"}:
        return None
    return Wrapped(value["body"], replace(context, source="mns_topic", part="the body"))
