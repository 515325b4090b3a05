"""Kafka: an array of CloudEvents of type alikafka:Topic:Message with this as data (doc).

    {"topic": "topic-1", "partition": 0, "offset": 7, "timestamp": 1767225600000,
     "headers": {"headers": [], "isReadOnly": false}, "key": "k", "value": "…"}

`value` is JSON, text or Base64. A tombstone has null and asks for nothing. Topic, partition and
offset identify the message.
"""

from __future__ import annotations

from typing import Any

from provisioner.errors import Skip

from .envelope import EnvelopeContext, Wrapped, wrap_message


def read(value: dict[str, Any], context: EnvelopeContext) -> Wrapped | Skip | None:
    if not value.keys() >= {"value", "partition", "offset"}:
        return None
    if value["value"] is None:
        return Skip("a Kafka tombstone, which asks for nothing")
    topic, partition, offset = value.get("topic"), value["partition"], value["offset"]
    is_complete = isinstance(topic, str) and type(partition) is int and type(offset) is int
    return wrap_message(
        value["value"],
        context,
        source="kafka",
        message_id=f"{topic}:{partition}:{offset}" if is_complete else "",
        part="the value",
    )
