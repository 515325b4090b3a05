"""Notifications of an MNS topic in XML: wherever a message can be, and nothing of entities."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from builders import (
    a_hook_request,
    a_request,
    as_base64,
    as_bytes,
    cloud_event,
    document,
    hook_message,
    queue_message,
    xml_notification,
)
from provisioner.errors import Rejected
from provisioner.model import Request
from provisioner.triggers import decode

REQUEST = json.dumps(document())
PREFIXED = (
    '<n:Notification xmlns:n="urn:n"><n:MessageId>M1</n:MessageId><n:Message>{}</n:Message>'
    "</n:Notification>"
)


def only(value: Any) -> Any:
    (item,) = decode(value.encode() if isinstance(value, str) else as_bytes(value))
    return item


WAYS: list[Any] = [
    lambda text: text,
    lambda text: f"\ufeff\r\n {text}",
    lambda text: base64.b64encode(text.encode()).decode(),
    lambda text: [text],
    lambda text: [queue_message(text)],
    lambda text: [queue_message(base64.b64encode(text.encode()).decode())],
    cloud_event,
    lambda text: {"requestId": "R1", "messageId": "M2", "messageBody": text},
    lambda text: {"systemProperties": {}, "body": text},
    lambda text: {"envelope": {}, "body": text},
    lambda text: {"topic": "t", "partition": 0, "offset": 7, "value": text},
    lambda text: {"body": text, "attrs": {}},
    lambda text: {"TopicName": "t", "MessageId": "M2", "Message": text},
]


@pytest.mark.parametrize("wrap", WAYS)
def test_an_xml_notification_is_opened_wherever_a_message_can_be(wrap: Any) -> None:
    assert only(wrap(xml_notification(REQUEST))) == a_request("mns_topic", "M1")
    hook = only(wrap(xml_notification(as_base64(hook_message()))))
    assert isinstance(hook, Request)
    assert (hook.event, hook.action) == (a_hook_request().event, a_hook_request().action)


@pytest.mark.parametrize("body", [REQUEST, as_base64(document()), xml_notification(REQUEST)])
def test_the_message_of_an_xml_notification_may_be_json_or_base64_or_a_notification(
    body: str,
) -> None:
    assert only(xml_notification(body)) == a_request("mns_topic", "M1")


@pytest.mark.parametrize(
    "notification",
    [
        "<Notification><MessageId>M1</MessageId><Message><![CDATA[{}]]></Message></Notification>",
        "<Notification><!-- x --><MessageId>M1</MessageId><Message>{}</Message></Notification>",
        PREFIXED,
    ],
)
def test_any_xml_of_a_notification_is_read(notification: str) -> None:
    assert only(notification.replace("{}", REQUEST)) == a_request("mns_topic", "M1")


@pytest.mark.parametrize(
    "text",
    [
        "<",
        "<html/>",
        "<Notification/>",
        "<Notification><Message>{}</Message>",
        "<Notification><MessageId>M1</MessageId></Notification>",
        f"<Notification><MessageId>M1</MessageId><Message><a/>{REQUEST}</Message></Notification>",
        f"<Messages><Message>{REQUEST}</Message><MessageId>M1</MessageId></Messages>",
        xml_notification("\x00"),
        "<a>" * 100_000,
    ],
)
def test_xml_that_is_no_notification_is_unreadable(text: str) -> None:
    item = only([queue_message(text)])
    assert isinstance(item, Rejected)
    assert item.code == "Unreadable"


@pytest.mark.parametrize("entity", ['<!ENTITY a "{}">', '<!ENTITY a SYSTEM "file:///etc/hosts">'])
def test_xml_that_could_define_entities_is_refused_before_it_is_parsed(entity: str) -> None:
    body = "<Notification><MessageId>M1</MessageId><Message>&a;</Message></Notification>"
    text = f"<!DOCTYPE Notification [{entity}]>{body}"
    item = only([queue_message(text)])
    assert isinstance(item, Rejected)
    assert "document type declaration" in item.message
    assert "hosts" not in item.message


def test_nothing_of_an_xml_notification_is_repeated_in_a_message() -> None:
    item = only(xml_notification("canary-4f1d"))
    assert isinstance(item, Rejected)
    assert "canary" not in str(item)
