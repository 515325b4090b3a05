"""RocketMQ: CloudEvents of type mq:Topic:SendMessage around this; a self-built cluster sends bare
elements, with `msgId` (doc).

    {"topic": "topic-1", "userProperties": {},
     "systemProperties": {"UNIQ_KEY": "…", "KEYS": "…", "TAGS": "…", "MSG_REGION": "cn-hangzhou",
                          "INSTANCE_ID": "…", "TRACE_ON": "true", "MIN_OFFSET": "0",
                          "MAX_OFFSET": "1", "CONSUME_START_TIME": 1767225600000},
     "body": "…"}

UNIQ_KEY is the producer's and stays when the broker delivers again; msgId is the broker's.
`body` may arrive as parsed JSON (unknown).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .envelope import EnvelopeContext, Wrapped, read_identifier


def read(value: dict[str, Any], delivery: EnvelopeContext) -> Wrapped | None:
    properties = value.get("systemProperties")
    if "body" not in value or not isinstance(properties, dict):
        return None
    return Wrapped(
        value["body"],
        replace(
            delivery,
            source="rocketmq",
            id=read_identifier(properties.get("UNIQ_KEY")) or read_identifier(value.get("msgId")),
            must_be_known=True,
            part="the body",
        ),
    )
