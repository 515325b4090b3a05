"""Whatever an event contains, it comes to a bounded number of items, and none is ambiguous."""

from __future__ import annotations

import json
from typing import Any

import pytest

from builders import (
    as_base64,
    as_bytes,
    cloud_event,
    document,
    failure_record,
    hook_message,
    queue_message,
    xml_notification,
)
from provisioner.errors import Fault, Rejected, RetriesExhausted, Skip
from provisioner.model import Request, SweepRequest
from provisioner.triggers import Decoded, decode, decode_items
from provisioner.triggers.decoder import MAX_EVENT_ITEMS, MAX_MESSAGE_ITEMS
from provisioner.triggers.envelope import MAX_MESSAGE_BYTES

TICK = {"triggerTime": "2026-01-01T00:00:00Z", "triggerName": "t1", "payload": "sweep"}
DOCUMENTS = [document()] * MAX_MESSAGE_ITEMS


def decoded(value: Any) -> list[Decoded]:
    return decode(value if isinstance(value, bytes) else as_bytes(value))


def only(value: Any) -> Any:
    (item,) = decoded(value)
    return item


def codes(items: list[Decoded]) -> list[str]:
    return [each.code if isinstance(each, Rejected) else type(each).__name__ for each in items]


def assert_too_large(item: Any, path: str = "") -> None:
    assert isinstance(item, Rejected)
    assert (item.code, item.fault, item.path) == ("TooLarge", Fault.TOO_LARGE, path)


# How many


def test_an_event_may_have_a_thousand_messages_and_one_more_is_refused_as_one() -> None:
    assert len(decoded([document()] * MAX_EVENT_ITEMS)) == MAX_EVENT_ITEMS
    assert_too_large(only([document()] * (MAX_EVENT_ITEMS + 1)))


@pytest.mark.parametrize(
    "wrap",
    [
        lambda documents: {"requestId": "R1", "messageId": "M1", "messageBody": documents},
        cloud_event,
        lambda documents: {"TopicName": "t", "MessageId": "M1", "Message": json.dumps(documents)},
        lambda documents: {"body": as_base64(documents), "attrs": {}},
    ],
)
def test_a_message_may_ask_for_a_hundred_things_and_one_more_is_refused_as_one(wrap: Any) -> None:
    assert codes(decoded(wrap(DOCUMENTS))) == ["Request"] * MAX_MESSAGE_ITEMS
    assert_too_large(only(wrap([*DOCUMENTS, document()])))


def test_a_message_that_asks_for_too_much_is_refused_at_its_place_and_blocks_nothing() -> None:
    too_much = queue_message([*DOCUMENTS, document()], "M2")
    items = decode_items(as_bytes([queue_message(document(), "M1"), too_much]))
    assert codes([item.decoded for item in items]) == ["Request", "TooLarge"]
    assert_too_large(items[1].decoded, "/1")
    assert json.loads(items[1].original) == too_much


@pytest.mark.parametrize("reverse", [False, True])
def test_of_an_event_that_asks_for_too_much_the_same_messages_are_refused_in_any_order(
    reverse: bool,
) -> None:
    many = [queue_message(DOCUMENTS, f"M{number}") for number in range(11)]
    one = queue_message(document(), "M99")
    batch = [*many, one][:: -1 if reverse else 1]
    items = decoded(batch)
    assert sorted(codes(items)) == ["Request"] + ["TooLarge"] * 11
    assert codes(items)[0 if reverse else -1] == "Request"


@pytest.mark.parametrize(
    "elements",
    [
        [1, 2, 3],
        list(range(24_000)),
        [document(), 7],
        [document(), None],
        [document(), "hello"],
        [document(), [document()]],
        [[document()], [document()]],
        ["a", "b"],
    ],
)
def test_a_list_in_a_message_that_is_no_list_of_documents_is_one_refusal(elements: Any) -> None:
    ways = [queue_message(elements), [queue_message(json.dumps(elements))]]
    assert isinstance(only(cloud_event(elements)), Skip)
    for way in [*ways, xml_notification(json.dumps(elements)).encode()]:
        item = only(way)
        assert isinstance(item, Rejected)
        assert item.code == "Unreadable"
        assert "a list, whose elements must be documents; element" in item.message


def test_a_list_of_events_of_other_products_is_skipped_however_long_it_is() -> None:
    assert isinstance(only(cloud_event([{"state": n} for n in range(2000)])), Skip)
    news = {"product": "ECS", "name": "Instance:StateChange", "content": {}}
    items = decoded([queue_message([news] * 500 + [document()])] * 3)
    assert codes(items) == ["Skip", "Request"] * 3


@pytest.mark.parametrize("junk", [1, None, "a", [1], [[document()]]])
def test_an_event_that_is_a_list_without_any_document_is_one_refusal(junk: Any) -> None:
    item = only([junk] * 500)
    assert isinstance(item, Rejected)
    assert item.code == "Unreadable"


def test_a_list_may_hold_its_documents_as_strings() -> None:
    texts = [
        json.dumps(document()),
        as_base64(document()),
        xml_notification(json.dumps(document())),
    ]
    assert codes(decoded(queue_message(texts))) == ["Request"] * 3


