"""What calls functions, up to the call itself: a recorder stands where Function Compute would."""

from __future__ import annotations

import base64
import json
import queue
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import pytest
from mns.message_property import MessagePropertyValue, PropertyType
from mns.mns_exception import MNSServerException
from mns.queue import Message
from mns.topic import TopicMessage

from localcloud.wire.errors import ApiError

REGION, ACCOUNT = "cn-hangzhou", "1000000000000001"
TOPIC, QUEUE, DEAD = "scaling-events", "provision-requests", "provision-results-inbox"


@dataclass
class Ended:
    error_type: str
    body: bytes = b""
    request_id: str = "r"
    log: bytes = b""


@dataclass
class Recorder:
    """Function Compute, as far as triggers know it; `failing` says how many more calls fail."""

    calls: queue.Queue[tuple[str, bytes]] = field(default_factory=queue.Queue)
    failing: int = 0

    def enqueue(self, function: str, payload: bytes) -> str:
        self.calls.put((function, payload))
        if self._fails():
            raise ApiError(HTTPStatus.TOO_MANY_REQUESTS, "ResourceExhausted", "Later.")
        return "r"

    async def invoke(self, function: str, payload: bytes) -> Ended:
        self.calls.put((function, payload))
        return Ended("UnhandledInvocationError" if self._fails() else "")

    def abandon(self) -> None:
        """Nothing runs here."""

    def _fails(self) -> bool:
        self.failing -= 1
        return self.failing >= 0

    def next(self) -> bytes:
        function, payload = self.calls.get(timeout=5)
        assert function == "fn"
        return payload

    def next_json(self) -> Any:
        return json.loads(self.next())


@pytest.fixture
def functions(served: Any) -> Iterator[Recorder]:
    recorder, real = Recorder(), served.cloud.functions
    served.cloud.functions = recorder
    yield recorder
    served.cloud.functions = real


@pytest.fixture
def trigger(control: Any) -> Callable[..., None]:
    def seed(kind: str, config: Any, **more: str) -> None:
        row = {"FunctionName": "fn", "TriggerName": "t", "TriggerType": kind}
        control.seed(Triggers=[{**row, "TriggerConfig": config, **more}])

    return seed


@pytest.fixture
def on_topic(trigger: Callable[..., None]) -> Callable[..., None]:
    def seed(**config: str) -> None:
        trigger("mns_topic", config, SourceArn=f"acs:mns:{REGION}:{ACCOUNT}:/topics/{TOPIC}")

    return seed


def stream(*, decodes: bool = True, schema: str = "CloudEvents", **options: Any) -> dict[str, Any]:
    parameters = {"RegionId": REGION, "QueueName": QUEUE, "IsBase64Decode": decodes}
    return {
        "eventSourceConfig": {
            "eventSourceType": "MNS",
            "eventSourceParameters": {"sourceMNSParameters": parameters},
        },
        "eventSinkConfig": {"deliveryOption": {"eventSchema": schema}},
        "runOptions": options,
    }


def window(count: int, seconds: int) -> dict[str, int]:
    return {"CountBasedWindow": count, "TimeBasedWindow": seconds}


@pytest.fixture
def send(mns: Any) -> Callable[..., None]:
    """Bodies as they are, without the SDK's Base64."""
    sdk_queue = mns.get_queue(QUEUE)
    sdk_queue.set_encoding(False)

    def messages(*bodies: str) -> None:
        for body in bodies:
            sdk_queue.send_message(Message(body))

    return messages


def bodies(events: list[dict[str, Any]]) -> list[str]:
    return [event["data"]["messageBody"] for event in events]


def tried(control: Any, action: str, times: int) -> list[str | None]:
    """The codes of that many tries, once there were as many."""
    seen: list[dict[str, Any]] = []
    while len(seen) < times:
        after = max((entry["seq"] for entry in seen), default=0)
        entries = control.send("GET", f"/_cloud/journal?after={after}&wait=5").json["entries"]
        assert entries, f"{len(seen)} of {times}"
        seen += [entry for entry in entries if entry["action"] == action]
    return [entry["code"] for entry in seen]


