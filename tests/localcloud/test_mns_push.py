"""What a topic pushes to HTTP endpoints, and what it does when nobody takes it."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from defusedxml.ElementTree import fromstring
from mns.mns_exception import MNSServerException
from mns.queue import Message
from mns.subscription import SubscriptionMeta
from mns.topic import TopicMessage

from functions import PATIENCE, until
from localcloud.retries import pauses

TOPIC, QUEUE = "scaling-events", "provision-requests"


@dataclass
class Endpoint:
    """A subscriber; it answers with the statuses it is given, then with 204."""

    url: str
    statuses: list[int]
    posts: queue.Queue[tuple[str, dict[str, str], str]] = field(default_factory=queue.Queue)

    def next(self) -> tuple[str, dict[str, str], str]:
        return self.posts.get(timeout=PATIENCE)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            headers = {name.lower(): value for name, value in self.headers.items()}
            found.posts.put((self.path, headers, body))
            self.send_response(found.statuses.pop(0) if found.statuses else 204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found = Endpoint(f"http://127.0.0.1:{server.server_port}", [])
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield found
        server.shutdown()
        thread.join()


@pytest.fixture
def topic(mns: Any) -> Any:
    return mns.get_topic(TOPIC)


def subscribe(topic: Any, url: str, content_format: str = "SIMPLIFIED", **more: str) -> None:
    meta = SubscriptionMeta(url, notify_content_format=content_format, **more)
    topic.get_subscription("s").subscribe(meta)


@pytest.fixture
def tried(control: Any) -> Callable[[int], list[str | None]]:
    """The codes of that many tries, once there were as many."""

    def codes(times: int) -> list[str | None]:
        seen: list[dict[str, Any]] = []
        while len(seen) < times:
            after = max((entry["seq"] for entry in seen), default=0)
            entries = control.news(after)
            assert entries, f"{len(seen)} of {times}"
            seen += [entry for entry in entries if entry["action"] == "PushNotification"]
        return [entry["code"] for entry in seen]

    return codes


def test_simplified_is_the_bare_body_with_the_rest_in_headers(
    topic: Any, endpoint: Endpoint
) -> None:
    subscribe(topic, f"{endpoint.url}/hook?a=1")
    published = topic.publish_message(TopicMessage("服务器", "blue"))
    path, headers, body = endpoint.next()
    assert (path, body) == ("/hook?a=1", "服务器")
    assert headers["user-agent"] == "Aliyun Notification Service Agent"
    assert headers["x-mns-message-id"] == published.message_id
    assert headers["x-mns-message-tag"] == "blue"
    assert headers["x-mns-topic-name"] == TOPIC
    assert headers["x-mns-publish-time"].isdigit()
    assert "authorization" not in headers


def test_an_endpoint_without_a_path_gets_the_documented_one(topic: Any, endpoint: Endpoint) -> None:
    subscribe(topic, endpoint.url, "JSON")
    topic.publish_message(TopicMessage("m"))
    path, headers, body = endpoint.next()
    assert path == "/notifications"
    assert headers["content-type"].startswith("application/json")
    assert json.loads(body)["Message"] == "m"


def test_xml_is_pushed_as_a_notification(topic: Any, endpoint: Endpoint) -> None:
    subscribe(topic, endpoint.url, "XML")
    topic.publish_message(TopicMessage("<m>"))
    _, headers, body = endpoint.next()
    assert headers["content-type"].startswith("text/xml")
    assert fromstring(body).findtext("{http://mns.aliyuncs.com/doc/v1/}Message") == "<m>"


def test_a_filter_holds_for_pushes_too(topic: Any, endpoint: Endpoint) -> None:
    subscribe(topic, endpoint.url, filter_tag="blue")
    topic.publish_message(TopicMessage("green", "green"))
    topic.publish_message(TopicMessage("blue", "blue"))
    assert endpoint.next()[2] == "blue"
    assert endpoint.posts.empty()


def test_backing_off_it_tries_three_times_more_within_twenty_seconds_each(
    topic: Any, endpoint: Endpoint, control: Any, tried: Callable[[int], list[str | None]]
) -> None:
    endpoint.statuses = [500, 302, 404, 503, 500]
    subscribe(topic, endpoint.url)
    topic.publish_message(TopicMessage("m"))
    for tries in range(1, 4):
        tried(tries)
        control.advance(20)
    assert tried(4) == ["Status500", "Status302", "Status404", "Status503"]
    control.advance(86400)
    assert endpoint.posts.qsize() == 4


def test_decaying_it_tries_after_a_second_and_then_ever_later(
    topic: Any, endpoint: Endpoint, control: Any, tried: Callable[[int], list[str | None]]
) -> None:
    endpoint.statuses = [500, 500, 500]
    subscribe(topic, endpoint.url, notify_strategy="EXPONENTIAL_DECAY_RETRY")
    topic.publish_message(TopicMessage("m"))
    for tries, pause in enumerate((1, 2, 4), 1):
        tried(tries)
        control.advance(pause)
    assert tried(4)[-1] is None


def test_the_strategies_are_the_documented_ones() -> None:
    backoff = list(pauses("BACKOFF_RETRY"))
    assert len(backoff) == 3
    assert all(10 <= pause <= 20 for pause in backoff)
    decay = list(pauses("EXPONENTIAL_DECAY_RETRY"))
    assert (len(decay), decay[:4], decay[8:10]) == (176, [1, 2, 4, 8], [256, 512])
    assert 86000 < sum(decay) < 86400


def test_an_endpoint_that_is_not_there_or_never_answers_has_failed(
    topic: Any, control: Any, tried: Callable[[int], list[str | None]]
) -> None:
    with ExitStack() as stack:
        silent = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler))
        subscribe(topic, f"http://127.0.0.1:{silent.server_port}")
        topic.publish_message(TopicMessage("m"))

        def is_over() -> bool:
            control.advance(5)
            return any(item["action"] == "PushNotification" for item in control.journal())

        until(is_over)
        assert tried(1)[0] == "Timeout"
    control.send("POST", "/_cloud/reset")
    subscribe(topic, "http://127.0.0.1:1")
    topic.publish_message(TopicMessage("m"))
    assert tried(1) == ["Unreachable"]


@pytest.mark.parametrize(
    "url",
    [
        "http://192.0.2.1/hook",
        "http://example.com",
        "http://127.0.0.1.example.com",
        "https://127.0.0.1:1/hook",
    ],
)
def test_a_subscription_to_another_machine_is_taken_and_nothing_leaves_this_one(
    topic: Any, control: Any, tried: Callable[[int], list[str | None]], url: str
) -> None:
    subscribe(topic, url)
    topic.publish_message(TopicMessage("m"))
    assert tried(1) == ["NotPushed"]
    control.advance(86_400)
    assert tried(1) == ["NotPushed"]


@pytest.mark.parametrize(
    ("endpoint_of", "code"),
    [
        ("http://127.0.0.1:port", "InvalidArgument"),
        ("http:///hook", "InvalidArgument"),
        ("ftp://example.com", "InvalidArgument"),
        ("mail:directmail:a@example.com", "NotImplemented"),
        ("sms:directsms:1", "NotImplemented"),
    ],
)
def test_an_endpoint_of_another_kind_is_refused(topic: Any, endpoint_of: str, code: str) -> None:
    with pytest.raises(MNSServerException) as caught:
        subscribe(topic, endpoint_of)
    assert caught.value.type == code


def test_every_other_delivery_happens_twice_if_asked_to(
    topic: Any, endpoint: Endpoint, control: Any
) -> None:
    duplicates = {"DuplicateDelivery": {"Every": 2}}
    changed = control.send("POST", "/_cloud/settings", duplicates).json
    assert changed["DuplicateDelivery"] == {"Every": 2}
    subscribe(topic, endpoint.url)
    for body in ("once", "twice"):
        topic.publish_message(TopicMessage(body))
    assert sorted(endpoint.next()[2] for _ in range(3)) == ["once", "twice", "twice"]
    assert endpoint.posts.empty()


def test_a_queue_delivers_a_message_again_that_was_deleted(mns: Any, control: Any) -> None:
    control.send("POST", "/_cloud/settings", {"DuplicateDelivery": {"Probability": 1}})
    queue = mns.get_queue(QUEUE)
    queue.send_message(Message("m"))
    first = queue.receive_message()
    queue.delete_message(first.receipt_handle)
    control.send("POST", "/_cloud/settings", {"DuplicateDelivery": {"Probability": 0}})
    second = queue.receive_message()
    assert (second.message_id, second.dequeue_count) == (first.message_id, 2)
    queue.delete_message(second.receipt_handle)
    with pytest.raises(MNSServerException, match="MessageNotExist"):
        queue.receive_message()


def test_chance_duplicates_replay_exactly_with_their_seed(mns: Any, control: Any) -> None:
    def run() -> list[str]:
        control.send("POST", "/_cloud/reset")
        rule = {"Probability": 0.5, "Seed": 7}
        control.send("POST", "/_cloud/settings", {"DuplicateDelivery": rule})
        queue = mns.get_queue(QUEUE)
        for number in range(8):
            queue.send_message(Message(str(number)))
        return [queue.receive_message_with_str_body().message_body for _ in range(12)]

    first = run()
    assert first == run()
    assert len(set(first)) < len(first)


@pytest.mark.parametrize(
    "document", [{"DuplicateDeliveri": {}}, {"DuplicateDelivery": {"Every": 0}}, [], {"X": 1}]
)
def test_a_setting_that_there_is_not_is_refused(control: Any, document: Any) -> None:
    assert control.send("POST", "/_cloud/settings", document).status == 400
    assert control.state()["Settings"]["DuplicateDelivery"] == {"Probability": 0.0, "Seed": 0}


def test_messages_expire_on_the_clouds_clock(mns: Any, control: Any) -> None:
    queue = mns.get_queue(QUEUE)
    queue.send_message(Message("m"))
    control.advance(345500)
    assert queue.peek_message().message_body == b"m"
    control.advance(100)
    with pytest.raises(MNSServerException, match="MessageNotExist"):
        queue.peek_message()
