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
from .concurrency import by_workers
from .errors import ConfigurationError, ProvisionerError, Rejected, RetriesExhausted, Skip
from .invocation import Invocation
from .model import EventRef, Request, Sweep
from .provisioning import Means, Task, refuse
from .results import dead_letter
from .results.dead_letter import Letter
from .results.outcome import Outcome, Status
from .sweep import Swept, swept
from .triggers import Item

Ended = Sequence[Outcome] | Swept | ProvisionerError

_GIVEN_UP = (Status.REFUSED, Status.FAILED)


def handled(means: Means, items: Sequence[Item], invocation: Invocation) -> list[Ended]:
    """What became of each item, in the order of the items."""
    asked = [item.decoded for item in items]
    requests = [each if isinstance(each, (Request, Sweep)) else None for each in asked]
    found = concurrency.lanes(requests, means.policy.bindings)
    workers = min(means.concurrency, len(found))
    run = _Run(means, items, invocation, workers, deque(map(deque, found)))
    by_workers(run.work, workers)
    return [run.ended[index] for index in range(len(items))]


def done(
    means: Means, item: Request | Rejected | Skip, event: EventRef, invocation: Invocation
) -> Sequence[Outcome]:
    """Raises `Retryable`."""
    log = invocation.log.bind(correlation_id=event.id)
    traced = replace(invocation, log=log)
    if isinstance(item, Skip):
        log.step("outcome", outcome="skipped", reason=item.message)
        return ()
    log.step("received", source=event.source)
    if isinstance(item, Rejected):
        return (refuse(means, item, event, traced),)
    if item.action:
        return hooks.task(means, item, traced).completed()
    task = Task(means, item, traced)
    return task.planned() if item.dry_run else task.provisioned()


@dataclass(slots=True)
class _Run:
    means: Means
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
            self.ended[index] = error_reporting.told(
                error_reporting.ours(error), log, event_id=_event_id(item)
            )

    def _share(self, left_in_lane: int) -> Invocation:
        """Of the time left: what waits in this lane has to be done one by one, and everything that
        waits by so many workers."""
        with self._counting:
            left = len(self.items) - self._begun
            self._begun += 1
        parts = max(left_in_lane, ceil(left / self.workers))
        return self.invocation.share(self.means.clock.now(), parts)


def _handled(means: Means, item: Item, share: Invocation) -> Ended:
    """Raises `Retryable`."""
    if isinstance(item.decoded, Sweep):
        log = share.log.bind(correlation_id=item.event.id)
        return swept(means, item.decoded, replace(share, log=log))
    keeper = _Keeper(means, item)
    outcomes = done(means, item.decoded, item.event, replace(share, keep=keeper))
    keeper(outcomes, share)
    return outcomes


@dataclass(slots=True)
class _Keeper:
    """Sends the original to the dead-letter queue, once: for a hook before it is answered, as its
    redelivery finds an action that has ended."""

    means: Means
    item: Item
    kept: bool = False

    def __call__(self, outcomes: Sequence[Outcome], invocation: Invocation) -> None:
        """Raises `Retryable`."""
        if not self.kept:
            self.kept = _quarantine(self.means, self.item, outcomes, invocation)


def _event_id(item: Item) -> str:
    return item.decoded.event.id if isinstance(item.decoded, Request) else ""


def _quarantine(
    means: Means, item: Item, outcomes: Sequence[Outcome], invocation: Invocation
) -> bool:
    """Whether there was something to keep. Raises `Retryable`."""
    given_up = next((o for o in outcomes if o.status in _GIVEN_UP and o.error), None)
    planned = isinstance(item.decoded, Request) and item.decoded.dry_run
    if means.dead_letters is None or given_up is None or planned:
        return False
    message = dead_letter.as_message(_letter(item, given_up))
    try:
        message_id = means.dead_letters.send(message, within=invocation.ends - means.clock.now())
    except Rejected as error:
        unfit = f"the dead-letter queue refuses a message with {error.code}; look at its settings"
        raise ConfigurationError(unfit) from error
    invocation.log.step("quarantined", correlation_id=item.event.id, message_id=message_id)
    return True


def _letter(item: Item, outcome: Outcome) -> Letter:
    """Its path points into what is kept, and that of a decoder's into the whole payload."""
    error, decoded = outcome.error, item.decoded
    assert error is not None
    path = error.path.removeprefix(item.below) if isinstance(decoded, Rejected) else error.path
    record = decoded.record if isinstance(decoded, RetriesExhausted) else None
    payload = record.payload if record else item.original
    return Letter(outcome.event, error, payload, path, outcome.fc_request_id)
