r"""Function Compute's record of an asynchronous invocation, as its destination receives it (seen).

Any trigger may deliver the record to this function. This one is of an event that the platform
stopped retrying:

    {"timestamp": 1767225600000,
     "requestContext": {"requestId": "req-0001", "approximateInvokeCount": 4,
                        "functionArn": "acs:fc:cn-hangzhou:1000000000000001:functions/f",
                        "condition": "UnhandledInvocationError"},
     "requestPayload": "{\"LoadBalancerId\": \"lb-0001\", …}",
     "responseContext": {"statusCode": 200, "functionError": "UnhandledInvocationError"},
     "responsePayload": "…"}

requestPayload is the event. The function never executes it from the record. In the record of a
success, condition and functionError are "" (doc). Every failure has a condition, for example
FunctionResourceExhausted with an empty functionError (doc).
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

_WORD = re.compile(r"[A-Za-z]{1,64}\Z")  # a condition may be published; any other text may not
SUCCESS = "the platform's record of a success, which asks for nothing"
_DISTINCTIVE_KEYS = frozenset({"functionArn", "condition", "approximateInvokeCount"})


def read(value: dict[str, Any], _: EnvelopeContext) -> RetriesExhausted | Skip | None:
    request = value.get("requestContext")
    if "requestPayload" not in value or not isinstance(request, dict):
        return None
    if _DISTINCTIVE_KEYS.isdisjoint(request):
        return None
    response = value.get("responseContext")
    error = response.get("functionError") if isinstance(response, dict) else None
    if request.get("condition") == "" and not error:
        return Skip(SUCCESS)
    record = FailureRecord(
        payload=_read_payload(value["requestPayload"]),
        attempts=_read_attempts(request),
        condition=_read_word(request.get("condition")) or _read_word(error),
        request_id=read_identifier(request.get("requestId")),
        function_arn=read_identifier(request.get("functionArn")),
    )
    event_id = record.request_id or f"sha256:{compute_digest(value['requestPayload'])}"
    return RetriesExhausted(record, EventRef("function_compute", event_id))


def _read_payload(value: object) -> bytes:
    """Return the event's bytes. The platform sends a string; any other type is kept as JSON."""
    text = value if isinstance(value, str) else json.dumps(value)
    return text.encode("utf-8", "surrogatepass")


def _read_attempts(request: Mapping[str, Any]) -> int:
    """Return the number of attempts, which may be a string, or 0 if it is not known."""
    value = request.get("approximateInvokeCount")
    text = str(value) if type(value) in (int, str) else ""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0  # noqa: PLR2004


def _read_word(value: object) -> str:
    return value if isinstance(value, str) and _WORD.match(value) else ""
