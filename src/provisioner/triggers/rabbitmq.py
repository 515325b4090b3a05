"""RabbitMQ: CloudEvents of type amqp:Queue:SendMessage with this as data (doc).

    {"envelope": {"deliveryTag": 1, "exchange": "", "redeliver": false, "routingKey": "queue-1"},
     "props": {"contentEncoding": "UTF-8", "messageId": "…"},
     "body": {"…": "…"}}

`body` is an object if the message was JSON. The publisher sets `messageId` and often does not. The
event's own id may differ between deliveries, so the document's hash then identifies the event.
"""

from __future__ import annotations

from typing import Any

from .envelope import EnvelopeContext, Wrapped, wrap_message


def read(value: dict[str, Any], context: EnvelopeContext) -> Wrapped | None:
    if "body" not in value or not isinstance(value.get("envelope"), dict):
        return None
    props = value.get("props")
    return wrap_message(
        value["body"],
        context,
        source="rabbitmq",
        message_id=props.get("messageId") if isinstance(props, dict) else "",
        part="the body",
    )
