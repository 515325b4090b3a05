"""Which states are alike: states with the same futures have the same key.

The text of a state is split into its shape and its symbols. Ids count by the order in which they
appear, times by their age, nonces by their rank. A nonce that only the run knows which drew it does
not count: no claim can bear it any more.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from functools import cache
from hashlib import blake2b
from typing import Any, NamedTuple

from provisioner.groups import deregister, ensure
from provisioner.groups.commands import Protocol

_SYMBOL = re.compile(
    r"(?P<known>frozenset\((?:\{[^}]*\})?\))|(?P<nonce>(?<![0-9a-f])[0-9a-f]{16}(?![0-9a-f]))"
    r"|(?P<id>rsp-\d+)|(?P<time>(?<![\w.])1\d{5}(?:\.\d+)?\b)"
)
_NONCE = re.compile(r"(?<![0-9a-f])[0-9a-f]{16}(?![0-9a-f])")
_OLD = 60  # seconds: whatever is older than every lease is just old

# How long a wait lasts makes no difference here, what a run is about never changes, and the time of
# an answer is read while it is received.
_IRRELEVANT = {"now", "wait", "pause", "failures", "done", "error"}
_IRRELEVANT |= {"desired", "removal", "claiming", "backends_per_call", "first", "create_until"}

_LEAVING_WAITS = deregister.State.WAIT

_shapes: dict[str, int] = {}


class Shape(NamedTuple):
    """`number` stands for the text without its symbols; each symbol is kept once."""

    number: int
    ids: tuple[str, ...]
    times: tuple[float, ...]
    nonces: tuple[str, ...]
    known: tuple[tuple[str, ...], ...]


def snapshot(protocol: Protocol[Any]) -> str:
    """Return as text what decides how a run goes on, or what an ended run came to."""
    error = protocol.error and protocol.error.code
    if protocol.next_command() is None:
        return repr((protocol.done, error))
    values = [getattr(protocol, name) for name in _relevant_fields(type(protocol))]
    return repr((error, values, *_relevant_to_the_state(protocol)))


def _relevant_to_the_state(protocol: Protocol[Any]) -> Iterator[object]:
    """Yield the fields that a run only reads in some of its states."""
    if isinstance(protocol, ensure.EnsureProtocol):
        if protocol.state in (ensure.State.WAIT, ensure.State.RENEW):
            yield protocol.resume
        if protocol.claim or protocol.state is ensure.State.DRAW_NONCE:
            yield protocol.date
    if isinstance(protocol, deregister.DeregisterProtocol) and protocol.state is _LEAVING_WAITS:
        yield protocol.resume


@cache
def _relevant_fields(kind: Any) -> tuple[str, ...]:
    return tuple(f.name for f in fields(kind) if f.name not in {*_IRRELEVANT, "resume", "date"})


def find_shape(text: str) -> Shape:
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


def visible_nonces(shapes: Iterable[Shape]) -> list[str]:
    """Return the nonces that more than the run knows which drew them, in their order."""
    return sorted({nonce for shape in shapes for nonce in shape.nonces})


def canonical_key(
    ordered: Sequence[Shape], unordered: list[Shape], now: float, budget: Sequence[int]
) -> bytes:
    unordered.sort()
    shapes = (*ordered, *unordered)
    ranks = {nonce: rank for rank, nonce in enumerate(visible_nonces(shapes))}
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
