"""The items of an asynchronous event: at once where they touch different load balancers, one after
the other where they may touch the same one (`core.lanes`), never more at once than the bound.

What becomes of an item does not depend on its place. One that was refused or failed for good is
published, then its original is sent to the dead-letter queue, and only then it counts as handled: a
queue that does not take it is the deployment's fault, and keeps the event.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from threading import Lock

from . import concurrency, error_reporting, hooks
from .concurrency import run_workers
from .errors import ConfigurationError, ProvisionerError, Rejected, RetriesExhausted, Skip
from .invocation import Invocation
from .model import EventRef, Request, SweepRequest
from .provisioning import Dependencies, ProvisionTask, reject_event
from .results import dead_letter
from .results.dead_letter import DeadLetter
from .results.outcome import Outcome, Status
from .sweep import SweepReport, run_sweep
from .triggers import Item

Ended = Sequence[Outcome] | SweepReport | ProvisionerError

_GIVEN_UP = (Status.REFUSED, Status.FAILED)


def handle_items(means: Dependencies, items: Sequence[Item], invocation: Invocation) -> list[Ended]:
    """What became of each item, in the order of the items."""
    asked = [item.decoded for item in items]
    requests = [each if isinstance(each, (Request, SweepRequest)) else None for each in asked]
    found = concurrency.partition_by_load_balancer(requests, means.config.bindings)
    workers = min(means.concurrency, len(found))
    run = _Run(means, items, invocation, workers, deque(map(deque, found)))
    run_workers(run.work, workers)
    return [run.ended[index] for index in range(len(items))]


def handle_item(
    means: Dependencies, item: Request | Rejected | Skip, event: EventRef, invocation: Invocation
) -> Sequence[Outcome]:
    """Raises `Retryable`."""
    log = invocation.log.bind(correlation_id=event.id)
    traced = replace(invocation, log=log)
    if isinstance(item, Skip):
        log.write("outcome", outcome="skipped", reason=item.message)
        return ()
    log.write("received", source=event.source)
    if isinstance(item, Rejected):
        return (reject_event(means, item, event, traced),)
    if item.action:
        try:
            return hooks.build_hook(means, item, traced).handle()
        except Skip as skip:
            log.write("outcome", outcome="skipped", reason=skip.message)
            return ()
    task = ProvisionTask(means, item, traced)
    return task.plan() if item.dry_run else task.provision()


@dataclass(slots=True)
class _Run:
    means: Dependencies
    items: Sequence[Item]
    invocation: Invocation
    workers: int
    waiting: deque[deque[int]]
    ended: dict[int, Ended] = field(default_factory=dict)
    _counting: Lock = field(default_factory=Lock)
    _begun: int = 0

    def work(self) -> None:
        """One item of each lane in turn, so that no lane is begun when all others have ended. Who
        puts a lane back goes on: what is left has somebody."""
        while True:
            try:
                lane = self.waiting.popleft()
            except IndexError:
                return
            self._next_of(lane)
            if lane:
                self.waiting.append(lane)

    def _next_of(self, lane: deque[int]) -> None:
        share, index = self._share(len(lane)), lane.popleft()
        item = self.items[index]
        try:
            self.ended[index] = _handled(self.means, item, share)
        except Exception as error:  # noqa: BLE001 - the funnel: nothing else catches defects
            log = self.invocation.log
            self.ended[index] = error_reporting.log_error(
                error_reporting.as_provisioner_error(error), log, event_id=_event_id(item)
            )

    def _share(self, left_in_lane: int) -> Invocation:
        """Of the time left: what waits in this lane has to be done one by one, and everything that
        waits by so many workers."""
        with self._counting:
            left = len(self.items) - self._begun
            self._begun += 1
        parts = max(left_in_lane, ceil(left / self.workers))
        return self.invocation.slice(self.means.clock.now(), parts)


def _handled(means: Dependencies, item: Item, share: Invocation) -> Ended:
    """Raises `Retryable`."""
    if isinstance(item.decoded, SweepRequest):
        log = share.log.bind(correlation_id=item.event.id)
        return run_sweep(means, item.decoded, replace(share, log=log))
    keeper = _Keeper(means, item)
    outcomes = handle_item(
        means, item.decoded, item.event, replace(share, archive_dead_letter=keeper)
    )
    keeper(outcomes, share)
    return outcomes


@dataclass(slots=True)
class _Keeper:
    """Sends the original to the dead-letter queue, once: for a hook before it is answered, as its
    redelivery finds an action that has ended."""

    means: Dependencies
    item: Item
    kept: bool = False

    def __call__(self, outcomes: Sequence[Outcome], invocation: Invocation) -> None:
        """Raises `Retryable`."""
        if not self.kept:
            self.kept = _quarantine(self.means, self.item, outcomes, invocation)


def _event_id(item: Item) -> str:
    return item.decoded.event.id if isinstance(item.decoded, Request) else ""


def _quarantine(
    means: Dependencies, item: Item, outcomes: Sequence[Outcome], invocation: Invocation
) -> bool:
    """Whether there was something to keep. Raises `Retryable`."""
    given_up = next((o for o in outcomes if o.status in _GIVEN_UP and o.error), None)
    planned = isinstance(item.decoded, Request) and item.decoded.dry_run
    if means.dead_letters is None or given_up is None or planned:
        return False
    message = dead_letter.encode_dead_letter(_letter(item, given_up))
    try:
        message_id = means.dead_letters.send(
            message, within=invocation.hard_deadline - means.clock.now()
        )
    except Rejected as error:
        unfit = f"the dead-letter queue refuses a message with {error.code}; look at its settings"
        raise ConfigurationError(unfit) from error
    invocation.log.write("quarantined", correlation_id=item.event.id, message_id=message_id)
    return True


def _letter(item: Item, outcome: Outcome) -> DeadLetter:
    """Its path points into what is kept, and that of a decoder's into the whole payload."""
    error, decoded = outcome.error, item.decoded
    assert error is not None
    path = (
        error.path.removeprefix(item.pointer_prefix)
        if isinstance(decoded, Rejected)
        else error.path
    )
    record = decoded.record if isinstance(decoded, RetriesExhausted) else None
    payload = record.payload if record else item.original
    return DeadLetter(outcome.event, error, payload, path, outcome.fc_request_id)
