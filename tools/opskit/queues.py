"""An MNS queue as an operator handles it: looked through without losing a message.

A message that is received is hidden and comes back by itself, so whatever happens to this program
loses nothing. What is not deleted is shown again at once when the queue is left.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any

from mns.mns_exception import MNSClientParameterException, MNSExceptionBase, MNSServerException

from .cloud import Cloud
from .ending import UnusableError

_PAGE = 16  # messages of one batch: at most 16 (doc)
_AT_ONCE = 1  # seconds: the shortest VisibilityTimeout (doc)
# What the SDK lets through from answers that it cannot read.
_LEAKED = (LookupError, TypeError, AttributeError, ValueError)
_GONE = ("MessageNotExist", "ReceiptHandleError")


class QueueFailedError(UnusableError):
    """The queue could not be reached, or refused what was asked."""


@dataclass(slots=True)
class Held:
    """A message that nobody else sees for now."""

    id: str
    body: str = field(repr=False)
    age: float
    handle: str = field(repr=False)


class Queue:
    def __init__(self, queue: Any) -> None:
        self._queue = queue
        self._held: dict[str, Held] = {}

    def messages(self) -> Iterator[Held]:
        """Each once, though a long look lets the first come back before the last was seen: then
        by another handle, the only one that the queue still takes."""
        again = 0
        while again <= len(self._held) and (page := self._page()):
            new = [held for held in page if held.id not in self._held]
            again = 0 if new else again + len(page)
            for held in page:
                self._held.setdefault(held.id, held).handle = held.handle
            yield from new

    def hold(self, held: Held, seconds: int) -> None:
        with _our_errors():
            changed = self._queue.change_message_visibility(held.handle, seconds)
            held.handle = changed.receipt_handle

    def delete(self, held: Held) -> None:
        with _our_errors():
            self._queue.delete_message(held.handle)
        held.handle = ""

    def release(self) -> None:
        """Whatever was not deleted. What cannot be released comes back by itself."""
        for held in self._held.values():
            if held.handle:
                with suppress(QueueFailedError):
                    self.hold(held, _AT_ONCE)

    def _page(self) -> list[Held]:
        try:
            with _our_errors():
                found = self._queue.batch_receive_message(_PAGE)
        except QueueFailedError as error:
            if isinstance(error.__cause__, MNSServerException) and error.__cause__.type in _GONE:
                return []
            raise
        now = time.time()
        return [
            Held(m.message_id, m.message_body, now - m.enqueue_time / 1000, m.receipt_handle)
            for m in found
        ]


@contextmanager
def opened(cloud: Cloud, name: str) -> Iterator[Queue]:
    with ExitStack() as stack:
        with _our_errors():
            queue = stack.enter_context(cloud.messages()).get_queue(name)
            queue.set_encoding(False)  # letters are sent as they are
        found = Queue(queue)
        stack.callback(found.release)
        yield found


@contextmanager
def _our_errors() -> Iterator[None]:
    """By code: the SDK's texts hold what was sent."""
    try:
        yield
    except MNSServerException as error:
        raise QueueFailedError(f"the queue service refused: {error.type}") from error
    except MNSClientParameterException as error:
        raise QueueFailedError("the endpoint or the queue's name is not one of MNS's") from error
    except (MNSExceptionBase, OSError, HTTPException, *_LEAKED) as error:
        raise QueueFailedError("the queue service gave no readable answer") from error
