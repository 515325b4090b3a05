"""A scale-in hook: servers that leave go out of the groups that are ours, and out of no other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from builders import TOKEN, a_hook_request
from deployments import (
    LB,
    Deployment,
    a_binding,
    answers,
    codes,
    deployment,
    instance,
    servers,
    untouched,
)
from fakes import HEARTBEATS
from provisioner.errors import Ambiguous, Code, ConfigurationError, Rejected, Retryable
from provisioner.groups import naming
from provisioner.model import (
    Backend,
    Instance,
    LifecycleResult,
    OnPause,
    Transition,
    VServerGroup,
)
from provisioner.results.outcome import Outcome, Status

OUT = a_hook_request(
    "ash-0009:asa-0009", hook_id="ash-0009", scaling_activity_id="asa-0009", token="another"
)
HOOK = a_hook_request(transition=Transition.SCALE_IN)
GROUP = "asg-0001"
BY_ACTIVITY = a_binding(name_template="{scaling_group_id}/{scaling_activity_id}", delete_empty=True)
LEFT_EMPTY = f"{GROUP}/asa-0007"  # the group of the activity that had brought who leaves
OURS = naming.build_owner_tags("mark")
BUSY = Retryable("Throttling", "slow down")
CONTINUE, ABANDON, ROLLBACK = LifecycleResult
REPLAY = ["list", "read"]


def leaving(
    *bindings: Any, states: tuple[str, ...] = ("Removing:Wait",) * 2, **policy: Any
) -> Deployment:
    """i-0001 and i-0002 wait to be removed."""
    cloud = deployment(*(bindings or (a_binding(),)), **policy)
    there = [instance(n, state) for n, state in enumerate(states, 1) if state]
    cloud.scaling_groups.holds(GROUP, *there)
    assert HOOK.action
    cloud.scaling_groups.default_result = "CONTINUE"
    cloud.scaling_groups.pending(HOOK.action)
    return cloud


def owned(cloud: Deployment, *backends: Backend, name: str = GROUP, **changes: Any) -> VServerGroup:
    return cloud.stands(*backends, name=name, tags=OURS, **changes)


def only(outcomes: list[Outcome]) -> Outcome:
    (outcome,) = outcomes
    return outcome


def shrunk_to(cloud: Deployment, name: str = GROUP) -> set[str]:
    return {backend.server_id for backend in cloud.held(name)}


# The straight line


def test_servers_leave_the_group_the_result_is_published_then_the_action_completed() -> None:
    cloud = leaving()
    made = owned(cloud, *servers(5))
    outcome = only(cloud.complete(HOOK))
    assert (outcome.status, outcome.lifecycle_result) == (Status.DEREGISTERED, CONTINUE)
    assert cloud.held(GROUP) == set(servers(3, first=3))
    steps = [name for name in cloud.log.names if name in ("slb.remove", "published", "completed")]
    assert steps == ["slb.remove", "published", "completed"]
    assert answers(cloud) == [CONTINUE]
    (result,) = cloud.notifications.results
    assert (result["type"], result["subject"]) == ("vservergroup.deregistered", f"{LB}/{GROUP}")
    data = result["data"]
    assert (data["VServerGroupId"], data["BackendServerCount"]) == (made.id, 3)
    assert data["groups"] == [
        {
            "VServerGroupId": made.id,
            "VServerGroupName": GROUP,
            "removed": [{"ServerId": f"i-000{n}", "Port": 8080} for n in (1, 2)],
            "removedCount": 2,
            "leftOut": [],
            "leftOutCount": 0,
            "BackendServerCount": 3,
            "deleted": False,
        }
    ]
    told = ("shrunkCount", "removedCount", "deletedCount", "drainedSeconds")
    assert [data["changes"][key] for key in told] == [1, 2, 0, 0]
    assert data["lifecycle"]["LifecycleActionResult"] == "CONTINUE"


def test_the_calls_are_those_of_any_hook_and_four_to_the_load_balancer_for_one_group() -> None:
    cloud = leaving()
    owned(cloud, *servers(5))
    cloud.complete(HOOK)
    assert cloud.operations == ["list", "read", "remove", "read"]
    assert cloud.asked_of_ess == [
        "list_lifecycle_actions",
        "read_instances",
        "read_hook_terms",
        "complete_lifecycle_action",
    ]


def test_where_nothing_is_left_to_take_out_that_is_success() -> None:
    cloud = leaving()
    outcome = only(cloud.complete(HOOK))
    assert outcome.status is Status.DEREGISTERED
    assert cloud.notifications.results[0]["data"]["groups"] == []
    assert answers(cloud) == [CONTINUE]


# Whose groups, whose backends


def test_groups_that_are_not_ours_and_that_no_binding_names_are_not_touched() -> None:
    cloud = leaving()
    cloud.stands(*servers(5), name="theirs")
    cloud.complete(HOOK)
    assert cloud.writes == []
    assert answers(cloud) == [CONTINUE]


def test_servers_leave_the_group_that_a_binding_names_whoever_created_it() -> None:
    cloud = leaving()
    cloud.stands(*servers(5), name=GROUP)
    outcome = only(cloud.complete(HOOK))
    assert outcome.status is Status.DEREGISTERED
    assert cloud.held(GROUP) == set(servers(3, first=3))
    assert cloud.notifications.results[0]["data"]["changes"]["removedCount"] == 2


@pytest.mark.parametrize("result", [CONTINUE, ROLLBACK])
def test_a_load_balancer_that_was_deleted_does_not_keep_servers(result: LifecycleResult) -> None:
    cloud = leaving(a_binding(load_balancer_id="lb-gone", scale_in_failure_result=result))
    outcome = only(cloud.complete(HOOK))
    assert outcome.status is Status.DEREGISTERED
    assert answers(cloud) == [CONTINUE]


def test_an_ended_hook_of_a_load_balancer_that_was_deleted_is_a_replay() -> None:
    cloud = leaving(a_binding(load_balancer_id="lb-gone"))
    assert HOOK.action
    cloud.scaling_groups.ended(HOOK.action, "CONTINUE")
    assert only(cloud.complete(HOOK)).status is Status.DEREGISTERED


@pytest.mark.parametrize(("accepts", "answer"), [(True, CONTINUE), (False, ABANDON)])
def test_one_stopped_server_costs_itself_and_the_result_names_it(
    accepts: bool, answer: LifecycleResult
) -> None:
    binding = a_binding(accept_partial=accepts, scale_in_failure_result=ABANDON)
    cloud = leaving(binding, states=("Removing:Wait",) * 20)
    owned(cloud, *servers(20))
    cloud.load_balancers.stopped["i-0003"] = "InvalidServerId.NotExist"
    cloud.complete(replace(HOOK, instances=tuple(Instance(f"i-{n:04}") for n in range(1, 21))))
    assert shrunk_to(cloud) == {"i-0003"}
    assert answers(cloud) == [answer]
    (group,) = cloud.notifications.results[0]["data"]["groups"]
    assert group["removedCount"] == 19
    assert group["leftOut"] == [
        {"ServerId": "i-0003", "Port": 8080, "code": "InvalidServerId.NotExist"}
    ]


def test_a_redelivery_that_finds_only_the_stopped_server_is_a_success_too() -> None:
    cloud = leaving(a_binding(scale_in_failure_result=ROLLBACK))
    owned(cloud, *servers(1))
    cloud.load_balancers.stopped["i-0001"] = "InvalidServerId.NotExist"
    assert only(cloud.complete(HOOK)).status is Status.DEREGISTERED
    assert answers(cloud) == [CONTINUE]


def test_a_group_left_empty_stays_where_a_binding_of_another_scaling_group_keeps_it() -> None:
    template = "shared/{content_hash}"
    ours = a_binding(name_template=template, delete_empty=True)
    theirs = a_binding(name_template="shared/{scaling_activity_id}", scaling_group_id="asg-0002")
    cloud = leaving(ours, theirs)
    owned(cloud, *servers(2), name="shared/one")
    cloud.complete(HOOK)
    assert cloud.held("shared/one") == set()


def test_other_servers_of_our_group_stay_and_so_does_every_other_load_balancer() -> None:
    cloud = leaving()
    owned(cloud, *servers(4), name="of-another-binding")
    owned(cloud, *servers(4), name="elsewhere", load_balancer_id="lb-0002")
    cloud.complete(HOOK)
    assert cloud.held("of-another-binding") == set(servers(2, first=3))
    assert cloud.held("elsewhere") == set(servers(4))


def test_an_interface_is_known_by_the_address_that_ess_tells() -> None:
    cloud = leaving(a_binding(type="eni"))
    first, third = (Backend(f"eni-{n}", 80, 100, "eni", f"10.0.0.{n}") for n in (1, 3))
    owned(cloud, first, third)
    cloud.complete(HOOK)
    assert cloud.held(GROUP) == {third}


def test_an_address_that_nobody_knows_takes_nobody_out() -> None:
    cloud = leaving(a_binding(type="eni"))
    cloud.scaling_groups.holds(GROUP, instance(1, "Removing:Wait", private_ip=""))
    nameless = Backend("eni-9", 80, 100, "eni", "")
    owned(cloud, nameless)
    cloud.complete(HOOK)
    assert cloud.held(GROUP) == {nameless}


# Do no harm


def test_instances_that_are_gone_already_are_taken_out_all_the_same() -> None:
    cloud = leaving(states=("", "Removing"))
    owned(cloud, *servers(3))
    cloud.complete(HOOK)
    assert shrunk_to(cloud) == {"i-0003"}


@pytest.mark.parametrize("state", ["InService", "Protected", "Standby", "Pending", "Pending:Wait"])
def test_an_instance_that_stays_is_left_in_its_group_and_told_of(state: str) -> None:
    cloud = leaving(states=(state, "Removing:Wait"))
    owned(cloud, *servers(3))
    outcome = only(cloud.complete(HOOK))
    assert outcome.dropped_instance_ids == ("i-0001",)
    assert shrunk_to(cloud) == {"i-0001", "i-0003"}
    assert answers(cloud) == [CONTINUE]


def test_when_all_of_them_stay_nothing_is_read_or_written() -> None:
    cloud = leaving(states=("InService", "InService"))
    owned(cloud, *servers(3))
    outcome = only(cloud.complete(HOOK))
    assert outcome.status is Status.REFUSED
    assert codes(cloud) == ["InstancesStay"]
    assert cloud.operations == []
    assert answers(cloud) == [CONTINUE]


def test_a_hook_without_a_binding_is_refused_and_never_completed() -> None:
    cloud = leaving(a_binding(scaling_group_id="asg-0002"))
    owned(cloud, *servers(3))
    assert only(cloud.complete(HOOK)).status is Status.REFUSED
    assert codes(cloud) == ["NoBinding"]
    assert untouched(cloud)


def test_nothing_is_written_before_ess_has_said_what_waits_and_what_is_there() -> None:
    cloud = leaving()
    owned(cloud, *servers(3))
    for operation in ("list_lifecycle_actions", "read_instances", "read_hook_terms"):
        cloud.scaling_groups.fail_next(operation, BUSY)
        with pytest.raises(Retryable):
            cloud.complete(HOOK)
        assert cloud.operations == []
        assert untouched(cloud)


def test_an_activity_that_the_message_lacks_is_found_among_the_newest_of_the_group() -> None:
    request = a_hook_request(transition=Transition.SCALE_IN, scaling_activity_id="")
    assert HOOK.action
    cloud = leaving()
    owned(cloud, *servers(3))
    before, newest = (replace(HOOK.action, scaling_activity_id=f"asa-000{n}") for n in (2, 3))
    cloud.scaling_groups.ended(before, "CONTINUE")
    cloud.scaling_groups.pending(replace(newest, token=TOKEN))
    cloud.complete(request)
    ((action, _),) = cloud.scaling_groups.completed
    assert action.scaling_activity_id == "asa-0003"
    assert shrunk_to(cloud) == {"i-0003"}


# Replays


def test_the_same_event_again_reads_publishes_the_same_result_and_writes_nothing() -> None:
    cloud = leaving()
    owned(cloud, *servers(3))
    cloud.complete(HOOK)
    cloud.scaling_groups.releases(GROUP, "i-0001", "i-0002")
    cloud.load_balancers.calls.clear()
    again = only(cloud.complete(HOOK))
    assert (again.status, again.lifecycle_result) == (Status.DEREGISTERED, CONTINUE)
    assert cloud.operations == REPLAY
    first, second = cloud.notifications.results
    assert first["id"] == second["id"]
    assert second["data"]["VServerGroupId"] == first["data"]["VServerGroupId"]
    assert answers(cloud) == [CONTINUE]


def test_a_replay_after_the_group_was_deleted_has_the_same_id() -> None:
    cloud = leaving(BY_ACTIVITY)
    owned(cloud, *servers(2), name=LEFT_EMPTY)
    cloud.complete(HOOK)
    assert cloud.names == []
    cloud.scaling_groups.releases(GROUP, "i-0001", "i-0002")
    cloud.complete(HOOK)
    first, second = cloud.notifications.results
    assert (first["data"]["groups"][0]["deleted"], second["data"]["groups"]) == (True, [])
    assert (first["id"], first["subject"]) == (second["id"], second["subject"])


def test_what_a_rollback_brought_back_stays_however_late_the_message_comes() -> None:
    cloud = deployment(a_binding())
    cloud.scaling_groups.holds(GROUP, *(instance(n, "InService") for n in (1, 2)))
    assert HOOK.action
    cloud.scaling_groups.ended(HOOK.action, "ROLLBACK")
    owned(cloud, *servers(3))
    outcome = only(cloud.complete(HOOK))
    assert outcome.status is Status.FAILED
    assert codes(cloud) == ["HookEndedOtherwise"]
    assert outcome.dropped_instance_ids == ("i-0001", "i-0002")
    assert untouched(cloud)


def test_a_time_out_that_left_servers_in_a_group_is_told_and_nothing_written() -> None:
    cloud = deployment(a_binding())
    assert HOOK.action
    cloud.scaling_groups.ended(HOOK.action, "CONTINUE", timed_out=True)
    owned(cloud, *servers(3))
    assert only(cloud.complete(HOOK)).status is Status.FAILED
    assert codes(cloud) == ["HookEndedOtherwise"]
    assert untouched(cloud)


def test_an_ended_action_whose_instances_are_in_service_takes_nobody_out() -> None:
    cloud = deployment(a_binding())
    cloud.scaling_groups.holds(GROUP, *(instance(n, "InService") for n in (1, 2)))
    assert HOOK.action
    cloud.scaling_groups.ended(HOOK.action, "CONTINUE")
    owned(cloud, *servers(3))
    cloud.complete(HOOK)
    assert codes(cloud) == ["InstancesStay"]
    assert untouched(cloud)


@pytest.mark.parametrize(
    "operation", ["set_weights", "remove_backend_servers", "delete_vserver_group"]
)
@pytest.mark.parametrize("effect", [True, False])
def test_after_a_crash_anywhere_the_next_delivery_ends_it_with_the_same_id(
    operation: str, effect: bool
) -> None:
    binding = replace(BY_ACTIVITY, drain=5)
    whole, broken = leaving(binding), leaving(binding)
    owned(whole, *servers(2), name=LEFT_EMPTY)
    whole.complete(HOOK)
    owned(broken, *servers(2), name=LEFT_EMPTY)
    crash = ConfigurationError("the instance dies")  # nothing in the protocol catches it
    broken.load_balancers.fail_next(operation, crash, after_effect=effect)
    if operation == "delete_vserver_group":
        broken.notifications.fail_next("publish", BUSY)
    with pytest.raises(Retryable):
        broken.complete(HOOK)
    broken.scaling_groups.releases(GROUP, "i-0001", "i-0002")
    broken.clock.advance(60)
    broken.complete(HOOK)
    assert broken.notifications.results[-1]["id"] == whole.notifications.results[0]["id"]
    assert answers(broken) == [CONTINUE]
    assert not any(group.backends for group in broken.load_balancers.groups.values())


# Several load balancers, several groups, one answer


def test_every_bound_load_balancer_is_told_of_once_and_the_action_completed_after_all() -> None:
    both = (a_binding(), a_binding(ports=(8443,), name_template="{scaling_group_id}-8443"))
    cloud = leaving(*both, a_binding(load_balancer_id="lb-0002"))
    owned(cloud, *servers(3))
    owned(cloud, *servers(3, port=8443), name=f"{GROUP}-8443")
    owned(cloud, *servers(3), name="other", load_balancer_id="lb-0002")
    cloud.complete(HOOK)
    results = {result["subject"]: result["data"] for result in cloud.notifications.results}
    assert len(cloud.notifications.results) == 2
    assert set(results) == {LB, f"lb-0002/{GROUP}"}
    first = results[LB]
    assert first["VServerGroupName"] is None
    assert [group["VServerGroupName"] for group in first["groups"]] == [GROUP, f"{GROUP}-8443"]
    assert {len(group.backends) for group in cloud.load_balancers.groups.values()} == {1}
    assert answers(cloud) == [CONTINUE]


def test_one_load_balancer_that_is_busy_leaves_the_hook_pending_after_the_others_were_done() -> (
    None
):
    cloud = leaving(a_binding(), a_binding(load_balancer_id="lb-0002"))
    owned(cloud, *servers(3))
    owned(cloud, *servers(3), name="other", load_balancer_id="lb-0002")
    cloud.load_balancers.fail_next("list_vserver_groups", BUSY)
    with pytest.raises(Retryable):
        cloud.complete(HOOK)
    assert (shrunk_to(cloud, "other"), len(shrunk_to(cloud))) == ({"i-0003"}, 3)
    assert answers(cloud) == []
    assert [result["subject"] for result in cloud.notifications.results] == ["lb-0002/asg-0001"]
    cloud.complete(HOOK)
    assert answers(cloud) == [CONTINUE]


# Drain


def test_a_drain_weighs_0_first_and_is_told_with_its_seconds() -> None:
    cloud = leaving(a_binding(drain=30))
    owned(cloud, *servers(3))
    cloud.complete(HOOK)
    assert cloud.writes == ["set", "remove"]
    changes = cloud.notifications.results[0]["data"]["changes"]
    assert changes["drainedSeconds"] == 30
    assert sum(cloud.clock.waits) == 30


def test_a_drain_is_no_longer_than_the_invocation_leaves_time_for() -> None:
    cloud = leaving(a_binding(drain=300))
    owned(cloud, *servers(3))
    cloud.complete(HOOK, seconds=60)
    assert shrunk_to(cloud) == {"i-0003"}
    drained = cloud.notifications.results[0]["data"]["changes"]["drainedSeconds"]
    assert 45 < drained < 60
    assert answers(cloud) == [CONTINUE]


def hasty(drain: int, *, beats: int = 0) -> Deployment:
    """The hook waits 30 seconds; others had so many of its heartbeats."""
    cloud = deployment(a_binding(drain=drain))
    cloud.scaling_groups.heartbeat_timeout = 30.0
    cloud.scaling_groups.default_result = "CONTINUE"
    cloud.scaling_groups.holds(GROUP, *(instance(n, "Removing:Wait") for n in (1, 2)))
    assert HOOK.action
    cloud.scaling_groups.pending(HOOK.action)
    cloud.scaling_groups.beats[HOOK.action.token] = beats
    owned(cloud, *servers(3))
    return cloud


def test_heartbeats_keep_the_hook_waiting_for_a_drain_longer_than_it() -> None:
    cloud = hasty(60)
    cloud.complete(HOOK)
    assert cloud.notifications.results[0]["data"]["changes"]["drainedSeconds"] == 60
    assert len(cloud.scaling_groups.calls_of("record_heartbeat")) >= 2
    assert answers(cloud) == [CONTINUE]


def test_without_heartbeats_a_drain_ends_in_time_to_take_the_servers_out() -> None:
    cloud = hasty(60, beats=HEARTBEATS)
    cloud.complete(HOOK)
    drained = cloud.notifications.results[0]["data"]["changes"]["drainedSeconds"]
    assert 10 < drained < 30
    assert shrunk_to(cloud) == {"i-0003"}
    assert answers(cloud) == [CONTINUE]


def test_the_longest_drain_of_a_load_balancers_bindings_is_waited_for_once() -> None:
    cloud = leaving(a_binding(drain=10), a_binding(drain=20, name_template="other"))
    owned(cloud, *servers(3))
    cloud.complete(HOOK)
    assert sum(cloud.clock.waits) == 20


# A group left empty


def test_a_group_left_empty_stays_unless_the_binding_says_otherwise() -> None:
    cloud = leaving()
    owned(cloud, *servers(2))
    cloud.complete(HOOK)
    assert cloud.held(GROUP) == set()


def test_a_group_left_empty_that_a_listener_refers_to_stays() -> None:
    cloud = leaving(BY_ACTIVITY)
    made = owned(cloud, *servers(2), name=LEFT_EMPTY)
    cloud.load_balancers.referred_to.add(made.id)
    cloud.complete(HOOK)
    assert cloud.held(LEFT_EMPTY) == set()
    assert cloud.notifications.results[0]["data"]["changes"]["deletedCount"] == 0


def test_all_bindings_of_a_load_balancer_must_say_that_an_empty_group_goes() -> None:
    cloud = leaving(BY_ACTIVITY, a_binding(name_template="other"))
    owned(cloud, *servers(2), name=LEFT_EMPTY)
    cloud.complete(HOOK)
    assert cloud.names == [LEFT_EMPTY]


def test_the_group_of_another_activity_stands_beside_one_that_is_deleted() -> None:
    cloud = leaving(replace(BY_ACTIVITY, drain=30))
    owned(cloud, *servers(2), name=LEFT_EMPTY)
    coming = replace(OUT, instances=a_hook_request(instance_ids=["i-0005"]).instances)
    cloud.scaling_groups.holds(GROUP, instance(5))
    assert coming.action
    cloud.scaling_groups.pending(coming.action)
    cloud.clock.later(10, lambda: cloud.complete(coming))
    cloud.complete(HOOK)
    assert cloud.names == [f"{GROUP}/asa-0009"]
    assert shrunk_to(cloud, f"{GROUP}/asa-0009") == {"i-0005"}


def test_a_redelivered_scale_out_does_not_bring_back_the_group_that_was_deleted() -> None:
    cloud = leaving(BY_ACTIVITY)
    owned(cloud, *servers(2), name=f"{GROUP}/asa-0009")
    assert OUT.action
    cloud.scaling_groups.ended(OUT.action, "CONTINUE")
    cloud.complete(HOOK)
    cloud.scaling_groups.releases(GROUP, "i-0001", "i-0002")
    cloud.load_balancers.calls.clear()
    cloud.complete(OUT)
    assert (cloud.names, cloud.writes) == ([], [])


def test_servers_that_come_while_others_leave_are_in_the_group_that_stands_in_the_end() -> None:
    cloud = leaving(a_binding(drain=30))
    owned(cloud, *servers(2))
    coming = replace(OUT, instances=a_hook_request(instance_ids=["i-0005"]).instances)
    cloud.scaling_groups.holds(GROUP, instance(5))
    assert coming.action
    cloud.scaling_groups.pending(coming.action)
    cloud.clock.later(10, lambda: cloud.complete(coming))
    cloud.complete(HOOK)
    assert shrunk_to(cloud) == {"i-0005"}
    assert answers(cloud) == [CONTINUE, CONTINUE]


def test_a_late_replay_of_the_scale_out_does_not_bring_back_who_leaves() -> None:
    cloud = leaving()
    owned(cloud, *servers(3))
    assert OUT.action
    cloud.scaling_groups.pending(OUT.action)
    cloud.complete(HOOK)
    cloud.complete(OUT)
    assert shrunk_to(cloud) == {"i-0003"}
    assert codes(cloud) == [None, "InstancesGone"]


# Failures


@pytest.mark.parametrize("result", list(LifecycleResult))
def test_a_permanent_failure_is_answered_with_the_result_for_scale_in(
    result: LifecycleResult,
) -> None:
    cloud = leaving(a_binding(failure_result=ABANDON, scale_in_failure_result=result))
    owned(cloud, *servers(3))
    cloud.load_balancers.fail_next("remove_backend_servers", Rejected("InvalidParameter", "no"))
    assert only(cloud.complete(HOOK)).status is Status.FAILED
    assert cloud.notifications.kinds == ["failed"]
    assert answers(cloud) == [result]


def test_a_failure_tells_which_groups_had_lost_their_servers_before_it() -> None:
    cloud = leaving(a_binding(drain=5))
    first, _ = owned(cloud, *servers(3)), owned(cloud, *servers(3), name="other")
    real = cloud.load_balancers.remove_backend_servers

    def refused_next(*arguments: Any, **named: Any) -> Any:
        done = real(*arguments, **named)
        refusal = Rejected("InvalidParameter", "no")
        cloud.load_balancers.fail_next("remove_backend_servers", refusal)
        return done

    cloud.load_balancers.remove_backend_servers = refused_next  # type: ignore[method-assign]
    assert only(cloud.complete(HOOK)).status is Status.FAILED
    (result,) = cloud.notifications.results
    assert [group["VServerGroupId"] for group in result["data"]["groups"]] == [first.id]
    changes = result["data"]["changes"]
    assert (changes["removedCount"], changes["drainedSeconds"]) == (2, 5)


def test_the_circuit_breaker_is_for_servers_that_come() -> None:
    cloud = leaving(a_binding(scale_in_failure_result=ROLLBACK))
    owned(cloud, *servers(3))
    cloud.load_balancers.fail_next("remove_backend_servers", Rejected("InvalidParameter", "no"))
    cloud.complete(HOOK)
    assert cloud.scaling_groups.calls_of("list_recent_activities") == []


@pytest.mark.parametrize("error", [BUSY, ConfigurationError("no permission")])
def test_what_may_pass_leaves_the_hook_pending(error: Retryable) -> None:
    cloud = leaving()
    owned(cloud, *servers(3))
    for _ in range(100):
        cloud.load_balancers.fail_next("remove_backend_servers", error)
    with pytest.raises(Retryable) as raised:
        cloud.complete(HOOK, seconds=20)
    assert raised.value is error
    assert answers(cloud) == []
    assert cloud.notifications.published == []


def test_a_removal_at_a_busy_moment_is_sent_again_after_a_pause() -> None:
    cloud = leaving()
    owned(cloud, *servers(3))
    cloud.load_balancers.fail_next("remove_backend_servers", BUSY)
    cloud.complete(HOOK)
    assert cloud.operations == ["list", "read", "remove", "read", "remove", "read"]
    assert len(cloud.clock.waits) == 1
    assert answers(cloud) == [CONTINUE]


@pytest.mark.parametrize("error", [BUSY, Ambiguous("no answer")])
def test_a_result_that_nobody_heard_is_published_by_the_next_delivery(error: Retryable) -> None:
    cloud = leaving()
    owned(cloud, *servers(3))
    cloud.notifications.fail_next("publish", error)
    with pytest.raises(Retryable):
        cloud.complete(HOOK)
    assert answers(cloud) == [CONTINUE]
    cloud.scaling_groups.releases(GROUP, "i-0001", "i-0002")
    cloud.complete(HOOK)
    assert cloud.notifications.kinds == ["deregistered"]


def test_past_the_hooks_deadline_nothing_is_written_and_one_attempt_is_made_to_answer() -> None:
    cloud = hasty(0, beats=HEARTBEATS)
    cloud.clock.advance(27)
    assert only(cloud.complete(HOOK)).status is Status.FAILED
    assert codes(cloud) == [Code.HOOK_DEADLINE_PASSED.value]
    assert (cloud.operations, answers(cloud)) == ([], [CONTINUE])


def draining(result: LifecycleResult = ROLLBACK, drain: int = 30) -> Deployment:
    """i-0001 and i-0002 wait to be removed after a drain; of several weights."""
    cloud = leaving(a_binding(drain=drain, scale_in_failure_result=result, ports=(8080,)))
    owned(cloud, *servers(1, weight=70), *servers(4, first=2))
    return cloud


BEFORE = {*servers(1, weight=70), *servers(4, first=2)}
REFUSED = Rejected("LbStatusNotSupport", "the load balancer is inactive")


def test_a_failure_that_is_answered_with_rollback_sets_the_weights_of_before_again() -> None:
    cloud = draining()
    cloud.load_balancers.fail_next("remove_backend_servers", REFUSED)
    assert only(cloud.complete(HOOK)).status is Status.FAILED
    assert cloud.held(GROUP) == BEFORE
    assert answers(cloud) == [ROLLBACK]
    assert cloud.notifications.results[0]["data"]["changes"]["notRestoredCount"] == 0


@pytest.mark.parametrize("result", [CONTINUE, ABANDON])
def test_a_failure_after_which_the_servers_leave_all_the_same_keeps_them_at_0(
    result: LifecycleResult,
) -> None:
    cloud = draining(result)
    cloud.load_balancers.fail_next("remove_backend_servers", REFUSED)
    cloud.complete(HOOK)
    assert {b.weight for b in cloud.held(GROUP) if b.server_id in ("i-0001", "i-0002")} == {0}


def test_a_weight_that_cannot_be_restored_is_in_the_result() -> None:
    cloud = draining()
    cloud.load_balancers.fail_next("remove_backend_servers", REFUSED)
    cloud.clock.later(10.0, lambda: cloud.load_balancers.stopped.update({"i-0001": "ObtainIpFail"}))
    cloud.complete(HOOK)
    changes = cloud.notifications.results[0]["data"]["changes"]
    assert changes["notRestored"] == [{"ServerId": "i-0001", "Port": 8080}]
    assert ("outcome", 1) in [(name, f.get("not_restored")) for name, f in cloud.log.steps]


@pytest.mark.parametrize("own_result", [True, False])
def test_a_scale_in_that_is_called_off_during_its_drain_leaves_the_weights_of_before(
    own_result: bool,
) -> None:
    cloud = draining(ROLLBACK if own_result else CONTINUE, drain=60)
    cloud.scaling_groups.heartbeat_timeout = 60.0
    action = HOOK.action
    assert action
    cloud.scaling_groups.pending(action)
    cloud.clock.later(20.0, lambda: cloud.scaling_groups.ended(action, "ROLLBACK"))
    cloud.complete(HOOK)
    assert "remove" not in cloud.operations
    assert cloud.held(GROUP) == BEFORE
    assert answers(cloud) == []


def test_of_a_scale_in_that_ended_otherwise_the_instances_that_stay_get_their_weight_back() -> None:
    cloud = draining(CONTINUE, drain=60)
    cloud.scaling_groups.heartbeat_timeout = 60.0
    action = HOOK.action
    assert action
    cloud.scaling_groups.pending(action)

    def end() -> None:
        cloud.scaling_groups.ended(action, "ABANDON")
        cloud.scaling_groups.holds(GROUP, instance(1, "Protected"))

    cloud.clock.later(20.0, end)
    cloud.complete(HOOK)
    weights = {b.server_id: b.weight for b in cloud.held(GROUP)}
    assert (weights["i-0001"], weights["i-0002"]) == (70, 0)


def test_where_the_hooks_time_runs_out_and_the_servers_stay_the_weights_are_set_again() -> None:
    """The drain ends in time, and then the load balancer is busy until the hook's time is over."""
    cloud = draining()
    assert HOOK.action
    cloud.scaling_groups.heartbeat_timeout = 60.0
    cloud.scaling_groups.pending(HOOK.action)
    cloud.scaling_groups.beats[TOKEN] = HEARTBEATS
    for _ in range(30):
        cloud.load_balancers.fail_next("remove_backend_servers", BUSY)
    cloud.complete(HOOK)
    assert (cloud.held(GROUP), answers(cloud)) == (BEFORE, [ROLLBACK])
    assert codes(cloud) == ["Throttling"]


