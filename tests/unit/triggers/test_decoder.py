from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from builders import (
    ABSENT,
    a_hook_request,
    a_request,
    as_base64,
    as_bytes,
    cloud_event,
    document,
    hook_message,
    queue_message,
    xml_notification,
)
from provisioner.errors import Fault, Rejected, Skip
from provisioner.model import Request
from provisioner.triggers import decode
from provisioner.triggers.decoder import MAX_LAYERS

HASH = "sha256:f9659423266d5531bdf7b7cde563a9ca0f967e68fb23fd272f37fdfa4f9ff469"


def only(value: Any) -> Any:
    (item,) = decode(value if isinstance(value, bytes) else as_bytes(value))
    return item


def nested(value: Any, *, lists: int) -> Any:
    for _ in range(lists):
        value = [value]
    return value


def notified(value: Any, *, times: int) -> Any:
    for _ in range(times):
        value = {"TopicName": "t", "Message": value}
    return value


def test_a_document_without_an_envelope_is_known_by_its_hash_in_every_release() -> None:
    assert only(document()) == a_request("direct", HASH)


def test_two_spellings_of_one_document_are_one_event() -> None:
    servers = "[{'serverid':'i-0001','PORT':'8080','weight':100.0}]"
    spelt = {"regionid": "cn-hangzhou", **document(BackendServers=servers)}
    del spelt["RegionId"]
    assert only(spelt) == a_request("direct", HASH)


def test_documents_that_ask_for_different_things_are_different_events() -> None:
    assert only(document(VServerGroupName="web-8081")).event != only(document()).event


@pytest.mark.parametrize("odd", [7, None, "", "has space", "é", "x" * 257, ["M1"], {"a": 1}])
def test_an_envelopes_id_that_identifies_nothing_gives_way_to_the_hash(odd: Any) -> None:
    event = queue_message(document())
    event["data"]["messageId"] = odd
    assert only([event]) == a_request("mns_queue", HASH)
    assert only(cloud_event(document(), id=odd)) == a_request("eventbridge", HASH)


def test_a_kafka_record_is_identified_only_by_whole_numbers() -> None:
    record = {"topic": "t", "partition": True, "offset": 7, "value": document()}
    assert only(record) == a_request("kafka", HASH)


def test_documents_of_one_message_are_told_apart_by_their_place() -> None:
    items = decode(as_bytes([queue_message([document(), document(VServerGroupName="b")])]))
    assert [item.event.id for item in items if isinstance(item, Request)] == ["M1#0", "M1#1"]


def test_poison_in_a_batch_is_refused_at_its_place_and_blocks_nothing() -> None:
    bad = document(BackendServers=[{"ServerId": "i-0001"}], Wieght=1)
    items = decode(as_bytes([bad, document(), [document(), bad]]))
    first, good, also_good, last = items
    assert isinstance(good, Request)
    assert isinstance(also_good, Request)
    assert isinstance(first, Rejected)
    assert isinstance(last, Rejected)
    assert {p.path for p in first.problems} == {"/0/BackendServers/0/Port", "/0/Wieght"}
    assert {p.path for p in last.problems} == {"/2/1/BackendServers/0/Port", "/2/1/Wieght"}
    assert last.path == last.problems[0].path


@pytest.mark.parametrize("empty", [[], "[]", [[]], queue_message([])])
def test_an_empty_batch_asks_for_nothing(empty: Any) -> None:
    assert isinstance(only(empty), Skip)


def test_the_deepest_wrapping_is_opened_and_one_more_is_refused() -> None:
    fits = notified(document(), times=MAX_LAYERS - 1)  # the text itself is one layer
    assert isinstance(only(fits), Request)
    item = only(notified(document(), times=MAX_LAYERS))
    assert isinstance(item, Rejected)
    assert item.code == "Unreadable"


def test_strings_in_strings_are_wrappings_too() -> None:
    text = json.dumps(document())
    for _ in range(MAX_LAYERS):
        text = json.dumps(text)
    assert isinstance(only(text.encode()), Rejected)


@pytest.mark.parametrize("opening", [b"[", b'{"data":', b'[{"Message":'])
def test_nesting_without_end_is_refused(opening: bytes) -> None:
    assert isinstance(only(opening * 100_000), Rejected)


@pytest.mark.parametrize("key", ["DryRun", "VServerGroupName", "BackendServers", "Tags"])
@pytest.mark.parametrize("levels", [40, 300, 900])
def test_a_document_nested_deeper_than_its_checks_can_follow_is_refused(
    key: str, levels: int
) -> None:
    item = only(document(**{key: nested(1, lists=levels)}))
    assert isinstance(item, Rejected)
    assert item.code == "Unreadable"


def test_a_string_of_backend_servers_is_held_to_the_same_depth() -> None:
    item = only(document(BackendServers="[" * 900 + "]" * 900))
    assert isinstance(item, Rejected)
    (problem,) = item.problems
    assert (problem.path, problem.message) == (
        "/BackendServers",
        "is nested deeper than 32 levels",
    )


