"""What a published message looks like to a subscriber, by NotifyContentFormat.

| format     | queue, HTTP                | function                                             |
| ---------- | -------------------------- | ---------------------------------------------------- |
| XML        | a Notification             |                                                      |
| JSON       | the documented fields      | the same; PublishTime a number, attributes among them |
| SIMPLIFIED | the bare body              |                                                      |
| STREAM     |                            | the bare body, or an object of body and attributes   |
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from localcloud.services.mns.model import digest
from localcloud.services.mns.queues import milliseconds, new_message_id
from localcloud.wire import mns_xml

if TYPE_CHECKING:
    from collections.abc import Mapping

PUSH_FORMATS = ("XML", "JSON", "SIMPLIFIED")  # doc, the default first
FUNCTION_FORMATS = ("STREAM", "JSON")  # sdk, the default first


@dataclass(frozen=True)
class Publication:
    body: str
    tag: str
    published: float
    properties: Mapping[str, str] = field(default_factory=dict)
    message_id: str = field(default_factory=new_message_id)


@dataclass(frozen=True)
class Notification:
    """One publication on its way to one subscription."""

    topic: str
    owner: str
    subscription: str
    content_format: str
    publication: Publication

    def text(self) -> str:
        if self.content_format == "SIMPLIFIED":  # doc: the bare body
            return self.publication.body
        if self.content_format == "XML":
            return mns_xml.write(mns_xml.element("Notification", self._fields())).decode()
        return _json(self._fields())

    def event(self) -> bytes:
        """As a function gets it."""
        properties = self.publication.properties
        if self.content_format == "JSON":
            time = milliseconds(self.publication.published)
            text = _json({**properties, **self._fields(), "PublishTime": time})
        elif properties:  # doc; inferred: user properties are the attributes
            attributes = {"Extend": json.dumps(properties, ensure_ascii=False)}
            text = _json({"body": self.publication.body, "attrs": attributes})
        else:
            text = self.publication.body
        return text.encode()

    def headers(self) -> dict[str, str]:
        """Of an HTTP push; without the signature of the real service, whose key nobody has."""
        media = {"XML": "text/xml;charset=utf-8", "JSON": "application/json;charset=utf-8"}
        headers = {
            "user-agent": "Aliyun Notification Service Agent",  # doc
            "content-type": media.get(self.content_format, "text/plain;charset=utf-8"),
            "x-mns-version": "2015-06-06",
        }
        if self.content_format == "SIMPLIFIED":
            headers["x-mns-message-id"] = self.publication.message_id  # doc
            if self.publication.tag:
                headers["x-mns-message-tag"] = self.publication.tag  # doc
            headers |= {  # seen
                "x-mns-publish-time": str(milliseconds(self.publication.published)),
                "x-mns-subscriber": self.owner,
                "x-mns-subscription-name": self.subscription,
                "x-mns-topic-name": self.topic,
                "x-mns-topic-owner": self.owner,
            }
        return headers

    def _fields(self) -> dict[str, Any]:
        fields = {  # doc, in this order
            "TopicOwner": self.owner,
            "TopicName": self.topic,
            "Subscriber": self.owner,
            "SubscriptionName": self.subscription,
            "MessageId": self.publication.message_id,
            "Message": self.publication.body,
            "MessageMD5": digest(self.publication.body),
            "MessageTag": self.publication.tag or None,
            "PublishTime": str(milliseconds(self.publication.published)),
        }
        return {key: value for key, value in fields.items() if value is not None}


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False)
