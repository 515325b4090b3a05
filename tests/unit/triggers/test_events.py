"""Every file of events/, and what it comes to."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from builders import a_hook_request, a_request
from provisioner.errors import Rejected
from provisioner.model import (
    Backend,
    EventRef,
    Instance,
    OnExisting,
    Request,
    SweepMode,
    SweepRequest,
    Transition,
)
from provisioner.triggers import Decoded, decode, http, request_document

EVENTS = Path(__file__).parents[3] / "events"
HASH = "sha256:…"  # of the document, where no envelope names the event
MESSAGE_ID = "0123456789ABCDEF0123456789ABCDEF"


class Refused(NamedTuple):
    code: str
    paths: Sequence[str]


class Skipped(NamedTuple):
    reason: str


AUDIT = Skipped("an audit record, which asks for nothing")
REPORT = Skipped("a report of a scaling activity, which asks for nothing")
SCALE_IN = Transition.SCALE_IN
UNKNOWN = Refused("UnknownEnvelope", ("",))
UNREADABLE = Refused("Unreadable", ("",))

MNS_TOPIC: dict[str, Any] = {
    # A raw body says nothing of the topic: it cannot be told from a direct invocation.
    "mns_topic.stream.json": [a_request("direct", HASH)],
    "mns_topic.stream-base64.txt": [a_request("direct", HASH)],
    "mns_topic.stream-attributes.json": [a_request("mns_topic", HASH)],
    "mns_topic.notification.json": [a_request("mns_topic", MESSAGE_ID)],
    "mns_topic.notification-base64.json": [a_request("mns_topic", MESSAGE_ID)],
    "mns_topic.notification-attributes.json": [a_request("mns_topic", MESSAGE_ID)],
    "mns_topic.notification-xml.txt": [a_request("mns_topic", MESSAGE_ID)],
    "mns_topic.notification-xml-misspelt-namespace.txt": [a_request("mns_topic", MESSAGE_ID)],
    "mns_topic.notification-xml-entities.txt": [UNREADABLE],
}
MNS_QUEUE: dict[str, Any] = {
    "mns_queue.array.json": [a_request("mns_queue", "M1")],
    "mns_queue.single.json": [a_request("mns_queue", "M1")],
    "mns_queue.base64.json": [a_request("mns_queue", "M1")],
    "mns_queue.parsed.json": [a_request("mns_queue", "M1")],
    "mns_queue.strings.json": [a_request("mns_queue", "M1")],
    "mns_queue.raw-data-array.json": [a_request("mns_queue", "M1")],
    "mns_queue.raw-data-single.json": [a_request("mns_queue", "M1")],
    "mns_queue.topic-notification.json": [a_hook_request()],
    "mns_queue.topic-notification-xml.json": [a_request("mns_topic", MESSAGE_ID)],
    "mns_queue.mixed-batch.json": [
        a_request("mns_queue", "M1"),
        Refused("Unreadable", ("/1",)),
        Refused("InvalidRequest", ("/2/BackendServers/0/Port",)),
        a_hook_request(),
        Refused("Unreadable", ("/4",)),
        a_request("mns_queue", "M6"),
    ],
    "mns_queue.empty-batch.json": [Skipped("the batch is empty")],
}
STREAMS: dict[str, Any] = {
    "rocketmq.array.json": [a_request("rocketmq", "UNIQ-0001")],
    "rocketmq.strings.json": [a_request("rocketmq", "UNIQ-0001")],
    "rocketmq.single.json": [a_request("rocketmq", "UNIQ-0001")],
    "rocketmq.self-built.json": [a_request("rocketmq", "UNIQ-0001")],
    "rabbitmq.array.json": [a_request("rabbitmq", "RABBIT-0001")],
    "rabbitmq.strings.json": [a_request("rabbitmq", "RABBIT-0001")],
    "rabbitmq.raw-data.json": [a_request("rabbitmq", "RABBIT-0001")],
    "rabbitmq.no-message-id.json": [a_request("rabbitmq", HASH)],
    "kafka.array.json": [a_request("kafka", "topic-1:0:7"), a_request("kafka", "topic-1:0:8")],
    "kafka.strings.json": [a_request("kafka", "topic-1:0:7")],
    "kafka.base64.json": [a_request("kafka", "topic-1:0:7")],
    "kafka.raw-data.json": [a_request("kafka", "topic-1:0:7")],
    "kafka.tombstone.json": [Skipped("a Kafka tombstone, which asks for nothing")],
    "mqtt.array.json": [a_request("mqtt", HASH)],
}
EVENTBRIDGE: dict[str, Any] = {
    "eventbridge.request.json": [a_request("eventbridge", "example:id-0001")],
    "eventbridge.request-array.json": [
        a_request("eventbridge", "example:id-0001#0"),
        a_request("eventbridge", "example:id-0001#1", vserver_group_name="web-8081"),
    ],
    "eventbridge.foreign.json": [
        Skipped("an event of a type that this function does not act on"),
    ],
    "eventbridge.own-result.json": [Skipped("a result of this function")],
    "eventbridge.scheduled.json": [a_request("eventbridge", "schedule-1:id-0001")],
    "eventbridge.scheduled-without-user-data.json": [
        Skipped("a scheduled event without UserData, which asks for nothing"),
    ],
    "ess_events.lifecycle-hook-scale-in.json": [a_hook_request(transition=SCALE_IN)],
    "ess_events.lifecycle-hook-region-with-vpc.json": [a_hook_request()],
    "ess_events.lifecycle-hook-test.json": [Skipped("a test event")],
    "ess_events.scaling-activity.json": [REPORT],
    "ess_events.cloud-monitor.json": [REPORT],
    "ess_events.action-trail.json": [AUDIT],
    "ess_events.config.json": [AUDIT],
    "ess_events.notification.json": [
        Skipped("a notification of a scaling activity, which asks for nothing"),
    ],
    "ess_events.notification-autoscalg.json": [
        Skipped("a notification of a scaling activity, which asks for nothing"),
    ],
    "ess_events.unknown-hook-data.json": [UNKNOWN],
}
ESS_HOOK: dict[str, Any] = {
    "ess_hook.scale-out.json": [a_hook_request()],
    "ess_hook.scale-out-45.json": [
        a_hook_request(instance_ids=[f"i-{n:04}" for n in range(1, 46)]),
    ],
    "ess_hook.scale-out-base64.txt": [a_hook_request()],
    "ess_hook.in-mns-topic.json": [a_hook_request()],
    "ess_hook.in-mns-topic-attributes.json": [a_hook_request()],
    "ess_hook.in-mns-queue.json": [a_hook_request()],
    "ess_hook.in-mns-queue-base64.json": [a_hook_request()],
    "ess_hook.in-mns-queue-base64-lines.json": [a_hook_request()],
    "ess_hook.in-mns-queue-xml.json": [a_hook_request()],
    "ess_hook.in-rocketmq.json": [a_hook_request()],
    "ess_hook.in-rabbitmq.json": [a_hook_request()],
    "ess_hook.in-kafka.json": [a_hook_request()],
    "ess_hook.in-eventbridge.json": [a_hook_request()],
    "ess_hook.in-eventbridge-content-only.json": [a_hook_request()],
    "ess_hook.content-is-string.json": [a_hook_request()],
    "ess_hook.content-is-base64.json": [a_hook_request()],
    "ess_hook.upper-camel-keys.json": [a_hook_request()],
    "ess_hook.token-missing.json": [a_hook_request(token="")],
    "ess_hook.activity-missing.json": [
        a_hook_request("ash-0001:token-1831acac551c658a7f7abeacb83c3174", scaling_activity_id=""),
    ],
    "ess_hook.metadata.json": [a_hook_request(metadata='{"Weight": 50}')],
    "ess_hook.metadata-at-top.json": [a_hook_request(metadata='{"Weight": 50}')],
    "ess_hook.repeated-instances.json": [a_hook_request(instance_ids=("i-0002", "i-0001"))],
    "ess_hook.instances-in-string.json": [a_hook_request()],
    "ess_hook.region-by-arn.json": [a_hook_request()],
    "ess_hook.scale-in.json": [a_hook_request(hook_id="ash-0002", transition=SCALE_IN)],
    "ess_hook.invalid.json": [
        Refused(
            "InvalidRequest",
            (
                "/content/lifecycleTransition",
                "/content/lifecycleHookId",
                "/content/lifecycleActionToken",
                "/content/instanceIds",
            ),
        ),
    ],
}
HTTP: dict[str, Any] = {
    "http.fc-v1.json": [a_request("http", HASH)],
    "http.fc-v1-base64.json": [a_request("http", HASH)],
    "http.fc-v1-bad-base64.json": [UNREADABLE],
    "http.called-asynchronously.json": [a_request("http", HASH)],
    "http.health-check-by-head.json": [Skipped("a health check, which asks for nothing")],
    "http.hook.json": [Refused("InvalidRequest", ("",))],
    "http.gateway.json": [a_request("http", HASH)],
    "http.gateway-base64.json": [a_request("http", HASH)],
}
DIRECT: dict[str, Any] = {
    "direct.request.json": [a_request("direct", HASH)],
    "direct.api-page-example.json": [
        a_request(
            "direct",
            HASH,
            vserver_group_name="Group1",
            backends=(
                Backend("vm-233", 80, 100),
                Backend("vm-232", 90, 100),
                Backend("vm-231", 70, 100),
            ),
        ),
    ],
    "direct.any-case.json": [a_request("direct", HASH)],
    "direct.string-of-json.json": [a_request("direct", HASH)],
    "direct.byte-order-mark.txt": [a_request("direct", HASH)],
    "direct.empty-group.json": [a_request("direct", HASH, backends=())],
    "direct.dry-run-merge.json": [
        a_request("direct", HASH, dry_run=True, on_existing=OnExisting.MERGE, tags={"team": "web"}),
    ],
    "direct.tag.json": [a_request("direct", HASH, tags={"env": "prod"})],
    "direct.without-backends.json": [a_request("direct", HASH, backends=())],
    "direct.without-name.json": [Refused("InvalidRequest", ("/VServerGroupName",))],
    "direct.instances.json": [
        a_request(
            "direct",
            HASH,
            load_balancer_id="",
            vserver_group_name="",
            scaling_group_id="asg-0001",
            backends=None,
            instances=(Instance("i-0001"), Instance("i-0002", 50)),
        ),
    ],
    "direct.unknown-key.json": [Refused("InvalidRequest", ("/Wieght",))],
    "direct.schema-problems.json": [
        Refused(
            "InvalidRequest",
            (
                "/BackendServers/0/Port",
                "/BackendServers/1/ServerId",
                "/BackendServers/1/Weight",
                "/LoadBalancerId",
            ),
        ),
    ],
}
CLOUD_MONITOR = Skipped("an event of CloudMonitor, which asks for nothing")
SPOT_INTERRUPTION = Skipped(
    "a spot interruption (Instance:PreemptibleInstanceInterruption), which this function does not"
    " act on"
)
OTHER_PRODUCTS: dict[str, Any] = {
    "oss.put-object.json": [Skipped("an event of OSS or CDN, which asks for nothing")],
    "cdn.domain-stopped.json": [Skipped("an event of OSS or CDN, which asks for nothing")],
    "sls.log-trigger.json": [Skipped("an event of SLS, which asks for nothing")],
    "tablestore.put-row.json": [Skipped("an event of Tablestore, which asks for nothing")],
    "cloud_monitor.state-change.json": [CLOUD_MONITOR],
    "cloud_monitor.state-change-on-the-bus.json": [CLOUD_MONITOR],
    "cloud_monitor.spot-interruption-in-mns-queue.json": [SPOT_INTERRUPTION],
    "cloud_monitor.spot-interruption-on-the-bus.json": [SPOT_INTERRUPTION],
}
TICK = SweepRequest(EventRef("timer", "t1:2026-01-01T00:00:00Z"))
OTHERS: dict[str, Any] = {
    "timer.tick.json": [TICK],
    "unknown.keys.json": [UNKNOWN],
    "unreadable.truncated.txt": [UNREADABLE],
    "unreadable.plain-text.txt": [UNREADABLE],
    "unreadable.number.json": [UNREADABLE],
    "unreadable.too-deep.json": [UNREADABLE],
}
EXHAUSTED = Refused("RetriesExhausted", ("",))
SUCCESS = Skipped("the platform's record of a success, which asks for nothing")
FAILURE: dict[str, Any] = {
    "failure.request.json": [EXHAUSTED],
    "failure.hook-in-mns-queue.json": [EXHAUSTED],
    "failure.hook-in-base64.json": [EXHAUSTED],
    "failure.batch.json": [EXHAUSTED],
    "failure.of-a-failure.json": [EXHAUSTED],
    "failure.unreadable.json": [EXHAUSTED],
    "failure.resource-exhausted.json": [EXHAUSTED],
    "failure.success.json": [SUCCESS],
    "failure.success-in-mns-queue.json": [SUCCESS],
    "failure.success-on-the-bus.json": [SUCCESS],
}
TABLES = (
    MNS_TOPIC,
    MNS_QUEUE,
    STREAMS,
    EVENTBRIDGE,
    ESS_HOOK,
    HTTP,
    DIRECT,
    FAILURE,
    OTHER_PRODUCTS,
    OTHERS,
)
CASES = [case for table in TABLES for case in table.items()]
WSGI = "http.wsgi.json"


def comparable(item: Decoded) -> Request | SweepRequest | Refused | Skipped:
    if isinstance(item, Request):
        hashed = item.event.id.startswith("sha256:")
        return replace(item, event=replace(item.event, id=HASH)) if hashed else item
    if isinstance(item, SweepRequest):
        return item
    if isinstance(item, Rejected):
        return Refused(item.code, tuple(problem.path for problem in item.problems))
    return Skipped(item.message)


@pytest.mark.parametrize(("file", "expected"), CASES, ids=[file for file, _ in CASES])
def test_an_event_comes_to_exactly_the_items_that_it_holds(file: str, expected: list[Any]) -> None:
    assert list(map(comparable, decode((EVENTS / file).read_bytes()))) == expected


def wsgi_environ(call: dict[str, Any]) -> dict[str, Any]:
    body, headers = call["body"].encode(), dict(call["headers"])
    return {
        "REQUEST_METHOD": call["method"],
        "PATH_INFO": call["path"],
        "QUERY_STRING": call["query"],
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": headers.pop("Content-Type"),
        **{f"HTTP_{name.upper().replace('-', '_')}": text for name, text in headers.items()},
        "wsgi.input": io.BytesIO(body + b"the next request"),
        "fc.context": SimpleNamespace(request_id=call["request_id"]),
    }


def test_a_wsgi_call_is_read_from_its_environ() -> None:
    call = json.loads((EVENTS / WSGI).read_text())
    read = http.parse_environ(wsgi_environ(call))
    assert (read.method, read.path) == ("POST", "/")
    assert read.request_id == "req-0001"
    assert comparable(request_document.parse_body(read.read_body(), source="http")) == a_request(
        "http", HASH
    )


def test_every_event_file_is_the_case_of_exactly_one_test() -> None:
    named = sorted([*(file for file, _ in CASES), WSGI])
    assert named == sorted(path.name for path in EVENTS.iterdir())


def test_every_json_file_is_json_and_every_other_file_is_not() -> None:
    for path in EVENTS.iterdir():
        if path.suffix == ".json":
            json.loads(path.read_text())
        else:
            with pytest.raises(json.JSONDecodeError):
                json.loads(path.read_text())


@pytest.mark.parametrize(
    ("payload", "wanted"),
    [
        ('{"sweep": "report"}', SweepMode.REPORT),
        ('{"sweep": "apply"}', SweepMode.APPLY),
        ({"sweep": "off"}, SweepMode.OFF),
        ("keep warm", None),
        ('{"other": 1}', None),
        (None, None),
    ],
)
def test_a_tick_asks_for_the_sweep_that_its_payload_says(payload: Any, wanted: Any) -> None:
    tick = {"triggerTime": "2026-01-01T00:00:00Z", "triggerName": "t1", "payload": payload}
    assert decode(json.dumps(tick).encode()) == [SweepRequest(TICK.event, wanted)]


@pytest.mark.parametrize("said", ["everything", 1, ["apply"], None])
def test_a_tick_that_asks_for_no_known_sweep_is_refused(said: Any) -> None:
    tick = {"triggerTime": "now", "triggerName": "t1", "payload": {"sweep": said}}
    (item,) = decode(json.dumps(tick).encode())
    assert comparable(item) == Refused("InvalidRequest", ("/payload/sweep",))
