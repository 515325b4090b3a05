"""The sweep: what it finds, what it puts right, and what it leaves alone."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from builders import a_hook_request, as_bytes
from deployments import (
    LB,
    Deployment,
    a_binding,
    answers,
    context,
    deployment,
    instance,
    servers,
    untouched,
)
from fakes import REGION
from provisioner import handler
from provisioner.errors import Ambiguous, Rejected, Retryable
from provisioner.groups import naming
from provisioner.model import (
    Backend,
    EventRef,
    ScalingActivity,
    ScalingInstance,
    SweepMode,
    SweepRequest,
    Transition,
)
from provisioner.sweep import SweepReport, run_sweep
from provisioner.sweep.detect import GRACE, FindingKind

GROUP = "asg-0001"
OURS = naming.build_owner_tags("mark")
HOOK = a_hook_request()
IN = a_hook_request(transition=Transition.SCALE_IN)
BUSY = Retryable("Throttling", "slow down")
APPLY, REPORT, OFF = SweepMode.APPLY, SweepMode.REPORT, SweepMode.OFF


def healthy(*bindings: Any, **policy: Any) -> Deployment:
    """Two instances in service, behind the group that their hook made."""
    cloud = deployment(*(bindings or (a_binding(),)), **{"sweep": APPLY, **policy})
    in_service(cloud, 1, 2)
    cloud.stands(*servers(2), name=GROUP, tags=OURS)
    return cloud


def in_service(cloud: Deployment, *numbers: int, state: str = "InService", age: float = 0) -> None:
    began = cloud.clock.now() - GRACE - 100 if not age else cloud.clock.now() - age
    made = ScalingActivity("asa-0001", began, frozenset(f"i-{n:04}" for n in numbers))
    cloud.scaling_groups.was(GROUP, made)
    cloud.scaling_groups.holds(GROUP, *(instance(n, state) for n in numbers))


def destroyed(cloud: Deployment, *ids: str, name: str = "asa-0009") -> None:
    gone = ScalingActivity(name, cloud.clock.now(), destroyed=frozenset(ids))
    cloud.scaling_groups.was(GROUP, gone)


def sweep(cloud: Deployment, wanted: SweepMode | None = None) -> SweepReport:
    return run_sweep(cloud.means, SweepRequest(EventRef("timer", "t"), wanted), cloud.invocation())


def kinds(done: SweepReport) -> list[FindingKind]:
    return [each.finding.kind for each in done.results]


def test_a_healthy_world_has_no_findings_and_is_only_read() -> None:
    cloud = healthy()
    assert sweep(cloud) == SweepReport(APPLY)
    assert untouched(cloud)


# Claims


def test_a_stale_claim_is_found_whoever_wanted_it_and_deleted_only_when_asked() -> None:
    cloud = healthy()
    claim = cloud.claimed_by_another(age=60)
    reported = sweep(cloud, REPORT)
    assert [each.finding.vserver_group_id for each in reported.results] == [claim.id]
    assert untouched(cloud)
    assert [each.applied for each in sweep(cloud).results] == [True]
    assert cloud.names == [GROUP]
    assert sweep(cloud).results == ()


def test_a_live_claim_is_no_finding() -> None:
    cloud = healthy()
    cloud.claimed_by_another(age=20)
    assert sweep(cloud).results == ()


def test_a_claim_that_was_committed_meanwhile_is_left_alone() -> None:
    cloud = healthy()
    claim = cloud.claimed_by_another(age=60)
    real = cloud.load_balancers.list_vserver_groups

    def listed(*arguments: Any, **named: Any) -> Any:
        answer = real(*arguments, **named)
        cloud.load_balancers.groups[claim.id] = replace(claim, name="web-8080")
        return answer

    cloud.load_balancers.list_vserver_groups = listed  # type: ignore[method-assign]
    assert [each.applied for each in sweep(cloud).results] == [True]
    assert cloud.names == [GROUP, "web-8080"]


def test_a_claim_that_cannot_be_deleted_is_told_as_a_failure() -> None:
    cloud = healthy()
    claim = cloud.claimed_by_another(age=60)
    cloud.load_balancers.fail_next("delete_vserver_group", BUSY)
    (failed,) = sweep(cloud).results
    assert (failed.applied, failed.error and failed.error.code) == (False, "StillChanging")
    assert claim.id in cloud.load_balancers.groups


# Released instances


def test_a_server_that_ess_destroyed_is_removed() -> None:
    cloud = healthy()
    (group,) = cloud.load_balancers.named(GROUP)
    cloud.load_balancers.groups[group.id] = replace(group, backends=servers(3))
    destroyed(cloud, "i-0003")
    (each,) = sweep(cloud).results
    assert (each.finding.server_ids, each.applied) == (("i-0003",), True)
    assert cloud.held(GROUP) == set(servers(2))
    assert sweep(cloud).results == ()


@pytest.mark.parametrize(
    ("stranger", "tags", "name"),
    [
        pytest.param(Backend("i-0099", 8080), OURS, GROUP, id="named by an explicit request"),
        pytest.param(Backend("i-0003", 8080), {}, "web", id="in a foreign group"),
        pytest.param(Backend("i-0003", 8080), OURS, "web", id="in a group that no binding names"),
        pytest.param(
            Backend("eni-1", 8080, type="eni", server_ip="10.0.0.9"), OURS, GROUP, id="of an eni"
        ),
    ],
)
def test_no_other_server_is_touched_or_told_of(stranger: Backend, tags: Any, name: str) -> None:
    cloud = deployment(a_binding(), sweep=APPLY)
    cloud.stands(stranger, name=name, tags=tags)
    destroyed(cloud, "i-0003", "eni-1")
    assert sweep(cloud).results == ()
    assert untouched(cloud)


def test_a_destroyed_server_leaves_the_group_that_a_binding_names_whoever_created_it() -> None:
    cloud = deployment(a_binding(), sweep=APPLY)
    cloud.stands(*servers(3, first=3), name=GROUP)
    destroyed(cloud, "i-0003")
    assert [each.applied for each in sweep(cloud).results] == [True]
    assert cloud.held(GROUP) == set(servers(2, first=4))


def test_one_destroyed_server_that_may_not_be_removed_does_not_keep_the_others() -> None:
    cloud = deployment(a_binding(), sweep=APPLY)
    cloud.stands(*servers(20), name=GROUP, tags=OURS)
    destroyed(cloud, *(f"i-{n:04}" for n in range(1, 21)))
    cloud.load_balancers.stopped["i-0003"] = "InvalidServerId.NotExist"
    (each,) = sweep(cloud).results
    assert (each.applied, each.error and each.error.code) == (False, "InvalidServerId.NotExist")
    assert {backend.server_id for backend in cloud.held(GROUP)} == {"i-0003"}


def test_a_stale_eci_is_removed_and_its_successor_with_the_same_address_stays() -> None:
    stale, successor = (Backend(f"eci-{n}", 8080, 100, "eci", "10.0.0.9") for n in (1, 2))
    cloud = deployment(a_binding(type="eci"), sweep=APPLY)
    cloud.scaling_groups.holds(GROUP, ScalingInstance("eci-2", "InService", "10.0.0.9"))
    cloud.stands(stale, successor, name=GROUP, tags=OURS)
    destroyed(cloud, "eci-1")
    assert [each.finding.server_ids for each in sweep(cloud).results] == [("eci-1",)]
    assert cloud.held(GROUP) == {successor}


def test_a_binding_without_a_region_is_read_where_its_hooks_are_handled() -> None:
    """The load balancer and the scaling group are in a region of REGIONS."""
    cloud = deployment(a_binding(load_balancer_id="lb-b"), sweep=APPLY, regions={"cn-beijing"})
    cloud.load_balancers.seed("lb-b", region_id="cn-beijing")
    there = instance(1, "InService")
    cloud.scaling_groups.holds(GROUP, there, region_id="cn-beijing")
    cloud.stands(*servers(1, weight=0), name=GROUP, region_id="cn-beijing", load_balancer_id="lb-b")
    done = sweep(cloud)
    assert done.unread == ()
    assert [(each.finding.kind, each.applied) for each in done.results] == [
        (FindingKind.ZERO_WEIGHT, True)
    ]


# Groups that nobody refers to


def renamed() -> Deployment:
    """A listener refers to the group that was renamed; a scale-out has created the name anew."""
    cloud = healthy()
    there = cloud.stands(*servers(1, first=5), name="renamed", tags=OURS)
    cloud.load_balancers.referred_to.add(there.id)
    return cloud


def test_a_group_that_nobody_refers_to_is_told_of_while_another_of_ours_is_in_use() -> None:
    cloud = renamed()
    (found,) = sweep(cloud).results
    assert (found.finding.kind, found.finding.vserver_group_name, found.applied) == (
        FindingKind.UNUSED_GROUP,
        GROUP,
        False,
    )
    assert untouched(cloud)


def test_a_foreign_group_in_use_says_nothing_about_ours() -> None:
    cloud = healthy()
    cloud.load_balancers.referred_to.add(cloud.stands(name="theirs").id)
    assert sweep(cloud).results == ()


@pytest.mark.parametrize("stands", [True, False])
def test_nothing_is_added_to_a_group_that_nobody_refers_to_while_another_of_ours_is_in_use(
    stands: bool,
) -> None:
    cloud = renamed()
    in_service(cloud, 3)
    if not stands:
        (group,) = cloud.load_balancers.named(GROUP)
        del cloud.load_balancers.groups[group.id]
    missing = [e for e in sweep(cloud).results if e.finding.kind is FindingKind.MISSING_INSTANCE]
    assert [each.applied for each in missing] == [False]
    assert untouched(cloud)


# Weights that a drain left at 0


def lowered(cloud: Deployment, *backends: Backend) -> None:
    (group,) = cloud.load_balancers.named(GROUP)
    cloud.load_balancers.groups[group.id] = replace(group, backends=backends)


def test_a_server_in_service_with_the_weight_0_is_reported_and_gets_the_bindings_weight() -> None:
    cloud = healthy(a_binding(weight=80))
    lowered(cloud, *servers(1, weight=0), *servers(1, first=2))
    (found,) = sweep(cloud, REPORT).results
    assert (found.finding.kind, found.finding.server_ids) == (FindingKind.ZERO_WEIGHT, ("i-0001",))
    assert untouched(cloud)
    assert [each.applied for each in sweep(cloud).results] == [True]
    assert cloud.held(GROUP) == {*servers(1, weight=80), *servers(1, first=2)}


@pytest.mark.parametrize(
    ("binding", "state"),
    [
        pytest.param(a_binding(weight=0), "InService", id="as the binding says"),
        pytest.param(a_binding(), "Removing:Wait", id="of an instance that leaves"),
        pytest.param(a_binding(), "Standby", id="of an instance that somebody set aside"),
        pytest.param(a_binding(ports=(8443,)), "InService", id="at a port that is not bound"),
    ],
)
def test_no_other_weight_of_0_is_told_of(binding: Any, state: str) -> None:
    cloud = deployment(binding, sweep=APPLY)
    in_service(cloud, 1, state=state)
    cloud.stands(*servers(1, weight=0), *servers(1, port=8443), name=GROUP, tags=OURS)
    assert FindingKind.ZERO_WEIGHT not in kinds(sweep(cloud))


def test_a_weight_of_0_that_only_a_hook_knows_is_only_told_of() -> None:
    cloud = healthy(a_binding(metadata_may_override=frozenset({"Weight"})))
    lowered(cloud, *servers(2, weight=0))
    assert [each.applied for each in sweep(cloud).results] == [False]
    assert untouched(cloud)


def test_a_weight_that_the_load_balancer_refuses_is_told_as_a_failure() -> None:
    cloud = healthy()
    lowered(cloud, *servers(2, weight=0))
    cloud.load_balancers.stopped["i-0001"] = "ObtainIpFail"
    (each,) = sweep(cloud).results
    assert (each.applied, each.error and each.error.code) == (False, "StillChanging")
    assert cloud.held(GROUP) == {*servers(1, weight=0), *servers(1, first=2)}


def test_a_server_that_may_have_been_detached_is_only_told_of() -> None:
    cloud = healthy()
    cloud.scaling_groups.releases(GROUP, "i-0002")
    done = sweep(cloud)
    assert [(e.finding.server_ids, e.applied) for e in done.results] == [(("i-0002",), False)]
    assert untouched(cloud)


def test_a_server_that_another_scaling_group_has_is_no_finding() -> None:
    cloud = healthy()
    cloud.scaling_groups.releases(GROUP, "i-0002")
    destroyed(cloud, "i-0002")
    cloud.scaling_groups.holds("asg-0002", instance(2, "InService"))
    assert sweep(cloud).results == ()


# Missing instances


def test_an_instance_in_service_that_the_group_lacks_is_added() -> None:
    cloud = healthy()
    in_service(cloud, 1, 2, 3)
    assert kinds(sweep(cloud, REPORT)) == [FindingKind.MISSING_INSTANCE]
    assert untouched(cloud)
    assert [each.finding.server_ids for each in sweep(cloud).results] == [("i-0003",)]
    assert cloud.held(GROUP) == set(servers(3))
    assert sweep(cloud).results == ()


@pytest.mark.parametrize("state", ["Protected", "Standby", "Pending:Wait", "Removing", "Stopped"])
def test_an_instance_in_another_state_is_not_missed(state: str) -> None:
    cloud = deployment(a_binding(), sweep=APPLY)
    in_service(cloud, 1, state=state)
    assert sweep(cloud).results == ()


def test_an_instance_whose_activity_has_just_ended_is_not_missed_yet() -> None:
    cloud = deployment(a_binding(), sweep=APPLY)
    in_service(cloud, 1, age=GRACE - 10)
    assert sweep(cloud).results == ()
    cloud.clock.advance(20)
    assert kinds(sweep(cloud)) == [FindingKind.MISSING_INSTANCE]


def test_one_that_is_refused_costs_the_others_nothing_and_is_told_as_a_failure() -> None:
    cloud = healthy()
    in_service(cloud, 1, 2, 3, 4)
    cloud.load_balancers.refuses["i-0003"] = "InvalidServerId.NotFound"
    (each,) = sweep(cloud).results
    assert (each.applied, each.error and each.error.code) == (False, "InvalidServerId.NotFound")
    assert cloud.held(GROUP) == {*servers(2), *servers(1, first=4)}


def test_an_instance_that_leaves_meanwhile_is_not_put_back() -> None:
    cloud = healthy()
    in_service(cloud, 1, 2, 3)
    real = cloud.scaling_groups.read_instances

    def leaving(*arguments: Any, **named: Any) -> Any:
        cloud.scaling_groups.holds(GROUP, instance(3, "Removing:Wait"))
        return real(*arguments, **named)

    cloud.scaling_groups.read_instances = leaving  # type: ignore[method-assign]
    sweep(cloud)
    assert cloud.held(GROUP) == set(servers(2))


def test_a_group_named_by_the_activity_is_missed_by_the_instances_own() -> None:
    cloud = deployment(a_binding(name_template="{scaling_activity_id}"), sweep=APPLY)
    in_service(cloud, 1, 2)
    assert kinds(sweep(cloud)) == [FindingKind.MISSING_INSTANCE]
    assert cloud.held("asa-0001") == set(servers(2))


@pytest.mark.parametrize(
    "binding",
    [
        a_binding(name_template="web-{content_hash}"),
        a_binding(metadata_may_override=frozenset({"Weight"})),
    ],
)
def test_what_an_event_alone_knows_is_only_told_of(binding: Any) -> None:
    cloud = deployment(binding, sweep=APPLY)
    in_service(cloud, 1)
    done = sweep(cloud)
    assert [(each.finding.kind, each.applied) for each in done.results] == [
        (FindingKind.MISSING_INSTANCE, False)
    ]
    assert untouched(cloud)


# Stuck hooks


def test_a_hook_past_half_of_its_time_is_handled_as_its_event_would_have_been() -> None:
    cloud = deployment(a_binding(), sweep=APPLY)
    cloud.waits_at_a_hook(HOOK)
    assert sweep(cloud).results == ()
    cloud.clock.advance(310)
    assert kinds(sweep(cloud, REPORT)) == [FindingKind.STUCK_HOOK]
    assert untouched(cloud)
    assert [each.applied for each in sweep(cloud).results] == [True]
    assert cloud.held(GROUP) == set(servers(2))
    assert [answer.value for answer in answers(cloud)] == ["CONTINUE"]
    cloud.complete(HOOK)  # the lost message, late
    first, second = cloud.notifications.results
    assert first["id"] == second["id"]
    assert sweep(cloud).results == ()


def leaving(*bindings: Any, waited: float) -> Deployment:
    """i-0001 and i-0002 leave, and nobody has heard of it for so long."""
    cloud = deployment(*(bindings or (a_binding(),)), sweep=APPLY)
    cloud.stands(*servers(3), name=GROUP, tags=OURS)
    cloud.waits_at_a_hook(IN, instance(1, "Removing:Wait"), instance(2, "Removing:Wait"))
    cloud.clock.advance(waited)
    return cloud


def test_a_stuck_hook_of_servers_that_leave_is_handled_as_a_scale_in() -> None:
    cloud = leaving(waited=310)
    assert kinds(sweep(cloud, REPORT)) == [FindingKind.STUCK_HOOK]
    assert untouched(cloud)
    assert [each.applied for each in sweep(cloud).results] == [True]
    assert cloud.held(GROUP) == set(servers(1, first=3))
    assert [answer.value for answer in answers(cloud)] == ["CONTINUE"]
    ((action, _),) = cloud.scaling_groups.completed
    assert action.transition is Transition.SCALE_IN
    cloud.complete(IN)  # the lost message, late
    first, second = cloud.notifications.results
    assert (first["type"], first["id"]) == ("vservergroup.deregistered", second["id"])


def test_a_sweep_leaves_a_drain_to_the_delivery_that_may_be_waiting_for_it() -> None:
    both = (a_binding(drain=200), a_binding(drain=150, load_balancer_id="lb-0002"))
    cloud = leaving(*both, waited=405)
    assert sweep(cloud).results == ()
    cloud.clock.advance(10)
    assert kinds(sweep(cloud, REPORT)) == [FindingKind.STUCK_HOOK]


@pytest.mark.parametrize(
    "target", ["", "acs:ess:r:a:null/null", "acs:oos:r:a:template/save", "acs:ess:r:a:oos/save"]
)
def test_a_hook_whose_message_cannot_have_been_for_us_is_only_told_of(target: str) -> None:
    cloud = leaving(waited=310)
    cloud.scaling_groups.target = target
    assert [each.applied for each in sweep(cloud).results] == [False]
    assert untouched(cloud)


def test_a_hook_of_an_unknown_transition_is_only_told_of() -> None:
    cloud = leaving(waited=310)
    cloud.scaling_groups.transitions["ash-0001"] = None
    assert [each.applied for each in sweep(cloud).results] == [False]
    assert untouched(cloud)


@pytest.mark.parametrize("transition", list(Transition))
def test_a_sweep_in_the_middle_of_a_delivery_comes_to_the_same_one_answer(
    transition: Transition,
) -> None:
    """It begins while the message's own delivery is about to publish, and ends before it."""
    hook = replace(IN, action=replace(IN.action, transition=transition)) if IN.action else IN
    cloud = leaving(waited=310)
    cloud.scaling_groups.transitions["ash-0001"] = transition
    if transition is Transition.SCALE_OUT:
        cloud.scaling_groups.holds(GROUP, instance(1), instance(2))
        cloud.load_balancers.groups.clear()
    real, found = cloud.notifications.publish, []

    def publish(*arguments: Any, **named: Any) -> str:
        cloud.notifications.publish = real  # type: ignore[method-assign]
        found.append(sweep(cloud))
        return real(*arguments, **named)

    cloud.notifications.publish = publish  # type: ignore[method-assign]
    outcomes = cloud.complete(hook)
    assert [each.applied for done in found for each in done.results] == [True]
    assert [each.error for each in outcomes] == [None]
    assert [answer.value for answer in answers(cloud)] == ["CONTINUE"]
    assert len({result["id"] for result in cloud.notifications.results}) == 1


