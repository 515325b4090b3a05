"""What the readers of the sources share.

A reader gets one JSON object. It returns `None` (the object is not of its source), a `Wrapped` (the
value inside the envelope), or what the object asks for. The decoder opens a `Wrapped` until nothing
is wrapped: no table says which source can be inside which, because any message may have come
through any other source.

A message of an error names keys, as `validation.quote_key` prints them, and no values: a value may
be a payload.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from provisioner.errors import Code, Fault, Rejected, Skip
from provisioner.mapping import document
from provisioner.mapping.strict_json import parse_json
from provisioner.model import Request, SweepRequest, Transition

Decoded = Request | SweepRequest | Rejected | Skip

BOM = "\ufeff"
MAX_MESSAGE_BYTES = 1024 * 1024  # no message is longer than 64 KB (doc), and no request needs more
_IDENTIFIER = re.compile(r"[\x21-\x7e]{1,256}\Z")
_REGION_ID = re.compile(r"[a-z]{1,16}(-[a-z0-9]{1,16}){1,4}\Z")
_JSON_START = re.compile(r"\ufeff?[ \t\r\n]*[\[{\"0-9tfn-]")
_TO_STANDARD_BASE64 = str.maketrans("-_", "+/", "\r\n")


@dataclass(frozen=True, slots=True)
class EnvelopeContext:
    """What the envelopes that are open so far say about the value inside.

    `id` is the same in every delivery of one message. If it is empty, the hash of the document
    identifies the event. `must_be_known` is False for an event that a rule may have forwarded with
    the rest of its bus: such an event is skipped if it is unknown, not refused. `part` names the
    value in messages. `transition` is what the event's type says about the hook inside.
    `is_whole_event` is True only for a value without any envelope around it.
    """

    source: str = "direct"
    id: str = ""
    region_id: str = ""
    must_be_known: bool = True
    part: str = "the event"
    transition: Transition | None = None
    is_whole_event: bool = False


@dataclass(frozen=True, slots=True)
class Wrapped:
    """The value inside an envelope, and what the envelope says about it."""

    value: Any
    context: EnvelopeContext


Reader = Callable[[dict[str, Any], EnvelopeContext], Wrapped | Decoded | None]
"""Reads an object of one source. May raise `Rejected` for an object of that source."""


def wrap_message(
    body: Any, context: EnvelopeContext, *, source: str, message_id: object, part: str
) -> Wrapped:
    """Wrap the body of a message that somebody sent to this function."""
    inner = replace(
        context,
        source=source,
        id=read_identifier(message_id),
        must_be_known=True,
        part=part,
    )
    return Wrapped(body, inner)


def unreadable_error(message: str) -> Rejected:
    return Rejected(Code.UNREADABLE, message, fault=Fault.UNREADABLE)


def too_large_error(message: str) -> Rejected:
    return Rejected(Code.TOO_LARGE, message, fault=Fault.TOO_LARGE)


def decode_text(payload: bytes, *, part: str) -> str:
    try:
        return payload.decode("utf-8")
    except UnicodeDecodeError as error:
        raise unreadable_error(f"{part} is not text in UTF-8; send JSON in UTF-8") from error


def decode_json(payload: bytes, *, part: str) -> Any:
    return parse_json(decode_text(payload, part=part).removeprefix(BOM), part=part)


def decode_layer(text: str) -> Any:
    """Remove one layer: return the JSON value, else the text in Base64, else the text itself.

    JSON comes first: no JSON object or list is Base64, but a short JSON scalar can be both.
    """
    if _JSON_START.match(text):
        try:
            return parse_json(text.removeprefix(BOM), part="a string")
        except Rejected:
            pass
    try:
        return decode_base64(text).decode("utf-8") or text
    except ValueError:  # base class of binascii.Error and UnicodeDecodeError
        return text


def decode_base64(text: str) -> bytes:
    """Decode Base64 as the vendor's consumers do. Raises ValueError for any other text.

    Both alphabets are read, with line breaks (76 columns) and without padding (sdk).
    """
    compact = text.strip().translate(_TO_STANDARD_BASE64)
    unpadded = compact.rstrip("=")
    if len(compact) > len(unpadded) and len(compact) % 4:
        raise ValueError("the padding is incomplete")
    return base64.b64decode(f"{unpadded}{'=' * (-len(unpadded) % 4)}", validate=True)


def read_identifier(value: object) -> str:
    """Return the value if it is 1 to 256 printable ASCII characters, else an empty string."""
    return value if isinstance(value, str) and _IDENTIFIER.match(value) else ""


def read_region_id(value: object) -> str:
    """Return the value if it has the form of a RegionId, else an empty string.

    The form matters: a region becomes part of the host name of an endpoint. EventBridge's
    aliyunregionid sometimes has the suffix -vpc (doc).
    """
    if not isinstance(value, str) or not _REGION_ID.match(value):
        return ""
    return document.strip_network(value)
