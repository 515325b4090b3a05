"""RabbitMQ: CloudEvents of type amqp:Queue:SendMessage around this (doc).

    {"envelope": {"deliveryTag": 1, "exchange": "", "redeliver": false, "routingKey": "queue-1"},
     "props": {"contentEncoding": "UTF-8", "messageId": "…"},
     "body": {"…": "…"}}

`body` is an object where the message was JSON. `messageId` is the publisher's and often missing;
the event's own id may then differ from one delivery to the next, so the document's hash stands in.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .envelope import EnvelopeContext, Wrapped, read_identifier


def read(value: dict[str, Any], delivery: EnvelopeContext) -> Wrapped | None:
    if "body" not in value or not isinstance(value.get("envelope"), dict):
        return None
    props = value.get("props")
    return Wrapped(
        value["body"],
        replace(
            delivery,
            source="rabbitmq",
            id=read_identifier(props.get("messageId")) if isinstance(props, dict) else "",
            must_be_known=True,
            part="the body",
        ),
    )
