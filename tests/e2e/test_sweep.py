"""What was left behind is found on localcloud, and put right when that is asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

import builders
from e2e.opskit_calls import called
from e2e.stage import LEASE, LIST, Cloud, Stage, context, hook_event, servers_of
from e2e.test_crashes import crash
from fakes import REGION
from localcloud.worlds import ACCOUNT
from opskit import ending
from opskit.world import INBOX, LOAD_BALANCER
from provisioner.aliyun.clock import SystemClock
from provisioner.app import App
from provisioner.model import Backend
from provisioner.ports import LoadBalancers

Staged = Callable[..., Stage]

EVENT = hook_event(3)
LEAVE = hook_event(2, lifecycleTransition="SCALE_IN")
QUEUE = f"acs:mns:{REGION}:{ACCOUNT}:queue/{INBOX}"
IDS = [f"i-{n:04}" for n in range(1, 4)]
TICK = {"triggerTime": "2026-01-01T00:00:00Z", "triggerName": "sweep", "payload": ""}


def tick(stage: Stage, mode: str) -> list[tuple[str, bool]]:
    """Every finding's kind, and whether it was put right."""
    app = stage.app(SWEEP=mode)
    (swept,) = stage.deliver(builders.as_bytes(TICK), app)["sweeps"]
    assert swept["unread"] == []
    return [(each["kind"], each["applied"]) for each in swept["findings"]]


def in_service(stage: Stage, event: bytes = EVENT) -> None:
    """Behind their group, and for a while."""
    stage.deliver(event)
    stage.cloud.advance(700)
    assert tick(stage, "apply") == []


def ended(stage: Stage, activity: str, **instances: list[str]) -> None:
    """ESS has such an activity on record."""
    began = "2026-01-01T00:00:00Z"
    known = {"ScalingActivityId": activity, "ScalingGroupId": "asg-0001"}
    over = {"StatusCode": "Successful", "StartTime": began, "EndTime": began}
    stage.cloud.seed(ScalingActivities=[{**known, **over, **instances}])


def test_a_claim_that_a_crash_left_is_reported_and_then_deleted(staged: Staged) -> None:
    stage = staged(EVENT, HeartbeatTimeout=3600)
    stage.cloud.fault(action="AddVServerGroupBackendServers", kind="hang_after", seconds=3600)
    crash(stage, EVENT)
    assert len(stage.claims()) == 1
    assert tick(stage, "report") == []
    stage.cloud.advance(LEASE)
    assert tick(stage, "report") == [("StaleClaim", False)]
    assert len(stage.claims()) == 1
    assert tick(stage, "apply") == [("StaleClaim", True)]
    assert stage.groups() == []
    assert tick(stage, "apply") == []


def test_a_hook_whose_message_was_lost_is_completed_with_its_servers_in(staged: Staged) -> None:
    stage = staged(EVENT, NotificationArn=QUEUE)
    assert tick(stage, "apply") == []
    stage.cloud.advance(301)
    assert tick(stage, "report") == [("StuckHook", False)]
    assert tick(stage, "apply") == [("StuckHook", True)]
    assert stage.hook() == ("Completed", "CONTINUE")
    assert servers_of(stage.the_group()) == IDS
    assert stage.in_service() == IDS
    stage.deliver(EVENT)
    assert len({result["id"] for result in stage.received()}) == 1


def test_a_scale_in_whose_message_was_lost_is_completed_with_its_servers_out(
    staged: Staged,
) -> None:
    stage = staged(LEAVE, NotificationArn=QUEUE)
    stage.cloud.advance(301)
    assert tick(stage, "report") == [("StuckHook", False)]
    assert servers_of(stage.the_group()) == IDS[:2]
    assert tick(stage, "apply") == [("StuckHook", True)]
    assert stage.hook() == ("Completed", "CONTINUE")
    assert servers_of(stage.the_group()) == []
    stage.deliver(LEAVE)
    results = stage.received()
    assert {result["type"] for result in results} == {"vservergroup.deregistered"}
    assert len({result["id"] for result in results}) == 1
    assert tick(stage, "apply") == []


@pytest.mark.parametrize("event", [EVENT, LEAVE], ids=["scale-out", "scale-in"])
def test_a_sweep_and_the_message_at_once_come_to_one_answer(staged: Staged, event: bytes) -> None:
    stage = staged(event, NotificationArn=QUEUE)
    stage.cloud.advance(301)
    sweeper, live = stage.app(clock=SystemClock(), SWEEP="apply"), stage.app(clock=SystemClock())
    start = Barrier(2)

    def deliver(what: bytes, app: App) -> Any:
        start.wait(timeout=60)
        return stage.deliver(what, app)

    with ThreadPoolExecutor(2) as threads:
        swept = threads.submit(deliver, builders.as_bytes(TICK), sweeper)
        heard = threads.submit(deliver, event, live)
        (outcome,) = heard.result()["outcomes"]
        (done,) = swept.result()["sweeps"]

    assert outcome["outcome"] in ("provisioned", "deregistered")
    assert [each["code"] for each in done["findings"] if each["code"]] == []
    assert stage.hook() == ("Completed", "CONTINUE")
    assert servers_of(stage.the_group()) == (IDS if event == EVENT else [])
    assert len({result["id"] for result in stage.received()}) == 1


def test_a_server_that_was_destroyed_unheard_is_removed(staged: Staged) -> None:
    stage = staged(EVENT)
    in_service(stage)
    group = stage.the_group()
    ended(stage, "asa-gone", DestroyedInstances=["i-0009"])
    add(stage, group["VServerGroupId"], "i-0009")
    assert tick(stage, "report") == [("ReleasedInstance", False)]
    assert tick(stage, "apply") == [("ReleasedInstance", True)]
    assert servers_of(stage.the_group()) == IDS


