"""A lifecycle hook: what ESS says comes first, the one answer comes last."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from builders import TOKEN, a_hook_request
from deployments import (
    Deployment,
    a_binding,
    answers,
    codes,
    deployment,
    instance,
    servers,
    untouched,
    waiting,
)
from provisioner import invocation
from provisioner.errors import Ambiguous, Code, ConfigurationError, Fault, Rejected, Retryable
from provisioner.groups import naming
from provisioner.model import Backend, LifecycleAction, LifecycleResult
from provisioner.results.outcome import Status

HOOK = a_hook_request()
GROUP = "asg-0001"
BUSY = Retryable("Throttling", "slow down")
FULL = Rejected("InstanceBackendServerNumberOverLimit", "full")
CONTINUE, ABANDON, ROLLBACK = LifecycleResult
OURS = naming.build_owner_tags("mark")
TWO_LISTENERS = (
    a_binding(name_template="{scaling_group_id}-8080", failure_result=ROLLBACK),
    a_binding(name_template="{scaling_group_id}-8443", ports=(8443,)),
)


# The straight line


def test_a_group_is_ensured_then_published_then_the_action_completed() -> None:
    cloud = waiting()
    (outcome,) = cloud.complete(HOOK)
    assert (outcome.status, outcome.lifecycle_result) == (Status.PROVISIONED, CONTINUE)
    assert cloud.held(GROUP) == set(servers(2))
    steps = [name for name in cloud.log.names if name in ("slb.rename", "published", "completed")]
    assert steps == ["slb.rename", "published", "completed"]
    assert answers(cloud) == [CONTINUE]


def test_the_result_carries_the_answer_that_is_about_to_be_sent() -> None:
    cloud = waiting()
    cloud.complete(HOOK)
    (result,) = cloud.notifications.results
    assert result["data"]["lifecycle"] == {
        "LifecycleHookId": "ash-0001",
        "LifecycleActionResult": "CONTINUE",
    }
    assert result["data"]["correlation"]["ScalingActivityId"] == "asa-0001"


def test_nothing_is_written_before_ess_has_said_what_waits_and_what_is_there() -> None:
    cloud = waiting()
    for operation in ("read_instances", "list_lifecycle_actions"):
        cloud.scaling_groups.fail_next(operation, BUSY)
        with pytest.raises(Retryable):
            cloud.complete(HOOK)
        assert cloud.operations == []
        assert untouched(cloud)
    cloud.complete(HOOK)
    assert answers(cloud) == [CONTINUE]


def test_the_same_event_again_reads_publishes_the_same_result_and_writes_nothing() -> None:
    cloud = waiting()
    cloud.complete(HOOK)
    cloud.load_balancers.calls.clear()
    cloud.scaling_groups.calls.clear()
    (again,) = cloud.complete(HOOK)
    assert again.status is Status.PROVISIONED
    assert cloud.operations == ["list", "read"]
    assert cloud.asked_of_ess == ["list_lifecycle_actions", "read_instances"]
    first, second = cloud.notifications.results
    assert first["id"] == second["id"]
    assert first["data"]["VServerGroupId"] == second["data"]["VServerGroupId"]
    assert second["data"]["lifecycle"] == first["data"]["lifecycle"]
    assert answers(cloud) == [CONTINUE]


def test_an_operators_drain_and_foreign_backends_stay() -> None:
    cloud = waiting()
    cloud.stands(*servers(1, weight=0), *servers(1, first=9), name=GROUP)
    cloud.complete(HOOK)
    assert cloud.held(GROUP) == {
        *servers(1, weight=0),
        *servers(1, first=2),
        *servers(1, first=9),
    }


def test_metadata_of_the_hook_sets_what_the_binding_opens_to_it() -> None:
    request = a_hook_request(metadata='{"Weight": 10, "LoadBalancerId": "lb-0002"}')
    cloud = waiting(a_binding(metadata_may_override=frozenset({"Weight"})), request=request)
    cloud.complete(request)
    assert cloud.held(GROUP) == set(servers(2, weight=10))


def eci(name: str, number: int) -> Backend:
    return Backend(name, 8080, type="eci", server_ip=f"10.0.0.{number}")


@pytest.mark.parametrize("others", [0, 1])
def test_a_stale_eci_backend_does_not_cost_the_successor_that_has_its_address(others: int) -> None:
    cloud = waiting(a_binding(type="eci"))
    stale = [eci("eci-gone", 1), *([] if others else [eci("eci-gone-too", 2)])]
    cloud.stands(*stale, eci("eci-at-work", 9), name=GROUP, tags=OURS)
    (outcome,) = cloud.complete(HOOK)
    assert outcome.status is Status.PROVISIONED
    assert cloud.held(GROUP) == {eci("i-0001", 1), eci("i-0002", 2), eci("eci-at-work", 9)}
    assert answers(cloud) == [CONTINUE]


def test_a_stale_eci_backend_that_may_not_be_removed_is_told_as_a_refusal_of_its_successor() -> (
    None
):
    cloud = waiting(a_binding(type="eci"))
    cloud.stands(eci("eci-gone", 1), name=GROUP, tags=OURS)
    cloud.load_balancers.stopped["eci-gone"] = "InvalidServerId.NotExist"
    (outcome,) = cloud.complete(HOOK)
    assert [each.backend.server_id for each in outcome.plan.rejected] == ["i-0001"]
    assert answers(cloud) == [CONTINUE]


def test_an_eci_instance_gets_the_address_that_ess_knows() -> None:
    cloud = waiting(a_binding(type="eci"))
    cloud.complete(HOOK)
    assert cloud.held(GROUP) == {
        Backend(f"i-000{n}", 8080, type="eci", server_ip=f"10.0.0.{n}") for n in (1, 2)
    }


def test_the_region_of_the_function_stands_in_for_a_message_without_one() -> None:
    request = a_hook_request(region_id="")
    cloud = waiting()
    cloud.complete(request)
    assert answers(cloud) == [CONTINUE]
    assert {call.arguments[0] for call in cloud.scaling_groups.calls[:2]} == {"cn-hangzhou"}


# Do no harm


def test_a_hook_without_a_binding_is_refused_published_and_never_touched() -> None:
    cloud = deployment(a_binding(scaling_group_id="asg-0002"))
    cloud.waits_at_a_hook(HOOK)
    (outcome,) = cloud.complete(HOOK)
    assert outcome.status is Status.REFUSED
    assert codes(cloud) == ["NoBinding"]
    assert cloud.scaling_groups.calls == []
    assert cloud.operations == []


def test_a_hook_whose_binding_does_not_fit_is_refused_and_never_completed() -> None:
    request = a_hook_request(metadata='{"Weight": 101}')
    cloud = waiting(a_binding(metadata_may_override=frozenset({"Weight"})), request=request)
    cloud.complete(request)
    assert codes(cloud) == ["BindingUnfit"]
    assert untouched(cloud)


def test_an_event_that_exceeds_the_quota_is_answered_with_the_failure_result() -> None:
    cloud = waiting(a_binding(failure_result=ROLLBACK), backend_quota=1)
    (outcome,) = cloud.complete(HOOK)
    assert (outcome.status, answers(cloud), cloud.writes) == (Status.REFUSED, [ROLLBACK], [])
    assert codes(cloud) == ["QuotaExceeded"]


@pytest.mark.parametrize("other", [{"hook_id": "ash-0002"}, {"token": "another"}])
def test_an_action_that_is_not_on_record_is_refused_and_nothing_written(
    other: dict[str, str],
) -> None:
    cloud = deployment(a_binding())
    cloud.waits_at_a_hook(a_hook_request(**other), token=other.get("token", TOKEN))
    cloud.complete(HOOK)
    assert codes(cloud) == ["LifecycleActionNotFound"]
    assert untouched(cloud)


def test_a_configuration_error_raises_and_leaves_the_hook_pending() -> None:
    cloud = waiting()
    cloud.load_balancers.fail_next("create_vserver_group", ConfigurationError("no permission"))
    with pytest.raises(ConfigurationError):
        cloud.complete(HOOK)
    assert cloud.writes == ["create"]
    assert cloud.scaling_groups.calls_of("complete_lifecycle_action") == []
    assert cloud.notifications.published == []


# What the message lacks


def test_a_token_that_the_message_lacks_is_asked_of_ess() -> None:
    request = a_hook_request(token="")
    cloud = waiting()
    cloud.complete(request)
    ((action, _),) = cloud.scaling_groups.completed
    assert action.token == TOKEN


@pytest.mark.parametrize("template", ["{scaling_group_id}", "{scaling_activity_id}"])
def test_an_activity_that_the_message_lacks_is_known_by_its_instances(template: str) -> None:
    request = a_hook_request(scaling_activity_id="")
    cloud = waiting(a_binding(name_template=template))
    cloud.complete(request)
    assert answers(cloud) == [CONTINUE]
    (result,) = cloud.notifications.results
    assert result["data"]["correlation"]["ScalingActivityId"] == "asa-0001"
    assert cloud.names == [template.format(scaling_group_id=GROUP, scaling_activity_id="asa-0001")]


def test_a_message_without_its_activity_has_the_event_id_and_the_result_id_of_one_with_it() -> None:
    with_activity, without = waiting(), waiting()
    with_activity.complete(HOOK)
    without.complete(a_hook_request(scaling_activity_id=""))
    (expected,), (result,) = with_activity.notifications.results, without.notifications.results
    assert result["data"]["correlation"]["eventId"] == "ash-0001:asa-0001"
    assert result["id"] == expected["id"]


def test_an_activity_that_nothing_tells_is_refused() -> None:
    request = a_hook_request(scaling_activity_id="")
    cloud = deployment(a_binding())
    cloud.waits_at_a_hook(HOOK, instance(1, scaling_activity_id=""))
    cloud.complete(request)
    assert codes(cloud) == ["LifecycleActionNotFound"]
    assert untouched(cloud)


# Instances that are gone


def test_instances_that_are_gone_or_leaving_are_dropped_and_reported() -> None:
    request = a_hook_request(instance_ids=[f"i-000{n}" for n in range(1, 6)])
    cloud = deployment(a_binding())
    cloud.waits_at_a_hook(
        request,
        instance(1),
        instance(2, "Removing"),
        instance(3, "Removing:Wait"),
        instance(4, "Stopped"),
    )
    (outcome,) = cloud.complete(request)
    assert outcome.dropped_instance_ids == ("i-0002", "i-0003", "i-0004", "i-0005")
    assert cloud.held(GROUP) == set(servers(1))
    assert cloud.notifications.results[0]["data"]["changes"]["dropped"] == [
        *outcome.dropped_instance_ids
    ]
    assert answers(cloud) == [CONTINUE]


@pytest.mark.parametrize("result", list(LifecycleResult))
def test_when_all_are_gone_the_action_gets_the_failure_result_and_nothing_is_written(
    result: LifecycleResult,
) -> None:
    cloud = deployment(a_binding(failure_result=result))
    cloud.waits_at_a_hook(HOOK, instance(1, "Removing"))
    (outcome,) = cloud.complete(HOOK)
    assert outcome.status is Status.REFUSED
    assert codes(cloud) == ["InstancesGone"]
    assert answers(cloud) == [result]
    assert cloud.writes == []
    assert cloud.notifications.results[0]["data"]["lifecycle"]["LifecycleActionResult"] == result


# Several groups, one answer


def test_two_bindings_make_two_groups_and_the_action_is_completed_once_after_both() -> None:
    cloud = waiting(*TWO_LISTENERS)
    cloud.complete(HOOK)
    assert cloud.names == ["asg-0001-8080", "asg-0001-8443"]
    assert cloud.notifications.kinds == ["provisioned", "provisioned"]
    assert answers(cloud) == [CONTINUE]
    last = [name for name in cloud.log.names if name in ("published", "completed")]
    assert last == ["published", "published", "completed"]


@pytest.mark.parametrize(("failing", "answer"), [(0, ROLLBACK), (1, ABANDON)])
def test_one_group_that_fails_decides_the_answer_by_its_own_binding(
    failing: int, answer: LifecycleResult
) -> None:
    cloud = waiting(*TWO_LISTENERS)
    name = f"asg-0001-{(8080, 8443)[failing]}"
    cloud.stands(name=name)
    cloud.load_balancers.refuses[name] = "InvalidParameter"
    cloud.complete(HOOK)
    assert answers(cloud) == [answer]
    assert sorted(cloud.notifications.kinds) == ["failed", "failed"]
    assert {
        result["data"]["lifecycle"]["LifecycleActionResult"]
        for result in cloud.notifications.results
    } == {answer.value}


@pytest.mark.parametrize("earlier", [False, True])
def test_servers_that_are_about_to_be_released_are_taken_out_of_the_groups_that_had_them(
    earlier: bool,
) -> None:
    cloud = waiting(*TWO_LISTENERS)
    cloud.stands(*servers(1, first=9, port=8080), name="asg-0001-8080", tags=OURS)
    cloud.stands(name="asg-0001-8443")
    cloud.load_balancers.refuses["asg-0001-8443"] = "InvalidParameter"
    if earlier:  # an earlier delivery had added them, and was killed
        cloud.provision(replace(HOOK, action=None))
    cloud.complete(HOOK)
    assert answers(cloud) == [ABANDON]
    assert {backend.server_id for backend in cloud.held("asg-0001-8080")} == {"i-0009"}
    by_subject = {result["subject"]: result for result in cloud.notifications.results}
    data = by_subject["lb-0001/asg-0001-8080"]["data"]
    assert (data["error"]["code"], data["changes"]["removedCount"]) == ("HookFailed", 2)
    assert (data["changes"]["addedCount"], data["BackendServerCount"]) == (0, 1)


def test_servers_that_go_live_after_all_stay_in_their_groups() -> None:
    cloud = waiting(*(replace(b, failure_result=CONTINUE) for b in TWO_LISTENERS))
    cloud.stands(name="asg-0001-8443")
    cloud.load_balancers.refuses["asg-0001-8443"] = "InvalidParameter"
    cloud.complete(HOOK)
    assert answers(cloud) == [CONTINUE]
    assert len(cloud.held("asg-0001-8080")) == 2


def test_one_group_that_is_retryable_leaves_the_hook_pending_after_the_others_were_made() -> None:
    cloud = waiting(*TWO_LISTENERS)
    cloud.load_balancers.fail_next("list_vserver_groups", BUSY)
    with pytest.raises(Retryable):
        cloud.complete(HOOK)
    assert cloud.names == ["asg-0001-8443"]
    assert cloud.scaling_groups.calls_of("complete_lifecycle_action") == []
    assert [result["subject"] for result in cloud.notifications.results] == [
        "lb-0001/asg-0001-8443"  # the redelivery cannot say any more what was added
    ]
    cloud.complete(HOOK)
    assert answers(cloud) == [CONTINUE]


@pytest.mark.parametrize("claimed", [8080, 8443])
def test_a_crashed_delivery_of_two_groups_is_outlasted_in_one_invocation(claimed: int) -> None:
    cloud = waiting(*TWO_LISTENERS)
    crashed = naming.make_claim(f"asg-0001-{claimed}", cloud.clock.now(), "0" * 16)
    cloud.stands(name=crashed.name)
    cloud.complete(HOOK, seconds=invocation.work_seconds(invocation.SHORTEST_TIMEOUT))
    assert answers(cloud) == [CONTINUE]
    assert cloud.names == ["asg-0001-8080", "asg-0001-8443"]
    told = [result["subject"] for result in cloud.notifications.results]
    assert sorted(told) == ["lb-0001/asg-0001-8080", "lb-0001/asg-0001-8443"]


# Failures


def test_a_permanent_failure_is_published_and_answered_with_the_failure_result() -> None:
    cloud = waiting()
    cloud.load_balancers.refuses["i-0001"] = "InvalidParameter"
    (outcome,) = cloud.complete(HOOK)
    assert outcome.status is Status.FAILED
    assert cloud.notifications.kinds == ["failed"]
    assert answers(cloud) == [ABANDON]
    assert cloud.names == []


def test_a_fresh_instance_without_an_address_is_waited_for() -> None:
    cloud = waiting()
    for _ in range(4):
        cloud.load_balancers.fail_next("add_backend_servers", Rejected("ObtainIpFail", "not yet"))
    cloud.complete(HOOK)
    assert answers(cloud) == [CONTINUE]


@pytest.mark.parametrize(
    "error", [BUSY, Ambiguous("no answer"), Rejected("InvalidArgument", "not taken")]
)
def test_servers_that_are_ready_go_live_even_if_nobody_heard_of_it(error: Any) -> None:
    cloud = waiting()
    cloud.notifications.fail_next("publish", error)
    with pytest.raises(Retryable):
        cloud.complete(HOOK)
    assert answers(cloud) == [CONTINUE]
    assert cloud.notifications.published == []
    writes = list(cloud.writes)
    (again,) = cloud.complete(HOOK)
    assert again.status is Status.PROVISIONED
    assert cloud.writes == writes
    assert cloud.notifications.kinds == ["provisioned"]


def test_the_result_that_is_published_late_has_the_id_of_the_one_that_was_lost() -> None:
    heard, unheard = waiting(), waiting()
    heard.complete(HOOK)
    unheard.notifications.fail_next("publish", BUSY)
    with pytest.raises(Retryable):
        unheard.complete(HOOK)
    unheard.complete(HOOK)
    assert heard.notifications.results[0]["id"] == unheard.notifications.results[0]["id"]


def test_of_a_documents_groups_too_every_result_is_published_before_one_is_missed() -> None:
    cloud = deployment(*TWO_LISTENERS)
    request = replace(HOOK, action=None)
    cloud.notifications.fail_next("publish", BUSY)
    with pytest.raises(Retryable):
        cloud.provision(request)
    assert cloud.notifications.kinds == ["provisioned"]


def test_one_of_two_results_that_is_not_heard_does_not_silence_the_other() -> None:
    cloud = waiting(*TWO_LISTENERS)
    cloud.notifications.fail_next("publish", BUSY)
    with pytest.raises(Retryable):
        cloud.complete(HOOK)
    assert cloud.notifications.kinds == ["provisioned"]
    assert answers(cloud) == [CONTINUE]


def test_a_failure_that_nobody_heard_of_is_not_answered_yet() -> None:
    cloud = waiting()
    cloud.load_balancers.refuses["i-0001"] = "InvalidParameter"
    cloud.notifications.fail_next("publish", BUSY)
    with pytest.raises(Retryable):
        cloud.complete(HOOK)
    assert answers(cloud) == []
    cloud.complete(HOOK)
    assert answers(cloud) == [ABANDON]
    assert cloud.notifications.kinds == ["failed"]


# Completing


def test_an_answer_that_was_lost_is_found_on_record_by_the_redelivery() -> None:
    cloud = waiting()
    cloud.scaling_groups.fail_next(
        "complete_lifecycle_action", Ambiguous("no answer"), after_effect=True
    )
    with pytest.raises(Retryable):
        cloud.complete(HOOK)
    (outcome,) = cloud.complete(HOOK)
    assert outcome.status is Status.PROVISIONED
    assert answers(cloud) == [CONTINUE]
    assert len(cloud.scaling_groups.calls_of("complete_lifecycle_action")) == 1


class EndedMeanwhile:
    """Another delivery, or the hook's own timeout, ends the action just before we do."""

    def __init__(self, cloud: Deployment, result: str) -> None:
        self.scaling_groups, self.result = cloud.scaling_groups, result
        self.complete = cloud.scaling_groups.complete_lifecycle_action

    def __call__(self, action: LifecycleAction, result: LifecycleResult, **how: Any) -> bool:
        if self.result:
            self.scaling_groups.ended(action, self.result)
        else:
            self.scaling_groups._actions.clear()
        return self.complete(action, result, **how)


