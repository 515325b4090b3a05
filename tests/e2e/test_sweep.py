"""What was left behind is found on localcloud, and put right when that is asked for."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

import builders
from e2e.stage import LEASE, Stage, context, hook_event, servers_of
from e2e.test_crashes import crash
from fakes import REGION
from opskit import sweep as command
from provisioner.core.model import Backend

Staged = Callable[..., Stage]

EVENT = hook_event(3)
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


def test_a_claim_that_a_crash_left_is_reported_and_then_deleted(staged: Staged) -> None:
    stage = staged(EVENT, HeartbeatTimeout=3600)
    stage.cloud.fault(action="AddVServerGroupBackendServers", kind="hang_after", seconds=3600)
    crash(stage)
    assert len(stage.claims()) == 1
    assert tick(stage, "report") == []
    stage.cloud.advance(LEASE)
    assert tick(stage, "report") == [("StaleClaim", False)]
    assert len(stage.claims()) == 1
    assert tick(stage, "apply") == [("StaleClaim", True)]
    assert stage.groups() == []
    assert tick(stage, "apply") == []


def test_a_hook_whose_message_was_lost_is_completed_with_its_servers_in(staged: Staged) -> None:
    stage = staged(EVENT)
    assert tick(stage, "apply") == []
    stage.cloud.advance(301)
    assert tick(stage, "report") == [("StuckHook", False)]
    assert tick(stage, "apply") == [("StuckHook", True)]
    assert stage.hook() == ("Completed", "CONTINUE")
    assert servers_of(stage.the_group()) == IDS
    assert stage.in_service() == IDS
    stage.deliver(EVENT)
    assert len({result["id"] for result in stage.received()}) == 1


def test_a_server_that_was_destroyed_unheard_is_removed(staged: Staged) -> None:
    stage = staged(EVENT)
    in_service(stage)
    group = stage.the_group()
    stage.cloud.seed(
        ScalingActivities=[
            {
                "ScalingActivityId": "asa-gone",
                "ScalingGroupId": "asg-0001",
                "StatusCode": "Successful",
                "StartTime": "2026-01-01T00:00:00Z",
                "EndTime": "2026-01-01T00:00:00Z",
                "DestroyedInstances": ["i-0009"],
            }
        ]
    )
    add(stage, group["VServerGroupId"], "i-0009")
    assert tick(stage, "report") == [("ReleasedInstance", False)]
    assert tick(stage, "apply") == [("ReleasedInstance", True)]
    assert servers_of(stage.the_group()) == IDS


def test_a_server_in_service_that_the_group_lacks_is_added(staged: Staged) -> None:
    stage = staged(EVENT)
    in_service(stage)
    there = {"InstanceId": "i-0004", "ScalingGroupId": "asg-0001", "LifecycleState": "InService"}
    stage.cloud.seed(ScalingInstances=[there])
    assert tick(stage, "report") == [("MissingInstance", False)]
    assert tick(stage, "apply") == [("MissingInstance", True)]
    assert servers_of(stage.the_group()) == [*IDS, "i-0004"]
    assert tick(stage, "apply") == []


def test_the_command_line_tells_and_then_puts_right(
    staged: Staged, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "localcloud")
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "localcloud-secret")
    stage = staged(EVENT)
    stage.cloud.advance(301)
    assert command.sweep(apply=False, as_json=True, environ=stage.environ) == command.LEFT
    (found,) = json.loads(capsys.readouterr().out)["findings"]
    assert found["kind"] == "StuckHook"
    assert command.sweep(apply=True, as_json=False, environ=stage.environ) == command.NOTHING_LEFT
    assert "StuckHook  asg-0001" in capsys.readouterr().out
    assert command.sweep(apply=True, as_json=True, environ=stage.environ) == command.NOTHING_LEFT
    assert stage.hook() == ("Completed", "CONTINUE")


def test_the_command_says_what_is_wrong_with_its_configuration(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command.sweep(apply=True, as_json=True, environ={}) == command.UNUSABLE
    assert "RESULT_TOPIC" in capsys.readouterr().err


def add(stage: Stage, group_id: str, server_id: str) -> None:
    app = stage.app()
    app.invocation(context())
    app.means.load_balancers.add_backend_servers(
        REGION, group_id, [Backend(server_id, 8080)], within=30
    )
