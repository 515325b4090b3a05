"""A dead letter: an event that is not processed, byte for byte as it came, and the reason.

CloudEvents 1.0 in JSON. `data.payload` is the original: as text, or in Base64 if it is no UTF-8 or
does not fit as text. It is missing if a queue cannot hold it. Then its digest, its identity and the
platform's request id say what to look for, and where.

The type of a letter starts like that of a result, so the function skips letters: a queue that is
connected to the function by mistake makes no loop.
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
MAX_BYTES = 64 * 1024  # a message of a queue (doc)
TEXT, BASE64, DIGEST = "utf-8", "base64", "digest"  # data.encoding


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that is not processed. `path` is the JSON Pointer of the fault in the payload."""

    event: EventRef
    error: ProvisionerError
    payload: bytes = field(repr=False)
    path: str
    fc_request_id: str


def encode_dead_letter(letter: DeadLetter) -> str:
    """Return the letter in ASCII, with the first form of the payload that fits into a message."""
    document = _build_document(letter)
    for form in (*_encode_payload(letter.payload), {"encoding": DIGEST}):
        text = json.dumps({**document, "data": document["data"] | form}, separators=(",", ":"))
        if len(text) <= MAX_BYTES:
            break
    return text


def restore_payload(document: Mapping[str, Any]) -> bytes | None:
    """Return the payload to deliver again, or None if the letter does not have it.

    `document` conforms to the schema `dead-letter`. Raises ValueError if it was changed since it
    was written."""
    data = document["data"]
    if data["encoding"] == DIGEST:
        return None
    text: str = data["payload"]
    payload = base64.b64decode(text) if data["encoding"] == BASE64 else text.encode("utf-8")
    if hashlib.sha256(payload).hexdigest() != data["sha256"]:
        raise ValueError("the payload differs from its digest: the letter was changed")
    return payload


def _encode_payload(payload: bytes) -> Iterator[Mapping[str, str]]:
    if len(payload) > MAX_BYTES:  # no form is shorter than the payload
        return
    with suppress(UnicodeDecodeError):
        yield {"encoding": TEXT, "payload": payload.decode("utf-8")}
    yield {"encoding": BASE64, "payload": base64.b64encode(payload).decode("ascii")}


def _build_document(letter: DeadLetter) -> dict[str, Any]:
    error = letter.error
    digest = hashlib.sha256(letter.payload).hexdigest()
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
