"""What the ESS adapter makes of an API that is busy, broken or answers oddly."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from canned import Canned, canned
from fakes import REGION, FakeClock
from provisioner.aliyun.client import Connection
from provisioner.aliyun.ess import EssScalingGroups
from provisioner.errors import Ambiguous, ConfigurationError, Rejected, Retryable
from provisioner.model import LifecycleAction, LifecycleResult, ScalingInstance
from provisioner.ports import Credentials
from worlds import LocalCloud, ScalingOnLocalCloud, forget_connections, replayable

LONG = 60.0
READS = (
    "DescribeLifecycleActions",
    "DescribeScalingInstances",
    "DescribeLifecycleHooks",
    "DescribeScalingActivities",
)
ACTION = LifecycleAction("ash-1", "token-1", "asg-1", "asa-1", region_id=REGION)

BROKEN = [
    pytest.param({"kind": "html"}, id="503 in HTML"),
    pytest.param({"kind": "empty"}, id="an empty 200"),
    pytest.param({"kind": "error", "status": 500, "code": "InternalError"}, id="InternalError"),
    pytest.param({"kind": "error", "status": 400, "code": "Throttling"}, id="Throttling"),
    pytest.param({"kind": "reset_before"}, id="reset before it took effect"),
    pytest.param({"kind": "reset_after"}, id="reset after it took effect"),
]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def group(cloud: LocalCloud, clock: FakeClock) -> ScalingOnLocalCloud:
    port = EssScalingGroups(cloud.connection(), clock, replayable())
    return ScalingOnLocalCloud(cloud, port)


@pytest.mark.parametrize("broken", BROKEN)
def test_reads_that_fail_are_tried_again(
    cloud: LocalCloud, group: ScalingOnLocalCloud, broken: dict[str, Any]
) -> None:
    action = group.waits(f"token-of-{group.action.hook_id}")
    instance = ScalingInstance(f"i-of-{action.hook_id}", "Pending:Wait", "10.0.0.1")
    group.holds(instance)
    for name in READS:
        cloud.fault(action=name, count=2, **broken)

    (state,) = group.port.list_lifecycle_actions(REGION, action.scaling_activity_id, within=LONG)
    found = group.port.read_instances(
        REGION, action.scaling_group_id, [instance.instance_id], within=LONG
    )

    terms = group.port.read_hook_terms(action, within=LONG)
    cloud.fault(action="DescribeScalingActivities", count=2, **broken)
    recent = group.port.list_recent_activities(REGION, action.scaling_group_id, most=9, within=LONG)

    assert state.pending
    assert list(found.values()) == [instance]
    assert terms
    assert recent == (action.scaling_activity_id,)


@pytest.mark.parametrize("broken", BROKEN)
def test_a_completion_without_an_answer_is_sent_again_and_ends_the_action(
    cloud: LocalCloud, group: ScalingOnLocalCloud, broken: dict[str, Any]
) -> None:
    action = group.waits(f"token-of-{group.action.hook_id}")
    cloud.fault(action="CompleteLifecycleAction", **broken)

    sent = group.port.complete_lifecycle_action(action, LifecycleResult.CONTINUE, within=LONG)

    # Where the first attempt took effect, the second finds nothing pending.
    assert sent is (broken["kind"] != "reset_after")
    (state,) = group.port.list_lifecycle_actions(REGION, action.scaling_activity_id, within=LONG)
    assert (state.pending, state.result) == (False, "CONTINUE")


def test_a_completion_that_gets_no_answer_in_time_is_ambiguous(
    cloud: LocalCloud, group: ScalingOnLocalCloud
) -> None:
    action = group.waits(f"token-of-{group.action.hook_id}")
    cloud.fault(action="CompleteLifecycleAction", kind="empty", count=10_000)

    with pytest.raises(Ambiguous):
        group.port.complete_lifecycle_action(action, LifecycleResult.CONTINUE, within=LONG)


@pytest.mark.parametrize("broken", BROKEN)
def test_a_heartbeat_is_sent_once_since_each_may_be_counted(
    cloud: LocalCloud, group: ScalingOnLocalCloud, clock: FakeClock, broken: dict[str, Any]
) -> None:
    action = group.waits(f"token-of-{group.action.hook_id}")
    cloud.fault(action="RecordLifecycleActionHeartbeat", **broken)

    with pytest.raises(Retryable):
        group.port.record_heartbeat(action, 600, within=LONG)
    assert cloud.sent("RecordLifecycleActionHeartbeat") == 1
    assert clock.waits == []


def test_another_refusal_of_a_heartbeat_is_no_word_on_the_action(
    group: ScalingOnLocalCloud,
) -> None:
    action = group.waits(f"token-of-{group.action.hook_id}")

    with pytest.raises(Rejected) as refused:
        group.port.record_heartbeat(action, 29, within=LONG)
    assert refused.value.code == "InvalidParamter"


def test_a_missing_permission_is_the_deployments_fault(
    cloud: LocalCloud, group: ScalingOnLocalCloud, clock: FakeClock
) -> None:
    cloud.fault(action="CompleteLifecycleAction", kind="error", status=403, code="Forbidden.RAM")

    with pytest.raises(ConfigurationError):
        group.port.complete_lifecycle_action(group.action, LifecycleResult.CONTINUE, within=LONG)
    assert clock.waits == []


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "InvalidParamter"),
        (400, "NeverHeardOf"),
        (429, "TooManyRequests"),
        (400, "Rejected.Throttling"),
    ],
)
def test_a_completion_is_sent_again_whatever_else_refuses_it(
    cloud: LocalCloud, group: ScalingOnLocalCloud, status: int, code: str
) -> None:
    refused = {"action": "CompleteLifecycleAction", "kind": "error", "status": status, "code": code}
    cloud.fault(count=3, **refused)
    action = group.waits(f"token-of-{group.action.hook_id}")
    complete = partial(
        group.port.complete_lifecycle_action, action, LifecycleResult.CONTINUE, within=LONG
    )

    assert complete()

    cloud.fault(count=1000, **refused)
    with pytest.raises(Retryable) as failed:
        complete()
    assert failed.value.code == code


@pytest.fixture
def odd() -> Iterator[Canned]:
    with canned() as server:
        yield server
        forget_connections()


@pytest.fixture
def port(odd: Canned, clock: FakeClock) -> EssScalingGroups:
    connection = Connection(lambda: Credentials("key", "secret"), odd.url)
    return EssScalingGroups(connection, clock, replayable())


def page(*tokens: str, **more: object) -> str:
    actions = [
        {
            "LifecycleHookId": "ash-1",
            "LifecycleActionToken": token,
            "LifecycleActionStatus": "Completed",
            "LifecycleActionResult": "ABANDON",
        }
        for token in tokens
    ]
    return json.dumps({"RequestId": "R", "LifecycleActions": actions, **more})


def told(port: EssScalingGroups) -> list[str]:
    states = port.list_lifecycle_actions(REGION, "asa-1", within=LONG)
    return [state.action.token for state in states]


def test_a_connection_that_the_server_has_closed_unsaid_is_opened_again(
    odd: Canned, port: EssScalingGroups, clock: FakeClock
) -> None:
    for _ in range(2):
        odd.say('{"RequestId": "R"}', then_close=True)

    assert port.complete_lifecycle_action(ACTION, LifecycleResult.CONTINUE, within=LONG)
    assert odd.closed.acquire(timeout=LONG)
    assert port.complete_lifecycle_action(ACTION, LifecycleResult.CONTINUE, within=LONG)
    assert clock.waits == []  # nothing had to be tried again


def test_a_next_token_on_the_last_page_is_not_followed(odd: Canned, port: EssScalingGroups) -> None:
    odd.say(page("a", "b", TotalCount=3, NextToken="1"))
    odd.say(page("c", TotalCount=3, NextToken="2"))

    assert told(port) == ["a", "b", "c"]
    assert [query.get("NextToken") for query in odd.asked] == [None, "1"]
    assert [query["MaxResults"] for query in odd.asked] == ["50", "50"]


def test_an_empty_page_is_the_last(odd: Canned, port: EssScalingGroups) -> None:
    odd.say(page("a", TotalCount=9, NextToken="1"))
    odd.say(page(TotalCount=9, NextToken="2"))

    assert told(port) == ["a"]


def test_a_token_that_comes_again_is_not_followed(odd: Canned, port: EssScalingGroups) -> None:
    odd.say(page("a", TotalCount=9, NextToken="1"))
    odd.say(page("b", TotalCount=9, NextToken="1"))

    assert told(port) == ["a", "b"]


def test_without_a_total_the_tokens_lead(odd: Canned, port: EssScalingGroups) -> None:
    odd.say(page("a", NextToken="1"))
    odd.say(page("b"))

    assert told(port) == ["a", "b"]


def test_an_answer_in_the_shape_of_2014_is_no_answer(odd: Canned, port: EssScalingGroups) -> None:
    old = {"RequestId": "R", "TotalCount": 1, "LifecycleActions": {"LifecycleAction": [{}]}}
    odd.say(json.dumps(old))
    odd.say(page("a", TotalCount=1))

    assert told(port) == ["a"]


def test_a_completion_says_its_region_its_result_and_the_same_client_token_each_time(
    odd: Canned, port: EssScalingGroups
) -> None:
    odd.say("<html>", 503)
    odd.say(json.dumps({"RequestId": "R"}))

    assert port.complete_lifecycle_action(ACTION, LifecycleResult.ROLLBACK, within=LONG)

    first, second = odd.asked
    assert first == second
    assert first == {
        "Action": "CompleteLifecycleAction",
        "RegionId": REGION,
        "LifecycleHookId": "ash-1",
        "LifecycleActionToken": "token-1",
        "LifecycleActionResult": "ROLLBACK",
        "ClientToken": hashlib.sha256(b"token-1\0ROLLBACK").hexdigest(),
    }


@pytest.mark.parametrize("started", ["2026-01-01T00:00Z", "2026-01-01T00:00:00Z"])
def test_a_start_is_read_with_or_without_its_seconds(
    odd: Canned, port: EssScalingGroups, started: str
) -> None:
    hook = {"LifecycleHookId": "ash-1", "HeartbeatTimeout": 60}
    activity = {"ScalingActivityId": "asa-1", "StartTime": started}
    # Two reads at once: whichever comes first.
    both = {"RequestId": "R", "LifecycleHooks": [hook], "ScalingActivities": [activity]}
    odd.say(json.dumps(both))
    odd.say(json.dumps(both))

    terms = port.read_hook_terms(ACTION, within=LONG)

    assert terms
    assert (terms.started, terms.heartbeat_timeout) == (1767225600.0, 60.0)
    hooks, activities = sorted(odd.asked, key=lambda call: call["Action"])
    assert (hooks["RegionId"], hooks["LifecycleHookIds.1"]) == (REGION, "ash-1")
    assert (activities["RegionId"], activities["ScalingActivityIds.1"]) == (REGION, "asa-1")
    assert "ScalingGroupId" not in activities  # exactly one of the two


def test_a_heartbeat_spells_its_parameters_as_the_sdk_does(
    odd: Canned, port: EssScalingGroups
) -> None:
    odd.say(json.dumps({"RequestId": "R"}))

    port.record_heartbeat(ACTION, 600, within=LONG)

    assert odd.asked == [
        {
            "Action": "RecordLifecycleActionHeartbeat",
            "RegionId": REGION,
            "lifecycleHookId": "ash-1",
            "lifecycleActionToken": "token-1",
            "heartbeatTimeout": "600",
        }
    ]


def test_activities_come_newest_first_in_whatever_order_ess_lists_them(
    odd: Canned, port: EssScalingGroups
) -> None:
    listed = [
        {"ScalingActivityId": f"asa-{day}", "StartTime": f"2026-01-0{day}T00:00Z"}
        for day in (1, 3, 2)
    ]
    odd.say(json.dumps({"RequestId": "R", "ScalingActivities": listed}))

    found = port.list_recent_activities(REGION, "asg-1", most=20, within=LONG)

    assert found == ("asa-3", "asa-2", "asa-1")
    assert odd.asked[0]["PageSize"] == "20"


def test_instances_without_an_address_are_told_without_one(
    odd: Canned, port: EssScalingGroups
) -> None:
    odd.say(json.dumps({"RequestId": "R", "ScalingInstances": [{"InstanceId": "i-1"}]}))

    found = port.read_instances(REGION, "asg-1", ["i-1"], within=LONG)

    assert found == {"i-1": ScalingInstance("i-1", "", "")}


def test_a_region_is_needed(port: EssScalingGroups) -> None:
    with pytest.raises(Rejected) as refused:
        port.complete_lifecycle_action(
            LifecycleAction("ash-1", "token-1", "asg-1", "asa-1"),
            LifecycleResult.CONTINUE,
            within=LONG,
        )
    assert refused.value.path == "/RegionId"


def test_no_answer_at_all_is_an_error_of_the_moment(port: EssScalingGroups, odd: Canned) -> None:
    odd.say("[]")

    with pytest.raises(Retryable):
        port.list_lifecycle_actions(REGION, "asa-1", within=0.001)
