"""What `ports.ScalingGroups` promises, in memory and by the SDK."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fakes import REGION
from provisioner.core.errors import Code, Retryable
from provisioner.core.model import LifecycleAction, LifecycleResult
from provisioner.ports import ActionState, ScalingInstance
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
    return scaling.port.lifecycle_actions(REGION, activity_id, within=LONG)


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

    assert scaling.port.complete(action, result, within=LONG)

    (state,) = on_record(scaling)
    assert (state.pending, state.result) == (False, result.value)


def test_an_action_is_completed_once(scaling: Scaling) -> None:
    action = scaling.waits("token-to-complete-twice")
    scaling.port.complete(action, LifecycleResult.CONTINUE, within=LONG)

    assert not scaling.port.complete(action, LifecycleResult.ABANDON, within=LONG)
    (state,) = on_record(scaling)
    assert state.result == "CONTINUE"


def test_an_action_that_never_was_is_not_completed(scaling: Scaling) -> None:
    nothing = LifecycleAction("ash-of-nobody", "no-token", "", "", region_id=REGION)

    assert not scaling.port.complete(nothing, LifecycleResult.CONTINUE, within=LONG)


@pytest.mark.parametrize("number", [0, 1, 10, 11, 20, 21, 101])
def test_every_instance_that_the_group_has_is_told_however_many_are_asked_for(
    scaling: Scaling, number: int
) -> None:
    there = servers(number)
    scaling.holds(*there)
    asked = [instance.instance_id for instance in there]

    group_id = scaling.action.scaling_group_id
    found = scaling.port.instances(REGION, group_id, asked, within=LONG)

    assert found == {instance.instance_id: instance for instance in there}


def test_instances_that_are_gone_are_left_out_without_a_word(scaling: Scaling) -> None:
    scaling.holds(ScalingInstance("i-here", "InService", "10.1.0.1"))

    group_id = scaling.action.scaling_group_id
    found = scaling.port.instances(REGION, group_id, ["i-here", "i-gone"], within=LONG)

    assert list(found) == ["i-here"]


def test_instances_of_another_group_are_left_out(scaling: Scaling) -> None:
    scaling.holds(ScalingInstance("i-elsewhere", "InService", "10.1.0.2"))

    assert scaling.port.instances(REGION, "asg-other", ["i-elsewhere"], within=LONG) == {}


def test_nothing_is_asked_or_told_when_no_time_is_left(scaling: Scaling) -> None:
    action = scaling.waits("token-without-time")
    group_id, activity_id = action.scaling_group_id, action.scaling_activity_id
    calls: list[Callable[[], object]] = [
        lambda: scaling.port.lifecycle_actions(REGION, activity_id, within=0.0),
        lambda: scaling.port.instances(REGION, group_id, ["i-1"], within=0.0),
        lambda: scaling.port.complete(action, LifecycleResult.CONTINUE, within=0.0),
    ]
    for call in calls:
        with pytest.raises(Retryable) as late:
            call()
        assert late.value.code == Code.OUT_OF_TIME.value
    assert on_record(scaling)[0].pending
