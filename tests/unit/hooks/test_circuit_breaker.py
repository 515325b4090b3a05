"""No failure kills server after server: the circuit breaker."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from builders import REGION, a_hook_request
from deployments import Deployment, a_binding, answers, codes, untouched, waiting
from provisioner.errors import ConfigurationError, Retryable
from provisioner.hooks.circuit_breaker import is_tripped
from provisioner.model import LifecycleResult
from provisioner.provisioning import ProvisionTask

HOOK = a_hook_request()
BUSY = Retryable("Throttling", "slow down")
CONTINUE, ABANDON, ROLLBACK = LifecycleResult


def failing(*before: str, **policy: Any) -> Deployment:
    """The load balancer refuses the servers; actions ended so before, the oldest first."""
    return refusing(waiting(**policy), *before)


def refusing(cloud: Deployment, *before: str) -> Deployment:
    cloud.load_balancers.refuses["i-0001"] = "InvalidParameter"
    cloud.scaling_groups._actions.clear()
    cloud.scaling_groups._activities.clear()
    for number, result in enumerate(before):
        earlier(cloud, number, result)
    cloud.waits_at_a_hook(HOOK)
    return cloud


def earlier(cloud: Deployment, number: int, result: str, **changes: Any) -> None:
    assert HOOK.action
    cloud.clock.advance(60)
    how = {"timed_out": result.endswith("by time")}
    one = replace(HOOK.action, token=f"t-{number}", scaling_activity_id=f"asa-before-{number}")
    cloud.scaling_groups.ended(replace(one, **changes), result.split(maxsplit=1)[0], **how)


@pytest.mark.parametrize(
    ("before", "answer"),
    [
        ((), ABANDON),
        (("ABANDON", "ABANDON"), ABANDON),
        (("ABANDON", "ABANDON", "ABANDON"), CONTINUE),
        (("CONTINUE", "ABANDON", "ABANDON", "ABANDON"), CONTINUE),
        (("ABANDON", "ABANDON", "ABANDON", "CONTINUE"), ABANDON),
        (("ABANDON", "CONTINUE", "ABANDON", "ABANDON"), ABANDON),
        (("ABANDON by time", "ROLLBACK", "ABANDON"), CONTINUE),
        (("CONTINUE by time", "ABANDON", "ABANDON"), ABANDON),
    ],
)
def test_the_last_three_actions_decide_whether_a_failure_abandons_once_more(
    before: tuple[str, ...], answer: LifecycleResult
) -> None:
    cloud = failing(*before)
    cloud.complete(HOOK)
    assert answers(cloud) == [answer]


def test_it_is_said_loudly_in_the_result_and_in_the_log() -> None:
    cloud = failing("ABANDON", "ABANDON", "ABANDON")
    cloud.complete(HOOK)
    (result,) = cloud.notifications.results
    assert result["type"] == "vservergroup.failed"
    assert result["data"]["lifecycle"] == {
        "LifecycleHookId": "ash-0001",
        "LifecycleActionResult": "CONTINUE",
        "circuitBreaker": True,
    }
    (said,) = [fields for name, fields in cloud.log.steps if name == "circuit_breaker"]
    assert (said["abandoned"], said["LifecycleActionResult"]) == (3, "CONTINUE")


def test_a_failure_that_abandons_says_nothing_of_it() -> None:
    cloud = failing("ABANDON", "ABANDON")
    cloud.complete(HOOK)
    assert "circuitBreaker" not in cloud.notifications.results[0]["data"]["lifecycle"]
    assert "circuit_breaker" not in cloud.log.names


@pytest.mark.parametrize(("wanted", "answer"), [(0, ABANDON), (1, CONTINUE), (5, ABANDON)])
def test_the_deployment_says_how_many_are_enough_and_0_is_off(
    wanted: int, answer: LifecycleResult
) -> None:
    cloud = failing("ABANDON", "ABANDON", "ABANDON", "ABANDON", circuit_breaker=wanted)
    cloud.complete(HOOK)
    assert answers(cloud) == [answer]
    assert bool(cloud.scaling_groups.calls_of("list_recent_activities")) is bool(wanted)


def test_rollback_is_held_back_as_abandon_is() -> None:
    cloud = refusing(waiting(a_binding(failure_result=ROLLBACK)), *["ABANDON"] * 3)
    cloud.complete(HOOK)
    assert answers(cloud) == [CONTINUE]


def test_it_is_asked_only_before_a_failure_is_answered() -> None:
    well, mild = waiting(), refusing(waiting(a_binding(failure_result=CONTINUE)))
    for cloud in (well, mild):
        cloud.complete(HOOK)
        assert answers(cloud) == [CONTINUE]
        assert cloud.scaling_groups.calls_of("list_recent_activities") == []


@pytest.mark.parametrize("changes", [{"hook_id": "ash-other"}, {"scaling_group_id": "asg-other"}])
def test_actions_of_other_hooks_and_groups_do_not_count(changes: dict[str, str]) -> None:
    cloud = failing()
    for number in range(3):
        earlier(cloud, number, "ABANDON", **changes)
    cloud.complete(HOOK)
    assert answers(cloud) == [ABANDON]


def test_actions_that_still_wait_do_not_count() -> None:
    cloud = failing("ABANDON", "ABANDON", "ABANDON")
    assert HOOK.action
    other = replace(HOOK.action, token="waits", scaling_activity_id="asa-parallel")
    cloud.scaling_groups.pending(other)
    cloud.complete(HOOK)
    assert answers(cloud) == [CONTINUE]


@pytest.mark.parametrize("error", [BUSY, ConfigurationError("no permission")])
def test_a_record_that_cannot_be_read_does_not_keep_the_answer_back(error: Any) -> None:
    cloud = failing("ABANDON", "ABANDON", "ABANDON")
    cloud.scaling_groups.fail_next("list_recent_activities", error)
    cloud.complete(HOOK)
    assert answers(cloud) == [ABANDON]
    assert "circuit_breaker.failed" in cloud.log.names


def test_a_record_that_takes_all_the_time_there_is_leaves_enough_to_answer() -> None:
    cloud = failing("ABANDON", "ABANDON", "ABANDON")

    def throttled(*_: object, within: float, **__: object) -> Any:
        cloud.clock.advance(max(within, 0.0))
        raise BUSY

    cloud.scaling_groups.list_recent_activities = throttled  # type: ignore[method-assign]
    cloud.complete(HOOK)
    assert answers(cloud) == [ABANDON]
    assert cloud.notifications.kinds == ["failed"]


def test_a_bug_that_lasts_spares_one_scale_out_in_four() -> None:
    cloud = failing()
    action = HOOK.action
    assert action
    for number in range(8):
        known = replace(action, token=f"t-{number}", scaling_activity_id=f"asa-{number}")
        cloud.clock.advance(60)
        cloud.scaling_groups.pending(known)
        cloud.complete(replace(HOOK, action=known))
    assert answers(cloud) == [*[ABANDON] * 3, CONTINUE] * 2


def test_reading_stops_as_soon_as_it_is_decided() -> None:
    cloud = failing(*["ABANDON"] * 9)
    assert HOOK.action
    task = ProvisionTask(cloud.means, HOOK, cloud.invocation())
    assert is_tripped(task, HOOK.action)
    assert [call.operation for call in cloud.scaling_groups.calls] == [
        "list_recent_activities",
        *["list_lifecycle_actions"] * 3,
    ]
    assert cloud.scaling_groups.calls[0].arguments[0] == REGION
    assert untouched(cloud)


def test_a_quota_that_the_event_exceeds_is_a_failure_like_any_other() -> None:
    cloud = refusing(waiting(backend_quota=1), *["ABANDON"] * 3)
    cloud.complete(HOOK)
    assert (codes(cloud), answers(cloud)) == (["QuotaExceeded"], [CONTINUE])