# What fails, and who allows


def test_a_remedy_that_fails_is_told_and_the_others_are_carried_out() -> None:
    cloud = healthy()
    cloud.claimed_by_another(age=60)
    in_service(cloud, 1, 2, 3)
    cloud.load_balancers.fail_next("add_backend_servers", Rejected("Forbidden", "no"))
    done = sweep(cloud)
    assert {each.finding.kind: each.error and each.error.code for each in done.results} == {
        FindingKind.STALE_CLAIM: None,
        FindingKind.MISSING_INSTANCE: "Forbidden",
    }
    assert cloud.names == [GROUP]


def test_a_claim_that_cannot_be_deleted_is_not_told_as_done() -> None:
    cloud = healthy()
    cloud.claimed_by_another(age=60)
    cloud.load_balancers.fail_next("delete_vserver_group", Ambiguous("no answer"))
    assert [each.applied for each in sweep(cloud).results] == [False]


@pytest.mark.parametrize("operation", ["list_instances", "list_activities", "read_instances"])
def test_what_cannot_be_read_is_told_and_says_nothing_of_its_servers(operation: str) -> None:
    cloud = healthy()
    cloud.claimed_by_another(age=60)
    destroyed(cloud, "i-0001")
    cloud.scaling_groups.fail_next(operation, BUSY)
    done = sweep(cloud)
    assert done.unread == ((GROUP, "Throttling"),)
    assert kinds(done) == [FindingKind.STALE_CLAIM]
    assert cloud.held(GROUP) == set(servers(2))


