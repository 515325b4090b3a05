"""A hook's time: two deadlines, the heartbeats in between, and what is done when it is over."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from builders import a_hook_request
from deployments import (
    LONG,
    Deployment,
    a_binding,
    answers,
    codes,
    servers,
    untouched,
    waiting,
)
from fakes import HEARTBEATS
from provisioner.errors import Ambiguous, Code, ConfigurationError, Rejected, Retryable
from provisioner.groups import naming
from provisioner.hooks.action import load_action_context
from provisioner.hooks.deadline import HookDeadline
from provisioner.model import LifecycleResult
from provisioner.ports import Heartbeat
from provisioner.provisioning import ProvisionTask
from provisioner.results.outcome import Status

HOOK = a_hook_request()
GROUP = "asg-0001"
BUSY = Retryable("Throttling", "slow down")
HOUR = 3600.0
CONTINUE, ABANDON, ROLLBACK = LifecycleResult


def hasty(*bindings: Any, timeout: float = 30.0, began: float = 0.0, **policy: Any) -> Deployment:
    """A cloud whose hooks wait no longer; the activity began so many seconds before the wait."""
    cloud = waiting(*bindings, **policy)
    cloud.scaling_groups = type(cloud.scaling_groups)(cloud.clock)
    cloud.scaling_groups.heartbeat_timeout = timeout
    cloud.scaling_groups.began = began
    cloud.waits_at_a_hook(HOOK)
    return cloud


def beats(cloud: Deployment) -> list[int]:
    """The seconds that each heartbeat asked for."""
    return [call.arguments[1] for call in cloud.scaling_groups.calls_of("record_heartbeat")]  # type: ignore[misc]


def deadline_of(cloud: Deployment, seconds: float = LONG) -> HookDeadline:
    task = ProvisionTask(cloud.means, HOOK, cloud.invocation(seconds))
    return HookDeadline(cloud.means, load_action_context(task), task.invocation)


def no_more(cloud: Deployment) -> None:
    """Others had all the heartbeats that there are."""
    assert HOOK.action
    cloud.scaling_groups.beats[HOOK.action.token] = HEARTBEATS


# Within the hook's time


def test_two_reads_tell_the_deadline_and_a_quick_hook_needs_no_heartbeat() -> None:
    cloud = waiting()
    cloud.complete(HOOK)
    assert cloud.asked_of_ess == [
        "list_lifecycle_actions",
        "read_instances",
        "read_hook_terms",
        "complete_lifecycle_action",
    ]


def test_terms_that_ess_cannot_tell_now_leave_the_hook_pending() -> None:
    cloud = waiting()
    cloud.scaling_groups.fail_next("read_hook_terms", BUSY)
    with pytest.raises(Retryable):
        cloud.complete(HOOK)
    assert untouched(cloud)
    assert cloud.operations == []


def test_terms_that_ess_refuses_to_tell_leave_the_hook_pending() -> None:
    cloud = waiting()
    cloud.scaling_groups.fail_next("read_hook_terms", Rejected("InvalidParameter", "no"))
    with pytest.raises(Retryable, match="InvalidParameter"):
        cloud.complete(HOOK)
    assert untouched(cloud)


@pytest.mark.parametrize("hours", [7, 700])
def test_a_clock_alone_gives_no_action_up_ess_has_the_last_word(hours: float) -> None:
    cloud = hasty(timeout=60, began=hours * HOUR)  # as ESS's Date has it
    (outcome,) = cloud.complete(HOOK)
    assert (outcome.status, answers(cloud)) == (Status.PROVISIONED, [CONTINUE])
    assert beats(cloud) == [30]


def test_work_that_outlasts_half_of_the_hooks_time_outlives_its_first_timeout() -> None:
    cloud = hasty(timeout=30)
    cloud.load_balancers.takes["create_vserver_group"] = [16.0]
    cloud.load_balancers.takes["add_backend_servers"] = [16.0]
    (outcome,) = cloud.complete(HOOK)
    assert (outcome.status, answers(cloud)) == (Status.PROVISIONED, [CONTINUE])
    assert beats(cloud) == [30, 30]


def test_waiting_for_another_delivery_keeps_the_hook_waiting_too() -> None:
    cloud = hasty(timeout=30)
    cloud.stands(name=naming.make_claim(GROUP, cloud.clock.now(), "0" * 16).name)
    (outcome,) = cloud.complete(HOOK)
    assert (outcome.status, answers(cloud)) == (Status.PROVISIONED, [CONTINUE])
    assert 2 <= len(beats(cloud)) <= 5


def test_a_delivery_that_comes_in_the_second_half_begins_with_a_heartbeat() -> None:
    cloud = hasty(timeout=60)
    cloud.clock.advance(40)
    cloud.complete(HOOK)
    assert beats(cloud) == [60]
    assert answers(cloud) == [CONTINUE]


@pytest.mark.parametrize(("timeout", "whole"), [(30, 3600), (600, 600), (30, 120), (3600, 6000)])
def test_an_invocation_plans_on_sixteen_heartbeats_at_most_and_the_action_lives(
    timeout: float, whole: float
) -> None:
    cloud = hasty(timeout=timeout)
    assert HOOK.action
    time = deadline_of(cloud, whole)
    ends = cloud.clock.now() + whole
    while cloud.clock.now() < ends:
        assert time.checkpoint().until > cloud.clock.now()
        cloud.clock.advance(5)
    assert len(beats(cloud)) <= 16
    assert not time.has_ended


def test_groups_that_ask_at_once_have_one_heartbeat_sent_for_all() -> None:
    cloud = hasty(timeout=60)
    cloud.clock.advance(40)
    assert HOOK.action
    time = deadline_of(cloud)
    beat, others = cloud.scaling_groups.record_heartbeat, ThreadPoolExecutor(1)
    asked = []

    def while_another_group_asks(*given: Any, **named: Any) -> Heartbeat:
        asked.append(others.submit(time.checkpoint))
        assert time._lock.locked()  # which it waits for
        return beat(*given, **named)

    cloud.scaling_groups.record_heartbeat = while_another_group_asks  # type: ignore[method-assign]
    with others:
        held = time.checkpoint()
        (other,) = asked
    assert other.result() == held
    assert beats(cloud) == [60]


def test_a_call_that_is_tried_again_for_long_does_not_keep_heartbeats_back() -> None:
    cloud = hasty(timeout=30)
    for _ in range(2):
        cloud.load_balancers.fail_next("list_vserver_groups", BUSY)
    throttle = cloud.load_balancers.list_vserver_groups

    def stretched(*asked: Any, within: float, **how: Any) -> Any:
        """As the adapter: tries until the time it was given is up."""
        try:
            return throttle(*asked, within=within, **how)
        except Retryable:
            cloud.clock.advance(within)
            raise

    cloud.load_balancers.list_vserver_groups = stretched  # type: ignore[method-assign]
    (outcome,) = cloud.complete(HOOK)
    assert (outcome.status, answers(cloud)) == (Status.PROVISIONED, [CONTINUE])
    assert len(beats(cloud)) >= 2


# Heartbeats that are refused, unanswered, or too late


def test_heartbeats_that_others_used_up_are_no_failure() -> None:
    cloud = hasty(timeout=60)
    no_more(cloud)
    cloud.clock.advance(40)
    (outcome,) = cloud.complete(HOOK)
    assert (outcome.status, answers(cloud)) == (Status.PROVISIONED, [CONTINUE])
    assert len(beats(cloud)) == 1


@pytest.mark.parametrize(
    "error",
    [BUSY, Ambiguous("lost"), ConfigurationError("no permission"), Rejected("InvalidParamter", "")],
)
def test_a_heartbeat_that_fails_does_not_fail_the_work(error: Any) -> None:
    cloud = hasty(timeout=60)
    cloud.clock.advance(40)
    cloud.scaling_groups.fail_next("record_heartbeat", error)
    (outcome,) = cloud.complete(HOOK)
    assert (outcome.status, answers(cloud)) == (Status.PROVISIONED, [CONTINUE])
    assert "heartbeat.failed" in cloud.log.names


def test_a_heartbeat_without_an_answer_is_sent_again_before_the_time_is_up() -> None:
    cloud = hasty(timeout=60)
    cloud.clock.advance(31)
    cloud.scaling_groups.fail_next("record_heartbeat", BUSY)
    cloud.load_balancers.takes["create_vserver_group"] = [18.0]
    cloud.complete(HOOK)
    assert len(beats(cloud)) == 2
    assert answers(cloud) == [CONTINUE]


def test_past_the_known_deadline_an_unanswered_heartbeat_leaves_the_hook_pending() -> None:
    cloud = hasty(timeout=60, began=50)
    cloud.clock.advance(20)
    cloud.scaling_groups.fail_next("record_heartbeat", BUSY)
    with pytest.raises(Retryable, match="Throttling"):
        cloud.complete(HOOK)
    assert untouched(cloud)


def ends_at_the_first_heartbeat(cloud: Deployment, result: str) -> None:
    assert HOOK.action
    action = HOOK.action
    ask = cloud.scaling_groups.record_heartbeat

    def ended(*asked: Any, **how: Any) -> Heartbeat:
        cloud.scaling_groups.ended(action, result, timed_out=result == "ABANDON")
        return ask(*asked, **how)

    cloud.scaling_groups.record_heartbeat = ended  # type: ignore[method-assign]


def test_an_action_that_has_ended_by_the_time_of_a_heartbeat_is_only_looked_at() -> None:
    cloud = hasty(timeout=30)
    cloud.load_balancers.takes["create_vserver_group"] = [16.0]
    ends_at_the_first_heartbeat(cloud, "ABANDON")
    (outcome,) = cloud.complete(HOOK)
    assert outcome.status is Status.FAILED
    assert codes(cloud) == ["HookEndedOtherwise"]
    assert cloud.names == []
    assert cloud.writes == ["create", "delete"]
    assert cloud.scaling_groups.calls_of("complete_lifecycle_action") == []


def test_an_action_that_another_delivery_completed_meanwhile_is_a_success() -> None:
    cloud = hasty(timeout=30)
    cloud.stands(*servers(2), name=GROUP)
    cloud.clock.advance(16)
    ends_at_the_first_heartbeat(cloud, "CONTINUE")
    (outcome,) = cloud.complete(HOOK)
    assert (outcome.status, cloud.writes) == (Status.PROVISIONED, [])
    assert cloud.notifications.kinds == ["provisioned"]


def test_an_action_that_a_heartbeat_does_not_find_and_that_is_pending_on_record_is_kept() -> None:
    cloud = hasty(timeout=30)
    cloud.clock.advance(16)
    cloud.scaling_groups.record_heartbeat = lambda *_, **__: Heartbeat.ENDED  # type: ignore[method-assign]
    with pytest.raises(Retryable) as raised:
        cloud.complete(HOOK)
    assert raised.value.code == Code.OUTCOME_UNKNOWN.value
    assert untouched(cloud)
    assert cloud.notifications.kinds == []


# Past the deadline


def test_a_pending_action_past_its_known_deadline_is_given_more_time_by_ess() -> None:
    cloud = hasty(timeout=60, began=50)
    cloud.clock.advance(20)
    (outcome,) = cloud.complete(HOOK)
    assert (outcome.status, answers(cloud)) == (Status.PROVISIONED, [CONTINUE])
    assert beats(cloud) == [60]


def late(*bindings: Any, **policy: Any) -> Deployment:
    cloud = hasty(*bindings, timeout=60, began=50, **policy)
    cloud.clock.advance(20)
    no_more(cloud)
    return cloud


@pytest.mark.parametrize("result", list(LifecycleResult))
def test_past_the_deadline_nothing_is_written_and_the_failure_result_is_sent(
    result: LifecycleResult,
) -> None:
    cloud = late(a_binding(failure_result=result))
    (outcome,) = cloud.complete(HOOK)
    assert outcome.status is Status.FAILED
    assert cloud.operations == []
    assert cloud.notifications.kinds == ["failed"]
    assert codes(cloud) == ["HookDeadlinePassed"]
    assert answers(cloud) == [result]


def test_past_six_hours_ess_is_asked_once_more_before_the_failure_result_is_given() -> None:
    cloud = hasty(timeout=600, began=7 * HOUR)
    no_more(cloud)
    cloud.complete(HOOK)
    assert beats(cloud) == [30]
    assert (codes(cloud), answers(cloud)) == (["HookDeadlinePassed"], [ABANDON])


def test_a_hook_that_waits_six_hours_anyway_is_not_spent_a_heartbeat_on() -> None:
    cloud = hasty(timeout=6 * HOUR, began=4 * HOUR)
    cloud.complete(HOOK)
    assert (beats(cloud), answers(cloud)) == ([], [CONTINUE])


def test_past_the_deadline_an_action_that_ended_meanwhile_is_told_as_ended_otherwise() -> None:
    cloud = late(a_binding(failure_result=ROLLBACK))
    ask = cloud.scaling_groups.record_heartbeat

    def exhausted(*asked: Any, **how: Any) -> Heartbeat:
        said = ask(*asked, **how)
        cloud.clock.advance(HOUR)
        return said

    cloud.scaling_groups.record_heartbeat = exhausted  # type: ignore[method-assign]
    cloud.complete(HOOK, seconds=2 * HOUR)
    assert codes(cloud) == ["HookDeadlinePassed", "HookEndedOtherwise"]
    assert answers(cloud) == []


def test_work_that_outlasts_the_last_of_the_hooks_time_is_answered_while_there_is_some() -> None:
    cloud = hasty(timeout=60)
    no_more(cloud)
    cloud.load_balancers.takes["create_vserver_group"] = [56.0]
    (outcome,) = cloud.complete(HOOK)
    assert outcome.status is Status.FAILED
    assert (codes(cloud), answers(cloud)) == (["HookDeadlinePassed"], [ABANDON])
    assert cloud.names == []  # the claim was undone


def test_a_configuration_error_never_answers_a_hook_however_late() -> None:
    cloud = hasty(timeout=60)
    no_more(cloud)
    cloud.load_balancers.takes["create_vserver_group"] = [56.0]
    cloud.load_balancers.fail_next(
        "create_vserver_group", ConfigurationError("no permission"), after_effect=True
    )
    with pytest.raises(ConfigurationError):
        cloud.complete(HOOK)
    assert answers(cloud) == []


def test_the_time_of_an_invocation_ends_the_work_as_before() -> None:
    cloud = waiting()
    cloud.load_balancers.takes["create_vserver_group"] = [40.0]
    with pytest.raises(Retryable):
        cloud.complete(HOOK, seconds=30)
    assert answers(cloud) == []


def test_a_topic_that_does_not_answer_gets_no_time_that_completing_needs() -> None:
    cloud = hasty(timeout=60)
    no_more(cloud)
    given: list[float] = []
    publish = cloud.notifications.publish

    def noted(document: str, *, tag: str, within: float) -> str:
        given.append(within)
        return publish(document, tag=tag, within=within)

    cloud.notifications.publish = noted  # type: ignore[method-assign]
    cloud.clock.advance(20)
    cloud.complete(HOOK)
    assert given[0] <= 38.0
    assert answers(cloud) == [CONTINUE]


def test_a_topic_that_hangs_leaves_time_to_complete_in_an_invocation_shorter_than_the_hook() -> (
    None
):
    cloud = hasty(timeout=600)

    def hangs(document: str, *, tag: str, within: float) -> str:  # noqa: ARG001
        cloud.clock.advance(within)
        raise BUSY

    cloud.notifications.publish = hangs  # type: ignore[method-assign]
    with pytest.raises(Retryable):
        cloud.complete(HOOK, seconds=60)
    assert answers(cloud) == [CONTINUE]


def test_the_failure_that_took_the_hooks_time_is_told_by_its_code() -> None:
    cloud = hasty(timeout=60)
    no_more(cloud)
    cloud.load_balancers.seed("lb-0001", quota=1)
    (outcome,) = cloud.complete(HOOK)
    assert outcome.status is Status.FAILED
    assert codes(cloud) == ["InstanceBackendServerNumberOverLimit"]
    assert answers(cloud) == [ABANDON]
    assert cloud.names == []


def test_a_failure_with_time_left_in_the_hook_leaves_it_pending() -> None:
    cloud = hasty(timeout=600)
    cloud.load_balancers.seed("lb-0001", quota=1)
    with pytest.raises(Retryable, match="InstanceBackendServerNumberOverLimit"):
        cloud.complete(HOOK, seconds=60)
    assert (answers(cloud), cloud.notifications.kinds) == ([], [])
