"""RocketMQ: CloudEvents of type mq:Topic:SendMessage with this as data; a self-built cluster sends
bare elements, with `msgId` (doc).

    {"topic": "topic-1", "userProperties": {},
     "systemProperties": {"UNIQ_KEY": "…", "KEYS": "…", "TAGS": "…", "MSG_REGION": "cn-hangzhou",
                          "INSTANCE_ID": "…", "TRACE_ON": "true", "MIN_OFFSET": "0",
                          "MAX_OFFSET": "1", "CONSUME_START_TIME": 1767225600000},
     "body": "…"}

The producer sets UNIQ_KEY, and a redelivery keeps it; the broker sets msgId. `body` may be parsed
JSON (unknown).
"""

from __future__ import annotations

from typing import Any

from .envelope import EnvelopeContext, Wrapped, read_identifier, wrap_message


def read(value: dict[str, Any], context: EnvelopeContext) -> Wrapped | None:
    properties = value.get("systemProperties")
    if "body" not in value or not isinstance(properties, dict):
        return None
    return wrap_message(
        value["body"],
        context,
        source="rocketmq",
        message_id=read_identifier(properties.get("UNIQ_KEY")) or value.get("msgId"),
        part="the body",
    )
