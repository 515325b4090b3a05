"""Handle the items of an asynchronous event.

Items that may touch the same load balancer run one after the other, others at the same time
(`concurrency`). The outcome of an item does not depend on its place in the batch.

An item that was refused or failed for good is published, then its original is sent to the
dead-letter queue, and only then it counts as handled. A queue that does not take it is the
deployment's fault and keeps the event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from . import concurrency, error_reporting
from .errors import (
    Code,
    ConfigurationError,
    ProvisionerError,
    Rejected,
    RetriesExhausted,
    Retryable,
    Skip,
)
from .hooks import handle_hook
from .invocation import Invocation
from .model import EventRef, Request, SweepRequest
from .provisioning import Dependencies, ProvisionTask, reject_event
from .results.dead_letter import DeadLetter, encode_dead_letter
from .results.outcome import Outcome, Status
from .sweep import SweepReport, run_sweep
from .triggers import Item

ItemResult = Sequence[Outcome] | SweepReport | ProvisionerError

_GIVEN_UP = (Status.REFUSED, Status.FAILED)


def handle_items(
    deps: Dependencies, items: Sequence[Item], invocation: Invocation
) -> list[ItemResult]:
    """Handle every item and return the results in the order of the items. Never raises."""
    decoded = [item.decoded for item in items]
    requests = [each if isinstance(each, (Request, SweepRequest)) else None for each in decoded]
    results = concurrency.run_partitions(
        concurrency.partition_by_load_balancer(requests, deps.config.bindings),
        lambda index, time_slice: _handle_safely(deps, items[index], time_slice, invocation),
        invocation,
        deps.clock,
        limit=deps.concurrency,
    )
    return [results[index] for index in range(len(items))]


def handle_item(
    deps: Dependencies, item: Request | Rejected | Skip, event: EventRef, invocation: Invocation
) -> Sequence[Outcome]:
    """Handle one item by what it asks for. Raises `Retryable`."""
    invocation = invocation.bind_log(correlation_id=event.id)
    if isinstance(item, Skip):
        invocation.log.write("outcome", outcome="skipped", reason=item.message)
        return ()
    invocation.log.write("received", source=event.source)
    if isinstance(item, Rejected):
        return (reject_event(deps, item, event, invocation),)
    if item.action:
        try:
            return handle_hook(deps, item, invocation)
        except Skip as skip:
            invocation.log.write("outcome", outcome="skipped", reason=skip.message)
            return ()
    task = ProvisionTask(deps, item, invocation)
    return task.plan() if item.dry_run else task.provision()


def _handle_safely(
    deps: Dependencies, item: Item, time_slice: Invocation, whole: Invocation
) -> ItemResult:
    """Handle an item and return what it raises as a typed error. Nothing begins after the end."""
    event_id = item.decoded.event.id if isinstance(item.decoded, Request) else ""
    try:
        _require_time(deps, whole)
        return _handle(deps, item, time_slice)
    except Exception as error:  # noqa: BLE001 - the only place that catches defects of an item
        typed = error_reporting.as_provisioner_error(error)
        return error_reporting.log_error(typed, whole.log, event_id=event_id)


def _require_time(deps: Dependencies, invocation: Invocation) -> None:
    if deps.clock.now() >= invocation.deadline:
        raise Retryable(
            Code.OUT_OF_TIME,
            "this invocation has no time left for the item; the next delivery handles it",
        )


def _handle(deps: Dependencies, item: Item, time_slice: Invocation) -> ItemResult:
    """Raises `Retryable`."""
    if isinstance(item.decoded, SweepRequest):
        return run_sweep(deps, item.decoded, time_slice.bind_log(correlation_id=item.event.id))
    archive = _DeadLetterArchive(deps, item)
    outcomes = handle_item(
        deps, item.decoded, item.event, replace(time_slice, archive_dead_letter=archive)
    )
    archive(outcomes, time_slice)
    return outcomes


@dataclass(slots=True)
class _DeadLetterArchive:
    """Send the original of an item to the dead-letter queue, at most once."""

    deps: Dependencies
    item: Item
    is_sent: bool = False

    def __call__(self, outcomes: Sequence[Outcome], invocation: Invocation) -> None:
        """Send it if one of the outcomes was given up. Raises `Retryable`."""
        dead_letters = self.deps.dead_letters
        given_up = next((o for o in outcomes if o.status in _GIVEN_UP and o.error), None)
        is_dry_run = isinstance(self.item.decoded, Request) and self.item.decoded.dry_run
        if self.is_sent or dead_letters is None or given_up is None or is_dry_run:
            return
        message = encode_dead_letter(_build_dead_letter(self.item, given_up))
        seconds_left = invocation.hard_deadline - self.deps.clock.now()
        try:
            message_id = dead_letters.send(message, within=seconds_left)
        except Rejected as error:
            message = f"the dead-letter queue refuses a message with {error.code}; check it"
            raise ConfigurationError(message) from error
        event_id = self.item.event.id
        invocation.log.write("dead_letter", correlation_id=event_id, message_id=message_id)
        self.is_sent = True


def _build_dead_letter(item: Item, outcome: Outcome) -> DeadLetter:
    """Return the dead letter of an item.

    The path of a decoder's error points into the whole payload; in the dead letter it points into
    the part that is kept.
    """
    error, decoded = outcome.error, item.decoded
    assert error is not None
    path = error.path
    if isinstance(decoded, Rejected):
        path = path.removeprefix(item.pointer_prefix)
    record = decoded.record if isinstance(decoded, RetriesExhausted) else None
    payload = record.payload if record else item.original
    return DeadLetter(outcome.event, error, payload, path, outcome.fc_request_id)