def test_metadata_of_a_hook_is_held_to_the_same_depth() -> None:
    item = only(hook_message(notificationMetadata=nested(1, lists=900)))
    assert isinstance(item, Rejected)


def test_half_a_surrogate_pair_poisons_its_own_item_only() -> None:
    bad, good = decode(as_bytes([document(LoadBalancerId="lb-\ud800"), document()]))
    assert isinstance(bad, Rejected)
    assert bad.code == "Unreadable"
    assert isinstance(good, Request)


def test_an_unknown_envelope_is_refused_by_its_keys_and_never_its_content() -> None:
    item = only({"hello": "secret", "naïve": {"inner": "secret"}, "k" * 100: 1})
    assert isinstance(item, Rejected)
    assert (item.code, item.fault) == ("UnknownEnvelope", Fault.UNREADABLE)
    assert "'hello', 'na\\xefve', 'kkk" in item.message
    assert item.message.isascii() or "…" in item.message
    assert not any(word in item.message for word in ("secret", "inner", "k" * 65))


def test_of_many_unknown_keys_only_some_are_named() -> None:
    assert only({f"key{n}": n for n in range(1000)}).message.endswith("'key7' and 992 more")
    assert only({f"key{n}": n for n in range(9)}).message.endswith("'key7' and 1 more")
    assert only({f"key{n}": n for n in range(8)}).message.endswith("'key7'")


@pytest.mark.parametrize(
    ("payload", "seen"),
    [
        (b"", "a string"),
        (b"  ", "a string"),
        (b"\xff\xfe", "not text"),
        (b"null", "null"),
        (b"true", "a boolean"),
        (b"1.5", "a number"),
        (b"1" * 5000, "a string"),
        (b"NaN", "a string"),
        (b'"hello"', "a string"),
        (b"aGVsbG8", "a string"),
        (b"aGVsbG8=", "a string"),
        (b"{}", "none"),
    ],
)
def test_what_is_no_document_is_refused_by_its_kind(payload: bytes, seen: str) -> None:
    item = only(payload)
    assert isinstance(item, Rejected)
    assert seen in item.message


@pytest.mark.parametrize("text", ["{}\n", "e30", "e30=\n\n", "e3\n0=", "e3\r\n0=\r\n", " e30= "])
def test_base64_is_read_with_line_breaks_without_padding_and_with_space_around(text: str) -> None:
    assert only(text.encode()).code == "UnknownEnvelope"  # an object without keys was seen


@pytest.mark.parametrize("text", ["e3 0=", "e30=e30=", "e30==", "e30=\n\n=", "e3\t0=", "e30*"])
def test_any_other_text_is_no_base64(text: str) -> None:
    assert only(text.encode()).code == "Unreadable"


def in_columns(text: str) -> str:
    return "\r\n".join(text[start : start + 76] for start in range(0, len(text), 76))


BASE64_FORMS: list[Callable[[bytes], str]] = [
    lambda payload: in_columns(base64.b64encode(payload).decode()),
    lambda payload: base64.encodebytes(payload).decode(),
    lambda payload: base64.urlsafe_b64encode(payload).decode(),
    lambda payload: base64.urlsafe_b64encode(payload).decode().rstrip("="),
    lambda payload: base64.b64encode(payload).decode().rstrip("="),
]


@pytest.mark.parametrize("encode", BASE64_FORMS)
def test_a_request_and_a_hook_are_read_in_every_form_of_base64(
    encode: Callable[[bytes], str],
) -> None:
    asked = document(Tags=[{"Key": "k", "Value": "~~~~???? >>>> ???"}])
    payload = json.dumps(asked).encode()
    assert set(base64.b64encode(payload).decode()) >= {"+", "/"}, "the alphabets do not differ"
    assert isinstance(only([queue_message(encode(payload))]), Request)
    assert only([queue_message(encode(payload))]) == only([queue_message(json.dumps(asked))])
    hook = as_bytes(hook_message())
    assert only([queue_message(encode(hook))]) == a_hook_request()
    inside = hook_message({"content": encode(as_bytes(hook_message()["content"]))})
    assert only([queue_message(inside)]) == a_hook_request()


def test_base64_of_base64_of_a_document_is_opened() -> None:
    assert only(as_base64(as_base64(document())).encode()) == a_request("direct", HASH)


@pytest.mark.parametrize("missing", ["specversion", "type"])
def test_an_object_that_lacks_a_key_of_cloud_events_is_none(missing: str) -> None:
    item = only(cloud_event(document(), **{missing: ABSENT}))
    assert isinstance(item, Rejected)
    assert item.code == "UnknownEnvelope"


def test_data_of_cloud_events_may_be_base64_by_the_specification() -> None:
    event = cloud_event(None, data_base64=as_base64(document()))
    del event["data"]
    assert only(event) == a_request("eventbridge", "example:id-0001")


