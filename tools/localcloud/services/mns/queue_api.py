"""Queues on the wire, and their messages: XML in, the elements that clients insist on out."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from localcloud.services.mns.dead_letters import move_to_dead_letter_queue
from localcloud.services.mns.listing import listed, location
from localcloud.services.mns.model import QUEUE_ATTRIBUTES, read_attributes
from localcloud.wire import mns_xml
from localcloud.wire.mns import Reply

if TYPE_CHECKING:
    from localcloud.call import Call
    from localcloud.cloud import Cloud
    from localcloud.services.mns.queues import Queue


def queue_of(cloud: Cloud, call: Call) -> Queue:
    if move_to_dead_letter_queue(cloud.world.mns, cloud.clock.now()):
        cloud.changes.notify()
    return cloud.world.mns.queue(call.parameters.require("QueueName"))


def create_queue(cloud: Cloud, call: Call) -> Reply:
    name = call.parameters.require("QueueName")
    attributes = read_attributes(_given(call), QUEUE_ATTRIBUTES)
    new = cloud.world.mns.create_queue(name, attributes, cloud.clock.now())
    # sdk: Location also when nothing was created, or the client fails.
    headers = {"location": location(call, f"/queues/{name}")}
    return Reply(HTTPStatus.CREATED if new else HTTPStatus.NO_CONTENT, headers=headers)


def set_queue_attributes(cloud: Cloud, call: Call) -> Reply:
    queue = queue_of(cloud, call)
    queue.attributes = read_attributes(_given(call), QUEUE_ATTRIBUTES, queue.attributes)
    queue.modified = cloud.clock.now()
    return Reply(HTTPStatus.NO_CONTENT)


def get_queue_attributes(cloud: Cloud, call: Call) -> Reply:
    queue = queue_of(cloud, call)
    content = _described(queue, cloud.clock.now())
    return Reply(HTTPStatus.OK, mns_xml.element("Queue", content))


def delete_queue(cloud: Cloud, call: Call) -> Reply:
    name = queue_of(cloud, call).name
    del cloud.world.mns.queues[name]
    cloud.world.mns.dead_letters.pop(name, None)
    return Reply(HTTPStatus.NO_CONTENT)


def list_queue(cloud: Cloud, call: Call) -> Reply:
    queues, now = cloud.world.mns.queues, cloud.clock.now()
    return listed(call, "Queue", queues, "/queues", lambda name: _described(queues[name], now))


def _given(call: Call) -> dict[str, str]:
    body = call.request.body
    return mns_xml.fields(mns_xml.read(body, "Queue")) if body else {}


def _described(queue: Queue, now: float) -> dict[str, Any]:
    return {
        "QueueName": queue.name,
        "CreateTime": int(queue.created),
        "LastModifyTime": int(queue.modified),
        **queue.attributes.describe(),
        **queue.counts(now),
    }
