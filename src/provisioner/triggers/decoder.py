"""The table of sources, and the decoder that opens the envelopes inside one another.

A list is a batch: each element is decoded by itself, and a poison element is rejected alone, with
its index at the start of its path. From there on a path points into the document as it was written,
whatever it was wrapped in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

from provisioner.errors import Code, Fault, Problem, Rejected, RetriesExhausted, Skip
from provisioner.mapping import validation
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
    Decoded,
    EnvelopeContext,
    Reader,
    Wrapped,
    decode_layer,
    decode_text,
    unreadable_error,
)
from .item import Item, RawBatch

# The longest legitimate chain has 10 layers: an array of a stream, of JSON strings, of CloudEvents,
# of queue messages, in Base64, of notifications of a topic, of hook messages, in Base64 (two).
MAX_LAYERS = 12
MAX_ELEMENTS = 10_000  # CountBasedWindow of an event stream: 1 to 10000 (doc)
_MAX_KEYS_IN_MESSAGE = 8

# The order matters: an envelope comes before its content, because message attributes, which can
# have any name, are beside the keys of an envelope.
READERS: tuple[Reader, ...] = (
    failure_record.read,
    mns_topic.read_notification,
    http.read,
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
    items = list(_decode_payload(payload))
    return [
        replace(item, decoded=_identify_record(item.decoded))
        if isinstance(item.decoded, RetriesExhausted)
        else item
        for item in items
    ]


def _decode_payload(payload: bytes) -> Iterator[Item]:
    context = EnvelopeContext()
    try:
        text = decode_text(payload, part=context.part)
    except Rejected as error:
        yield Item(error, payload)
        return
    value, text, layers = _unwrap(text)
    if not isinstance(value, list) or not value or len(value) > MAX_ELEMENTS:
        for number, decoded in enumerate(_decode_value(value, context, layers)):
            yield Item(decoded, payload, number)
        return
    batch = RawBatch(text.removeprefix(BOM))
    for index, element in enumerate(value):
        for number, decoded in enumerate(_decode_element(index, element, context, layers)):
            yield Item(decoded, payload, number, batch, index)


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
        inner = [item.decoded for item in islice(_decode_payload(error.record.payload), 2)]
        if len(inner) != 1:
            return error
        if not isinstance(inner[0], RetriesExhausted):
            event = inner[0].event if isinstance(inner[0], (Request, Rejected)) else None
            return RetriesExhausted(error.record, event) if event else error
        error = inner[0]
    return error


def _decode_value(value: Any, context: EnvelopeContext, layers: int) -> Iterator[Decoded]:
    if layers > MAX_LAYERS:
        yield unreadable_error(f"{context.part} is wrapped more than {MAX_LAYERS} times")
    elif isinstance(value, list):
        yield from _decode_list(value, context, layers)
    else:
        try:
            decoded = _read_value(value, context)
        except Rejected as error:
            decoded = error
        if isinstance(decoded, Rejected) and context.id and not decoded.event:
            decoded.event = EventRef(context.source, context.id)
        if isinstance(decoded, Wrapped):
            yield from _decode_value(decoded.value, decoded.context, layers + 1)
        else:
            yield decoded


def _decode_list(elements: list[Any], context: EnvelopeContext, layers: int) -> Iterator[Decoded]:
    if not elements:
        yield Skip("the batch is empty")
    if len(elements) > MAX_ELEMENTS:
        yield unreadable_error(f"{context.part} is a list of more than {MAX_ELEMENTS} elements")
        return
    for index, element in enumerate(elements):
        yield from _decode_element(index, element, context, layers)


def _decode_element(
    index: int, element: Any, context: EnvelopeContext, layers: int
) -> Iterator[Decoded]:
    # The elements of one message share its id, so the index tells them apart.
    inner = replace(context, id=context.id and f"{context.id}#{index}")
    for item in _decode_value(element, inner, layers + 1):
        yield _add_path_prefix(index, item) if isinstance(item, Rejected) else item


def _read_value(value: Any, context: EnvelopeContext) -> Wrapped | Decoded:
    if isinstance(value, dict):
        for read in READERS:
            decoded = read(value, context)
            if decoded is not None:
                return decoded
    elif isinstance(value, str):
        inner = decode_layer(value)
        if inner != value:
            return Wrapped(inner, context)
        if notification := mns_topic.read_xml(value, context):
            return notification
    if not context.must_be_known:
        return Skip("an event of a type that this function does not act on")
    return _unknown_value_error(value, context)


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
    return Rejected(
        Code.UNKNOWN_ENVELOPE,
        f"{context.part} is neither a request document nor the envelope of a known trigger;"
        f" its keys: {keys}{f' and {more} more' if more > 0 else ''}",
        fault=Fault.UNREADABLE,
    )


def _add_path_prefix(index: int, error: Rejected) -> Rejected:
    if isinstance(error, RetriesExhausted):
        return error  # it has no place in the record's payload
    prefix = validation.build_pointer(index)
    prefixed = Rejected(
        error.code,
        error.message,
        path=prefix + error.path,
        fault=error.fault,
        problems=[Problem(prefix + p.path, p.message) for p in error.problems],
    )
    prefixed.event = error.event
    return prefixed