@pytest.mark.parametrize("data", ["hello", {"state": "Running"}, None, 7])
def test_a_bus_event_that_asks_for_nothing_is_skipped_and_a_queues_is_refused(data: Any) -> None:
    assert isinstance(only(cloud_event(data)), Skip)
    assert isinstance(only([queue_message(data)]), Rejected)
    assert isinstance(only(cloud_event(queue_message(data))), Rejected)


MISSPELT = {"LoadBalancer": "lb-0001", "Backends": []}


@pytest.mark.parametrize(
    "message",
    [
        {"TopicName": "t", "MessageId": "M1", "Message": MISSPELT},
        {"messageId": "M1", "messageBody": MISSPELT},
        {"systemProperties": {"UNIQ_KEY": "K1"}, "body": MISSPELT},
        {"envelope": {"deliveryTag": 1}, "props": {"messageId": "M1"}, "body": MISSPELT},
        {"topic": "t", "partition": 0, "offset": 7, "value": MISSPELT},
        {"props": {"firstTopic": "t"}, "body": MISSPELT},
    ],
    ids=["mns_topic", "mns_queue", "rocketmq", "rabbitmq", "kafka", "mqtt"],
)
def test_a_misspelt_request_in_a_message_is_refused_also_where_a_bus_carries_the_message(
    message: dict[str, Any],
) -> None:
    for item in (only(message), only(cloud_event(message))):
        assert isinstance(item, Rejected)
        assert item.code == "UnknownEnvelope"
    assert isinstance(only(cloud_event(MISSPELT)), Skip)


def test_a_bus_event_with_a_faulty_document_is_refused() -> None:
    assert isinstance(only(cloud_event(document(Wieght=1))), Rejected)


def test_an_attribute_named_like_a_key_of_ours_changes_nothing() -> None:
    attributes = {"LoadBalancerId": "lb-0002", "lifecycleHookId": "ash-0002", "specversion": "1.0"}
    notification = {"TopicName": "t", "MessageId": "M1", "Message": json.dumps(document())}
    assert only({**attributes, "type": "x", **notification}) == a_request("mns_topic", "M1")


@pytest.mark.parametrize(
    "value",
    [
        {"event": "AUTOSCALING:SCALE_OUT_START"},
        {"content": {"notificationType": "SCALING_GROUP_DIAGNOSE"}},
        {"AUTOSCALING:SCALE_REJECT": {}},
    ],
)
def test_a_scaling_notification_is_skipped_wherever_it_says_its_type(value: Any) -> None:
    assert isinstance(only(value), Skip)


@pytest.mark.parametrize("events", [[], "text", [7], [{"oss": {}}, {"sls": {}}]])
def test_a_list_of_events_is_of_another_product_only_if_all_of_it_is(events: Any) -> None:
    assert only({"events": events}).code == "UnknownEnvelope"


OTHER_PRODUCTS: list[Any] = [
    {"events": [{"eventName": "CdnDomainStopped", "eventSource": "cdn"}]},
    {"source": {"logstoreName": "s"}, "jobName": "j", "taskId": "t", "cursorTime": 1},
    {"Version": "Sync-v1", "Records": [{"Type": "PutRow", "PrimaryKey": []}]},
    {"product": "ECS", "name": "Instance:StateChange", "level": "INFO", "content": {}},
    {"product": "ESS", "name": "AUTOSCALG:SCALE_IN_WARN", "level": "WARN", "content": {}},
    {"topic": "t", "partition": 0, "offset": 7, "value": None},
    {"TimeZone": "GMT+8:00", "Schedule": "@every 5m"},
    {"TimeZone": "GMT+8:00", "Schedule": "@every 5m", "UserData": "keep warm"},
]


@pytest.mark.parametrize("event", OTHER_PRODUCTS)
def test_an_event_of_another_product_is_skipped_by_whatever_way_it_comes(event: Any) -> None:
    text = json.dumps(event)
    ways = [event, [event], queue_message(text), [queue_message(as_base64(event))]]
    ways += [cloud_event(event), cloud_event(queue_message(event)), xml_notification(text)]
    for way in ways:
        payload = way.encode() if isinstance(way, str) else as_bytes(way)
        assert isinstance(only(payload), Skip)


def test_a_request_in_the_user_data_of_a_schedule_is_read_in_any_form() -> None:
    for user_data in (document(), json.dumps(document()), as_base64(document())):
        data = {"TimeZone": "GMT+8:00", "Schedule": "@every 5m", "UserData": user_data}
        event = cloud_event(data, type="eventbridge:Events:ScheduledEvent")
        assert only(event) == a_request("eventbridge", "example:id-0001")


def test_a_faulty_request_in_the_user_data_of_a_schedule_is_refused() -> None:
    data = {"TimeZone": "GMT+8:00", "Schedule": "@every 5m", "UserData": document(Wieght=1)}
    assert only(cloud_event(data)).code == "InvalidRequest"
