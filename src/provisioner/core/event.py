"""Which event something belongs to, and what the platform has on record of one that it gave up."""

from __future__ import annotations

from dataclasses import field

from .values import dataclass


@dataclass(frozen=True, slots=True)
class EventRef:
    """`id` is the same in every delivery of the event, by whatever way it comes."""

    source: str
    id: str


@dataclass(frozen=True, slots=True)
class FailureRecord:
    """What the platform says of an event that it gave up: how often it tried, how the last attempt
    ended, and by which of its own requests the event is on its books. `payload` is the event."""

    payload: bytes = field(repr=False)
    attempts: int
    condition: str
    request_id: str
    function_arn: str = ""
