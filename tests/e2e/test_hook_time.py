"""A hook's time on the cloud's own clock, the circuit breaker, and the pause."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

import builders
from e2e.stage import (
    ACTIONS,
    ACTIVITIES,
    COMPLETE,
    HEARTBEAT,
    INSTANCES,
    LIST,
    LOOKED,
    PUBLISH,
    WRITES,
    Stage,
    document,
    hook_event,
    servers_of,
)
from opskit.world import LOAD_BALANCER, REGION
from provisioner.errors import Code, Retryable
from provisioner.groups import naming
from provisioner.model import LifecycleAction

Staged = Callable[..., Stage]

EVENT = hook_event(5)
IDS = [f"i-{n:04}" for n in range(1, 6)]
ACTION = LifecycleAction("ash-0001", builders.TOKEN, "asg-0001", "asa-0001", region_id=REGION)


def claimed(stage: Stage) -> None:
    """Another delivery has just crashed: its claim is in the way for 45 seconds."""
    claim = naming.make_claim("asg-0001", stage.cloud.advance(0), "0" * 16)
    group = {"LoadBalancerId": LOAD_BALANCER, "VServerGroupName": claim.name}
    stage.cloud.seed(VServerGroups=[{**group, "VServerGroupId": "rsp-of-another"}])


def used_up(stage: Stage) -> None:
    """Earlier deliveries sent all the heartbeats that the action may have."""
    app = stage.app()
    app.role.credentials = stage.cloud.credentials
    for _ in range(20):
        app.deps.scaling_groups.record_heartbeat(ACTION, 30, within=10)
    stage.actions()


def test_a_hook_outlives_its_first_timeout_by_heartbeats(staged: Staged) -> None:
    stage = staged(EVENT, HeartbeatTimeout=30)
    claimed(stage)
    before = stage.cloud.advance(0)

    (outcome,) = stage.deliver(EVENT)["outcomes"]

    assert outcome["outcome"] == "provisioned"
    assert stage.cloud.advance(0) - before > 40
    assert 2 <= stage.actions().count(HEARTBEAT) <= 5
    assert stage.hook() == ("Completed", "CONTINUE")
    assert stage.in_service() == IDS
    assert servers_of(stage.the_group()) == IDS


def test_a_delivery_after_the_first_timeout_of_a_prolonged_hook_goes_on(staged: Staged) -> None:
    stage = staged(EVENT, HeartbeatTimeout=60)
    stage.cloud.fault(action="CreateVServerGroup", kind="error", status=400, code="Forbidden.RAM")
    stage.cloud.advance(40)
    with pytest.raises(Retryable):
        stage.deliver(EVENT)
    assert HEARTBEAT in stage.actions()
    stage.cloud.advance(30)

    stage.deliver(EVENT)

    assert stage.hook() == ("Completed", "CONTINUE")
    assert stage.in_service() == IDS


def test_past_the_deadline_nothing_is_written_and_the_failure_result_is_sent(
    staged: Staged,
) -> None:
    stage = staged(EVENT, HeartbeatTimeout=30)
    used_up(stage)
    stage.cloud.advance(27)

    (outcome,) = stage.deliver(EVENT)["outcomes"]

    assert (outcome["outcome"], outcome["code"]) == ("failed", Code.HOOK_DEADLINE_PASSED.value)
    calls = stage.actions()
    assert calls == [*LOOKED, HEARTBEAT, ACTIVITIES, PUBLISH, COMPLETE]
    assert stage.hook() == ("Completed", "ABANDON")
    (result,) = stage.received()
    assert result["type"] == "vservergroup.failed"
    assert result["data"]["error"]["code"] == Code.HOOK_DEADLINE_PASSED.value
    assert result["data"]["lifecycle"]["LifecycleActionResult"] == "ABANDON"
    assert stage.groups() == []


def test_a_hook_that_the_cloud_ended_meanwhile_is_only_looked_at(staged: Staged) -> None:
    stage = staged(EVENT, HeartbeatTimeout=30)
    stage.cloud.advance(31)

    (outcome,) = stage.deliver(EVENT)["outcomes"]

    assert outcome["code"] == Code.HOOK_ENDED_OTHERWISE.value
    assert stage.actions() == [INSTANCES, ACTIONS, LIST, PUBLISH]
    assert stage.hook() == ("Timeout", "ABANDON")


def test_without_an_answer_to_a_heartbeat_the_work_goes_on(staged: Staged) -> None:
    stage = staged(EVENT, HeartbeatTimeout=30)
    stage.cloud.advance(16)
    stage.cloud.fault(action=HEARTBEAT, kind="error", status=503, code="ServiceUnavailable")

    stage.deliver(EVENT)

    assert stage.actions().count(HEARTBEAT) == 1
    assert stage.hook() == ("Completed", "CONTINUE")


def token(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


def scale_out(number: int) -> bytes:
    """The number-th of one scaling group."""
    names = {"scalingActivityId": f"asa-{number:04}", "lifecycleActionToken": token(number)}
    return hook_event(2, first=10 * number + 1, **names)


def test_after_three_abandons_a_failure_lets_its_servers_live(staged: Staged) -> None:
    events = [scale_out(number) for number in range(1, 6)]
    stage = staged(*events)
    full = stage.app(BACKEND_QUOTA="1")

    said = []
    for number, event in enumerate(events, 1):
        stage.cloud.advance(60)
        stage.deliver(event, full)
        said.append(stage.hook(f"asa-{number:04}")[1])

    assert said == ["ABANDON", "ABANDON", "ABANDON", "CONTINUE", "ABANDON"]
    loud = [r["data"]["lifecycle"].get("circuitBreaker", False) for r in stage.received()]
    assert loud == [False, False, False, True, False]
    assert stage.in_service() == ["i-0041", "i-0042"]


def test_a_time_out_counts_as_the_result_that_it_ended_with(staged: Staged) -> None:
    stage = staged(*[scale_out(number) for number in (1, 2, 3)])
    stage.cloud.advance(601)
    of = {"ScalingGroupId": "asg-0001", "ScalingActivityId": "asa-0004"}
    action = {"LifecycleHookId": "ash-0001", "LifecycleActionToken": token(4)}
    stage.cloud.seed(
        ScalingActivities=[of],
        ScalingInstances=[{"InstanceId": name, **of} for name in ("i-0041", "i-0042")],
        LifecycleActions=[{**action, "ScalingActivityId": "asa-0004"}],
    )

    stage.deliver(scale_out(4), stage.app(BACKEND_QUOTA="1"))

    assert [stage.hook(f"asa-{n:04}") for n in (1, 2, 3)] == [("Timeout", "ABANDON")] * 3
    assert stage.hook("asa-0004") == ("Completed", "CONTINUE")


def test_a_pause_keeps_every_event_and_its_end_lets_them_be_done(staged: Staged) -> None:
    of_a_document = document(3)
    stage = staged(EVENT, of_a_document)
    paused = stage.app(PAUSE="on")

    for event in (EVENT, of_a_document):
        with pytest.raises(Retryable) as kept:
            stage.deliver(event, paused)
        assert kept.value.code == Code.PAUSED.value

    assert not {*WRITES, PUBLISH}.intersection(stage.actions())
    assert stage.hook()[0] == "Pending"
    stage.deliver(EVENT)
    stage.deliver(of_a_document)
    assert stage.hook() == ("Completed", "CONTINUE")
    assert {group["VServerGroupName"] for group in stage.groups()} == {"asg-0001", "web-8080"}


def test_a_binding_may_have_its_hooks_continue_while_paused(staged: Staged) -> None:
    stage = staged(EVENT)
    (binding,) = json.loads(stage.environ["BINDINGS"])
    stage.environ["BINDINGS"] = json.dumps([{**binding, "OnPause": "CONTINUE"}])
    app = stage.app(PAUSE="on")

    (outcome,) = stage.deliver(EVENT, app)["outcomes"]

    assert (outcome["outcome"], outcome["code"]) == ("refused", Code.PAUSED.value)
    assert stage.actions() == [*LOOKED, PUBLISH, COMPLETE]
    assert stage.hook() == ("Completed", "CONTINUE")
    assert stage.groups() == []