def held(control: Any, count: int) -> None:
    """Returns when the stream has taken as many messages."""
    for _ in range(1000):
        (found,) = (item for item in control.state()["Queues"] if item["QueueName"] == QUEUE)
        if found["InactiveMessages"] == count:
            return
    pytest.fail("the messages are still in the queue")


def test_a_stream_event_is_the_body_and_nothing_else(
    functions: Recorder, on_topic: Any, mns: Any
) -> None:
    on_topic()
    mns.get_topic(TOPIC).publish_message(TopicMessage('{"k": "服务器"}'))
    assert functions.next() == '{"k": "服务器"}'.encode()


def test_a_stream_event_with_attributes_is_an_object_of_both(
    functions: Recorder, on_topic: Any, mns: Any
) -> None:
    on_topic()
    mns.get_topic(TOPIC).publish_message(with_property("k", "v"))
    assert functions.next() == b'{"body": "body", "attrs": {"Extend": "{\\"k\\": \\"v\\"}"}}'


def test_a_json_event_has_the_documented_fields(
    functions: Recorder, on_topic: Any, mns: Any
) -> None:
    on_topic(notifyContentFormat="JSON")
    published = mns.get_topic(TOPIC).publish_message(with_property("k", "v"))
    event = functions.next_json()
    assert isinstance(event.pop("PublishTime"), int)
    assert event == {
        "TopicOwner": ACCOUNT,
        "TopicName": TOPIC,
        "Subscriber": ACCOUNT,
        "SubscriptionName": "fn-t",
        "MessageId": published.message_id,
        "Message": "body",
        "MessageMD5": published.message_body_md5,
        "k": "v",
    }


def test_a_filter_takes_the_very_same_tag_only(
    functions: Recorder, on_topic: Any, mns: Any
) -> None:
    on_topic(filterTag="blue")
    for tag in ("green", "", "blue"):
        mns.get_topic(TOPIC).publish_message(TopicMessage(f"tag {tag}", tag))
    assert functions.next() == b"tag blue"
    assert functions.calls.empty()


def test_what_the_function_refuses_comes_again_three_times_and_is_then_discarded(
    functions: Recorder, on_topic: Any, mns: Any, control: Any
) -> None:
    on_topic()
    functions.failing = 99
    mns.get_topic(TOPIC).publish_message(TopicMessage("m"))
    for tries in range(1, 4):
        assert tried(control, "PushNotification", tries) == ["ResourceExhausted"] * tries
        control.advance(20)
    assert tried(control, "PushNotification", 4) == ["ResourceExhausted"] * 4
    control.advance(86400)
    assert functions.calls.qsize() == 4


def test_a_decaying_strategy_tries_again_after_a_second_and_then_ever_later(
    functions: Recorder, on_topic: Any, mns: Any, control: Any
) -> None:
    on_topic(notifyStrategy="EXPONENTIAL_DECAY_RETRY")
    functions.failing = 5
    mns.get_topic(TOPIC).publish_message(TopicMessage("m"))
    for tries, pause in enumerate((1, 2, 4, 8, 16), 1):
        tried(control, "PushNotification", tries)
        control.advance(pause)
    assert tried(control, "PushNotification", 6)[-1] is None


def test_a_generation_2_function_is_called_by_service_and_name(
    functions: Recorder, control: Any, mns: Any
) -> None:
    arn = f"acs:fc:{REGION}:{ACCOUNT}:services/svc.LATEST/functions/fn"
    control.seed(Subscriptions=[{"TopicName": TOPIC, "SubscriptionName": "s", "Endpoint": arn}])
    mns.get_topic(TOPIC).publish_message(TopicMessage("m"))
    assert functions.calls.get(timeout=5) == ("svc/fn", b"m")