def ended_meanwhile(cloud: Deployment, result: str) -> None:
    meanwhile = EndedMeanwhile(cloud, result)
    cloud.scaling_groups.complete_lifecycle_action = meanwhile  # type: ignore[method-assign]


def test_an_action_that_ended_meanwhile_as_we_would_have_it_is_a_success() -> None:
    cloud = waiting()
    ended_meanwhile(cloud, "CONTINUE")
    (outcome,) = cloud.complete(HOOK)
    assert outcome.status is Status.PROVISIONED
    assert cloud.notifications.kinds == ["provisioned"]


@pytest.mark.parametrize(("result", "told"), [("ABANDON", "ABANDON"), ("", "nothing")])
def test_an_action_that_ended_meanwhile_otherwise_is_published_as_failed(
    result: str, told: str
) -> None:
    cloud = waiting()
    ended_meanwhile(cloud, result)
    (outcome,) = cloud.complete(HOOK)
    assert outcome.status is Status.FAILED
    assert cloud.notifications.kinds == ["provisioned", "failed"]
    error = cloud.notifications.results[-1]["data"]["error"]
    assert error["code"] == "HookEndedOtherwise"
    assert f"({told} is on record)" in error["message"]
    assert cloud.notifications.results[-1]["data"]["lifecycle"]["LifecycleActionResult"] is None


