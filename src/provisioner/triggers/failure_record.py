r"""The platform's own record of an asynchronous event that it gave up, as an asynchronous
destination hands it over (seen), by whatever way that is wired back to us.

    {"timestamp": 1767225600000,
     "requestContext": {"requestId": "req-0001", "approximateInvokeCount": 4,
                        "functionArn": "acs:fc:cn-hangzhou:1000000000000001:functions/f",
                        "condition": "UnhandledInvocationError"},
     "requestPayload": "{\"LoadBalancerId\": \"lb-0001\", …}",
     "responseContext": {"statusCode": 200, "functionError": "UnhandledInvocationError"},
     "responsePayload": "…"}

The same record tells of a success where onSuccess is wired to us; its condition is unknown. The
event is what stands in requestPayload and is never carried out from here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from provisioner.errors import RetriesExhausted, Skip
from provisioner.groups.naming import compute_digest
from provisioner.model import EventRef, FailureRecord

from .envelope import EnvelopeContext, read_identifier

_WORD = re.compile(r"[A-Za-z]{1,64}\Z")  # what is said of a failure, as opposed to any text
_TELLING = frozenset({"functionArn", "condition", "approximateInvokeCount"})


def read(value: dict[str, Any], _: EnvelopeContext) -> RetriesExhausted | Skip | None:
    context = value.get("requestContext")
    if "requestPayload" not in value or not isinstance(context, dict):
        return None
    if _TELLING.isdisjoint(context):
        return None
    response = value.get("responseContext")
    error = response.get("functionError") if isinstance(response, dict) else None
    condition = _read_word(context.get("condition")) or _read_word(error)
    if condition.lower() == "success" and not error:
        return Skip("the platform's record of a success, which asks for nothing")
    record = FailureRecord(
        payload=_read_payload(value["requestPayload"]),
        attempts=_read_attempts(context),
        condition=condition,
        request_id=read_identifier(context.get("requestId")),
        function_arn=read_identifier(context.get("functionArn")),
    )
    told = record.request_id or f"sha256:{compute_digest(value['requestPayload'])}"
    return RetriesExhausted(record, EventRef("function_compute", told))


def _read_payload(value: object) -> bytes:
    """The event's bytes. Another type than a string is none that the platform sends."""
    text = value if isinstance(value, str) else json.dumps(value)
    return text.encode("utf-8", "surrogatepass")


def _read_attempts(context: Mapping[str, Any]) -> int:
    """A number that may be a string."""
    value = context.get("approximateInvokeCount")
    text = str(value) if type(value) in (int, str) else ""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0  # noqa: PLR2004


def _read_word(value: object) -> str:
    return value if isinstance(value, str) and _WORD.match(value) else ""
