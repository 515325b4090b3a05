"""What was asked of the cloud, by whom, and what it answered; and what it did by itself. Never
bodies, never credentials.
"""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from localcloud.changes import Changes

if TYPE_CHECKING:
    from localcloud.call import Call

_KEPT = 10_000  # entries; the oldest go first


class Outcome(NamedTuple):
    """What the service decided, even if a fault kept it from the caller; no status if the fault
    struck first."""

    status: int | None
    code: str | None
    fault: str | None


@dataclass(frozen=True)
class Entry:
    seq: int
    time: float  # of the cloud's clock
    service: str | None
    action: str
    version: str
    caller: str | None  # none before the signature held
    request_id: str
    status: int | None
    code: str | None
    fault: str | None
    concerns: dict[str, str]
    duration: float  # seconds


class Journal:
    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=_KEPT)
        self._numbers = itertools.count(1)
        self.changes = Changes()

    def record(self, call: Call, outcome: Outcome, *, time: float, duration: float) -> None:
        entry = Entry(
            seq=next(self._numbers),
            time=round(time, 3),
            service=call.service.name if call.service else None,
            action=call.action,
            version=call.version,
            caller=call.identity.caller if call.identity else None,
            request_id=call.request_id,
            status=outcome.status,
            code=outcome.code,
            fault=outcome.fault,
            concerns=dict(call.concerns),
            duration=round(duration, 6),
        )
        self._append(entry)

    def note(
        self, service: str, action: str, code: str | None, concerns: dict[str, str], *, time: float
    ) -> None:
        """What the cloud did by itself; `code` says why it failed, if it did."""
        entry = Entry(
            seq=next(self._numbers),
            time=round(time, 3),
            service=service,
            action=action,
            version="",
            caller=None,
            request_id="",
            status=None,
            code=code,
            fault=None,
            concerns=concerns,
            duration=0.0,
        )
        self._append(entry)

    def _append(self, entry: Entry) -> None:
        self._entries.append(entry)
        self.changes.notify()

    def after(self, seq: int) -> list[dict[str, Any]]:
        return [asdict(entry) for entry in self._entries if entry.seq > seq]

    def clear(self) -> None:
        """Numbers go on, so that a follower neither repeats nor misses an entry."""
        self._entries.clear()