@pytest.mark.parametrize("by_default", ["CONTINUE", "ABANDON"])
def test_the_default_result_of_an_action_that_is_still_pending_on_record_is_no_answer(
    by_default: str,
) -> None:
    """ESS has a result on record from the beginning; only the status says that it is one."""
    cloud = waiting()
    cloud.scaling_groups.default_result = by_default
    cloud.waits_at_a_hook(HOOK)
    cloud.scaling_groups.complete_lifecycle_action = lambda *_, **__: False  # type: ignore[method-assign]
    with pytest.raises(Retryable) as raised:
        cloud.complete(HOOK)
    assert raised.value.code == Code.OUTCOME_UNKNOWN.value
    assert cloud.notifications.kinds == ["provisioned"]


def test_an_answer_that_ess_refuses_is_published_as_failed() -> None:
    cloud = waiting()
    cloud.scaling_groups.fail_next("complete_lifecycle_action", Rejected("InvalidParamter", "no"))
    (outcome,) = cloud.complete(HOOK)
    assert outcome.status is Status.FAILED
    assert codes(cloud) == [None, "InvalidParamter"]


# An action that has ended


def test_an_action_that_ended_with_continue_and_all_in_place_is_a_replay() -> None:
    cloud = deployment(a_binding())
    cloud.ended_at_a_hook(HOOK, "CONTINUE")
    cloud.stands(*servers(2), name=GROUP)
    (outcome,) = cloud.complete(HOOK)
    assert (outcome.status, outcome.lifecycle_result) == (Status.PROVISIONED, CONTINUE)
    assert untouched(cloud)


