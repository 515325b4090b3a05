"""Timer trigger (doc).

    {"triggerTime": "2026-01-01T00:00:00Z", "triggerName": "t1", "payload": "text"}

A tick asks for a sweep; {"sweep": "report"} as its payload for no more than that. Any other text is
the deployment's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisioner.errors import Code, Rejected
from provisioner.model import EventRef, SweepMode, SweepRequest

from .envelope import EnvelopeContext, decode_layer, read_identifier


def read(value: dict[str, Any], _: EnvelopeContext) -> SweepRequest | None:
    if not value.keys() >= {"triggerTime", "triggerName"}:
        return None
    told = [read_identifier(value["triggerName"]), read_identifier(value["triggerTime"])]
    event = EventRef("timer", ":".join(told))
    payload = value.get("payload")
    said = decode_layer(payload) if isinstance(payload, str) else payload
    if not isinstance(said, Mapping) or "sweep" not in said:
        return SweepRequest(event)
    modes = [mode.value for mode in SweepMode]
    if said["sweep"] not in modes:
        remedy = f"must be one of {', '.join(modes)}"
        raise Rejected(Code.INVALID_REQUEST, remedy, path="/payload/sweep")
    return SweepRequest(event, SweepMode(said["sweep"]))