def with_property(name: str, value: str) -> Any:
    message = TopicMessage("body")
    message.add_user_property(name, MessagePropertyValue(PropertyType.STRING, value))
    return message


def test_even_one_message_is_an_array_of_one_cloud_event(
    functions: Recorder, trigger: Any, mns: Any
) -> None:
    trigger("eventbridge", stream())
    sent = mns.get_queue(QUEUE).send_message(Message("TEST"))
    (event,) = functions.next_json()
    assert event.pop("time") <= event.pop("aliyunpublishtime")
    assert event["data"].pop("requestId")
    assert event == {
        "id": sent.message_id,
        "source": "MNS-fn-t",
        "specversion": "1.0",
        "type": "mns:Queue:SendMessage",
        "datacontenttype": "application/json; charset=utf-8",
        "subject": f"acs:mns:{REGION}:{ACCOUNT}:queues/{QUEUE}",
        "aliyunaccountid": ACCOUNT,
        "aliyunoriginalaccountid": ACCOUNT,
        "aliyuneventbusname": "MNS-fn-t",
        "aliyunregionid": REGION,
        "aliyunpublishaddr": "127.0.0.1",
        "data": {"messageId": sent.message_id, "messageBody": "TEST"},
    }


def test_raw_data_has_no_envelope(functions: Recorder, trigger: Any, send: Any) -> None:
    trigger("eventbridge", stream(schema="RawData"))
    send("plain")
    (data,) = functions.next_json()
    assert data.keys() == {"requestId", "messageId", "messageBody"}


def test_an_event_driven_trigger_gets_one_object(
    functions: Recorder, trigger: Any, send: Any
) -> None:
    trigger("eventbridge", stream(mode="event-driven", batchWindow=window(9, 9)))
    send("one", "two")
    assert bodies([functions.next_json(), functions.next_json()]) == ["one", "two"]


@pytest.mark.parametrize("decodes", [True, False])
def test_base64_is_decoded_unless_told_otherwise(
    functions: Recorder, trigger: Any, send: Any, decodes: bool
) -> None:
    encoded = base64.b64encode("服务器".encode()).decode()
    trigger("eventbridge", stream(decodes=decodes, batchWindow=window(2, 15)))
    send(encoded, "{no base64}")
    expected = "服务器" if decodes else encoded
    assert bodies(functions.next_json()) == [expected, "{no base64}"]


def test_a_batch_goes_when_it_is_full(functions: Recorder, trigger: Any, send: Any) -> None:
    trigger("eventbridge", stream(batchWindow=window(2, 15)))
    send("a", "b", "c", "d")
    assert bodies(functions.next_json()) == ["a", "b"]
    assert bodies(functions.next_json()) == ["c", "d"]


def test_a_batch_goes_when_its_window_ends(
    functions: Recorder, trigger: Any, send: Any, control: Any
) -> None:
    trigger("eventbridge", stream(batchWindow=window(10, 15)))
    send("a", "b")
    held(control, 2)
    assert functions.calls.empty()
    control.advance(15)
    assert bodies(functions.next_json()) == ["a", "b"]


def test_what_was_handed_over_is_gone_from_the_queue(
    functions: Recorder, trigger: Any, send: Any, mns: Any, control: Any
) -> None:
    trigger("eventbridge", stream())
    send("once")
    functions.next()
    tried(control, "PushEvents", 1)
    control.advance(3600)
    with pytest.raises(MNSServerException, match="MessageNotExist"):
        mns.get_queue(QUEUE).receive_message()


def test_a_failed_call_repeats_the_whole_batch(
    functions: Recorder, trigger: Any, send: Any, control: Any
) -> None:
    trigger("eventbridge", stream(batchWindow=window(2, 15)))
    functions.failing = 1
    send("a", "b")
    first = functions.next_json()
    tried(control, "PushEvents", 1)
    control.advance(20)
    assert bodies(functions.next_json()) == bodies(first) == ["a", "b"]
    assert tried(control, "PushEvents", 2) == ["UnhandledInvocationError", None]


