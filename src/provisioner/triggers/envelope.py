"""What the readers of the sources share.

A reader looks at one JSON object. It answers `None` (not mine), an `Inside` (mine: this is what it
wraps), or what the object comes to. The decoder goes on with an `Inside` until nothing is wrapped:
which source wraps what is nowhere written down, since any message may have come through any other.

Only keys are ever named in a message, and those through `schema.shown`; a value may be a payload.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from provisioner.errors import Code, Fault, Rejected, Skip
from provisioner.mapping import document
from provisioner.model import Request, SweepRequest, Transition

Decoded = Request | SweepRequest | Rejected | Skip

_DEEPEST = 32  # levels of one document; jsonschema and repr go down by recursion
_IDENTIFIER = re.compile(r"[\x21-\x7e]{1,256}\Z")
_REGION_ID = re.compile(r"[a-z]{1,16}(-[a-z0-9]{1,16}){1,4}\Z")
_BEGINS_JSON = re.compile(r"\ufeff?[ \t\r\n]*[\[{\"0-9tfn-]")  # nothing else does
_SURROGATE = re.compile(r"[\ud800-\udfff]")
BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class EnvelopeContext:
    """What the envelopes opened so far say of the thing inside.

    `id` is the same in every delivery of one message; without it a document's own hash stands in.
    `addressed` is false for an event that a rule may have passed on together with the rest of its
    bus: not knowing such an event is no error. `part` names the thing inside in messages.
    `transition` is what an event's type says of the hook inside.
    """

    source: str = "direct"
    id: str = ""
    region_id: str = ""
    must_be_known: bool = True
    part: str = "the event"
    transition: Transition | None = None


@dataclass(frozen=True, slots=True)
class Wrapped:
    value: Any
    delivery: EnvelopeContext


Reader = Callable[[dict[str, Any], EnvelopeContext], Wrapped | Decoded | None]
"""May raise `Rejected` for an object that is its own."""


def unreadable_error(message: str) -> Rejected:
    return Rejected(Code.UNREADABLE, message, fault=Fault.UNREADABLE)


def decode_text(payload: bytes, *, part: str) -> str:
    try:
        return payload.decode("utf-8")
    except UnicodeDecodeError as error:
        raise unreadable_error(f"{part} is not text in UTF-8") from error


def decode_json(payload: bytes, *, part: str) -> Any:
    return document.parse_json(decode_text(payload, part=part).removeprefix(BOM), what=part)


def decode_layer(text: str) -> Any:
    """One layer off a string: the JSON value or else the text that it encodes, or itself.

    JSON comes first: no JSON object or list is Base64, while short JSON scalars can be both.
    """
    if _BEGINS_JSON.match(text):
        try:
            return document.parse_json(text.removeprefix(BOM), what="a string")
        except Rejected:
            pass
    try:
        return base64.b64decode(text.strip(), validate=True).decode("utf-8") or text
    except ValueError:  # binascii.Error and UnicodeDecodeError are kinds of it
        return text


def read_identifier(value: object) -> str:
    """The value where it can identify something for good, otherwise nothing."""
    return value if isinstance(value, str) and _IDENTIFIER.match(value) else ""


def read_region_id(value: object) -> str:
    """The value where it is formed like a RegionId: it becomes part of the name of an endpoint."""
    return value if isinstance(value, str) and _REGION_ID.match(value) else ""


def find_structural_problem(value: object) -> str:
    """Why a JSON value is fit for nothing further on, if so; level by level, never by recursion."""
    level = [value]
    for _ in range(_DEEPEST):
        objects = [each for each in level if isinstance(each, dict)]
        texts = [each for each in level if isinstance(each, str)]
        texts += [key for each in objects for key in each]
        if any(map(_SURROGATE.search, texts)):
            return "holds half of a surrogate pair, which is not text"
        level = [inner for each in objects for inner in each.values()] + [
            inner for each in level if isinstance(each, list) for inner in each
        ]
        if not level:
            return ""
    return f"is nested deeper than {_DEEPEST} levels"
