"""Which event something belongs to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EventRef:
    """`id` is the same in every delivery of the event, by whatever way it comes."""

    source: str
    id: str