def test_a_stream_that_tolerates_no_errors_stops_and_shows_its_messages_again(
    functions: Recorder, trigger: Any, send: Any, control: Any, mns: Any
) -> None:
    trigger("eventbridge", stream())
    fail(functions, send, control)
    assert control.state()["Triggers"][0]["Status"] == "Stopped"
    shown = mns.get_queue(QUEUE)
    shown.set_encoding(False)
    assert shown.peek_message().dequeue_count == 1
    send("after")
    control.advance(3600)
    assert functions.calls.qsize() == 4


def test_a_tolerant_stream_goes_on_after_the_dead_letter(
    functions: Recorder, trigger: Any, send: Any, control: Any, mns: Any
) -> None:
    arn = f"acs:mns:{REGION}:{ACCOUNT}:/queues/{DEAD}"
    trigger("eventbridge", stream(errorsTolerance="ALL", deadLetterQueue={"Arn": arn}))
    fail(functions, send, control)
    dead = mns.get_queue(DEAD)
    dead.set_encoding(False)
    letter = json.loads(dead.receive_message(5).message_body)
    assert letter["data"]["messageBody"] == "poison"
    send("after")
    functions.failing = 0
    while bodies(functions.next_json()) != ["after"]:
        pass


def test_a_tolerant_stream_without_a_dead_letter_queue_discards(
    functions: Recorder, trigger: Any, send: Any, control: Any
) -> None:
    trigger("eventbridge", stream(errorsTolerance="ALL"))
    fail(functions, send, control)
    assert sum(item["InactiveMessages"] for item in control.state()["Queues"]) == 0


def test_a_reset_ends_a_stream_and_a_seed_begins_another(
    functions: Recorder, trigger: Any, send: Any, control: Any
) -> None:
    trigger("eventbridge", stream(batchWindow=window(9, 15)))
    send("lost")
    held(control, 1)
    control.send("POST", "/_cloud/reset")
    trigger("eventbridge", stream())
    send("found")
    assert bodies(functions.next_json()) == ["found"]
    control.advance(3600)
    assert functions.calls.empty()


def test_a_seed_in_between_disturbs_no_stream(
    functions: Recorder, trigger: Any, send: Any, control: Any
) -> None:
    trigger("eventbridge", stream(batchWindow=window(2, 15)))
    send("before")
    held(control, 1)
    control.seed(Queues=[{"QueueName": "more"}])
    send("after")
    assert bodies(functions.next_json()) == ["before", "after"]
    tried(control, "PushEvents", 1)
    assert control.state()["Queues"][0]["Messages"] == []


def fail(functions: Recorder, send: Any, control: Any) -> None:
    functions.failing = 99
    send("poison")
    for tries in range(1, 4):
        tried(control, "PushEvents", tries)
        control.advance(20)
    tried(control, "PushEvents", 4)


def test_a_rule_hands_on_the_types_it_names_one_object_each(
    functions: Recorder, trigger: Any, control: Any
) -> None:
    pattern = {"source": ["acs:ess"], "type": ["ess:LifecycleHook:ScaleOut"]}
    source = {"eventSourceType": "Default"}
    config = {"eventSourceConfig": source, "eventRuleFilterPattern": json.dumps(pattern)}
    trigger("eventbridge", config)
    group = {"LifecycleTransition": "SCALE_OUT", "LifecycleHookId": "ash-bus"}
    arn = f"acs:eventbridge:{REGION}:{ACCOUNT}:eventbus/default"
    hook = {**group, "NotificationArn": arn}
    row = {"ScalingGroupId": "asg-bus", "RegionId": REGION, "LifecycleHooks": [hook]}
    control.seed(ScalingGroups=[row])
    scale = {"ScalingGroupId": "asg-bus", "Adjustment": 1}
    assert control.send("POST", "/_cloud/scale", scale).status == 200
    event = functions.next_json()
    assert event["type"] == "ess:LifecycleHook:ScaleOut"
    assert event["aliyuneventbusname"] == "default"
    assert event["data"]["lifecycleHookId"] == "ash-bus"
    assert functions.calls.empty()


