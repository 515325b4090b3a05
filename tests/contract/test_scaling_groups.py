"""What `ports.ScalingGroups` promises, in memory and by the SDK."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from fakes import REGION
from provisioner.errors import Code, Retryable
from provisioner.model import (
    ActionState,
    LifecycleAction,
    LifecycleResult,
    ScalingActivity,
    ScalingInstance,
)
from provisioner.ports import Heartbeat
from worlds import Scaling

LONG = 30.0


def servers(number: int) -> list[ScalingInstance]:
    # An instance belongs to one group, hence ids of their own for each test.
    return [
        ScalingInstance(f"i-of-{number}-{n:04}", "Pending:Wait", f"10.0.{n // 250}.{n % 250 + 1}")
        for n in range(number)
    ]


def on_record(scaling: Scaling) -> tuple[ActionState, ...]:
    activity_id = scaling.action.scaling_activity_id
    return scaling.port.list_lifecycle_actions(REGION, activity_id, within=LONG)


def test_an_activity_without_hooks_has_no_actions(scaling: Scaling) -> None:
    assert on_record(scaling) == ()


def test_a_pending_action_is_told_with_its_hook_and_token(scaling: Scaling) -> None:
    action = scaling.waits("token-of-a-pending-one")

    (state,) = on_record(scaling)

    assert state.pending
    assert state.action == LifecycleAction(
        hook_id=action.hook_id,
        token="token-of-a-pending-one",
        scaling_group_id="",
        scaling_activity_id=action.scaling_activity_id,
        region_id=REGION,
    )


@pytest.mark.parametrize("result", ["CONTINUE", "ABANDON", "ROLLBACK"])
def test_an_ended_action_is_told_with_the_result_on_record(scaling: Scaling, result: str) -> None:
    scaling.ended(f"token-ended-{result}", result)

    (state,) = on_record(scaling)

    assert not state.pending
    assert state.result == result


@pytest.mark.parametrize("number", [1, 49, 50, 51, 100, 101])
def test_every_action_of_an_activity_is_told_however_many_pages_they_fill(
    scaling: Scaling, number: int
) -> None:
    tokens = [f"token-{number}-{n:04}" for n in range(number)]
    scaling.wait(*tokens)

    assert [state.action.token for state in on_record(scaling)] == tokens


@pytest.mark.parametrize("result", list(LifecycleResult))
def test_a_pending_action_is_completed_with_the_result_that_was_sent(
    scaling: Scaling, result: LifecycleResult
) -> None:
    action = scaling.waits(f"token-to-{result.value}")

    assert scaling.port.complete_lifecycle_action(action, result, within=LONG)

    (state,) = on_record(scaling)
    assert (state.pending, state.result) == (False, result.value)


def test_an_action_is_completed_once(scaling: Scaling) -> None:
    action = scaling.waits("token-to-complete-twice")
    scaling.port.complete_lifecycle_action(action, LifecycleResult.CONTINUE, within=LONG)

    assert not scaling.port.complete_lifecycle_action(action, LifecycleResult.ABANDON, within=LONG)
    (state,) = on_record(scaling)
    assert state.result == "CONTINUE"


def test_an_action_that_never_was_is_not_completed(scaling: Scaling) -> None:
    nothing = LifecycleAction("ash-of-nobody", "no-token", "", "", region_id=REGION)

    assert not scaling.port.complete_lifecycle_action(
        nothing, LifecycleResult.CONTINUE, within=LONG
    )


@pytest.mark.parametrize("number", [0, 1, 10, 11, 20, 21, 101])
def test_every_instance_that_the_group_has_is_told_however_many_are_asked_for(
    scaling: Scaling, number: int
) -> None:
    there = servers(number)
    scaling.holds(*there)
    asked = [instance.instance_id for instance in there]

    group_id = scaling.action.scaling_group_id
    found = scaling.port.read_instances(REGION, group_id, asked, within=LONG)

    assert found == {instance.instance_id: instance for instance in there}


def test_instances_that_are_gone_are_left_out_without_a_word(scaling: Scaling) -> None:
    scaling.holds(ScalingInstance("i-here", "InService", "10.1.0.1"))

    group_id = scaling.action.scaling_group_id
    found = scaling.port.read_instances(REGION, group_id, ["i-here", "i-gone"], within=LONG)

    assert list(found) == ["i-here"]


def test_instances_of_another_group_are_left_out(scaling: Scaling) -> None:
    scaling.holds(ScalingInstance("i-elsewhere", "InService", "10.1.0.2"))

    assert scaling.port.read_instances(REGION, "asg-other", ["i-elsewhere"], within=LONG) == {}


def test_the_terms_of_a_hook_are_its_timeout_and_the_start_of_the_activity(
    scaling: Scaling,
) -> None:
    before = scaling.now()
    action = scaling.waits("token-of-terms")
    scaling.later(100)

    terms = scaling.port.read_hook_terms(action, within=LONG)

    assert terms
    assert terms.heartbeat_timeout == 600
    assert int(before) - 10 <= terms.started <= before + 10
    # The cloud's own time, whatever ours is; it drops the fraction.
    assert before + 99 <= terms.now <= scaling.now()


@pytest.mark.parametrize("unknown", [{"hook_id": "ash-none"}, {"scaling_activity_id": "asa-none"}])
def test_a_hook_or_an_activity_that_is_not_known_has_no_terms(
    scaling: Scaling, unknown: dict[str, Any]
) -> None:
    action = scaling.waits(f"token-{'-'.join(unknown)}")

    assert scaling.port.read_hook_terms(replace(action, **unknown), within=LONG) is None


def test_the_newest_activities_of_a_group_come_first(scaling: Scaling) -> None:
    scaling.waits("token-of-the-first")
    first = scaling.action.scaling_activity_id
    second, third = scaling.another_activity(), scaling.another_activity()
    group_id = scaling.action.scaling_group_id

    def recent(most: int) -> tuple[str, ...]:
        return scaling.port.list_recent_activities(REGION, group_id, most=most, within=LONG)

    assert recent(20) == (third, second, first)
    assert recent(2) == (third, second)
    assert scaling.port.list_recent_activities(REGION, "asg-none", most=20, within=LONG) == ()


@pytest.mark.parametrize("number", [0, 1, 50, 51, 101])
def test_every_instance_of_a_group_is_told_however_many_there_are(
    scaling: Scaling, number: int
) -> None:
    there = [replace(each, instance_id=f"{each.instance_id}-all") for each in servers(number)]
    scaling.holds(*there)

    group_id = scaling.action.scaling_group_id
    found = scaling.port.list_instances(REGION, group_id, within=LONG)

    assert found == {instance.instance_id: instance for instance in there}


def test_activities_are_told_with_whether_they_have_ended_and_what_came_and_went(
    scaling: Scaling,
) -> None:
    scaling.waits("token-in-progress")
    going_on, now = scaling.action.scaling_activity_id, float(int(scaling.now()))
    over = ScalingActivity(f"{going_on}-over", now, frozenset({"i-1"}), frozenset({"i-2"}))
    scaling.was(over)
    group_id = scaling.action.scaling_group_id

    told = scaling.port.list_activities(REGION, group_id, within=LONG)
    assert {each.scaling_activity_id: each for each in told} == {
        going_on: ScalingActivity(going_on, None),
        over.scaling_activity_id: over,
    }
    (only,) = scaling.port.list_activities(REGION, group_id, in_progress=True, within=LONG)
    assert only.scaling_activity_id == going_on


def test_a_heartbeat_lets_an_action_wait_so_long_from_now(scaling: Scaling) -> None:
    action = scaling.waits("token-of-a-heart")
    scaling.later(500)

    assert scaling.port.record_heartbeat(action, 300, within=LONG) is Heartbeat.RECORDED

    scaling.later(200)
    assert on_record(scaling)[0].pending
    scaling.later(150)
    (state,) = on_record(scaling)
    assert (state.pending, state.timed_out, state.result) == (False, True, "ABANDON")


def test_an_action_has_twenty_heartbeats(scaling: Scaling) -> None:
    action = scaling.waits("token-of-twenty")

    said = [scaling.port.record_heartbeat(action, 600, within=LONG) for _ in range(21)]

    assert said == [Heartbeat.RECORDED] * 20 + [Heartbeat.EXHAUSTED]
    assert on_record(scaling)[0].pending


def test_an_action_waits_six_hours_at_most(scaling: Scaling) -> None:
    action = scaling.waits("token-of-six-hours")
    scaling.later(300)

    assert scaling.port.record_heartbeat(action, 6 * 3600, within=LONG) is Heartbeat.EXHAUSTED
    assert on_record(scaling)[0].pending


def test_an_action_that_has_ended_or_never_was_has_no_heartbeat(scaling: Scaling) -> None:
    action = scaling.waits("token-of-one-that-ended")
    scaling.port.complete_lifecycle_action(action, LifecycleResult.CONTINUE, within=LONG)

    for gone in (action, replace(action, token="no-token")):
        assert scaling.port.record_heartbeat(gone, 600, within=LONG) is Heartbeat.ENDED


def test_nothing_is_asked_or_told_when_no_time_is_left(scaling: Scaling) -> None:
    action = scaling.waits("token-without-time")
    group_id, activity_id = action.scaling_group_id, action.scaling_activity_id
    calls: list[Callable[[], object]] = [
        lambda: scaling.port.list_lifecycle_actions(REGION, activity_id, within=0.0),
        lambda: scaling.port.read_instances(REGION, group_id, ["i-1"], within=0.0),
        lambda: scaling.port.read_hook_terms(action, within=0.0),
        lambda: scaling.port.list_recent_activities(REGION, group_id, most=1, within=0.0),
        lambda: scaling.port.list_instances(REGION, group_id, within=0.0),
        lambda: scaling.port.list_activities(REGION, group_id, within=0.0),
        lambda: scaling.port.record_heartbeat(action, 600, within=0.0),
        lambda: scaling.port.complete_lifecycle_action(
            action, LifecycleResult.CONTINUE, within=0.0
        ),
    ]
    for call in calls:
        with pytest.raises(Retryable) as late:
            call()
        assert late.value.code == Code.OUT_OF_TIME.value
    assert on_record(scaling)[0].pending
