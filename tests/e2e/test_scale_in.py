"""Servers leave: the whole function on localcloud, and the scaling group of the default world with
the function in a process of its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from e2e.stage import (
    COMPLETE,
    DELETE,
    LIST,
    LOOKED,
    PUBLISH,
    READ,
    REMOVE,
    RENAME,
    Stage,
    hook_event,
    servers_of,
)
from e2e.test_default_world import World
from e2e.test_default_world import world as world  # noqa: PLC0414 - a fixture
from opskit.world import LOAD_BALANCER
from provisioner.errors import Retryable
from provisioner.groups import naming

Staged = Callable[..., Stage]

EVENT = hook_event(2, lifecycleTransition="SCALE_IN")
LEFT = ["i-0001", "i-0002"]
WHOLE = [*LOOKED, LIST, READ, REMOVE, READ, PUBLISH, COMPLETE]
BY_ACTIVITY = {"VServerGroupName": "{scaling_group_id}/{scaling_activity_id}", "DeleteEmpty": True}
OURS = naming.build_owner_tags("mark")


def bound(stage: Stage, **changes: Any) -> Stage:
    (binding,) = json.loads(stage.environ["BINDINGS"])
    stage.environ["BINDINGS"] = json.dumps([{**binding, **changes}])
    return stage


def holds(stage: Stage, *ids: str, name: str = "theirs", tags: Mapping[str, str]) -> None:
    stage.cloud.seed(
        VServerGroups=[
            {
                "LoadBalancerId": LOAD_BALANCER,
                "VServerGroupName": name,
                "BackendServers": [{"ServerId": id_, "Port": 80} for id_ in ids],
                "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
            }
        ]
    )


def test_servers_leave_our_groups_and_no_other_in_a_stated_number_of_calls(staged: Staged) -> None:
    stage = staged(EVENT)
    holds(stage, *LEFT, "i-0003", tags={})

    (outcome,) = stage.deliver(EVENT)["outcomes"]

    assert outcome["outcome"] == "deregistered"
    assert stage.actions() == WHOLE
    assert servers_of(stage.the_group()) == []
    assert servers_of(stage.the_group("theirs")) == [*LEFT, "i-0003"]
    assert stage.hook() == ("Completed", "CONTINUE")
    (result,) = stage.received()
    assert result["type"] == "vservergroup.deregistered"
    assert result["data"]["changes"]["removedCount"] == 2


def test_one_stopped_server_costs_itself_and_the_others_leave(staged: Staged) -> None:
    event = hook_event(20, lifecycleTransition="SCALE_IN")
    stage = staged(event)
    stage.cloud.fault(
        action=REMOVE,
        where={"ServerId": "i-0003"},
        kind="error",
        status=400,
        code="ObtainIpFail",
        probability=1,
    )

    (outcome,) = stage.deliver(event)["outcomes"]

    assert outcome["outcome"] == "deregistered"
    assert servers_of(stage.the_group()) == ["i-0003"]
    assert stage.hook() == ("Completed", "CONTINUE")
    (result,) = stage.received()
    (group,) = result["data"]["groups"]
    assert (group["removedCount"], [each["ServerId"] for each in group["leftOut"]]) == (
        19,
        ["i-0003"],
    )


def test_servers_leave_a_foreign_group_of_the_bindings_name_and_nothing_else_does(
    staged: Staged,
) -> None:
    stage = bound(staged(EVENT), VServerGroupName="by-terraform")
    holds(stage, *LEFT, "i-0003", name="by-terraform", tags={})

    stage.deliver(EVENT)

    assert servers_of(stage.the_group("by-terraform")) == ["i-0003"]
    assert stage.hook() == ("Completed", "CONTINUE")


def test_a_load_balancer_that_does_not_exist_any_more_does_not_keep_servers(
    staged: Staged,
) -> None:
    stage = bound(staged(EVENT), LoadBalancerId="lb-deleted", ScaleInFailureResult="ROLLBACK")

    (outcome,) = stage.deliver(EVENT)["outcomes"]

    assert outcome["outcome"] == "deregistered"
    assert stage.hook() == ("Completed", "CONTINUE")


def test_a_removal_that_is_refused_for_good_and_rolled_back_leaves_the_weights_of_before(
    staged: Staged,
) -> None:
    stage = bound(staged(EVENT), Drain=30, ScaleInFailureResult="ROLLBACK")
    before = stage.the_group()["BackendServers"]
    stage.cloud.fault(
        action=REMOVE, kind="error", status=400, code="MasterSlaveServerConflict", probability=1
    )

    stage.deliver(EVENT)

    assert stage.actions().count(RENAME) == 2  # it sets weights too
    assert stage.the_group()["BackendServers"] == before
    assert stage.hook() == ("Completed", "ROLLBACK")


def test_the_same_event_again_reads_and_publishes_the_same_result(staged: Staged) -> None:
    stage = staged(EVENT)
    stage.deliver(EVENT)
    stage.actions()

    stage.deliver(EVENT)

    assert stage.actions() == [*LOOKED[:2], LIST, READ, PUBLISH]
    first, second = stage.received()
    assert first["id"] == second["id"]


def test_a_drain_takes_the_weights_first_and_a_group_left_empty_goes(staged: Staged) -> None:
    stage = bound(staged(EVENT), **BY_ACTIVITY, Drain=30)
    holds(stage, *LEFT, name="asg-0001/asa-0000", tags=OURS)
    before = stage.cloud.advance(0)

    stage.deliver(EVENT)

    assert stage.cloud.advance(0) - before >= 30
    calls = stage.actions()
    assert calls.index(RENAME) < calls.index(REMOVE) < calls.index(DELETE) < calls.index(PUBLISH)
    assert servers_of(stage.the_group()) == []  # its name is not one of the binding's
    assert [group["VServerGroupName"] for group in stage.groups()] == ["asg-0001"]
    (result,) = stage.received()
    changes = result["data"]["changes"]
    assert (changes["deletedCount"], changes["drainedSeconds"]) == (1, 30)


def test_a_replay_after_the_group_was_deleted_has_the_id_of_the_first_result(
    staged: Staged,
) -> None:
    stage = bound(staged(EVENT), **BY_ACTIVITY)
    holds(stage, *LEFT, name="asg-0001/asa-0000", tags=OURS)
    stage.deliver(EVENT)
    stage.deliver(EVENT)
    first, second = stage.received()
    assert (first["id"], first["subject"]) == (second["id"], second["subject"])


@pytest.mark.parametrize("action", [REMOVE, PUBLISH, COMPLETE])
def test_what_fails_in_between_is_ended_by_the_next_delivery(staged: Staged, action: str) -> None:
    stage = staged(EVENT)
    stage.cloud.fault(action=action, kind="error", status=403, code="Forbidden.RAM")
    with pytest.raises(Retryable):
        stage.deliver(EVENT)

    stage.deliver(EVENT)

    assert servers_of(stage.the_group()) == []
    assert stage.hook() == ("Completed", "CONTINUE")
    assert len({result["id"] for result in stage.received()}) == 1


def test_what_was_rolled_back_is_left_alone_by_a_late_delivery(staged: Staged) -> None:
    stage = staged(EVENT, DefaultResult="ROLLBACK", HeartbeatTimeout=30)
    stage.cloud.advance(31)

    (outcome,) = stage.deliver(EVENT)["outcomes"]

    assert outcome["code"] == "HookEndedOtherwise"
    assert stage.in_service() == LEFT
    assert servers_of(stage.the_group()) == LEFT


# The default world, with the function in its own process


def test_of_ten_servers_that_came_four_leave_their_group_and_are_released(world: World) -> None:
    world.scale(10)
    world.until("CompleteLifecycleAction")
    world.scale(-4)
    completed = world.until("CompleteLifecycleAction")
    assert (completed["caller"], completed["status"]) == ("provisioner", 200)
    states = world.states()
    assert list(states.values()) == ["InService"] * 6
    assert world.groups() == {"asg-local": sorted(states)}
    assert world.results() == ["vservergroup.provisioned", "vservergroup.deregistered"]


@pytest.mark.parametrize("commit", [False, True])
@pytest.mark.parametrize("action", [REMOVE, PUBLISH, COMPLETE])
def test_a_crash_at_any_call_ends_with_the_servers_out_all_the_same(
    world: World, action: str, commit: bool
) -> None:
    world.scale(4)
    world.until(COMPLETE)
    world.ended(1)
    world.ask("faults", [{"kind": "crash_caller", "action": action, "commit": commit}])
    world.scale(-2)
    assert world.until(action)["fault"] == "crash_caller"
    world.ask("clock", {"advance": 60})
    over = action == COMPLETE and commit
    world.until("DescribeLifecycleActions" if over else COMPLETE)
    world.ended(3)
    states = world.states()
    assert list(states.values()) == ["InService", "InService"]
    assert world.groups() == {"asg-local": sorted(states)}
    assert set(world.results()[1:]) == {"vservergroup.deregistered"}


def test_a_duplicate_of_the_scale_in_message_changes_nothing(world: World) -> None:
    world.scale(4)
    world.until(COMPLETE)
    world.ended(1)
    world.ask("settings", {"DuplicateDelivery": {"Every": 1}})
    world.scale(-2)
    world.ended(3)
    states = world.states()
    assert list(states.values()) == ["InService", "InService"]
    assert world.groups() == {"asg-local": sorted(states)}