def test_an_asynchronous_rule_only_asks_that_the_event_is_accepted(
    functions: Recorder, trigger: Any, control: Any
) -> None:
    source = {"eventSourceType": "Default"}
    trigger("eventbridge", {"eventSourceConfig": source, "asyncInvocationType": True})
    scale = {"ScalingGroupId": "asg-local", "Adjustment": 1}
    assert control.send("POST", "/_cloud/scale", scale).status == 200
    assert functions.next_json()["specversion"] == "1.0"


def test_a_timer_fires_on_the_clouds_clock(functions: Recorder, trigger: Any, control: Any) -> None:
    trigger("timer", {"cronExpression": "0 0 12 * * *", "payload": "lunch"})
    settle(control)
    control.send("POST", "/_cloud/clock", {"set": "2030-06-01T12:00:00Z"})
    first = functions.next_json()
    assert (first["triggerName"], first["payload"]) == ("t", "lunch")
    tried(control, "FireTimer", 1)
    control.send("POST", "/_cloud/clock", {"set": "2030-06-02T12:00:00Z"})
    assert functions.next_json()["triggerTime"] == "2030-06-02T12:00:00Z"


def test_a_timer_that_is_switched_off_never_fires(
    functions: Recorder, trigger: Any, control: Any
) -> None:
    trigger("timer", {"cronExpression": "@every 1m", "enable": False})
    settle(control)
    control.advance(3600)
    settle(control)
    assert functions.calls.empty()


def settle(control: Any) -> None:
    """What a seed brings starts as soon as the server has answered it, and a little more."""
    for _ in range(3):
        control.state()


ROW = {"FunctionName": "fn", "TriggerName": "t"}


@pytest.mark.parametrize(
    ("row", "path"),
    [
        ({"TriggerType": "oss", "TriggerConfig": {}}, "/TriggerType"),
        ({"TriggerType": "mns_topic", "TriggerConfig": {}}, ""),
        (
            {"TriggerType": "mns_topic", "TriggerConfig": {}, "SourceArn": "acs:mns:x:1:/topics/t"},
            "/SourceArn",
        ),
        ({"TriggerType": "timer", "TriggerConfig": {"cronExpression": "@every 4d"}}, "/cron"),
        ({"TriggerType": "timer", "TriggerConfig": {"cronExpression": "0 0 0 31 2 *"}}, "/cron"),
        ({"TriggerType": "timer", "TriggerConfig": {"payload": "@every 4m"}}, "/TriggerConfig"),
        ({"TriggerType": "eventbridge", "TriggerConfig": {}}, "/TriggerConfig"),
        (
            {
                "TriggerType": "eventbridge",
                "TriggerConfig": stream(deadLetterQueue={"Arn": "nowhere"}),
            },
            "/TriggerConfig/runOptions/deadLetterQueue/Arn",
        ),
    ],
)
def test_a_bad_trigger_is_refused_by_its_path(control: Any, row: Any, path: str) -> None:
    answer = control.send("POST", "/_cloud/seed", {"Triggers": [{**ROW, **row}]})
    assert answer.status == 400
    (problem,) = answer.json["error"]["problems"]
    place = "/TriggerConfig/cronExpression" if path == "/cron" else path.rstrip("/")
    assert problem["path"].startswith(f"/Triggers/0{place}")


def test_a_trigger_of_the_same_name_is_refused(control: Any) -> None:
    row = {**ROW, "TriggerType": "timer", "TriggerConfig": {"cronExpression": "@every 4m"}}
    answer = control.send("POST", "/_cloud/seed", {"Triggers": [row, row]})
    (problem,) = answer.json["error"]["problems"]
    assert problem["path"] == "/Triggers/1/TriggerName"
