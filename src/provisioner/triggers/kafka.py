"""Kafka: an array of CloudEvents of type alikafka:Topic:Message around this (doc).

    {"topic": "topic-1", "partition": 0, "offset": 7, "timestamp": 1767225600000,
     "headers": {"headers": [], "isReadOnly": false}, "key": "k", "value": "…"}

`value` is JSON, text or Base64.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .envelope import EnvelopeContext, Wrapped, read_identifier


def read(value: dict[str, Any], delivery: EnvelopeContext) -> Wrapped | None:
    if not value.keys() >= {"value", "partition", "offset"}:
        return None
    record = (value.get("topic"), value["partition"], value["offset"])
    return Wrapped(
        value["value"],
        replace(
            delivery,
            source="kafka",
            id=read_identifier(":".join(map(str, record))) if _is_whole(record) else "",
            must_be_known=True,
            part="the value",
        ),
    )


def _is_whole(record: tuple[object, object, object]) -> bool:
    topic, partition, offset = record
    return isinstance(topic, str) and type(partition) is int and type(offset) is int
