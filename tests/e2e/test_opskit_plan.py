"""`opskit plan`: what would be done is what is done then, and nothing is written before."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

import builders
from e2e.opskit_calls import called, reported
from e2e.stage import (
    DELETE,
    HEARTBEAT,
    LOOKED,
    PUBLISH,
    REMOVE,
    RENAME,
    WRITES,
    Cloud,
    Stage,
    document,
    environment,
    hook_event,
    stage,
)
from localcloud.worlds import ACCOUNT
from opskit.world import INBOX, LOAD_BALANCER, REGION, TOPIC
from provisioner.groups import naming

TICK = {"triggerTime": "2026-01-01T00:00:00Z", "triggerName": "sweep", "payload": ""}
NOBODY = f"acs:mns:{REGION}:{ACCOUNT}:queue/{INBOX}"  # who does not call the function
SENDING = {PUBLISH, "SendMessage", HEARTBEAT, *WRITES}


@pytest.fixture
def planned(cloud: Cloud, tmp_path: Path) -> Any:
    """Plans an event for a function that is configured as a stage is."""

    def plan(staged: Stage, event: bytes, *, status: int = 0, **environ: str) -> Any:
        config = tmp_path / "function.json"
        config.write_text(json.dumps({**staged.environ, **environ}), encoding="utf-8")
        staged.actions()
        report = reported(cloud, "plan", "-", "--config", str(config), status=status, given=event)
        assert SENDING.isdisjoint(staged.actions()), "a plan writes nothing"
        return report

    return plan


def done(staged: Stage, event: bytes) -> list[str]:
    """The calls that the function then makes."""
    staged.actions()
    staged.deliver(event)
    return staged.actions()


def in_order(actions: list[str]) -> list[list[str]]:
    """Reads of ESS may be on their way at once: neighbours among them have no order."""
    steps = groupby(actions, lambda action: "" if action in LOOKED else action)
    return [sorted(step) for _, step in steps]


def planned_as_made(staged: Stage, planned: Any, event: bytes, *, status: int = 0) -> Any:
    """The plan, whose calls are those that are then made, and write what these write."""
    report = planned(staged, event, status=status)
    made = done(staged, event)
    calls = report["calls"]
    assert in_order([call["action"] for call in calls]) == in_order(made)
    assert {call["action"] for call in calls if call["writes"]} == SENDING & set(made)
    return report


EVENTS = {
    "a hook of one server": hook_event(1),
    "a hook of 41 servers": hook_event(41),
    "a hook of 45 servers": hook_event(45),
    "servers that leave": hook_event(3, lifecycleTransition="SCALE_IN"),
    "a request for a new group": document(25),
    "a request that only asks": document(2, DryRun=True),
}


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)
def test_the_calls_that_are_planned_are_those_that_are_made(
    cloud: Cloud, planned: Any, event: bytes
) -> None:
    planned_as_made(stage(cloud, event), planned, event)


def test_the_calls_of_a_batch_are_counted_together(cloud: Cloud, planned: Any) -> None:
    messages = [
        builders.queue_message(document(1, name=name).decode(), message_id=name)
        for name in ("one", "two")
    ]
    event = builders.as_bytes(messages)
    report = planned_as_made(stage(cloud, event), planned, event)
    assert report["limits"]["CreateVServerGroup"]["calls"] == 2


def test_the_calls_of_a_hook_that_is_given_up_are_counted(cloud: Cloud, planned: Any) -> None:
    event = hook_event(3)
    staged = stage(cloud, event)
    staged.environ["BACKEND_QUOTA"] = "2"
    report = planned_as_made(staged, planned, event, status=3)
    assert [hook["LifecycleActionResult"] for hook in report["hooks"]] == ["ABANDON"]


@pytest.mark.parametrize("in_use", [False, True])
def test_the_calls_of_a_drain_and_of_a_deletion_are_counted(
    cloud: Cloud, planned: Any, in_use: bool
) -> None:
    event = hook_event(25, lifecycleTransition="SCALE_IN")
    staged = stage(cloud, event)
    (binding,) = json.loads(staged.environ["BINDINGS"])
    once = {"VServerGroupName": "{scaling_group_id}{content_hash}", "DeleteEmpty": True}
    staged.environ["BINDINGS"] = json.dumps([{**binding, "Drain": 5, **once}])
    if in_use:
        cloud.listener(LOAD_BALANCER, staged.the_group()["VServerGroupId"])
    report = planned_as_made(staged, planned, event)
    told = [(call["action"], call["backends"]) for call in report["calls"] if call["backends"]]
    assert told == [(RENAME, 20), (RENAME, 5), (REMOVE, 20), (REMOVE, 5)]
    assert (DELETE in [call["action"] for call in report["calls"]]) != in_use


@pytest.mark.parametrize("number", [1, 50, 51, 101])
def test_the_calls_of_a_sweep_are_counted_for_each_page_of_servers(
    cloud: Cloud, planned: Any, number: int
) -> None:
    staged = stage(cloud, hook_event(number), NotificationArn=NOBODY)
    staged.environ["SWEEP"] = "apply"
    cloud.advance(301)  # the hook counts as forgotten
    report = planned_as_made(staged, planned, builders.as_bytes(TICK))
    assert [hook["LifecycleActionResult"] for hook in report["hooks"]] == ["CONTINUE"]


def test_a_group_that_is_there_is_extended_and_its_replay_adds_nothing(
    cloud: Cloud, planned: Any
) -> None:
    event = document(25, OnExisting="merge")
    staged = stage(cloud, event)
    staged.deliver(document(5))

    (outcome,) = planned(staged, event)["outcomes"]
    assert (outcome["group_created"], outcome["added"], outcome["already_present"]) == (
        False,
        20,
        5,
    )
    staged.deliver(event)
    (outcome,) = planned(staged, event)["outcomes"]
    assert (outcome["added"], outcome["already_present"]) == (0, 25)


def test_a_plan_of_a_hook_tells_its_result_its_quota_and_what_has_to_be_allowed(
    cloud: Cloud, planned: Any
) -> None:
    event = hook_event(45)
    report = planned(stage(cloud, event), event)

    (hook,) = report["hooks"]
    assert hook["LifecycleActionResult"] == "CONTINUE"
    assert report["limits"] == {"CreateVServerGroup": {"calls": 1, "per_minute": 90}}
    assert report["quota"] == [
        {"LoadBalancerId": LOAD_BALANCER, "held": 0, "added": 45, "left": 155, "quota": 200}
    ]
    adds = [c["backends"] for c in report["calls"] if c["action"].startswith("Add")]
    assert adds == [20, 20, 5]
    assert {p.partition(":")[2] for p in report["permissions"]} == {
        call["action"] for call in report["calls"]
    }


def test_what_exceeds_the_quota_would_fail(cloud: Cloud, planned: Any) -> None:
    event = document(25)
    staged = stage(cloud, event)
    staged.deliver(document(10, name="other"))

    report = planned(staged, event, status=1, BACKEND_QUOTA="30")

    (outcome,) = report["outcomes"]
    assert outcome["error"]["code"] == "InstanceBackendServerNumberOverLimit"


def test_a_group_that_holds_something_else_would_be_refused(cloud: Cloud, planned: Any) -> None:
    event = document(2)
    staged = stage(cloud, event)
    staged.deliver(document(3))

    (outcome,) = planned(staged, event, status=3)["outcomes"]

    assert (outcome["outcome"], outcome["error"]["code"]) == ("refused", "VServerGroupDiffers")


def test_the_claim_of_another_delivery_would_be_outlasted_without_waiting(
    cloud: Cloud, planned: Any
) -> None:
    event = document(2)
    staged = stage(cloud, event)
    now = cloud.state()["Clock"]["now"]
    claim = naming.make_claim("web-8080", now, "0" * 16).name
    cloud.seed(VServerGroups=[{"LoadBalancerId": LOAD_BALANCER, "VServerGroupName": claim}])

    report = planned(staged, event)

    assert report["seconds_of_waiting"] > 0
    assert [c["action"] for c in report["calls"]].count("DeleteVServerGroup") == 1
    assert [group["VServerGroupName"] for group in staged.groups()] == [claim]


def test_of_what_would_be_given_up_no_letter_is_sent(cloud: Cloud, planned: Any) -> None:
    staged = stage(cloud, hook_event(1))
    cloud.seed(Queues=[{"QueueName": "dead"}])

    report = planned(staged, b"not an event", status=3, DEAD_LETTER_QUEUE="dead")

    told = [(call["action"], call["on"]) for call in report["calls"]]
    assert told == [(PUBLISH, TOPIC), ("SendMessage", "dead")]
    assert report["permissions"] == ["mns:PublishMessage", "mns:SendMessage"]
    (queue,) = (q for q in cloud.state()["Queues"] if q["QueueName"] == "dead")
    assert queue["Messages"] == []


def test_a_hook_that_has_waited_long_would_be_prolonged(cloud: Cloud, planned: Any) -> None:
    event = hook_event(2)
    staged = stage(cloud, event)
    cloud.advance(400)  # of 600 seconds

    report = planned(staged, event)

    assert [c["result"] for c in report["calls"] if c["action"] == HEARTBEAT] == ["600 s"]
    assert "ess:RecordLifecycleActionHeartbeat" in report["permissions"]


def test_a_person_reads_the_plan_line_by_line(cloud: Cloud, tmp_path: Path) -> None:
    event = hook_event(2)
    staged = stage(cloud, event)
    lines = (f"{name}='{value}'" for name, value in staged.environ.items())
    config = tmp_path / "function.env"
    config.write_text("# of a deployment\n\n" + "\n".join(lines), encoding="utf-8")

    status, output, errors = called(
        "plan", "-", "--config", str(config), "--local", cloud.url, given=event
    )

    assert (status, errors) == (0, "")
    assert "provisioned: asg-0001 of lb-local created; 2 backends added, 0 there already" in output
    assert "would call  CompleteLifecycleAction" in output
    assert f"{LOAD_BALANCER}: 0 held, 2 more, 198 of 200 left" in output
    (needs,) = (line for line in output.splitlines() if line.startswith("needs"))
    called_for = {f"{each['service']}:{each['action']}" for each in cloud.journal()}
    assert called_for < set(needs.removeprefix("needs").strip().split(", "))


def test_an_event_that_asks_for_nothing_needs_no_permission(cloud: Cloud, tmp_path: Path) -> None:
    event = hook_event(2, lifecycleTransition="TEST")
    config = tmp_path / "function.json"
    config.write_text(json.dumps(environment(cloud.url)), encoding="utf-8")

    status, output, _ = called(
        "plan", "-", "--config", str(config), "--local", cloud.url, given=event
    )

    assert status == 0
    assert output.splitlines() == [
        "outcome     skipped: a test event",
        "limit       0 of 90 CreateVServerGroup a minute",
        "needs       no permission",
    ]


def test_a_configuration_that_cannot_work_is_told_on_one_line(cloud: Cloud, tmp_path: Path) -> None:
    config = tmp_path / "function.json"
    config.write_text(json.dumps({"FC_REGION": REGION}), encoding="utf-8")

    status, output, errors = called(
        "plan", "-", "--config", str(config), "--local", cloud.url, given=b"{}"
    )

    assert (status, output) == (2, "")
    assert errors == ("opskit plan: the configuration is at fault: RESULT_TOPIC: is required\n")


def test_a_role_to_assume_is_among_what_has_to_be_allowed(cloud: Cloud, planned: Any) -> None:
    event = document(1)
    staged = stage(cloud, event)
    role = "acs:ram::1000000000000001:role/balancers"
    cloud.seed(Roles=[{"RoleArn": role}])

    report = planned(staged, event, SLB_ROLE_ARN=role, STS_ENDPOINT=cloud.url)

    assert report["outcomes"][0]["outcome"] == "provisioned"
    assert "sts:AssumeRole" in report["permissions"]


def test_a_cloud_that_does_not_answer_would_fail_the_event(cloud: Cloud, planned: Any) -> None:
    event = hook_event(1)
    cloud.fault(kind="error", action="DescribeScalingInstances", status=403, code="Forbidden.RAM")

    (outcome,) = planned(stage(cloud, event), event, status=1)["outcomes"]

    assert (outcome["outcome"], outcome["error"]["code"]) == ("failed", "PermissionMissing")
