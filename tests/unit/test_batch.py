"""A batch: at once across load balancers, in order within one, nothing lost and nothing blocked."""

from __future__ import annotations

import io
import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, current_thread, main_thread
from typing import Any

import pytest

from builders import (
    ABSENT,
    a_hook_request,
    as_bytes,
    document,
    failure_record,
    hook_message,
    queue_message,
)
from deployments import LB, Deployment, a_binding, answers, context, deployment
from provisioner import handler
from provisioner.aliyun.log import build_log
from provisioner.errors import Code, Fault, Rejected, Retryable
from provisioner.model import ApiResponse, LifecycleResult, VServerGroup
from provisioner.results import dead_letter

BUSY = Retryable("Throttling", "slow down")
LONG_ENOUGH = 20.0  # seconds, after which nobody comes to a meeting any more


@pytest.fixture
def cloud() -> Deployment:
    return deployment(a_binding())


def handled(cloud: Deployment, event: Any) -> list[dict[str, Any]]:
    payload = event if isinstance(event, bytes) else as_bytes(event)
    answer = json.loads(handler.handle_event(cloud.app, payload, context()))
    outcomes: list[dict[str, Any]] = answer["outcomes"]
    return outcomes


def raised(cloud: Deployment, event: Any) -> Retryable:
    with pytest.raises(Retryable) as error:
        handler.handle_event(cloud.app, as_bytes(event), context())
    return error.value


def asks(message_id: str, balancer: str = LB, **changes: Any) -> dict[str, Any]:
    changes = {"LoadBalancerId": balancer, "VServerGroupName": message_id, **changes}
    return queue_message(document(**changes), message_id)


def meet(cloud: Deployment, parties: int) -> list[str]:
    """Every first look at a load balancer waits for as many others; answers who looked, in which
    thread."""
    meeting, seen, threads = Barrier(parties), set(), list[str]()
    look = cloud.load_balancers.list_vserver_groups

    def list_vserver_groups(
        region_id: str, load_balancer_id: str, *, references: bool = False, within: float
    ) -> ApiResponse[tuple[VServerGroup, ...]]:
        if load_balancer_id not in seen:
            seen.add(load_balancer_id)
            threads.append(current_thread().name)
            meeting.wait(LONG_ENOUGH)
        return look(region_id, load_balancer_id, references=references, within=within)

    cloud.load_balancers.list_vserver_groups = list_vserver_groups  # type: ignore[method-assign]
    return threads


def test_items_of_two_load_balancers_are_handled_at_once(cloud: Deployment) -> None:
    meet(cloud, 2)
    outcomes = handled(cloud, [asks("M1"), asks("M2", "lb-0002")])
    assert [outcome["outcome"] for outcome in outcomes] == ["provisioned"] * 2


def test_never_more_are_handled_at_once_than_the_bound(cloud: Deployment) -> None:
    cloud.concurrency = 1
    threads = meet(cloud, 1)
    handled(cloud, [asks("M1"), asks("M2", "lb-0002")])
    assert threads == [main_thread().name] * 2


def test_an_item_that_is_alone_is_handled_without_a_thread(cloud: Deployment) -> None:
    threads = meet(cloud, 1)
    handled(cloud, [asks("M1"), asks("M2")])
    assert threads == [main_thread().name]


def test_the_answer_keeps_the_order_of_the_items(cloud: Deployment) -> None:
    batch = [asks("M3"), asks("M1", "lb-0002"), {"key": 1}, asks("M2")]
    outcomes = handled(cloud, batch)
    assert [o["VServerGroupName"] for o in outcomes] == ["M3", "M1", "", "M2"]


def test_of_two_requests_that_exclude_each_other_the_same_one_wins_in_any_order() -> None:
    one = asks("M1", VServerGroupName="web")
    other = asks(
        "M2", VServerGroupName="web", BackendServers=[{"ServerId": "i-0009", "Port": 8080}]
    )
    for batch in ([one, other], [other, one]):
        cloud = deployment()
        outcomes = dict(zip((each["id"] for each in batch), handled(cloud, batch), strict=True))
        assert (outcomes["M1"]["outcome"], outcomes["M2"]["code"]) == (
            "provisioned",
            "VServerGroupDiffers",
        )
        (group,) = cloud.load_balancers.named("web")
        assert [backend.server_id for backend in group.backends] == ["i-0001"]


def test_a_duplicate_in_a_batch_is_a_replay(cloud: Deployment) -> None:
    first, second = handled(cloud, [asks("M1"), asks("M1")])
    assert first == second
    assert cloud.names == ["M1"]
    assert len({result["id"] for result in cloud.notifications.results}) == 1