def test_a_batch_may_have_its_lists_of_documents_as_strings() -> None:
    assert codes(decoded([json.dumps([document()] * 2)])) == ["Request"] * 2


# How long


def test_a_message_may_be_a_megabyte_long_and_a_longer_one_is_refused_unread() -> None:
    longest = as_bytes(document()).ljust(MAX_MESSAGE_BYTES)
    assert isinstance(only(longest), Request)
    assert_too_large(only(longest + b" "))
    assert_too_large(only(b"{" * (MAX_MESSAGE_BYTES + 1)))


def test_a_long_message_of_a_batch_is_refused_at_its_place_and_a_long_batch_is_none() -> None:
    padding = "x" * (MAX_MESSAGE_BYTES - 1000)
    fits = queue_message(json.dumps(document()), "M1") | {"padding": padding}
    too_long = queue_message(json.dumps(document()), "M2") | {"padding": f"{padding}{'x' * 1000}"}
    first, second, third = decoded([fits, too_long, fits])
    assert isinstance(first, Request)
    assert isinstance(third, Request)
    assert_too_large(second, "/1")


# How deep


DEEP_CONTENT = hook_message(other=json.loads("[" * 33 + "]" * 33))["content"]


@pytest.mark.parametrize(
    "message",
    [
        document(DryRun=json.loads("[" * 33 + "]" * 33)),
        document(BackendServers="[" * 33 + "]" * 33),
        hook_message(notificationMetadata=json.loads("[" * 33 + "]" * 33)),
        hook_message({"other": json.loads("[" * 33 + "]" * 33)}),
        hook_message({"content": json.dumps(DEEP_CONTENT)}),
    ],
)
def test_what_is_nested_deeper_than_32_levels_is_refused(message: Any) -> None:
    item = only([queue_message(json.dumps(message))])
    assert isinstance(item, Rejected)
    assert "nested deeper than 32 levels" in item.message


def test_an_event_of_another_product_may_be_nested_as_it_likes() -> None:
    assert isinstance(only(cloud_event({"state": json.loads("[" * 100 + "]" * 100)})), Skip)


# Keys given twice


def twice(value: Any, key: str) -> str:
    """The JSON of an object with one of its keys written once more, at the end."""
    return f"{json.dumps(value)[:-1]}, {json.dumps(key)}: {json.dumps(value[key])}}}"


HOOK = hook_message()


@pytest.mark.parametrize(
    "text",
    [
        twice(document(), "LoadBalancerId"),
        json.dumps(document(BackendServers=["?"])).replace(
            '"?"', twice({"ServerId": "i-1", "Port": 80}, "Port")
        ),
        json.dumps(document(BackendServers="?")).replace(
            '"?"', json.dumps(f"[{twice({'ServerId': 'i-1', 'Port': 80}, 'Port')}]")
        ),
        twice(HOOK, "content"),
        twice(HOOK, "regionId"),
        json.dumps({**HOOK, "content": "?"}).replace('"?"', twice(HOOK["content"], "instanceIds")),
        json.dumps({**HOOK, "content": twice(HOOK["content"], "instanceIds")}),
        twice({"messageId": "M1", "messageBody": document()}, "messageBody"),
        twice({"TopicName": "t", "Message": document()}, "Message"),
        twice({"body": document(), "attrs": {}}, "body"),
        twice({"topic": "t", "partition": 0, "offset": 7, "value": document()}, "value"),
        twice(cloud_event(document()), "data"),
        twice({"unknown": 1}, "unknown"),
    ],
)
def test_a_key_that_is_given_twice_is_refused_and_blocks_nothing_else(text: str) -> None:
    good = json.dumps(document())
    for payload in (f"[{text}, {good}]", json.dumps([queue_message(text), queue_message(good)])):
        bad, other = decode(payload.encode())
        assert isinstance(bad, Rejected)
        assert isinstance(other, Request)
    assert isinstance(only(text.encode()), Rejected)


# Ticks


def test_a_tick_is_believed_as_the_whole_event() -> None:
    assert isinstance(only(TICK), SweepRequest)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda tick: [tick],
        json.dumps,
        as_base64,
        queue_message,
        lambda tick: [queue_message(json.dumps(tick))],
        cloud_event,
        lambda tick: {"body": tick, "attrs": {}},
        lambda tick: {"TopicName": "t", "MessageId": "M1", "Message": tick},
        lambda tick: xml_notification(json.dumps(tick)),
        lambda tick: {"topic": "t", "partition": 0, "offset": 7, "value": tick},
    ],
)
def test_a_tick_in_a_message_is_refused(wrap: Any) -> None:
    item = only(wrap(TICK))
    assert isinstance(item, Rejected)
    assert item.code == "InvalidRequest"
    assert "timer trigger" in item.message


def test_the_record_of_a_tick_whose_retries_are_exhausted_is_kept() -> None:
    item = only([queue_message(json.dumps(failure_record(json.dumps(TICK))))])
    assert isinstance(item, RetriesExhausted)
