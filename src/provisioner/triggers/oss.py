"""OSS trigger (seen).

    {"events": [{"eventName": "ObjectCreated:PutObject", "eventSource": "acs:oss",
                 "eventTime": "…", "region": "cn-hangzhou",
                 "oss": {"bucket": {}, "object": {"key": "…", "size": 1, "eTag": "…"}}}]}

The function does nothing with objects.
"""

from __future__ import annotations

from typing import Any

from provisioner.errors import Skip

from .envelope import EnvelopeContext


def read(value: dict[str, Any], _: EnvelopeContext) -> Skip | None:
    events = value.get("events")
    if not isinstance(events, list) or not events:
        return None
    if not all(isinstance(event, dict) and "oss" in event for event in events):
        return None
    return Skip("an event of an OSS object, which asks for nothing")