def test_while_the_hook_waits_on_the_next_delivery_finds_the_drain_as_it_was_left() -> None:
    cloud = draining()
    for _ in range(90):
        cloud.load_balancers.fail_next("remove_backend_servers", BUSY)
    with pytest.raises(Retryable):
        cloud.complete(HOOK)
    assert {b.weight for b in cloud.held(GROUP) if b.server_id == "i-0001"} == {0}


def test_what_an_earlier_delivery_left_at_0_is_told_after_a_rollback() -> None:
    cloud = draining(CONTINUE)
    (group,) = cloud.load_balancers.named(GROUP)
    cloud.load_balancers.groups[group.id] = replace(group, backends=servers(2, weight=0))
    assert HOOK.action
    cloud.scaling_groups.ended(HOOK.action, "ROLLBACK")
    cloud.scaling_groups.holds(GROUP, instance(1, "InService"), instance(2, "InService"))
    cloud.complete(HOOK)
    data = cloud.notifications.results[0]["data"]
    assert (data["error"]["code"], data["changes"]["notRestoredCount"]) == ("HookEndedOtherwise", 2)
    assert cloud.writes == []


def test_a_rollback_by_another_hook_meanwhile_is_told_of() -> None:
    cloud = leaving(a_binding(drain=20))
    owned(cloud, *servers(3))

    def rolled_back() -> None:
        assert HOOK.action
        cloud.scaling_groups.ended(HOOK.action, "ROLLBACK")
        cloud.scaling_groups.holds(GROUP, *(instance(n, "InService") for n in (1, 2)))

    cloud.clock.later(10, rolled_back)
    cloud.complete(HOOK)
    assert codes(cloud)[-1] == "HookEndedOtherwise"
    assert answers(cloud) == []


# Pause


@pytest.mark.parametrize("choice", list(OnPause))
def test_a_pause_leaves_the_hook_to_its_binding(choice: OnPause) -> None:
    cloud = leaving(a_binding(on_pause=choice), paused=True)
    owned(cloud, *servers(3))
    if choice is OnPause.WAIT:
        with pytest.raises(Retryable, match="Paused"):
            cloud.complete(HOOK)
    else:
        cloud.complete(HOOK)
        assert codes(cloud) == ["Paused"]
    assert cloud.operations == []
    assert [answer.value for answer in answers(cloud)] == [choice.value] * (choice != OnPause.WAIT)
