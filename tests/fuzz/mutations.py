"""Inputs: the files in events/, and documents of every other kind that is read, bent out of shape.

A mutant keeps most of what it comes from, so that it gets past the first check. Each holds `CANARY`
as a value, somewhere; it has a blank in it, so that nothing can take it for an identity, which a
log may name.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

CANARY = "canary 4f1d"

_ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 20, 101, 65536, 10**30, 1.5, 1e308, "", " ", "0", "8080", "1e3",
    "\x00", "\ud800", "i-0001", "lb-0001", "asg-0001", "SCALE_OUT", "SCALE_IN", "ABANDON", "{",
    "null", "'", "%s", "../..", "a" * 5000, [], {}, [[]], ["i-0001"] * 30,
    CANARY,
)  # fmt: skip
_BYTES = (b"", b"\x00", b"\xff\xfe", b"{", b"}", b"[", b'"', b"<", b"&", b"=", b"\\u0000", b"1e999")
_DEEPEST = 12  # levels that are looked into


@dataclass(frozen=True)
class Mutator:
    random: Random
    words: Sequence[str]

    def value(self, value: Any) -> Any:
        """A JSON value with a few changes, and the canary in it."""
        for _ in range(self.random.randint(0, 4)):
            value = self._changed(value, 0)
        return self._with_canary(value)

    def bytes(self, raw: bytes) -> bytes:
        for _ in range(self.random.randint(0, 3)):
            at, to = sorted(self.random.randrange(len(raw) + 1) for _ in range(2))
            middle = self.random.choice(
                (b"", raw[at:to] * 2, self.random.choice(_BYTES), self.random.randbytes(3))
            )
            raw = raw[:at] + middle + raw[to : to if to - at < 40 else at + 1] + raw[to:]
        return raw if CANARY.encode() in raw else raw + b" " + CANARY.encode()

    def text(self, value: Any) -> str:
        """JSON, or what somebody may have wrapped around it."""
        text = json.dumps(value)
        return self.random.choice(
            (text, text, text, json.dumps(text), base64.b64encode(text.encode()).decode())
        )

    def pairs(self, parameters: Mapping[str, str]) -> list[tuple[str, str]]:
        """Of a query or of headers."""
        changed = [(k, v) for k, v in parameters.items() if self.random.random() > 1 / 20]
        for _ in range(self.random.randint(0, 2)):
            name = self.random.choice([*self.words, *(k for k, _ in changed), "x.1.y"])
            changed.append((name, self._odd_text()))
        return [*changed, ("Canary", CANARY)]

    def _odd_text(self) -> str:
        odd = self.random.choice(_ODD)
        return odd if isinstance(odd, str) else json.dumps(odd)

    def _changed(self, value: Any, depth: int) -> Any:
        inside = isinstance(value, dict | list) and value and depth < _DEEPEST
        if inside and self.random.random() < 3 / 4:
            return self._changed_inside(value, depth)
        ways: tuple[Callable[[Any], Any], ...] = (
            lambda _: self.random.choice(_ODD),
            lambda _: self.random.choice(_ODD),
            lambda v: [v],
            lambda v: [v, v],
            lambda v: {self.random.choice(self.words): v},
            json.dumps,
            lambda v: base64.b64encode(json.dumps(v).encode()).decode(),
        )
        return self.random.choice(ways)(value)

    def _changed_inside(self, value: Any, depth: int) -> Any:
        if isinstance(value, list):
            at = self.random.randrange(len(value))
            return [*value[:at], self._changed(value[at], depth + 1), *value[at + 1 :]]
        key = self.random.choice(list(value))
        rest = {k: v for k, v in value.items() if k != key}
        ways: tuple[Callable[[], Any], ...] = (
            lambda: {**value, key: self._changed(value[key], depth + 1)},
            lambda: {**value, key: self._changed(value[key], depth + 1)},
            lambda: rest,
            lambda: {
                **rest,
                self.random.choice((str.upper, str.lower, str.title))(key): value[key],
            },
            lambda: {**value, self.random.choice(self.words): self.random.choice(_ODD)},
        )
        return self.random.choice(ways)()

    def _with_canary(self, value: Any) -> Any:
        if isinstance(value, dict) and value and self.random.random() < 1 / 2:
            key = self.random.choice(list(value))
            return {**value, key: self._with_canary(value[key])}
        if isinstance(value, list) and value and self.random.random() < 1 / 2:
            return [self._with_canary(value[0]), *value[1:]]
        if isinstance(value, dict):
            return {**value, self.random.choice(self.words): CANARY}
        return [value, CANARY] if isinstance(value, list) else CANARY


def words_of(documents: Sequence[Any]) -> list[str]:
    """Every key there is."""
    found: set[str] = set()
    level = list(documents)
    while level:
        each = level.pop()
        if isinstance(each, dict):
            found |= each.keys()
            level += each.values()
        elif isinstance(each, list):
            level += each
    return sorted(found)