def test_an_unread_item_is_one_event_in_whatever_batch_it_comes(cloud: Deployment) -> None:
    handled(cloud, ["hello", asks("M1")])
    handled(cloud, [asks("M1"), {"key": 1}, "hello"])
    handled(cloud, b'"hello"')
    unread = [
        result["id"]
        for result in cloud.notifications.results
        if result["data"].get("error", {}).get("code") == "Unreadable"
    ]
    assert (len(unread), len(set(unread))) == (3, 1)


def test_a_lane_that_fails_does_not_keep_the_others_from_their_end(cloud: Deployment) -> None:
    cloud.concurrency = 1
    cloud.load_balancers.fail_next("list_vserver_groups", BUSY)
    assert raised(cloud, [asks("M1"), asks("M2", "lb-0002"), asks("M3")]).code == "Throttling"
    assert len(cloud.names) == 2


def test_what_hangs_leaves_time_for_what_waits_behind_it(cloud: Deployment) -> None:
    cloud.concurrency = 1
    cloud.load_balancers.takes = {"list_vserver_groups": [30.0]}
    error = raised(cloud, [asks(f"M{number}") for number in range(4)])
    assert error.code == Code.OUT_OF_TIME.value
    assert cloud.names == ["M1", "M2", "M3"]


def test_a_topic_that_hangs_leaves_time_for_the_hook_that_waits_behind(cloud: Deployment) -> None:
    cloud.waits_at_a_hook(a_hook_request())
    other = a_hook_request(hook_id="ash-0002", scaling_activity_id="asa-0002")
    cloud.waits_at_a_hook(other, token="another")

    def hangs(document: str, *, tag: str, within: float) -> str:  # noqa: ARG001
        cloud.clock.advance(max(within, 0.0))
        raise BUSY

    cloud.notifications.publish = hangs  # type: ignore[method-assign]
    ids: dict[str, Any] = {"lifecycleHookId": "ash-0002", "scalingActivityId": "asa-0002"}
    raised(cloud, [hook_message(), hook_message(**ids, lifecycleActionToken="another")])
    assert answers(cloud) == [LifecycleResult.CONTINUE] * 2


# Log


def test_lines_of_items_that_are_handled_at_once_are_whole_and_name_their_own_event() -> None:
    stream = io.StringIO()
    log = build_log("INFO", stream=stream, service="test-batch")

    def tell(number: int) -> None:
        bound = log.bind(correlation_id=f"event-{number}")
        for step in range(200):
            bound.write("step", number=number, step=step)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(tell, range(8)))
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert len(lines) == 8 * 200
    assert all(line["correlation_id"] == f"event-{line['number']}" for line in lines)


# Dead letters


def kept(cloud: Deployment) -> list[tuple[str, str, bytes | None]]:
    return [
        (
            each["data"]["reason"]["code"],
            each["data"]["reason"]["path"],
            dead_letter.restore_payload(each),
        )
        for each in cloud.dead_letters.documents
    ]


@pytest.mark.parametrize(
    ("payload", "code", "path"),
    [
        (b"\xff\x00", "Unreadable", ""),
        (b"  {\r\n", "Unreadable", ""),
        (as_bytes(document(Wieght=1)), "InvalidRequest", "/Wieght"),
        (as_bytes(document(LoadBalancerId="lb-9999")), "InvalidLoadBalancerId.NotFound", ""),
        (as_bytes(hook_message(scalingGroupId="asg-9")), "NoBinding", "/ScalingGroupId"),
    ],
)
def test_what_was_refused_is_kept_byte_for_byte_with_the_reason(
    cloud: Deployment, payload: bytes, code: str, path: str
) -> None:
    (outcome,) = handled(cloud, payload)
    assert outcome["code"] == code
    assert kept(cloud) == [(code, path, payload)]
    (result,) = cloud.notifications.results
    (kept_letter,) = cloud.dead_letters.documents
    assert kept_letter["data"]["event"]["id"] == result["data"]["correlation"]["eventId"]


def test_of_a_batch_the_poison_item_alone_is_kept_as_it_was_written(cloud: Deployment) -> None:
    poison = ' {"LoadBalancerId" : "lb-0001", "Wieght": 1e400, "Wieght": 1.0 }'
    handled(cloud, f"[ {json.dumps(asks('M1'))},\n{poison} , 7]".encode())
    assert sorted(kept(cloud)) == [  # the two are handled at once
        ("Unreadable", "", b"7"),
        ("Unreadable", "", poison.strip().encode()),
    ]


def test_what_is_kept_of_a_batch_is_the_same_event_when_it_comes_alone(cloud: Deployment) -> None:
    handled(cloud, [asks("M1"), asks("M2", Wieght=1), "poison"])
    before = {result["id"] for result in cloud.notifications.results if "error" in result["data"]}
    for _, _, payload in kept(cloud):
        assert payload is not None
        handled(cloud, payload)
    ids = {result["id"] for result in cloud.notifications.results if "error" in result["data"]}
    assert (ids, len(ids)) == (before, 2)