@pytest.mark.parametrize(
    ("allowed", "wanted", "mode"),
    [
        (OFF, APPLY, OFF),
        (OFF, None, OFF),
        (REPORT, APPLY, REPORT),
        (REPORT, None, REPORT),
        (APPLY, REPORT, REPORT),
        (APPLY, OFF, OFF),
        (APPLY, None, APPLY),
    ],
)
def test_a_tick_never_does_more_than_the_deployment_allows(
    allowed: SweepMode, wanted: SweepMode | None, mode: SweepMode
) -> None:
    cloud = healthy(sweep=allowed)
    cloud.claimed_by_another(age=60)
    assert sweep(cloud, wanted).mode is mode
    assert (len(cloud.names) == 1) is (mode is APPLY)


def test_pause_turns_apply_into_report() -> None:
    cloud = healthy(paused=True)
    cloud.claimed_by_another(age=60)
    done = sweep(cloud)
    assert (done.mode, kinds(done)) == (REPORT, [FindingKind.STALE_CLAIM])
    assert untouched(cloud)


def test_a_tick_is_answered_with_what_was_found() -> None:
    cloud = healthy()
    cloud.claimed_by_another(age=60)
    tick = {"triggerTime": "2026-01-01T00:00:00Z", "triggerName": "t1", "payload": ""}
    answer = json.loads(handler.handle_event(cloud.app, as_bytes(tick), context()))
    (done,) = answer["sweeps"]
    assert (answer["outcomes"], done["sweep"], done["unread"]) == ([], "apply", [])
    (found,) = done["findings"]
    assert (found["kind"], found["LoadBalancerId"], found["applied"]) == ("StaleClaim", LB, True)
    assert cloud.notifications.published == []


def test_the_regions_of_instances_are_asked_for_as_the_binding_says() -> None:
    cloud = deployment(a_binding(region_id="cn-beijing"), sweep=REPORT)
    cloud.load_balancers.seed(LB, region_id="cn-beijing")
    there = ScalingInstance("i-0001", "InService", "10.0.0.1")
    cloud.scaling_groups.holds(GROUP, there, region_id="cn-beijing")
    (each,) = sweep(cloud).results
    assert (each.finding.region_id, REGION) == ("cn-beijing", "cn-hangzhou")
