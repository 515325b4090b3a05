"""Which states are alike: those that have the same futures have the same mark.

What is told as text is cut into a shape and its symbols. Ids count by the order in which they
appear, times by their age, nonces by their rank. A nonce that is known only to those who drew it
counts for nothing: no claim can bear it any more.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import NamedTuple

_SYMBOL = re.compile(
    r"(?P<known>frozenset\((?:\{[^}]*\})?\))|(?P<nonce>(?<![0-9a-f])[0-9a-f]{16}(?![0-9a-f]))"
    r"|(?P<id>rsp-\d+)|(?P<time>(?<![\w.])1\d{5}(?:\.\d+)?\b)"
)
_NONCE = re.compile(r"(?<![0-9a-f])[0-9a-f]{16}(?![0-9a-f])")
_OLD = 60  # seconds: whatever is older than every lease is just old
_shapes: dict[str, int] = {}


class Shape(NamedTuple):
    """The number stands for the text without its symbols; each of these is kept once."""

    number: int
    ids: tuple[str, ...]
    times: tuple[float, ...]
    borne: tuple[str, ...]
    known: tuple[tuple[str, ...], ...]


def shape(text: str) -> Shape:
    found: dict[str | None, dict[str, int]] = {"id": {}, "time": {}, "nonce": {}, "known": {}}

    def place(match: re.Match[str]) -> str:
        places = found[match.lastgroup]
        return f"~{match.lastgroup}{places.setdefault(match[0], len(places))}"

    bare = _SYMBOL.sub(place, text)
    return Shape(
        _shapes.setdefault(bare, len(_shapes)),
        tuple(found["id"]),
        tuple(map(float, found["time"])),
        tuple(found["nonce"]),
        tuple(tuple(_NONCE.findall(known)) for known in found["known"]),
    )


def borne(shapes: Iterable[Shape]) -> list[str]:
    return sorted({nonce for one in shapes for nonce in one.borne})


def mark(ordered: Sequence[Shape], alike: list[Shape], now: float, budget: Sequence[int]) -> bytes:
    """`alike`: parts whose order says nothing."""
    alike.sort()
    shapes = (*ordered, *alike)
    ranks = {nonce: rank for rank, nonce in enumerate(borne(shapes))}
    ids: dict[str, int] = {}
    oldest = now - _OLD
    codes = [*budget, len(ordered)]
    for number, its_ids, times, its_nonces, known in shapes:
        codes.append(number)
        codes += [ids.setdefault(id_, len(ids)) for id_ in its_ids]
        codes += [int(max(time, oldest) - now) for time in times]
        codes += [ranks[nonce] for nonce in its_nonces]
        codes += [sum([1 << ranks[n] for n in nonces if n in ranks]) for nonces in known]
    return blake2b(array("l", codes).tobytes(), digest_size=16).digest()