def test_what_one_group_got_is_taken_out_again_when_another_fails_the_hook(
    staged: Staged,
) -> None:
    stage = staged(EVENT)
    (bound,) = json.loads(stage.environ["BINDINGS"])
    other = {**bound, "LoadBalancerId": "lb-0009"}
    stage.cloud.seed(LoadBalancers=[{"LoadBalancerId": "lb-0009", "RegionId": "cn-hangzhou"}])
    refuses = {"status": 400, "code": "OperationUnsupported.CreateVServerGroup"}
    where = {"LoadBalancerId": "lb-0009"}
    stage.cloud.fault(action="CreateVServerGroup", kind="error", where=where, **refuses)
    stage.deliver(EVENT, stage.app(BINDINGS=json.dumps([bound, other])))
    assert stage.hook() == ("Completed", "ABANDON")
    codes = {result["data"]["error"]["code"] for result in stage.received()}
    assert codes == {"HookFailed", refuses["code"]}
    assert (servers_of(stage.the_group()), stage.in_service()) == ([], [])
    assert tick(stage, "apply") == []


def test_a_server_in_service_that_the_group_lacks_is_added(staged: Staged) -> None:
    stage = staged(EVENT)
    in_service(stage)
    there = {"InstanceId": "i-0004", "ScalingGroupId": "asg-0001", "LifecycleState": "InService"}
    stage.cloud.seed(ScalingInstances=[there])
    assert tick(stage, "report") == [("MissingInstance", False)]
    assert tick(stage, "apply") == [("MissingInstance", True)]
    assert servers_of(stage.the_group()) == [*IDS, "i-0004"]
    assert tick(stage, "apply") == []


def test_the_command_line_tells_and_then_puts_right(staged: Staged, tmp_path: Path) -> None:
    stage = staged(EVENT, NotificationArn=QUEUE)
    stage.cloud.advance(301)
    config = tmp_path / "function.json"
    config.write_text(json.dumps(stage.environ), encoding="utf-8")
    at = ("--config", str(config), "--local", stage.cloud.url)

    code, output, errors = called("sweep", "--json", *at)
    assert (code, errors) == (ending.REFUSED, "")
    (found,) = json.loads(output)["findings"]
    assert (found["kind"], found["applied"]) == ("StuckHook", False)
    assert stage.hook() == ("Pending", "ABANDON")

    code, output, _ = called("sweep", "--apply", *at)
    assert (code, "StuckHook  asg-0001" in output) == (ending.OK, True)
    assert called("sweep", *at)[0] == ending.OK
    assert stage.hook() == ("Completed", "CONTINUE")


def test_the_command_says_what_could_not_be_read(staged: Staged, tmp_path: Path) -> None:
    stage = staged(EVENT)
    config = tmp_path / "function.json"
    config.write_text(json.dumps(stage.environ), encoding="utf-8")
    stage.cloud.fault(action=LIST, kind="error", status=403, code="Forbidden.RAM")
    code, output, _ = called("sweep", "--config", str(config), "--local", stage.cloud.url)
    assert (code, "could not be read: " in output) == (ending.FAILED, True)


def test_the_command_says_what_is_wrong_with_its_configuration(
    cloud: Cloud, tmp_path: Path
) -> None:
    config = tmp_path / "function.env"
    config.write_text("SWEEP=apply\n", encoding="utf-8")
    code, _, errors = called("sweep", "--config", str(config), "--local", cloud.url)
    assert (code, "RESULT_TOPIC" in errors) == (ending.UNUSABLE, True)


def add(stage: Stage, group_id: str, server_id: str) -> None:
    app = stage.app()
    app.start_invocation(context())
    app.deps.load_balancers.add_backend_servers(
        REGION, group_id, [Backend(server_id, 8080)], within=30
    )


def test_a_weight_that_a_drain_left_at_0_is_found_and_set(staged: Staged) -> None:
    stage = staged(EVENT)
    in_service(stage)
    port = port_of(stage)
    group = stage.the_group()
    lowered = [Backend(IDS[0], group["BackendServers"][0]["Port"], 0)]
    port.set_weights(REGION, group["VServerGroupId"], lowered, within=30)

    assert tick(stage, "report") == [("ZeroWeight", False)]
    assert tick(stage, "apply") == [("ZeroWeight", True)]

    assert {each["Weight"] for each in stage.the_group()["BackendServers"]} == {100}
    assert tick(stage, "apply") == []


def test_a_renamed_group_is_told_by_the_result_and_found_by_the_sweep(staged: Staged) -> None:
    more = hook_event(1, first=9, scalingActivityId="asa-0002", lifecycleActionToken="token-2")
    stage = staged(EVENT, more, HeartbeatTimeout=3600)
    in_service(stage)
    old = stage.the_group()["VServerGroupId"]
    stage.cloud.listener(LOAD_BALANCER, old)
    port_of(stage).rename_vserver_group(REGION, old, "renamed", within=30)

    stage.deliver(more)

    result = stage.received()[-1]
    assert (result["data"]["inUse"], result["data"]["otherGroupsInUse"]) == (False, [old])
    assert ("UnusedGroup", False) in tick(stage, "apply")
    assert servers_of(stage.the_group()) == ["i-0009"]


def port_of(stage: Stage) -> LoadBalancers:
    app = stage.app()
    app.start_invocation(context())
    return app.deps.load_balancers
