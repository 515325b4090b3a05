"""Queues with the vendor's SDK: attributes, sending, receiving, hiding, deleting."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from mns.mns_exception import MNSServerException
from mns.queue import Message, QueueMeta

QUEUE = "provision-requests"


@pytest.fixture
def queue(mns: Any) -> Any:
    found = mns.get_queue(QUEUE)
    found.set_encoding(False)
    return found


def refusal(operation: Callable[..., Any], *arguments: Any) -> str:
    with pytest.raises(MNSServerException) as caught:
        operation(*arguments)
    assert caught.value.request_id
    code: str = caught.value.type
    return code


def send(queue: Any, *bodies: str, delay: int = -1, priority: int = -1) -> None:
    for body in bodies:
        queue.send_message(Message(body, delay, priority))


def test_a_message_comes_back_as_it_was_sent(queue: Any) -> None:
    body = '{"k": "<&服务器"}\t\n'
    sent = queue.send_message(Message(body))
    got = queue.receive_message()
    assert got.message_body == body
    assert (got.message_id, got.message_body_md5) == (sent.message_id, sent.message_body_md5)
    assert (got.dequeue_count, got.priority) == (1, 8)
    assert got.enqueue_time <= got.first_dequeue_time < got.next_visible_time


def test_a_carriage_return_survives(mns_request: Callable[..., Any], queue: Any) -> None:
    body = "<Message><MessageBody>a&#13;&#10;b</MessageBody></Message>"
    assert mns_request("POST", f"/queues/{QUEUE}/messages", body).status == 201
    assert queue.receive_message().message_body == "a\r\nb"


def test_the_sdks_base64_is_left_as_it_is(mns: Any, queue: Any) -> None:
    mns.get_queue(QUEUE).send_message(Message("text"))
    assert queue.receive_message().message_body == "dGV4dA=="


def test_user_properties_travel_along(queue: Any) -> None:
    from mns.message_property import MessagePropertyValue, PropertyType  # noqa: PLC0415

    message = Message("body")
    message.set_user_properties({"kind": MessagePropertyValue(PropertyType.STRING, "hook")})
    queue.send_message(message)
    received = queue.receive_message()
    assert received.user_properties["kind"].get_string_value_by_type() == "hook"


def test_a_received_message_is_hidden_until_its_visibility_times_out(
    queue: Any, control: Any
) -> None:
    send(queue, "once")
    first = queue.receive_message()
    assert refusal(queue.receive_message) == "MessageNotExist"
    control.advance(31)
    second = queue.receive_message()
    assert second.dequeue_count == 2
    assert second.receipt_handle != first.receipt_handle
    assert second.first_dequeue_time == first.first_dequeue_time


def test_only_the_latest_handle_deletes_and_only_while_it_holds(queue: Any, control: Any) -> None:
    send(queue, "once")
    first = queue.receive_message()
    control.advance(31)
    assert refusal(queue.delete_message, first.receipt_handle) == "ReceiptHandleError"
    second = queue.receive_message()
    assert refusal(queue.delete_message, first.receipt_handle) == "ReceiptHandleError"
    queue.delete_message(second.receipt_handle)
    assert refusal(queue.delete_message, second.receipt_handle) == "MessageNotExist"
    assert refusal(queue.delete_message, "nonsense") == "ReceiptHandleError"


def test_receipt_handles_need_no_url_encoding(queue: Any) -> None:
    send(queue, "once")
    handle = queue.receive_message().receipt_handle
    assert all(character.isalnum() or character in "-._~" for character in handle)


def test_changing_the_visibility_gives_a_new_handle_and_a_new_time(
    queue: Any, control: Any
) -> None:
    send(queue, "once")
    first = queue.receive_message()
    changed = queue.change_message_visibility(first.receipt_handle, 600)
    assert changed.receipt_handle != first.receipt_handle
    control.advance(500)
    assert refusal(queue.delete_message, first.receipt_handle) == "ReceiptHandleError"
    queue.delete_message(changed.receipt_handle)


def test_a_delayed_message_appears_in_time(queue: Any, control: Any) -> None:
    send(queue, "later", delay=60)
    assert refusal(queue.receive_message) == "MessageNotExist"
    control.advance(61)
    assert queue.receive_message().message_body == "later"


def test_the_queues_own_delay_holds_for_messages_that_state_none(mns: Any, control: Any) -> None:
    queue = mns.get_queue("slow")
    queue.create(QueueMeta(delay_sec=60))
    send(queue, "later")
    send(queue, "now", delay=0)
    assert queue.receive_message().message_body == b"now"
    assert refusal(queue.receive_message) == "MessageNotExist"
    control.advance(61)
    assert queue.receive_message().message_body == b"later"


def test_a_higher_priority_comes_first_and_then_the_older_message(queue: Any) -> None:
    send(queue, "a", "b")
    send(queue, "urgent", priority=1)
    send(queue, "whenever", priority=16)
    bodies = [message.message_body for message in queue.batch_receive_message(16)]
    assert bodies == ["urgent", "a", "b", "whenever"]


def test_a_message_is_forgotten_after_its_retention(queue: Any, control: Any) -> None:
    send(queue, "old")
    control.advance(345601)
    assert refusal(queue.receive_message) == "MessageNotExist"


def test_peeking_neither_hides_nor_counts(queue: Any) -> None:
    send(queue, "a", "b")
    assert queue.peek_message().message_body == "a"
    assert [message.message_body for message in queue.batch_peek_message(16)] == ["a", "b"]
    assert queue.receive_message().dequeue_count == 1


def test_peeking_into_an_empty_queue_finds_nothing(queue: Any) -> None:
    assert refusal(queue.peek_message) == "MessageNotExist"
    assert refusal(queue.batch_peek_message, 2) == "MessageNotExist"


def test_a_batch_is_sent_received_and_deleted(queue: Any) -> None:
    sent = queue.batch_send_message([Message("a"), Message("b")])
    got = queue.batch_receive_message(16)
    assert [message.message_id for message in got] == [message.message_id for message in sent]
    queue.batch_delete_message([message.receipt_handle for message in got])
    assert refusal(queue.batch_receive_message, 16) == "MessageNotExist"


def test_a_batch_may_be_of_one_message_or_of_16_and_of_no_other_number(queue: Any) -> None:
    for number in (1, 16):
        sent = [Message(str(index)) for index in range(number)]
        queue.batch_send_message(sent)
        assert len(queue.batch_peek_message(number)) == number
        got = queue.batch_receive_message(number)
        assert [message.message_body for message in got] == [item.message_body for item in sent]
        queue.batch_delete_message([message.receipt_handle for message in got])
    for number in (0, 17):
        assert refusal(queue.batch_send_message, [Message("m")] * number) == "InvalidArgument"
        assert refusal(queue.batch_peek_message, number) == "InvalidArgument"
        assert refusal(queue.batch_receive_message, number) == "InvalidArgument"
        assert refusal(queue.batch_delete_message, ["handle"] * number) == "InvalidArgument"


def test_a_batch_that_fails_in_part_says_which_part(mns: Any, control: Any) -> None:
    queue = mns.get_queue("small")
    queue.create(QueueMeta(max_msg_size=1024))
    queue.set_encoding(False)
    with pytest.raises(MNSServerException) as caught:
        queue.batch_send_message([Message("fits"), Message("x" * 1025)])
    good, bad = caught.value.sub_errors
    assert good.keys() == {"MessageId", "MessageBodyMD5"}
    assert bad["ErrorCode"] == "InvalidArgument"
    assert control.state()["Queues"][-1]["ActiveMessages"] == 1


def test_deleting_a_batch_says_which_handle_failed(queue: Any) -> None:
    send(queue, "a")
    handle = queue.receive_message().receipt_handle
    with pytest.raises(MNSServerException) as caught:
        queue.batch_delete_message([handle, "nonsense"])
    assert caught.value.sub_errors == [
        {
            "ErrorCode": "ReceiptHandleError",
            "ErrorMessage": "The receipt handle you provide is not valid.",
            "ReceiptHandle": "nonsense",
        }
    ]
    assert refusal(queue.peek_message) == "MessageNotExist"


def test_a_message_over_64_kb_is_refused(queue: Any) -> None:
    send(queue, "x" * 65536)
    assert refusal(send, queue, "x" * 65537) == "InvalidArgument"
    halves = [Message("x" * 32768), Message("x" * 32769)]
    assert refusal(queue.batch_send_message, halves) == "InvalidArgument"


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [("send_message", (Message("m", 604801),)), ("send_message", (Message("m", 0, 17),))],
)
def test_a_number_out_of_range_is_refused(
    queue: Any, operation: str, arguments: tuple[Any, ...]
) -> None:
    assert refusal(getattr(queue, operation), *arguments) == "InvalidArgument"


def test_a_queue_that_is_not_there_is_named_as_such(mns: Any) -> None:
    queue = mns.get_queue("nowhere")
    assert refusal(queue.receive_message) == "QueueNotExist"
    assert refusal(send, queue, "m") == "QueueNotExist"
    assert refusal(queue.delete) == "QueueNotExist"


@pytest.mark.filterwarnings("ignore:Call to deprecated:DeprecationWarning")
def test_a_queue_is_created_set_read_and_deleted(mns: Any) -> None:
    queue = mns.get_queue("fresh")
    url = queue.create(QueueMeta(vis_timeout=60, polling_wait_sec=3))
    assert url.endswith("/queues/fresh")
    queue.set_attributes(QueueMeta(vis_timeout=90, logging_enabled=True))
    meta = queue.get_attributes()
    assert (meta.visibility_timeout, meta.polling_wait_seconds) == (90, 3)
    assert (meta.queue_name, meta.logging_enabled) == ("fresh", True)
    queue.delete()
    assert refusal(queue.get_attributes) == "QueueNotExist"


def test_creating_a_queue_again_is_fine_if_nothing_differs(mns: Any) -> None:
    queue = mns.get_queue("fresh")
    assert queue.create(QueueMeta(vis_timeout=60)) == queue.create(QueueMeta(vis_timeout=60))
    assert refusal(queue.create, QueueMeta(vis_timeout=61)) == "QueueAlreadyExist"


@pytest.mark.filterwarnings("ignore:Call to deprecated:DeprecationWarning")
def test_the_counters_tell_active_inactive_and_delayed_apart(queue: Any) -> None:
    send(queue, "active", "received")
    send(queue, "delayed", delay=60)
    queue.receive_message()
    meta = queue.get_attributes()
    assert (meta.active_messages, meta.inactive_messages, meta.delay_messages) == (1, 1, 1)


def test_queues_are_listed_page_by_page(mns: Any) -> None:
    for name in ("a-1", "a-2", "a-3"):
        mns.get_queue(name).create(QueueMeta())
    urls, marker = mns.list_queue(prefix="a-", ret_number=2)
    rest, end = mns.list_queue(prefix="a-", ret_number=2, marker=marker)
    assert [url.rpartition("/")[2] for url in urls + rest] == ["a-1", "a-2", "a-3"]
    assert end == ""


def test_a_long_poll_ends_with_the_arrival_of_a_message(sdk: Any, queue: Any) -> None:
    received: list[str] = []

    def poll() -> None:
        account = sdk.mns()
        waiting = account.get_queue(QUEUE)
        waiting.set_encoding(False)
        received.append(waiting.receive_message(20).message_body)

    thread = threading.Thread(target=poll)
    thread.start()
    send(queue, "at last")
    thread.join()
    assert received == ["at last"]


def test_a_long_poll_is_measured_on_the_clouds_clock(sdk: Any, control: Any, queue: Any) -> None:
    send(queue, "held")
    queue.receive_message()
    received: list[int] = []

    def poll() -> None:
        received.append(sdk.mns().get_queue(QUEUE).receive_message(20).dequeue_count)

    thread = threading.Thread(target=poll)
    thread.start()
    while thread.is_alive():
        control.advance(15)
        thread.join(timeout=0.05)
    assert received == [2]


def test_a_long_poll_of_before_a_reset_takes_no_message_of_after_it(
    sdk: Any, control: Any, queue: Any
) -> None:
    control.fault(kind="latency", seconds=0, action="ReceiveMessage")  # which tells that it waits
    with ThreadPoolExecutor() as pool:
        poll = pool.submit(refusal, sdk.mns().get_queue(QUEUE).receive_message, 20)
        control.struck()
        control.send("POST", "/_cloud/reset")
        send(queue, "kept")
        assert poll.result() == "MessageNotExist"
    assert queue.receive_message().dequeue_count == 1


def test_a_caller_that_hangs_up_takes_no_message(sdk: Any, control: Any, queue: Any) -> None:
    account = sdk.mns()
    account.mns_client.set_connection_timeout(0.05)
    with closing(account.mns_client.http.conn), pytest.raises(Exception, match="timed out"):
        account.get_queue(QUEUE).receive_message(20)
    (abandoned,) = control.news()
    assert abandoned["action"] == "ReceiveMessage"
    send(queue, "kept")
    assert queue.receive_message().dequeue_count == 1


@pytest.mark.parametrize(
    ("method", "target", "body", "code"),
    [
        ("POST", f"/queues/{QUEUE}/messages", "<Message>", "MalformedXML"),
        ("POST", f"/queues/{QUEUE}/messages", "<Other/>", "MalformedXML"),
        ("POST", f"/queues/{QUEUE}/messages", "<Message/>", "InvalidArgument"),
        ("DELETE", f"/queues/{QUEUE}/messages", "", "MissingReceiptHandle"),
        ("PUT", f"/queues/{QUEUE}/messages?ReceiptHandle=x", "", "MissingVisibilityTimeout"),
        ("PUT", f"/queues/{QUEUE}/messages?VisibilityTimeout=9", "", "MissingReceiptHandle"),
        ("GET", f"/queues/{QUEUE}/messages?waitseconds=31", "", "InvalidArgument"),
        ("GET", f"/queues/{QUEUE}/messages?numOfMessages=17", "", "InvalidArgument"),
        ("PUT", "/queues/under_score", "", "InvalidArgument"),
        ("PUT", f"/queues/{'x' * 121}", "", "InvalidArgument"),
        ("PATCH", "/queues", "", "NotImplemented"),
    ],
)
def test_what_no_sdk_would_send_is_refused_too(
    mns_request: Callable[..., Any], method: str, target: str, body: str, code: str
) -> None:
    answer = mns_request(method, target, body)
    assert f"<Code>{code}</Code>".encode() in answer.body


def test_a_billion_laughs_are_malformed(mns_request: Callable[..., Any]) -> None:
    bomb = '<!DOCTYPE m [<!ENTITY a "aaaa">]><Message><MessageBody>&a;</MessageBody></Message>'
    answer = mns_request("POST", f"/queues/{QUEUE}/messages", bomb)
    assert (answer.status, b"MalformedXML" in answer.body) == (400, True)


def test_the_node_clients_lower_case_names_change_a_visibility_too(
    queue: Any, mns_request: Callable[..., Any]
) -> None:
    send(queue, "once")
    handle = queue.receive_message().receipt_handle
    target = f"/queues/{QUEUE}/messages?receiptHandle={handle}&visibilityTimeout=60"
    answer = mns_request("PUT", target)
    assert answer.status == 200
    assert b"<NextVisibleTime>" in answer.body
