"""A dead letter: an event that was given up, kept so that it can be delivered once more, byte for
byte, and why it was given up.

CloudEvents 1.0 in JSON. `data.payload` is the original: as text; in Base64 where it is no UTF-8 or
would not fit as text; left out where a queue would not take it at all. Then its digest, its
identity and the platform's own request id say what is to be looked for, and where. A letter's type
begins like a result's, so this function skips it: a queue that is wired back to it by mistake makes
no circle.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from provisioner.errors import ProvisionerError, RetriesExhausted
from provisioner.groups import naming
from provisioner.model import EventRef

from .document import SOURCE, TYPE_PREFIX

TYPE = TYPE_PREFIX + "quarantined"
MAX_BYTES = 64 * 1024  # bytes: the limit of a queue's message (doc)
TEXT, BASE64, DIGEST = "utf-8", "base64", "digest"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """`path` points into the payload, as far as it is known where in there the fault lies."""

    event: EventRef
    error: ProvisionerError
    payload: bytes = field(repr=False)
    path: str
    fc_request_id: str


def encode_dead_letter(letter: DeadLetter) -> str:
    """ASCII only."""
    document = _build_document(letter)
    for form in _encode_payload(letter.payload):
        text = _encode({**document, "data": document["data"] | form})
        if len(text) <= MAX_BYTES:
            return text
    return _encode({**document, "data": document["data"] | {"encoding": DIGEST}})


def _encode(document: Mapping[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"))


def restore_payload(document: Mapping[str, Any]) -> bytes | None:
    """What is to be delivered once more; None if the letter does not hold it. `document` keeps to
    the schema `dead-letter`. Raises ValueError if it was changed since it was written."""
    data = document["data"]
    if data["encoding"] == DIGEST:
        return None
    text: str = data["payload"]
    payload = base64.b64decode(text) if data["encoding"] == BASE64 else text.encode("utf-8")
    if hashlib.sha256(payload).hexdigest() != data["sha256"]:
        raise ValueError("the payload is not what was quarantined")
    return payload


def _encode_payload(payload: bytes) -> Iterator[Mapping[str, str]]:
    if len(payload) > MAX_BYTES:  # no form is shorter than what it holds
        return
    with suppress(UnicodeDecodeError):
        yield {"encoding": TEXT, "payload": payload.decode("utf-8")}
    yield {"encoding": BASE64, "payload": base64.b64encode(payload).decode("ascii")}


def _build_document(letter: DeadLetter) -> dict[str, Any]:
    error, digest = letter.error, hashlib.sha256(letter.payload).hexdigest()
    record = error.record if isinstance(error, RetriesExhausted) else None
    return {
        "specversion": "1.0",
        "id": naming.compute_digest([letter.event.id, digest, error.code])[:32],
        "source": SOURCE,
        "type": TYPE,
        "datacontenttype": "application/json",
        "data": {
            "reason": {"code": error.code, "message": error.message, "path": letter.path},
            "event": {"source": letter.event.source, "id": letter.event.id},
            "attempts": record and record.attempts,
            "condition": record and record.condition,
            "platform": {
                "requestId": (record.request_id if record else letter.fc_request_id) or None,
                "functionArn": (record.function_arn if record else "") or None,
            },
            "size": len(letter.payload),
            "sha256": digest,
        },
    }
