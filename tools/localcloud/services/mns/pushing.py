"""Takes notifications to HTTP endpoints and functions, and tries again by the subscription's
strategy on the cloud's clock. When the last try has failed the notification is discarded (doc). A
notification for another machine is not sent; the journal says so.
"""

from __future__ import annotations

import asyncio
from itertools import chain
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from localcloud.retries import pauses
from localcloud.services.mns.endpoints import FUNCTION, is_on_this_machine
from localcloud.wire.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.cloud import Cloud
    from localcloud.services.mns.messaging import Push

ELSEWHERE = "NotPushed"  # the code, in the journal, of a push to another machine
_PATIENCE = 5.0  # doc: seconds within which an endpoint answers
_PATH = "/notifications"  # doc: where the endpoint names none
_LONG = 3600.0  # seconds; a change ends every wait
_OK = range(200, 300)


async def keep_pushing(cloud: Cloud) -> None:
    while True:
        mns = cloud.world.mns
        waiting, mns.outbox = mns.outbox, []
        for push in waiting:
            # doc: at least once
            for _ in range(2 if cloud.settings.duplicate_delivery.happens() else 1):
                cloud.work.start(_deliver(cloud, push))
        await cloud.changes.wait(_LONG)


async def _deliver(cloud: Cloud, push: Push) -> None:
    for pause in chain([0.0], pauses(push.strategy)):
        if pause:
            await cloud.elapse(pause)
        failure = await _attempt(cloud, push)
        concerns = {"TopicName": push.notification.topic}
        concerns |= {"SubscriptionName": push.notification.subscription}
        cloud.journal.note("mns", "PushNotification", failure, concerns, time=cloud.clock.now())
        if failure in (None, ELSEWHERE):
            return


async def _attempt(cloud: Cloud, push: Push) -> str | None:
    """Why it failed, if it did."""
    if push.endpoint.kind == FUNCTION:
        try:
            cloud.functions.enqueue(push.endpoint.name, push.notification.event())
        except ApiError as error:
            return error.code
        return None
    if not is_on_this_machine(push.endpoint.name):
        return ELSEWHERE
    headers, body = push.notification.headers(), push.notification.text().encode()
    posting = asyncio.ensure_future(_post(push.endpoint.name, headers, body))
    patience = asyncio.ensure_future(cloud.elapse(_PATIENCE))
    try:
        await asyncio.wait((posting, patience), return_when=asyncio.FIRST_COMPLETED)
        return posting.result() if posting.done() else "Timeout"
    finally:
        for task in (posting, patience):
            task.cancel()
        await asyncio.wait((posting, patience))


async def _post(url: str, headers: Mapping[str, str], body: bytes) -> str | None:
    """Written by hand: only the status matters, and a client library would be one more
    dependency."""
    parts = urlsplit(url)
    path = (parts.path if parts.path.strip("/") else _PATH) + (
        f"?{parts.query}" if parts.query else ""
    )
    lines = [f"POST {path} HTTP/1.1", f"host: {parts.netloc}", "connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    head = "\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode()
    try:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
        try:
            writer.write(head + body)
            await writer.drain()
            status = int((await reader.readline()).split()[1])
        finally:
            writer.close()
    except (OSError, ValueError, IndexError):
        return "Unreachable"
    return None if status in _OK else f"Status{status}"