def test_a_backend_that_was_taken_out_since_is_somebodys_choice() -> None:
    cloud = deployment(a_binding())
    cloud.ended_at_a_hook(HOOK, "CONTINUE")
    cloud.stands(*servers(1), name=GROUP)
    (outcome,) = cloud.complete(HOOK)
    assert (outcome.status, outcome.plan.add) == (Status.PROVISIONED, ())
    assert untouched(cloud)


def test_an_action_that_we_ended_as_failed_is_a_replay_without_another_result() -> None:
    cloud = deployment(a_binding())
    cloud.ended_at_a_hook(HOOK, "ABANDON")
    (outcome,) = cloud.complete(HOOK)
    assert outcome.status is Status.SKIPPED
    assert untouched(cloud)
    assert not cloud.notifications.results


def test_a_message_without_its_scaling_group_is_known_by_its_instances() -> None:
    cloud = waiting()
    action = replace(HOOK.action, scaling_group_id="") if HOOK.action else None
    (outcome,) = cloud.complete(replace(HOOK, scaling_group_id="", action=action))
    assert outcome.status is Status.PROVISIONED
    assert answers(cloud) == [CONTINUE]


@pytest.mark.parametrize("types", [["eci"], ["eni"], ["ecs", "eci"]])
def test_an_instance_known_by_an_address_that_is_not_there_yet_is_left_pending(
    types: list[str],
) -> None:
    cloud = waiting(*(a_binding(type=each, name_template=each) for each in types))
    cloud.addresses_are_unknown(HOOK)
    with pytest.raises(Retryable, match="InstancesNotReady"):
        cloud.complete(HOOK)
    assert untouched(cloud)


