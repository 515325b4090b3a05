"""The table of sources, and the decoder that opens the envelopes inside one another.

An event that is a list is a batch of messages. Each message is decoded by itself, and a poison
message is rejected alone, with its index at the start of its path. From there on a path points into
the document as it was written, whatever it was wrapped in.

Whatever an event contains, it comes to at most `MAX_EVENT_ITEMS` items, and a message of a batch to
at most `MAX_MESSAGE_ITEMS`: each item costs calls, a result and possibly a dead letter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

from provisioner.errors import Code, Fault, Rejected, RetriesExhausted, Skip
from provisioner.mapping import validation
from provisioner.mapping.strict_json import RepeatedKeys
from provisioner.model import EventRef, Request

from . import (
    ess_events,
    ess_hook,
    eventbridge,
    failure_record,
    http,
    kafka,
    mns_queue,
    mns_topic,
    mqtt,
    other_products,
    rabbitmq,
    request_document,
    rocketmq,
    timer,
)
from .envelope import (
    BOM,
    MAX_MESSAGE_BYTES,
    Decoded,
    EnvelopeContext,
    Reader,
    Wrapped,
    decode_layer,
    decode_text,
    too_large_error,
    unreadable_error,
)
from .http import HttpCall
from .item import Item, RawBatch

# The longest legitimate chain has 10 layers: an array of a stream, of JSON strings, of CloudEvents,
# of queue messages, in Base64, of notifications of a topic, of hook messages, in Base64 (two).
MAX_LAYERS = 12
MAX_EVENT_ITEMS = 1_000
MAX_MESSAGE_ITEMS = 100
_MAX_KEYS_IN_MESSAGE = 8
_LIST_START = re.compile(rb"(\xef\xbb\xbf)?[ \t\r\n]*\[")

_PROVISION_PATHS = ("/", "/provision")
_PLAN_PATH = "/plan"
_HEALTH_PATH = "/health"
_HOOK_OVER_HTTP = (
    "the body is a lifecycle hook message; let the hook notify an MNS queue or topic that invokes "
    "this function, because over HTTP nobody would deliver the message again"
)


def _read_call(value: dict[str, Any], _: EnvelopeContext) -> Request | Rejected | Skip | None:
    call = http.read_call(value)
    return None if call is None else decode_call(call)


# The order matters: an envelope comes before its content, because message attributes, which can
# have any name, are beside the keys of an envelope.
READERS: tuple[Reader, ...] = (
    failure_record.read,
    mns_topic.read_notification,
    _read_call,
    eventbridge.read,
    mns_queue.read,
    rocketmq.read,
    rabbitmq.read,
    mqtt.read,
    kafka.read,
    eventbridge.read_schedule,
    mns_topic.read_body_with_attributes,
    ess_hook.read,
    timer.read,
    request_document.read,
    ess_events.read_notification,
    other_products.read,
)


def decode(payload: bytes) -> list[Decoded]:
    """Return what the event asks for, item by item, in order; at least one item. Never raises."""
    return [item.decoded for item in decode_items(payload)]


def decode_items(payload: bytes) -> list[Item]:
    """Like `decode`, with the part of the payload that each item came in."""
    return [
        replace(item, decoded=_identify_record(item.decoded))
        if isinstance(item.decoded, RetriesExhausted)
        else item
        for item in _decode_payload(payload)
    ]


def decode_call(call: HttpCall) -> Request | Rejected | Skip:
    """Return what an HTTP call asks for that nobody waits for, by the routes of `http_api`."""
    path = call.path.rstrip("/") or "/"
    if path == _HEALTH_PATH and call.method in ("GET", "HEAD"):
        return Skip("a health check, which asks for nothing")
    if call.method != "POST" or path not in (*_PROVISION_PATHS, _PLAN_PATH):
        paths = ", ".join((*_PROVISION_PATHS, _PLAN_PATH))
        return Rejected(
            Code.NOT_FOUND,
            f"an asynchronous call must be a POST to one of {paths}",
            fault=Fault.NOT_FOUND,
        )
    request = decode_body(call)
    if isinstance(request, Request) and path == _PLAN_PATH:
        return replace(request, dry_run=True)
    return request


def decode_body(call: HttpCall) -> Request | Rejected | Skip:
    """Return what the body of an HTTP call asks for: it must be one request document."""
    try:
        body = call.read_body()
        first, *others = decode(body)
        if isinstance(first, Skip) and not others:
            return first
        if any(isinstance(each, Request) and each.action for each in (first, *others)):
            return Rejected(Code.INVALID_REQUEST, _HOOK_OVER_HTTP)
        return request_document.parse_body(body, source="http")
    except Rejected as error:
        return error


def _decode_payload(payload: bytes) -> list[Item]:
    """Decode an event: a list is a batch of messages, and any other value is one message."""
    try:
        if len(payload) > MAX_MESSAGE_BYTES and not _LIST_START.match(payload):
            raise _too_long_error(EnvelopeContext())
        value, text, layers = _unwrap(decode_text(payload, part=EnvelopeContext().part))
        if isinstance(value, list) and value:
            return _decode_batch(value, payload, text, layers)
    except Rejected as error:
        return [Item(error, payload)]
    context = EnvelopeContext(is_whole_event=layers == 1)
    messages = _decode_message(value, context, layers)
    return [Item(decoded, payload, number) for number, decoded in enumerate(messages)]


def _decode_batch(elements: list[Any], payload: bytes, text: str, layers: int) -> list[Item]:
    """Decode each message of a batch. Raises `Rejected` if the whole batch is unacceptable."""
    context = EnvelopeContext(part="the message")
    if len(elements) > MAX_EVENT_ITEMS:
        raise too_large_error(
            f"the event is a list of {len(elements)} elements; send at most {MAX_EVENT_ITEMS}"
        )
    if not any(map(_contains_document, elements)):
        raise _no_documents_error(elements, EnvelopeContext())
    batch = RawBatch(text.removeprefix(BOM))
    messages = [
        [_add_path_prefix(index, _too_long_error(context))]
        if len(payload) > MAX_MESSAGE_BYTES and len(batch.elements[index]) > MAX_MESSAGE_BYTES
        else _decode_message(element, context, layers + 1, index)
        for index, element in enumerate(elements)
    ]
    if sum(map(len, messages)) > MAX_EVENT_ITEMS:
        # Of all orders of the batch the same messages are rejected.
        messages = [
            [_add_path_prefix(index, _too_many_items_error())] if len(items) > 1 else items
            for index, items in enumerate(messages)
        ]
    return [
        Item(decoded, payload, number, batch, index)
        for index, items in enumerate(messages)
        for number, decoded in enumerate(items)
    ]


def _decode_message(
    value: Any, context: EnvelopeContext, layers: int, index: int | None = None
) -> list[Decoded]:
    """Decode one message, which is element `index` of its batch. It has each `Skip` once."""
    items: list[Decoded] = []
    reasons: set[str] = set()
    for decoded in _decode_value(value, context, layers):
        if isinstance(decoded, Skip):
            if decoded.message in reasons:
                continue
            reasons.add(decoded.message)
        items.append(decoded)
        if len(items) > MAX_MESSAGE_ITEMS:
            items = [_too_many_documents_error(context)]
            break
    return items if index is None else [_add_path_prefix(index, item) for item in items]


def _unwrap(text: str) -> tuple[Any, str, int]:
    """Return the value inside the text, the innermost text around it, and the number of layers."""
    value: Any = text
    layers = 0
    while isinstance(value, str) and layers <= MAX_LAYERS:
        text, value = value, decode_layer(value)
        if value == text:
            break
        layers += 1
    return value, text, layers


def _identify_record(error: RetriesExhausted) -> RetriesExhausted:
    """Give the record of one event the identity of that event.

    A record of a record is about the innermost event: it exists because the function could not
    archive the inner record.
    """
    for _ in range(MAX_LAYERS):
        inner = [item.decoded for item in _decode_payload(error.record.payload)]
        if len(inner) != 1:
            return error
        if not isinstance(inner[0], RetriesExhausted):
            event = inner[0].event if isinstance(inner[0], (Request, Rejected)) else None
            return RetriesExhausted(error.record, event) if event else error
        error = inner[0]
    return error


def _decode_value(value: Any, context: EnvelopeContext, layers: int) -> Iterator[Decoded]:
    try:
        if layers > MAX_LAYERS:
            raise unreadable_error(f"{context.part} is wrapped more than {MAX_LAYERS} times")
        if isinstance(value, list):
            yield from _decode_list(value, context, layers)
            return
        decoded = _read_value(value, context)
    except (Rejected, Skip) as error:
        decoded = error
    if isinstance(decoded, Rejected) and context.id and not decoded.event:
        decoded.event = EventRef(context.source, context.id)
    if isinstance(decoded, Wrapped):
        inner = replace(decoded.context, is_whole_event=False)
        yield from _decode_value(decoded.value, inner, layers + 1)
    else:
        yield decoded


def _decode_list(elements: list[Any], context: EnvelopeContext, layers: int) -> Iterator[Decoded]:
    """Decode a list inside a message. Raises `Rejected` or `Skip` if it is no list of documents."""
    if not elements:
        yield Skip("the batch is empty")
    if not all(map(_is_document, elements)):
        raise _no_documents_error(elements, context) if context.must_be_known else _unknown_event()
    for index, element in enumerate(elements):
        # The elements of one message share its id, so the index tells them apart.
        inner = replace(context, id=context.id and f"{context.id}#{index}")
        for decoded in _decode_value(element, inner, layers + 1):
            yield _add_path_prefix(index, decoded)


def _is_document(value: Any) -> bool:
    """Tell whether a value is an object, or a string that contains one in JSON or XML."""
    if isinstance(value, str):
        value, text, _ = _unwrap(value)
        return isinstance(value, dict) or mns_topic.is_xml(text)
    return isinstance(value, dict)


def _contains_document(value: Any) -> bool:
    """Tell whether a message is a document or a list with one."""
    value = _unwrap(value)[0] if isinstance(value, str) else value
    if isinstance(value, list):
        return not value or any(map(_is_document, value))
    return _is_document(value)


def _read_value(value: Any, context: EnvelopeContext) -> Wrapped | Decoded:
    if isinstance(value, dict):
        for read in READERS:
            decoded = read(value, context)
            if isinstance(value, RepeatedKeys) and isinstance(decoded, (Wrapped, Request)):
                raise unreadable_error(f"{context.part} has a key that is given twice")
            if decoded is not None:
                return decoded
    elif isinstance(value, str):
        inner = decode_layer(value)
        if inner != value:
            return Wrapped(inner, context)
        if notification := mns_topic.read_xml(value, context):
            return notification
    return _unknown_value_error(value, context) if context.must_be_known else _unknown_event()


def _unknown_event() -> Skip:
    return Skip("an event of a type that this function does not act on")


def _unknown_value_error(value: Any, context: EnvelopeContext) -> Rejected:
    if isinstance(value, str):
        return unreadable_error(
            f"{context.part} is a string that is neither JSON nor an XML notification of MNS, nor "
            "Base64 of these"
        )
    if not isinstance(value, dict):
        return unreadable_error(
            f"{context.part} must be an object or a list, is {validation.describe_type(value)}"
        )
    keys = ", ".join(map(validation.quote_key, islice(value, _MAX_KEYS_IN_MESSAGE))) or "none"
    more = len(value) - _MAX_KEYS_IN_MESSAGE
    message = f"{context.part} is neither a request document nor the envelope of a known trigger"
    return Rejected(
        Code.UNKNOWN_ENVELOPE,
        f"{message}; its keys: {keys}{f' and {more} more' if more > 0 else ''}",
        fault=Fault.UNREADABLE,
        redacted_message=f"{message}; the result has its keys",
    )


def _no_documents_error(elements: list[Any], context: EnvelopeContext) -> Rejected:
    index = next((i for i, each in enumerate(elements) if not _is_document(each)), 0)
    return unreadable_error(
        f"{context.part} is a list, whose elements must be documents; element {index} is"
        f" {validation.describe_type(elements[index])}"
    )


def _too_long_error(context: EnvelopeContext) -> Rejected:
    return too_large_error(f"{context.part} is longer than {MAX_MESSAGE_BYTES} bytes")


def _too_many_documents_error(context: EnvelopeContext) -> Rejected:
    return too_large_error(
        f"{context.part} asks for more than {MAX_MESSAGE_ITEMS} things; send at most "
        f"{MAX_MESSAGE_ITEMS} documents a message"
    )


def _too_many_items_error() -> Rejected:
    return too_large_error(
        f"the event asks for more than {MAX_EVENT_ITEMS} things, so each of its messages that asks "
        "for several is refused; send one document a message, or smaller batches"
    )


def _add_path_prefix(index: int, decoded: Decoded) -> Decoded:
    """Return an error with the index of its element in its paths; anything else unchanged."""
    if not isinstance(decoded, Rejected) or isinstance(decoded, RetriesExhausted):
        return decoded  # the record of an event has no place in that event
    return decoded.add_prefix(validation.build_pointer(index))
