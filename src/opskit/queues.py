"""An MNS queue as an operator handles it: looked through without losing a message.

A message that is received is hidden and comes back by itself, so whatever happens to this program
loses nothing. What is not deleted is shown again at once when the queue is left.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from mns.account import Account
from mns.mns_exception import MNSClientParameterException, MNSExceptionBase, MNSServerException

from . import local

_PAGE = 16  # messages of one batch: at most 16 (doc)
_SECONDS = 10  # for one call
_AT_ONCE = 1  # seconds: the shortest VisibilityTimeout (doc)
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
# What the SDK lets through from answers that it cannot read.
_LEAKED = (LookupError, TypeError, AttributeError, ValueError)
_GONE = ("MessageNotExist", "ReceiptHandleError")


class QueueFailedError(Exception):
    """The queue could not be reached, or refused what was asked."""


@dataclass(frozen=True, slots=True)
class Access:
    """Where the account's products answer, and as whom to ask."""

    mns: str
    fc: str
    access_key_id: str
    access_key_secret: str = field(repr=False)
    security_token: str = field(default="", repr=False)


def access(endpoint: str, region: str, account: str, environ: Mapping[str, str]) -> Access:
    """One `endpoint` answers for every product, as an offline cloud does; without it, those of the
    account and region. Raises ValueError saying what is missing."""
    region = region or environ.get("REGION_ID", "") or environ.get("FC_REGION", "")
    account = account or environ.get("FC_ACCOUNT_ID", "")
    if endpoint and not endpoint.startswith(("http://", "https://")):
        raise ValueError("--endpoint must be a URL: http://… or https://…")
    if not endpoint and not (region and account):
        raise ValueError("name the cloud: --region and --account, or --endpoint")
    key = environ.get("ALIBABA_CLOUD_ACCESS_KEY_ID", "")
    secret = environ.get("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "")
    if urlsplit(endpoint).hostname in _LOOPBACK:
        local.without_proxies()
        key, secret = key or local.ACCESS_KEY_ID, secret or local.ACCESS_KEY_SECRET
    if not (key and secret):
        names = "ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET"
        raise ValueError(f"there are no credentials: set {names}")
    return Access(
        mns=endpoint.rstrip("/") or f"https://{account}.mns.{region}.aliyuncs.com",
        fc=endpoint.rstrip("/") or f"https://{account}.{region}.fc.aliyuncs.com",
        access_key_id=key,
        access_key_secret=secret,
        security_token=environ.get("ALIBABA_CLOUD_SECURITY_TOKEN", ""),
    )


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
        """Each once, though a long look may let the first come back before the last was seen."""
        while new := [held for held in self._page() if held.id not in self._held]:
            self._held |= {held.id: held for held in new}
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
def opened(access: Access, name: str) -> Iterator[Queue]:
    with _our_errors():
        account = Account(
            access.mns, access.access_key_id, access.access_key_secret, access.security_token
        )
        connection = account.mns_client.http.conn
        connection.connection_timeout = connection.timeout = _SECONDS
        queue = account.get_queue(name)
        queue.set_encoding(False)  # letters are sent as they are
    opened = Queue(queue)
    try:
        yield opened
    finally:
        opened.release()
        account.mns_client.close_connection()


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
