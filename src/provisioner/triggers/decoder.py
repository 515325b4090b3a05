"""The table of sources, and the walk through what they wrap around each other.

A list is a batch: its elements are decoded one by one, and one that is poison says so alone, with
its index at the head of its path. From there on a path points into the document as it was written,
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
    oss,
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

# The longest honest way takes 10: a stream's array, of JSON strings, of CloudEvents, of queue
# messages, in Base64, of a topic's notifications, of hook messages, in Base64 (it counts twice).
MOST_LAYERS = 12
MOST_ELEMENTS = 10_000  # CountBasedWindow of an event stream: 1 to 10000 (doc)
_MOST_KEYS_SHOWN = 8

# In this order: an envelope comes before what it wraps, because message attributes, whose names are
# anybody's choice, stand beside an envelope's own keys.
READERS: tuple[Reader, ...] = (
    failure_record.read,
    mns_topic.read_notification,
    http.read,
    eventbridge.read,
    mns_queue.read,
    rocketmq.read,
    rabbitmq.read,
    kafka.read,
    mns_topic.read_body_with_attributes,
    ess_hook.read,
    timer.read,
    oss.read,
    request_document.read,
    ess_events.read_notification,
)


def decode(payload: bytes) -> list[Decoded]:
    """What the event asks for, item by item, in order; at least one item. Never raises."""
    return [item.decoded for item in decode_items(payload)]


def decode_items(payload: bytes) -> list[Item]:
    """With what of the payload each came in."""
    found = list(_decode_parts(payload))
    return [
        replace(item, decoded=_identify(item.decoded))
        if isinstance(item.decoded, RetriesExhausted)
        else item
        for item in found
    ]


def _decode_parts(payload: bytes) -> Iterator[Item]:
    try:
        text = decode_text(payload, part=EnvelopeContext().part)
    except Rejected as error:
        yield Item(error, payload)
        return
    value, text, layers = _unwrap(text)
    if not isinstance(value, list) or not value or len(value) > MOST_ELEMENTS:
        for number, decoded in enumerate(_decode_value(value, EnvelopeContext(), layers)):
            yield Item(decoded, payload, number)
        return
    batch = RawBatch(text.removeprefix(BOM))
    for index, element in enumerate(value):
        for number, decoded in enumerate(
            _decode_element(index, element, EnvelopeContext(), layers)
        ):
            yield Item(decoded, payload, number, batch, index)


def _unwrap(text: str) -> tuple[Any, str, int]:
    """What stands in the text, the text that it stands in, and under how many wrappings."""
    value: Any = text
    layers = 0
    while isinstance(value, str) and layers <= MOST_LAYERS:
        text, value = value, decode_layer(value)
        if value == text:
            break
        layers += 1
    return value, text, layers


def _identify(error: RetriesExhausted) -> RetriesExhausted:
    """A record of one event is about that event. One about a record, which came of a failure to
    keep that, is about what the innermost holds."""
    for _ in range(MOST_LAYERS):
        inner = [item.decoded for item in islice(_decode_parts(error.record.payload), 2)]
        if len(inner) != 1:
            return error
        if not isinstance(inner[0], RetriesExhausted):
            told = inner[0].event if isinstance(inner[0], (Request, Rejected)) else None
            return RetriesExhausted(error.record, told) if told else error
        error = inner[0]
    return error


def _decode_value(value: Any, delivery: EnvelopeContext, layers: int) -> Iterator[Decoded]:
    if layers > MOST_LAYERS:
        yield unreadable_error(f"{delivery.part} lies under more than {MOST_LAYERS} wrappings")
    elif isinstance(value, list):
        yield from _decode_list(value, delivery, layers)
    else:
        try:
            found = _read_value(value, delivery)
        except Rejected as error:
            found = error
        if isinstance(found, Rejected) and delivery.id and not found.event:
            found.event = EventRef(delivery.source, delivery.id)
        if isinstance(found, Wrapped):
            yield from _decode_value(found.value, found.delivery, layers + 1)
        else:
            yield found


def _decode_list(batch: list[Any], delivery: EnvelopeContext, layers: int) -> Iterator[Decoded]:
    if not batch:
        yield Skip("the batch is empty")
    if len(batch) > MOST_ELEMENTS:
        yield unreadable_error(f"{delivery.part} is a list of more than {MOST_ELEMENTS} elements")
        return
    for index, element in enumerate(batch):
        yield from _decode_element(index, element, delivery, layers)


def _decode_element(
    index: int, element: Any, delivery: EnvelopeContext, layers: int
) -> Iterator[Decoded]:
    # Elements of one message share its id, so their place in it tells them apart.
    place = replace(delivery, id=delivery.id and f"{delivery.id}#{index}")
    for item in _decode_value(element, place, layers + 1):
        yield _add_path_prefix(index, item) if isinstance(item, Rejected) else item


def _read_value(value: Any, delivery: EnvelopeContext) -> Wrapped | Decoded:
    if isinstance(value, dict):
        for read in READERS:
            found = read(value, delivery)
            if found is not None:
                return found
    elif isinstance(value, str):
        inside = decode_layer(value)
        if inside != value:
            return Wrapped(inside, delivery)
    return (
        _unknown_envelope_error(value, delivery)
        if delivery.must_be_known
        else Skip("an event of a type that this function does not act on")
    )


def _unknown_envelope_error(value: Any, delivery: EnvelopeContext) -> Rejected:
    if isinstance(value, str):
        return unreadable_error(
            f"{delivery.part} is a string that is neither JSON nor Base64 of JSON"
        )
    if not isinstance(value, dict):
        return unreadable_error(
            f"{delivery.part} is {validation.describe_type(value)}, which asks for nothing"
        )
    keys = ", ".join(map(validation.quote_key, islice(value, _MOST_KEYS_SHOWN))) or "none"
    more = f" and {len(value) - _MOST_KEYS_SHOWN} more" if len(value) > _MOST_KEYS_SHOWN else ""
    return Rejected(
        Code.UNKNOWN_ENVELOPE,
        f"{delivery.part} is neither a request document nor the envelope of a known trigger;"
        f" its keys: {keys}{more}",
        fault=Fault.UNREADABLE,
    )


def _add_path_prefix(index: int, error: Rejected) -> Rejected:
    if isinstance(error, RetriesExhausted):
        return error  # which has no place in what holds it
    prefix = validation.build_pointer(index)
    below = Rejected(
        error.code,
        error.message,
        path=prefix + error.path,
        fault=error.fault,
        problems=[Problem(prefix + p.path, p.message) for p in error.problems],
    )
    below.event = error.event
    return below