def test_what_failed_for_good_on_the_way_is_kept_too(cloud: Deployment) -> None:
    full = Rejected("InstanceBackendServerNumberOverLimit", "full", fault=Fault.CONFLICT)
    cloud.load_balancers.fail_next("add_backend_servers", full)
    event = as_bytes(document())
    handled(cloud, event)
    assert kept(cloud) == [(full.code, "", event)]


@pytest.mark.parametrize(
    "event", [document(), document(DryRun=True, LoadBalancerId="lb-9"), {"triggerTime": 1}, []]
)
def test_nothing_is_kept_of_what_was_not_published_as_given_up(
    cloud: Deployment, event: Any
) -> None:
    if event == {"triggerTime": 1}:
        event["triggerName"] = "t"
    handled(cloud, event)
    assert cloud.dead_letters.letters == []


def test_a_call_over_http_is_answered_and_not_kept(cloud: Deployment) -> None:
    call = {"httpMethod": "POST", "path": "/", "body": json.dumps(document(Wieght=1))}
    assert (
        json.loads(handler.handle_event(cloud.app, as_bytes(call), context()))["statusCode"] == 422
    )
    assert cloud.dead_letters.letters == []


@pytest.mark.parametrize("error", [BUSY, Rejected("InvalidArgument", "no")])
def test_a_queue_that_does_not_take_a_letter_keeps_the_event(
    cloud: Deployment, error: Rejected | Retryable
) -> None:
    cloud.dead_letters.fail_next("send", error)
    raised(cloud, {"key": 1})
    assert cloud.notifications.kinds == ["refused"]
    handled(cloud, {"key": 1})
    assert len(cloud.dead_letters.letters) == 1


def test_a_hook_that_failed_is_not_answered_before_its_event_is_kept(cloud: Deployment) -> None:
    event = as_bytes(hook_message())
    cloud.waits_at_a_hook(a_hook_request())
    for _ in range(2):
        full = Rejected("InstanceBackendServerNumberOverLimit", "full", fault=Fault.CONFLICT)
        cloud.load_balancers.fail_next("add_backend_servers", full)
    cloud.dead_letters.fail_next("send", BUSY)
    raised(cloud, hook_message())
    assert cloud.scaling_groups.completed == []
    handled(cloud, event)
    assert answers(cloud) == [LifecycleResult.ABANDON]
    assert kept(cloud) == [(full.code, "", event)]


def test_nothing_is_kept_before_the_refusal_is_published(cloud: Deployment) -> None:
    cloud.notifications.fail_next("publish", BUSY)
    raised(cloud, {"key": 1})
    assert cloud.dead_letters.letters == []


def test_without_a_queue_a_refusal_is_published_and_acknowledged(cloud: Deployment) -> None:
    cloud.dead_letters = None  # type: ignore[assignment]
    (outcome,) = handled(cloud, {"key": 1})
    assert outcome["outcome"] == "refused"


def test_no_payload_is_in_the_log_of_what_is_kept(cloud: Deployment) -> None:
    handled(cloud, [document(Wieght="canary-4f1d"), failure_record("canary-4f1d")])
    assert len(cloud.dead_letters.letters) == 2
    assert "canary-4f1d" not in repr(cloud.log.steps) + repr(cloud.notifications.published)


# What the platform gave up


def test_an_event_that_the_platform_gave_up_is_published_as_failed_and_kept_not_carried_out(
    cloud: Deployment,
) -> None:
    event = json.dumps(document())
    (outcome,) = handled(cloud, failure_record(event))
    assert (outcome["outcome"], outcome["code"]) == ("failed", "RetriesExhausted")
    (result,) = cloud.notifications.results
    assert (result["type"], result["data"]["error"]["code"]) == (
        "vservergroup.failed",
        "RetriesExhausted",
    )
    assert kept(cloud) == [("RetriesExhausted", "", event.encode())]
    assert cloud.dead_letters.documents[0]["data"]["attempts"] == 4
    assert cloud.operations == []


def test_the_record_of_a_batch_keeps_the_batch_also_when_it_comes_in_a_batch(
    cloud: Deployment,
) -> None:
    batch = json.dumps([asks("M1"), asks("M2")])
    record = queue_message(json.dumps(failure_record(batch)), "M9")
    handled(cloud, [asks("M3"), record])
    assert kept(cloud) == [("RetriesExhausted", "", batch.encode())]
    assert cloud.names == ["M3"]


def test_a_record_of_a_record_that_could_not_be_kept_ends_as_one_letter(cloud: Deployment) -> None:
    event = json.dumps(document(BackendServers=ABSENT))
    record = failure_record(event)
    cloud.dead_letters.fail_next("send", BUSY)
    raised(cloud, record)
    handled(cloud, failure_record(json.dumps(record)))
    assert kept(cloud) == [("RetriesExhausted", "", event.encode())]
    assert len({result["id"] for result in cloud.notifications.results}) == 1