def test_a_group_that_vanishes_while_it_is_filled_is_made_anew() -> None:
    cloud = waiting()
    gone = Rejected("InvalidParameter", "gone", fault=Fault.NOT_FOUND)
    cloud.load_balancers.fail_next("add_backend_servers", gone)
    (outcome,) = cloud.complete(HOOK)
    assert (outcome.status, answers(cloud)) == (Status.PROVISIONED, [CONTINUE])


@pytest.mark.parametrize(("result", "timed_out"), [("ABANDON", True), ("ROLLBACK", False)])
def test_an_action_that_ended_otherwise_is_only_looked_at(result: str, timed_out: bool) -> None:
    cloud = deployment(a_binding())
    cloud.ended_at_a_hook(HOOK, result, timed_out=timed_out)
    (outcome,) = cloud.complete(HOOK)
    assert outcome.status is Status.FAILED
    assert codes(cloud) == ["HookEndedOtherwise"]
    assert untouched(cloud)


@pytest.mark.parametrize("there", [None, 1])
def test_a_late_delivery_adds_nothing_and_reports_nothing_as_added(there: int | None) -> None:
    cloud = deployment(a_binding())
    cloud.ended_at_a_hook(HOOK, "CONTINUE", timed_out=True)
    if there:
        cloud.stands(*servers(there), name=GROUP)
    cloud.complete(HOOK)
    assert untouched(cloud)
    (result,) = cloud.notifications.results
    assert result["data"]["error"]["code"] == "HookEndedOtherwise"
    assert result["data"]["BackendServerCount"] == (there or 0)
    assert (result["data"]["changes"]["created"], result["data"]["changes"]["added"]) == (False, [])
    assert result["data"]["correlation"]["ScalingActivityId"] == "asa-0001"


def test_an_ended_action_whose_group_is_not_unique_tells_that() -> None:
    cloud = deployment(a_binding())
    cloud.ended_at_a_hook(HOOK, "CONTINUE")
    cloud.stands(name=GROUP)
    cloud.stands(name=GROUP)
    cloud.complete(HOOK)
    assert codes(cloud) == ["VServerGroupNameNotUnique"]
    assert untouched(cloud)


def test_a_weight_of_an_ended_action_is_no_difference() -> None:
    cloud = deployment(a_binding())
    cloud.ended_at_a_hook(HOOK, "CONTINUE")
    cloud.stands(*servers(2, weight=0), name=GROUP)
    assert cloud.complete(HOOK)[0].status is Status.PROVISIONED


def test_a_failure_result_that_was_recorded_is_not_sent_twice() -> None:
    cloud = waiting()
    cloud.load_balancers.refuses["i-0001"] = "InvalidParameter"
    cloud.complete(HOOK)
    cloud.complete(HOOK)
    assert answers(cloud) == [ABANDON]
    assert len(cloud.scaling_groups.calls_of("complete_lifecycle_action")) == 1
    assert {result["type"] for result in cloud.notifications.results} == {"vservergroup.failed"}
