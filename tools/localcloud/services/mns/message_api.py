"""The messages of a queue on the wire: send, receive, peek, delete, change visibility."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from localcloud.services.mns.model import (
    BATCH,
    MESSAGE_SIZE,
    PRIORITY,
    QUEUE_ATTRIBUTES,
    VISIBILITY,
    WAIT,
    Limits,
    digest,
    invalid_argument,
    not_found,
    number,
    out_of_range,
)
from localcloud.services.mns.queue_api import queue_of
from localcloud.services.mns.queues import Message, Queue, milliseconds
from localcloud.wire import mns_xml
from localcloud.wire.errors import ApiError
from localcloud.wire.mns import Reply

if TYPE_CHECKING:
    from localcloud.call import Call
    from localcloud.cloud import Cloud

_BATCH = Limits(1, BATCH, 1, "")


def send_message(cloud: Cloud, call: Call) -> Reply:
    queue, now = queue_of(cloud, call), cloud.clock.now()
    message = _message(mns_xml.read(call.request.body, "Message"), queue, now)
    queue.accept(message)
    cloud.changes.notify()
    return Reply(HTTPStatus.CREATED, mns_xml.element("Message", _receipt(message)))


def batch_send_message(cloud: Cloud, call: Call) -> Reply:
    queue, now = queue_of(cloud, call), cloud.clock.now()
    nodes = mns_xml.children(mns_xml.read(call.request.body, "Messages"), "Message")
    if not 1 <= len(nodes) <= BATCH:
        raise out_of_range("Messages", _BATCH)
    bodies = [mns_xml.fields(node).get("MessageBody", "") for node in nodes]
    if sum(len(body.encode()) for body in bodies) > MESSAGE_SIZE:
        raise out_of_range("Messages", Limits(1, MESSAGE_SIZE, 0, "bytes"))
    results = [_send_one(node, queue, now) for node in nodes]
    cloud.changes.notify()
    failed = any("ErrorCode" in result for result in results)
    # sdk: 4xx as soon as one failed; which is unknown.
    status = HTTPStatus.BAD_REQUEST if failed else HTTPStatus.CREATED
    return Reply(status, mns_xml.element("Messages", {"Message": results}))


def _send_one(node: mns_xml.Element, queue: Queue, now: float) -> dict[str, Any]:
    try:
        message = _message(node, queue, now)
        queue.accept(message)
    except ApiError as error:
        return {"ErrorCode": error.code, "ErrorMessage": error.message}
    return _receipt(message)


async def receive_message(cloud: Cloud, call: Call) -> Reply:
    message = (await _arrivals(cloud, call, 1))[0]
    return Reply(HTTPStatus.OK, mns_xml.element("Message", _received(message)))


async def batch_receive_message(cloud: Cloud, call: Call) -> Reply:
    messages = [_received(message) for message in await _arrivals(cloud, call, _batch_size(call))]
    return Reply(HTTPStatus.OK, mns_xml.element("Messages", {"Message": messages}))


async def _arrivals(cloud: Cloud, call: Call, at_most: int) -> list[Message]:
    """Waits on the cloud's clock: moving it forward ends a long poll, and so does a reset. The
    queue is looked up again each time, since it may be deleted, or the world seeded, meanwhile."""
    default = str(queue_of(cloud, call).attributes.numbers["PollingWaitSeconds"])
    seconds = number("waitseconds", call.parameters.text("waitseconds") or default, WAIT)
    clock = cloud.clock  # reset() starts another
    deadline = clock.now() + seconds
    while cloud.clock is clock:
        queue, now = queue_of(cloud, call), clock.now()
        messages = queue.receive(now, at_most, cloud.settings.duplicate_delivery.happens)
        if messages:
            return messages
        if now >= deadline or call.connection.is_closed:
            break
        pause = min(deadline - now, queue.next_arrival(now) or seconds)
        await cloud.changes.wait(pause, call.connection.closed())
    raise not_found("Message")


def peek_message(cloud: Cloud, call: Call) -> Reply:
    return Reply(HTTPStatus.OK, mns_xml.element("Message", _peek(cloud, call, 1)[0]))


def batch_peek_message(cloud: Cloud, call: Call) -> Reply:
    messages = _peek(cloud, call, _batch_size(call))
    return Reply(HTTPStatus.OK, mns_xml.element("Messages", {"Message": messages}))


def _peek(cloud: Cloud, call: Call, at_most: int) -> list[dict[str, Any]]:
    messages = queue_of(cloud, call).visible(cloud.clock.now(), at_most)
    if not messages:
        raise not_found("Message")
    return [_peeked(message) for message in messages]


def delete_message(cloud: Cloud, call: Call) -> Reply:
    queue, handle = queue_of(cloud, call), call.parameters.text("ReceiptHandle")
    if handle is None:
        message = "The ReceiptHandle is missing."
        raise ApiError(HTTPStatus.BAD_REQUEST, "MissingReceiptHandle", message)
    queue.delete(handle, cloud.clock.now())
    return Reply(HTTPStatus.NO_CONTENT)


def batch_delete_message(cloud: Cloud, call: Call) -> Reply:
    queue, now = queue_of(cloud, call), cloud.clock.now()
    root = mns_xml.read(call.request.body, "ReceiptHandles")
    handles = [node.text or "" for node in mns_xml.children(root, "ReceiptHandle")]
    if not 1 <= len(handles) <= BATCH:
        raise out_of_range("ReceiptHandles", _BATCH)
    errors: list[dict[str, Any]] = []
    for handle in handles:
        try:
            queue.delete(handle, now)
        except ApiError as error:
            row = {"ErrorCode": error.code, "ErrorMessage": error.message, "ReceiptHandle": handle}
            errors.append(row)
    if errors:
        return Reply(HTTPStatus.BAD_REQUEST, mns_xml.element("Errors", {"Error": errors}))
    return Reply(HTTPStatus.NO_CONTENT)


def change_message_visibility(cloud: Cloud, call: Call) -> Reply:
    # sdk: the Node client writes both names with lower-case initials.
    handle = call.parameters.text("ReceiptHandle", "receiptHandle")
    seconds = call.parameters.text("VisibilityTimeout", "visibilityTimeout")
    for name, value in (("ReceiptHandle", handle), ("VisibilityTimeout", seconds)):
        if value is None:
            raise ApiError(HTTPStatus.BAD_REQUEST, f"Missing{name}", f"The {name} is missing.")
    timeout = number("VisibilityTimeout", str(seconds), VISIBILITY)
    queue = queue_of(cloud, call)
    message = queue.change_visibility(str(handle), timeout, cloud.clock.now())
    content = {"ReceiptHandle": message.handle, "NextVisibleTime": milliseconds(message.visible)}
    return Reply(HTTPStatus.OK, mns_xml.element("ChangeVisibility", content))


def _message(node: mns_xml.Element, queue: Queue, now: float) -> Message:
    given = mns_xml.fields(node)
    if not given.get("MessageBody"):
        raise invalid_argument("The MessageBody is missing.")
    default = str(queue.attributes.numbers["DelaySeconds"])
    limit = QUEUE_ATTRIBUTES["DelaySeconds"]
    delay = number("DelaySeconds", given.get("DelaySeconds", default), limit)
    priority = number("Priority", given.get("Priority", str(PRIORITY.default)), PRIORITY)
    properties = mns_xml.properties(node)
    return Message(given["MessageBody"], now, now + delay, priority, properties=properties)


def _batch_size(call: Call) -> int:
    return number("numOfMessages", call.parameters.text("numOfMessages") or "", _BATCH)


def _receipt(message: Message) -> dict[str, Any]:
    return {"MessageId": message.message_id, "MessageBodyMD5": digest(message.body)}


def _peeked(message: Message) -> dict[str, Any]:
    properties = {"PropertyValue": message.properties} if message.properties else None
    return {
        **_receipt(message),
        "MessageBody": message.body,
        "EnqueueTime": milliseconds(message.enqueued),
        "FirstDequeueTime": milliseconds(message.first_delivered),
        "DequeueCount": message.deliveries,
        "Priority": message.priority,
        "UserProperties": properties,
    }


def _received(message: Message) -> dict[str, Any]:
    return {
        **_peeked(message),
        "ReceiptHandle": message.handle,
        "NextVisibleTime": milliseconds(message.visible),
    }
