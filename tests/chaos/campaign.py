"""One campaign: a calibration without faults, the storm, the calm after it, the audit.

Each delivery ends in one record of the platform's, of success or of retries exhausted: when there
are as many records as deliveries, the queue has drained. Deliveries that were given up are sent
once more in the calm, as an operator would.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from opskit.cloud import of_environment
from opskit.invocation import Target, generation_3
from opskit.local import localcloud
from provisioner.groups.lease import LEASE

from . import world
from .audit import Audit
from .cloud import Cloud
from .deliveries import Deliveries
from .ledger import Ledger
from .world import CALIBRATION, ENDED, EXHAUSTED, Size

Tell = Callable[[str], None]
_PROGRESS = 10.0  # seconds between two lines
# A run that holds a claim pauses for 4 seconds at most, and its client waits for 2; what it calls
# after a look at the groups follows at once.
_IDLE, _SILENT = 7.0, 0.25  # seconds


class DidNotConvergeError(Exception):
    """The time of the campaign ran out."""


@dataclass
class Report:
    required: dict[str, int] = field(default_factory=dict)
    told: dict[str, str] = field(default_factory=dict)

    @property
    def violations(self) -> int:
        return sum(self.required.values())


def run(size: Size, seed: int, *, longest: float, tell: Tell) -> Report:
    """`longest` is in seconds. Raises `DidNotConvergeError`."""
    random = Random(seed)  # noqa: S311 - the same schedule from the same seed
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        bindings_file = folder / "bindings.json"
        bindings_file.write_text(json.dumps(world.bindings(size)))
        cloud = Cloud(stack.enter_context(localcloud(empty=True)).url)
        cloud.plant(world.document(size, bindings_file))
        ledger = stack.enter_context(closing(Ledger(cloud)))
        deliveries = stack.enter_context(Deliveries(cloud, size, random))
        campaign = Campaign(cloud, size, deliveries, ledger, time.monotonic() + longest, tell)
        return campaign.carried_out(seed)


@dataclass
class Campaign:
    cloud: Cloud
    size: Size
    deliveries: Deliveries
    ledger: Ledger
    deadline: float
    tell: Tell
    _told_at: float = 0.0

    def carried_out(self, seed: int) -> Report:
        before = self.cloud.state()
        least = self._least(*self._calibrated())
        calibrated, redelivered = self.ledger.total, self._redeliveries()
        began = time.monotonic()
        rules = world.faults(seed)
        self.cloud.break_by(rules)
        while not self.deliveries.all_are_out:
            self.deliveries.go_on()
            self._progress("storm")
            self._skip_lease()
        struck: Counter[str] = Counter()
        for rule, times in zip(rules, self.cloud.repair(), strict=True):
            struck[world.kind_of(rule)] += times
        stormed = time.monotonic()
        self._until_drained()
        redriven = self._redriven()
        swept = self._swept()
        calm = time.monotonic()
        self.ledger.close()
        audit = Audit(before, self.cloud.state(), self.size, self.deliveries.activities, struck)
        return Report(
            audit.counts(),
            {
                "events and their deliveries": f"{self.size.events:,} and {self.size.deliveries:,}",
                "faults": f"{struck.total():,} calls struck: {_listed(self.ledger.faults)}",
                "API calls": self._compared(self.ledger.total - calibrated, least),
                "redeliveries by the platform": f"{self._redeliveries() - redelivered:,}",
                "given up by the platform, sent again": f"{redriven:,}",
                "put right by the sweep": swept,
                "time": f"{stormed - began:.0f} s of faults, all well {calm - stormed:.0f} s later",
            },
        )

    def _calibrated(self) -> tuple[int, int, int]:
        """Calls without faults: of an event that makes its group, of one that finds it, of a
        delivery that comes again."""
        counts, before = [], 0
        for step in range(3):
            if step < 2:
                assert self.deliveries.scale_out(CALIBRATION, 1)
                (message,) = self.deliveries.heard()
            else:
                self.deliveries.publish(message)
            self._until_drained()
            counts.append(self.ledger.settled() - before)
            before += counts[-1]
        first, further, again = counts
        self.deliveries.activities.clear()
        return first, further, again

    def _least(self, first: int, further: int, again: int) -> int:
        size = self.size
        lasting = [n for n in range(size.events) if n % size.scaling_groups % 2 == 0]
        groups = {n % size.scaling_groups for n in lasting}
        makes = size.events - len(lasting) + len(groups)
        copies = size.deliveries - size.events
        return makes * first + (size.events - makes) * further + copies * again

    def _compared(self, calls: int, least: int) -> str:
        events = self.size.events
        return (
            f"{calls:,}, {calls / events:.1f} an event; without faults {least:,}, "
            f"{least / events:.1f} an event"
        )

    def _until_drained(self) -> None:
        while len(self._records(ENDED)) + len(self._records(EXHAUSTED)) < self.deliveries.published:
            self._progress("calm")
            self._skip_lease()
            self.deliveries.heard()

    def _redriven(self) -> int:
        """What the platform gave up, sent once more now that nothing is broken."""
        given_up = [record["requestPayload"] for record in self._records(EXHAUSTED)]
        for payload in given_up:
            self.deliveries.publish(payload)
        self._until_drained()
        return len(given_up)

    def _swept(self) -> str:
        """Once, when every lease is over: what nobody came back for."""
        self.cloud.advance(LEASE + 1)
        tick = {"triggerTime": "now", "triggerName": "sweep", "payload": ""}
        local = of_environment(self.cloud.url, None, None, None)
        answer = generation_3(local, Target(world.FUNCTION), json.dumps(tick).encode())
        (swept,) = json.loads(answer.body)["sweeps"]
        kinds = Counter(finding["kind"] for finding in swept["findings"] if finding["applied"])
        return _listed(kinds) or "nothing was left"

    def _skip_lease(self) -> None:
        """Move the cloud's clock past the lease of a dead run once all that the others do is wait.

        This is safe if no run is at work: what a run has read before must not expire unseen.
        """
        now = time.monotonic()
        if now > self.ledger.worked_at + _IDLE and now > self.ledger.called_at + _SILENT:
            self.cloud.advance(LEASE + 1)
            self.ledger.worked_at = now

    def _redeliveries(self) -> int:
        records = [*self._records(ENDED), *self._records(EXHAUSTED)]
        calls: int = sum(r["requestContext"]["approximateInvokeCount"] for r in records)
        return calls - len(records)

    def _records(self, queue: str) -> list[Any]:
        return [json.loads(body) for body in self.cloud.bodies(queue)]

    def _progress(self, phase: str) -> None:
        now = time.monotonic()
        if now > self.deadline:
            raise DidNotConvergeError
        if now > self._told_at + _PROGRESS:
            self._told_at = now
            out, ended = self.deliveries.published, len(self._records(ENDED))
            self.tell(f"{phase}: {out:,} deliveries out, {ended:,} ended well")


def _listed(faults: Counter[str]) -> str:
    return ", ".join(f"{number:,} {kind}" for kind, number in faults.most_common())
