"""What the MNS adapter makes of a topic that is busy, broken, slow, missing or out of reach."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from canned import Canned, canned
from fakes import FakeClock
from provisioner.aliyun.client import Connection
from provisioner.aliyun.mns import MnsNotifications
from provisioner.errors import Code, ConfigurationError, Fault, Rejected, Retryable
from provisioner.ports import Credentials
from worlds import LocalCloud, replayable

LONG = 60.0
DOCUMENT = json.dumps({"id": "result-1", "quoted": "<&>'\"\t\r\n", "name": "\u8d1f"})


class Bench:
    def __init__(self, cloud: LocalCloud, seconds: float = 8.0) -> None:
        self.cloud = cloud
        self.clock = FakeClock()
        self.topic = cloud.topic()
        self.port = MnsNotifications(
            cloud.connection(seconds), self.topic, self.clock, replayable()
        )

    def publish(self, document: str = DOCUMENT, tag: str = "provisioned") -> str:
        return self.port.publish(document, tag=tag, within=LONG)

    def arrived(self) -> list[str]:
        return [message["Message"] for message in self.cloud.messages(self.topic)]


@pytest.fixture
def bench(cloud: LocalCloud) -> Iterator[Bench]:
    bench = Bench(cloud)
    yield bench
    bench.port.close()


def test_a_message_arrives_as_it_was_published_with_its_tag_and_id(bench: Bench) -> None:
    message_id = bench.publish()

    (message,) = bench.cloud.messages(bench.topic)
    assert message["Message"] == DOCUMENT
    assert message["MessageTag"] == "provisioned"
    assert message["MessageId"] == message_id


def test_a_message_without_a_tag_arrives_without_one(bench: Bench) -> None:
    bench.publish(tag="")

    (message,) = bench.cloud.messages(bench.topic)
    assert not message.get("MessageTag")


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param({"kind": "error", "status": 429, "code": "TooManyRequests"}, id="429"),
        pytest.param({"kind": "error", "status": 400, "code": "QpsLimitExceeded"}, id="QPS"),
        pytest.param({"kind": "error", "status": 500, "code": "InternalError"}, id="InternalError"),
        pytest.param({"kind": "error", "status": 500, "code": "InternalServerError"}, id="500"),
        pytest.param({"kind": "error", "status": 400, "code": "NeverHeardOf"}, id="unknown"),
        pytest.param({"kind": "html"}, id="503 in HTML"),
        pytest.param({"kind": "html", "status": 200}, id="200 in HTML"),
        pytest.param({"kind": "html", "status": 301}, id="301 in HTML"),
        pytest.param({"kind": "empty"}, id="an empty 200"),
        pytest.param({"kind": "empty", "status": 500}, id="an empty 500"),
        pytest.param({"kind": "reset_before"}, id="reset before it took effect"),
    ],
)
def test_what_may_pass_is_tried_again(bench: Bench, broken: dict[str, object]) -> None:
    bench.publish("first")  # so that the connection is one that was used before
    bench.cloud.fault(action="PublishMessage", count=3, **broken)

    assert bench.publish("second")

    assert bench.arrived() == ["first", "second"]


def test_a_message_whose_answer_was_lost_is_published_again(bench: Bench) -> None:
    bench.cloud.fault(kind="reset_after", action="PublishMessage")

    bench.publish()

    assert set(bench.arrived()) == {DOCUMENT}
    assert len(bench.arrived()) > 1


def test_a_topic_that_hangs_is_given_up_after_the_time_for_one_call(cloud: LocalCloud) -> None:
    bench = Bench(cloud, seconds=0.2)
    cloud.fault(kind="hang_after", action="PublishMessage", seconds=30)

    assert bench.publish()

    assert len(bench.arrived()) == 2
    bench.port.close()


def test_what_does_not_pass_in_time_is_left_to_the_next_delivery(bench: Bench) -> None:
    bench.cloud.fault(kind="error", status=429, code="TooManyRequests", count=10_000)

    with pytest.raises(Retryable) as refused:
        bench.publish()

    assert refused.value.code == "TooManyRequests"
    assert 0 < sum(bench.clock.waits) < LONG


def test_a_missing_topic_is_the_deployments_fault_and_not_tried_again(cloud: LocalCloud) -> None:
    clock = FakeClock()
    port = MnsNotifications(cloud.connection(), "nowhere", clock, replayable())

    with pytest.raises(ConfigurationError) as refused:
        port.publish(DOCUMENT, tag="", within=LONG)

    assert "TopicNotExist" in refused.value.message
    assert clock.waits == []


@pytest.mark.parametrize("code", ["AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"])
def test_a_missing_permission_is_the_deployments_fault(bench: Bench, code: str) -> None:
    bench.cloud.fault(kind="error", action="PublishMessage", status=403, code=code)

    with pytest.raises(ConfigurationError) as refused:
        bench.publish()

    assert refused.value.code == Code.PERMISSION_MISSING.value
    assert bench.arrived() == []


def test_a_message_that_the_topic_does_not_take_is_rejected(bench: Bench) -> None:
    bench.cloud.fault(kind="error", action="PublishMessage", status=400, code="InvalidArgument")

    with pytest.raises(Rejected) as refused:
        bench.publish()

    assert refused.value.fault is Fault.INVALID


@pytest.mark.parametrize("endpoint", ["", "127.0.0.1", "ftp://127.0.0.1"])
def test_an_endpoint_that_is_none_is_the_deployments_fault(
    cloud: LocalCloud, endpoint: str
) -> None:
    connection = replace(cloud.connection(), endpoint=endpoint)
    port = MnsNotifications(connection, "results", FakeClock(), replayable())

    with pytest.raises(ConfigurationError):
        port.publish(DOCUMENT, tag="", within=LONG)


def test_no_credentials_are_the_deployments_fault(cloud: LocalCloud) -> None:
    connection = Connection(lambda: Credentials("", ""), cloud.url)
    port = MnsNotifications(connection, "results", FakeClock(), replayable())

    with pytest.raises(ConfigurationError):
        port.publish(DOCUMENT, tag="", within=LONG)


def test_rotated_credentials_are_used_on_the_open_connection(bench: Bench) -> None:
    key = {"AccessKeyId": f"STS.{bench.topic}", "AccessKeySecret": "s", "SecurityToken": "t"}
    bench.cloud.seed(Keys=[key])
    bench.publish()

    bench.cloud.credentials = Credentials(f"STS.{bench.topic}", "s", "t")

    assert bench.publish()
    assert bench.clock.waits == []


def test_many_threads_publish_at_once_and_nothing_is_mixed_up(bench: Bench) -> None:
    documents = [json.dumps({"id": n, "padding": "x" * (n * 97)}) for n in range(80)]

    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(bench.publish, documents))

    arrived = bench.cloud.messages(bench.topic)
    published = dict(zip(ids, documents, strict=True))
    assert {m["MessageId"]: m["Message"] for m in arrived} == published


def test_a_connection_that_has_been_idle_is_not_trusted(bench: Bench) -> None:
    bench.publish("first")
    used = bench.port._messages._idle[0][0].http.conn.sock
    bench.clock.advance(600)

    bench.publish("second")

    assert used.fileno() == -1
    assert bench.clock.waits == []


def test_over_tls_too_nothing_hangs_for_longer_than_one_call_may() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        endpoint = f"https://127.0.0.1:{mute.getsockname()[1]}"
        connection = Connection(lambda: Credentials("key", "secret"), endpoint, seconds=0.2)
        port = MnsNotifications(connection, "results", FakeClock(), replayable())

        with pytest.raises(Retryable) as failed:
            port.publish("{}", tag="", within=0.001)

    assert failed.value.code == Code.NO_ANSWER.value


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_topic_that_nobody_listens_for_was_sent_nothing(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        endpoint = f"{scheme}://127.0.0.1:{gone.getsockname()[1]}"
    connection = Connection(lambda: Credentials("key", "secret"), endpoint)
    port = MnsNotifications(connection, "results", FakeClock(), replayable())

    with pytest.raises(Retryable) as failed:
        port.publish("{}", tag="", within=0.001)

    assert failed.value.code == Code.UNREACHABLE.value


def test_an_open_connection_too_waits_no_longer_than_the_time_that_is_left(bench: Bench) -> None:
    bench.publish("first")
    bench.port.publish("second", tag="", within=2.0)

    connection = bench.port._messages._idle[0][0].http.conn
    assert connection.sock.gettimeout() == 2.0


@pytest.fixture
def stubborn() -> Iterator[Canned]:
    with canned() as server:
        yield server


REPLY = (
    '<?xml version="1.0"?><Message xmlns="http://mns.aliyuncs.com/doc/v1/">'
    "<MessageId>{}</MessageId><MessageBodyMD5>MD5</MessageBodyMD5></Message>"
)


def test_a_connection_that_the_server_has_closed_unsaid_is_opened_again(stubborn: Canned) -> None:
    port = MnsNotifications(
        Connection(lambda: Credentials("key", "secret"), stubborn.url),
        "results",
        FakeClock(),
        replayable(),
    )
    for name in ("first", "second"):
        stubborn.say(REPLY.format(name), 201, then_close=True)

    assert port.publish("{}", tag="", within=LONG) == "first"
    assert port.publish("{}", tag="", within=LONG) == "second"
    port.close()


@pytest.mark.parametrize(
    "nonsense",
    [REPLY.format(""), "<Message></Message>", "<Error></Error>", "<Message", "\x00", "{}"],
)
def test_an_answer_without_a_message_id_is_no_answer(stubborn: Canned, nonsense: str) -> None:
    port = MnsNotifications(
        Connection(lambda: Credentials("key", "secret"), stubborn.url),
        "results",
        FakeClock(),
        replayable(),
    )
    stubborn.say(nonsense, 201)
    stubborn.say(REPLY.format("found"), 201)

    assert port.publish("{}", tag="", within=LONG) == "found"
    port.close()
