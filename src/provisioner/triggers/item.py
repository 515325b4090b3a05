"""One thing that an event asks for, and what of the event it came in."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from provisioner.errors import Rejected
from provisioner.model import EventRef, Request, SweepRequest

from .envelope import Decoded

_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


class RawBatch:
    """The text of a JSON array that was read already, cut into its elements when one is wanted."""

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def elements(self) -> list[bytes]:
        """As they are written there."""
        return [text.encode("utf-8", "surrogatepass") for text in self._split()]

    def _split(self) -> Iterator[str]:
        start = self._skip(self._skip(0) + 1)
        while self._text[start] != "]":
            _, end = _DECODER.raw_decode(self._text, start)
            yield self._text[start:end]
            end = self._skip(end)
            start = self._skip(end + (self._text[end] == ","))

    def _skip(self, start: int) -> int:
        space = _SPACE.match(self._text, start)
        assert space  # it may be empty
        return space.end()


@dataclass(frozen=True, slots=True)
class Item:
    """`number` counts the things that came in the same part of the payload, which is the element
    `index` of `batch`, or all of it."""

    decoded: Decoded
    payload: bytes
    number: int = 0
    batch: RawBatch | None = None
    index: int = 0

    @property
    def original(self) -> bytes:
        """The smallest part of the payload that is an event by itself."""
        return self.batch.elements[self.index] if self.batch else self.payload

    @property
    def pointer_prefix(self) -> str:
        """JSON Pointer from the payload to the original."""
        return f"/{self.index}" if self.batch else ""

    @property
    def event(self) -> EventRef:
        """What says nothing of itself is known by the bytes it came in, and its place there: the
        same in whatever batch, or alone."""
        told = (
            self.decoded.event
            if isinstance(self.decoded, (Request, SweepRequest, Rejected))
            else None
        )
        if told:
            return told
        digest = hashlib.sha256(self.original).hexdigest()
        return EventRef("unread", f"sha256:{digest}#{self.number}")
