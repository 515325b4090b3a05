"""Timer trigger (doc).

    {"triggerTime": "2026-01-01T00:00:00Z", "triggerName": "t1", "payload": "text"}

A tick asks for a sweep. The payload {"sweep": "report"} asks for no more than a report. Any other
text is the deployment's own. A tick is believed only as the whole event, as the platform's timer
sends it: a message in a queue can be from anybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisioner.errors import Code, Rejected
from provisioner.mapping.validation import describe_type
from provisioner.model import EventRef, SweepMode, SweepRequest

from .envelope import EnvelopeContext, decode_layer, read_identifier


def read(value: dict[str, Any], context: EnvelopeContext) -> SweepRequest | None:
    if not value.keys() >= {"triggerTime", "triggerName"}:
        return None
    if not context.is_whole_event:
        raise Rejected(
            Code.INVALID_REQUEST,
            f"{context.part} is a timer's tick, which only the timer trigger itself may send; use "
            "a timer trigger, or opskit sweep",
        )
    name, time = read_identifier(value["triggerName"]), read_identifier(value["triggerTime"])
    return SweepRequest(EventRef("timer", f"{name}:{time}"), _read_mode(value.get("payload")))


def _read_mode(payload: object) -> SweepMode | None:
    options = decode_layer(payload) if isinstance(payload, str) else payload
    if not isinstance(options, Mapping) or "sweep" not in options:
        return None
    mode, modes = options["sweep"], [mode.value for mode in SweepMode]
    if mode not in modes:
        rule = f"must be one of {', '.join(modes)}, is {describe_type(mode)}"
        raise Rejected(Code.INVALID_REQUEST, rule, path="/payload/sweep")
    return SweepMode(mode)
