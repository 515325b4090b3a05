"""An event stream: takes the messages of a queue, a batch at a time, to a function.

A batch is handed over when it is full or when its window ends, whichever comes first; its messages
stay hidden in the queue meanwhile. A failed call repeats the whole batch. When the last try has
failed: errorsTolerance ALL sends the events to the dead-letter queue, or discards them; NONE shows
the messages again and stops the stream (doc).
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from localcloud.clock import timestamp_ms
from localcloud.services.mns import dead_letters
from localcloud.services.mns.queues import Message
from localcloud.services.triggers.calling import deliver, move_to_dead_letter_queue

if TYPE_CHECKING:
    from localcloud.cloud import Cloud
    from localcloud.services.mns.queues import Queue
    from localcloud.services.triggers.model import EventStream

_LONG = 3600.0  # seconds; a change ends every wait


async def run(cloud: Cloud, stream: EventStream) -> None:
    while stream.key not in cloud.world.triggers.stopped:
        batch: list[Message] = []
        try:
            await _collect(cloud, stream, batch)
            await _hand_over(cloud, stream, batch)
        except Exception:
            _give_back(cloud, stream, batch)
            raise


async def _hand_over(cloud: Cloud, stream: EventStream, batch: list[Message]) -> None:
    events = [event(cloud, stream, message) for message in batch]
    delivered = await deliver(cloud, stream, stream.payload(events))
    if not delivered and not stream.tolerates_errors:
        _give_back(cloud, stream, batch)
        cloud.world.triggers.stopped.add(stream.key)
        return
    if not delivered:
        move_to_dead_letter_queue(cloud, stream, events)
    _delete(cloud, stream, batch)
    cloud.changes.notify()


async def _collect(cloud: Cloud, stream: EventStream, held: list[Message]) -> None:
    """Adds to `held` what it takes, as it takes it."""
    deadline = None
    while True:
        now, queue = cloud.clock.now(), _queue(cloud, stream)
        held += _take(cloud, queue, now, stream.count - len(held)) if queue else []
        if held and deadline is None:
            deadline = now + stream.seconds
        if deadline is not None and (len(held) >= stream.count or now >= deadline):
            return
        arrival = queue.next_arrival(now) if queue else None
        left = _LONG if deadline is None else deadline - now
        await cloud.changes.wait(min(left, arrival or _LONG))


def _take(cloud: Cloud, queue: Queue, now: float, at_most: int) -> list[Message]:
    """Hidden for as long as the queue keeps them: a stream forgets no message it took."""
    keeps = queue.attributes.numbers["MessageRetentionPeriod"]
    duplicated = cloud.settings.duplicate_delivery.happens
    return queue.receive(now, at_most, hidden=keeps, duplicated=duplicated)


def event(cloud: Cloud, stream: EventStream, message: Message) -> dict[str, Any]:
    world, now = cloud.world, cloud.clock.now()
    return {  # doc
        "id": message.message_id,
        "source": stream.bus_name,
        "specversion": "1.0",
        "type": "mns:Queue:SendMessage",
        "datacontenttype": "application/json; charset=utf-8",
        "subject": f"acs:mns:{world.region}:{world.account}:queues/{stream.queue}",
        "time": timestamp_ms(message.enqueued),
        "aliyunaccountid": world.account,
        "aliyunpublishtime": timestamp_ms(now),
        "aliyunoriginalaccountid": world.account,
        "aliyuneventbusname": stream.bus_name,
        "aliyunregionid": world.region,
        "aliyunpublishaddr": "127.0.0.1",
        "data": {
            "requestId": uuid.uuid4().hex.upper(),
            "messageId": message.message_id,
            "messageBody": stream.body(message.body),
        },
    }


def _delete(cloud: Cloud, stream: EventStream, batch: list[Message]) -> None:
    queue, handles = _queue(cloud, stream), {message.handle for message in batch}
    if queue is not None:
        queue.messages = [item for item in queue.messages if item.handle not in handles]


def _give_back(cloud: Cloud, stream: EventStream, batch: list[Message]) -> None:
    queue, handles = _queue(cloud, stream), {message.handle for message in batch}
    for item in queue.messages if queue else []:
        if item.handle in handles:
            item.hide(cloud.clock.now())
    cloud.changes.notify()


def _queue(cloud: Cloud, stream: EventStream) -> Queue | None:
    """Looked up each time: a seed makes a new world, and the queue may be deleted."""
    if dead_letters.move_to_dead_letter_queue(cloud.world.mns, cloud.clock.now()):
        cloud.changes.notify()
    return cloud.world.mns.queues.get(stream.queue)
