"""What was asked of the cloud by the function, kept as it happens: the journal forgets."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import Any

from .cloud import Cloud
from .world import FUNCTION

_LONGEST_WAIT = 1.0  # seconds
_WAITING = "DescribeVServerGroups"  # the one call of a run that waits for the claim of another


class Ledger:
    def __init__(self, cloud: Cloud) -> None:
        self.calls: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.seen = 0
        self.called_at = self.worked_at = time.monotonic()  # of all calls; but those of waiting
        self._cloud = cloud
        self._stopped, self._read = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._follow, name="ledger")
        self._thread.start()

    def close(self) -> None:
        """After the last entry was read."""
        self._stopped.set()
        self._thread.join()

    @property
    def total(self) -> int:
        return self.calls.total()

    def settled(self) -> int:
        """All calls up to now."""
        newest = self._cloud.journal(self.seen, wait=0)
        last = newest[-1]["seq"] if newest else self.seen
        while self.seen < last:
            self._read.wait(_LONGEST_WAIT)
            self._read.clear()
        return self.total

    def _follow(self) -> None:
        while True:
            entries = self._cloud.journal(self.seen, wait=_LONGEST_WAIT)
            for entry in entries:
                self._note(entry)
            self._read.set()
            if not entries and self._stopped.is_set():
                return

    def _note(self, entry: dict[str, Any]) -> None:
        assert entry["seq"] == self.seen + 1 or not self.seen, "the journal forgot something"
        self.seen = entry["seq"]
        if entry["caller"] != FUNCTION:
            return
        self.calls[entry["action"]] += 1
        self.called_at = time.monotonic()
        if entry["action"] != _WAITING:
            self.worked_at = self.called_at
        if entry["fault"]:
            self.faults[entry["fault"]] += 1
