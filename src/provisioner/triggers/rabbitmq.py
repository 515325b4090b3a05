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

from .envelope import Delivery, Inside, identifier


def read(value: dict[str, Any], delivery: Delivery) -> Inside | None:
    if "body" not in value or not isinstance(value.get("envelope"), dict):
        return None
    props = value.get("props")
    return Inside(
        value["body"],
        replace(
            delivery,
            source="rabbitmq",
            id=identifier(props.get("messageId")) if isinstance(props, dict) else "",
            addressed=True,
            part="the body",
        ),
    )
