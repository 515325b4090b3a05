"""One thing that an event asks for, and the part of the payload that it came in."""

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
    """The text of a JSON array that the decoder has parsed. It is split only when it is needed."""

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def elements(self) -> list[bytes]:
        """The elements exactly as the text has them."""
        return [text.encode("utf-8", "surrogatepass") for text in self._split()]

    def _split(self) -> Iterator[str]:
        start = self._skip_space(self._skip_space(0) + 1)
        while self._text[start] != "]":
            _, end = _DECODER.raw_decode(self._text, start)
            yield self._text[start:end]
            end = self._skip_space(end)
            start = self._skip_space(end + (self._text[end] == ","))

    def _skip_space(self, start: int) -> int:
        space = _SPACE.match(self._text, start)
        assert space, "the pattern matches an empty string too"
        return space.end()


@dataclass(frozen=True, slots=True)
class Item:
    """A decoded item. It came in element `index` of `batch`, or in the whole payload.

    `number` counts the items of that part of the payload.
    """

    decoded: Decoded
    payload: bytes
    number: int = 0
    batch: RawBatch | None = None
    index: int = 0

    @property
    def original(self) -> bytes:
        """The smallest part of the payload that is an event of its own."""
        return self.batch.elements[self.index] if self.batch else self.payload

    @property
    def pointer_prefix(self) -> str:
        """The JSON Pointer from the payload to `original`."""
        return f"/{self.index}" if self.batch else ""

    @property
    def event(self) -> EventRef:
        """The event of the item. Without an id of its own it is the hash of `original` and its
        place there, which are the same in any batch and alone."""
        if isinstance(self.decoded, (Request, SweepRequest, Rejected)) and self.decoded.event:
            return self.decoded.event
        digest = hashlib.sha256(self.original).hexdigest()
        return EventRef("unread", f"sha256:{digest}#{self.number}")
