"""The protocol, driven as the service drives it, on a load balancer in memory.

Every interleaving of two runs is searched in `race`; here one run meets what one run can meet.
"""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from builders import REGION
from deployments import (
    LB,
    NAME,
    Deployment,
    a_group,
    deployment,
    servers,
    wanted,
)
from provisioner.errors import Ambiguous, Code, ConfigurationError, Fault, Rejected, Retryable
from provisioner.groups import naming
from provisioner.groups.commands import ListGroups
from provisioner.groups.ensure import EnsureProtocol, State
from provisioner.groups.lease import LEASE, MAX_IN_FLIGHT, RENEW_AFTER, STOP_WRITING_AFTER
from provisioner.model import ApiResponse, Backend, OnExisting, VServerGroup

UNKNOWN = Ambiguous("no answer")
BUSY = Retryable("VServerGroupProcessing", "busy")
NOT_READY = Rejected("ObtainIpFail", "no address yet")
FULL = Rejected("InstanceBackendServerNumberOverLimit", "full", fault=Fault.QUOTA)
# A call that lasts so long may have been dated at its beginning or at its end: a renewal is due.
SLOW = RENEW_AFTER / 2
SIZES = {0: [], 1: [1], 19: [19], 20: [20], 21: [20, 1], 40: [20, 20], 41: [20, 20, 1]}


@pytest.fixture
def cloud() -> Deployment:
    return deployment()


def refused(cloud: Deployment, desired: Any, **how: Any) -> Rejected:
    with pytest.raises(Rejected) as raised:
        cloud.ensure(desired, **how)
    return raised.value


def unfinished(cloud: Deployment, desired: Any, **how: Any) -> Retryable:
    with pytest.raises(Retryable) as raised:
        cloud.ensure(desired, **how)
    return raised.value


# A new group


def test_a_new_group_is_claimed_filled_and_named_last_in_five_calls(cloud: Deployment) -> None:
    done = cloud.ensure(wanted(*servers(5)))
    assert cloud.operations == ["list", "create", "list", "add", "rename"]
    assert cloud.held() == set(servers(5))
    assert (done.created, done.plan.add) == (True, servers(5))
    assert done.group.id in cloud.load_balancers.groups
    assert len(cloud.drive.request_ids) == 5


def test_until_it_is_complete_a_group_is_empty_tagged_and_bears_a_claims_name(
    cloud: Deployment,
) -> None:
    cloud.ensure(wanted(*servers(5)))
    (created,) = cloud.load_balancers.calls_of("create_vserver_group")
    (group,) = created.arguments
    assert group.backends == ()  # type: ignore[attr-defined]
    assert group.tags == naming.build_owner_tags("mark")  # type: ignore[attr-defined]
    claim = naming.parse_claim(group.name)  # type: ignore[attr-defined]
    assert claim
    assert claim.is_for(NAME)
    assert claim.stamped == int(cloud.clock.now())
    (renamed,) = cloud.load_balancers.calls_of("rename_vserver_group")
    assert renamed.arguments == (REGION, "rsp-0001", NAME)


@pytest.mark.parametrize("number", [*SIZES, 200])
def test_a_group_of_any_size_is_filled_with_at_most_20_a_call(
    cloud: Deployment, number: int
) -> None:
    cloud.ensure(wanted(*servers(number)))
    assert cloud.held() == set(servers(number))
    assert cloud.sizes("add_backend_servers") == SIZES.get(number, [20] * 10)
    assert len(cloud.load_balancers.groups) == 1


@pytest.mark.parametrize("number", [*SIZES, 200])
def test_a_group_that_is_there_is_extended_with_at_most_20_a_call(
    cloud: Deployment, number: int
) -> None:
    cloud.stands()
    done = cloud.ensure(wanted(*servers(number), on_existing=OnExisting.EXTEND))
    assert cloud.held() == set(servers(number))
    assert cloud.sizes("add_backend_servers") == SIZES.get(number, [20] * 10)
    assert (done.created, done.plan.add) == (False, servers(number))


@pytest.mark.parametrize("number", [1, 20, 21, 41])
def test_weights_are_set_with_at_most_20_a_call(cloud: Deployment, number: int) -> None:
    cloud.stands(*servers(number, weight=1))
    done = cloud.ensure(wanted(*servers(number), on_existing=OnExisting.MERGE))
    assert cloud.held() == set(servers(number))
    assert cloud.sizes("set_weights") == SIZES[number]
    assert done.plan.update_weight == servers(number)
    assert done.plan.already_present == ()


def test_a_replay_is_a_list_and_a_read(cloud: Deployment) -> None:
    first = cloud.ensure(wanted(*servers(5)))
    cloud.load_balancers.calls.clear()
    again = cloud.ensure(wanted(*servers(5)))
    assert cloud.operations == ["list", "read"]
    assert again.group.id == first.group.id
    assert (again.created, again.plan.already_present) == (False, servers(5))


# A group that is there


def test_an_existing_group_with_exactly_these_backends_is_the_answer(cloud: Deployment) -> None:
    made = cloud.stands(*servers(2)[::-1])
    assert cloud.ensure(wanted(*servers(2))).group.id == made.id
    assert cloud.writes == []


def test_merging_adds_what_is_missing_sets_named_weights_and_removes_nothing(
    cloud: Deployment,
) -> None:
    cloud.stands(*servers(2, weight=0), *servers(1, first=9))
    unnamed = replace(servers(1)[0], weight_is_explicit=False)
    done = cloud.ensure(wanted(unnamed, *servers(2, first=2), on_existing=OnExisting.MERGE))
    assert cloud.held() == {
        *servers(1, weight=0),
        *servers(2, first=2),
        *servers(1, first=9),
    }
    assert cloud.writes == ["add", "set"]
    assert cloud.operations[-1] == "read"
    assert done.plan.unmanaged == servers(1, first=9)
    assert done.plan.already_present == servers(1, weight=0)


def test_extending_leaves_a_drained_weight_alone(cloud: Deployment) -> None:
    cloud.stands(*servers(1, weight=0))
    cloud.ensure(wanted(*servers(2), on_existing=OnExisting.EXTEND))
    assert cloud.held() == {*servers(1, weight=0), *servers(1, first=2)}
    assert cloud.writes == ["add"]


@pytest.mark.parametrize(
    ("there", "told"),
    [
        (servers(1), "1 missing, 0 with another Weight, 0 more"),
        (servers(3), "0 missing, 0 with another Weight, 1 more"),
        (servers(2, weight=1), "0 missing, 2 with another Weight, 0 more"),
        ((), "2 missing, 0 with another Weight, 0 more"),
    ],
)
def test_a_group_that_differs_is_refused_and_left_alone(
    cloud: Deployment, there: tuple[Backend, ...], told: str
) -> None:
    made = cloud.stands(*there)
    error = refused(cloud, wanted(*servers(2)))
    assert (error.code, error.fault) == ("VServerGroupDiffers", Fault.CONFLICT)
    assert made.id in error.message
    assert told in error.message
    assert cloud.writes == []
    assert not cloud.drive.has_written


def test_a_group_that_this_very_request_made_is_done_whatever_became_of_it(
    cloud: Deployment,
) -> None:
    made = cloud.stands(*servers(1, weight=0), tags=naming.build_owner_tags("mark"))
    done = cloud.ensure(wanted(*servers(2)))
    assert (done.group.id, done.created, done.plan.add) == (made.id, False, ())
    assert done.group.backends == servers(1, weight=0)
    assert cloud.writes == []


def test_the_mark_of_another_request_does_not_help(cloud: Deployment) -> None:
    cloud.stands(tags=naming.build_owner_tags("other"))
    assert refused(cloud, wanted(*servers(2))).code == "VServerGroupDiffers"


@pytest.mark.parametrize("on_existing", OnExisting)
def test_several_groups_of_the_name_are_refused_naming_them(
    cloud: Deployment, on_existing: OnExisting
) -> None:
    one, two = cloud.stands(), cloud.stands()
    error = refused(cloud, wanted(*servers(2), on_existing=on_existing))
    assert (error.code, error.fault) == ("VServerGroupNameNotUnique", Fault.CONFLICT)
    assert f"({one.id}, {two.id})" in error.message
    assert cloud.writes == []


def test_of_several_groups_of_the_name_the_only_one_with_our_tag_is_ours(
    cloud: Deployment,
) -> None:
    cloud.stands()
    ours = cloud.stands(tags=naming.build_owner_tags("mark"))
    cloud.stands()
    done = cloud.ensure(wanted(*servers(2), on_existing=OnExisting.MERGE))
    assert done.group.id == ours.id
    assert cloud.load_balancers.groups[ours.id].backends == servers(2)


@pytest.mark.parametrize("tagged", [0, 2])
def test_several_groups_that_cannot_be_told_apart_are_the_deployments_fault_for_a_hook(
    cloud: Deployment, tagged: int
) -> None:
    for number in range(3):
        tags = naming.build_owner_tags("mark") if number < tagged else {}
        cloud.stands(tags=tags)
    error = unfinished(cloud, wanted(*servers(2), from_hook=True))
    assert isinstance(error, ConfigurationError)
    assert error.code == "VServerGroupNameNotUnique"
    assert cloud.writes == []


# Quotas


def emptied(group: VServerGroup) -> VServerGroup:
    return replace(group, backends=())


def full_of_groups(cloud: Deployment) -> None:
    """No place is left in the quota of VServer groups."""
    cloud.load_balancers.seed(LB, group_quota=len(cloud.load_balancers.groups))


def test_a_group_that_another_delivery_committed_in_the_last_place_is_adopted(
    cloud: Deployment,
) -> None:
    cloud.load_balancers.seed(LB, group_quota=1)
    claim = cloud.claimed_by_another()
    cloud.load_balancers.groups.clear()
    # Its claim is created after our list, and committed while we wait.
    listing = cloud.load_balancers.list_vserver_groups

    def list_before_it(*asked: Any, **how: Any) -> Any:
        answer = listing(*asked, **how)
        if not cloud.load_balancers.groups:
            cloud.load_balancers.groups[claim.id] = claim
            committed = replace(claim, name=NAME, backends=servers(2))
            cloud.clock.later(
                1.0, lambda: cloud.load_balancers.groups.update({claim.id: committed})
            )
        return answer

    cloud.load_balancers.list_vserver_groups = list_before_it  # type: ignore[method-assign]
    done = cloud.ensure(wanted(*servers(2)))
    assert (done.group.id, done.created) == (claim.id, False)
    assert cloud.names == [NAME]


@pytest.mark.parametrize("age", [LEASE + 2, LEASE + 300])
def test_expired_claims_on_other_names_are_deleted_where_the_quota_refuses(
    cloud: Deployment, age: float
) -> None:
    claim = naming.make_claim("another", cloud.clock.now() - age, "0" * 16)
    cloud.stands(name=claim.name)
    full_of_groups(cloud)
    assert cloud.ensure(wanted(*servers(2))).created
    assert cloud.names == [NAME]


def test_a_live_claim_on_another_name_is_left_alone_and_the_quota_refuses(
    cloud: Deployment,
) -> None:
    claim = naming.make_claim("another", cloud.clock.now(), "0" * 16)
    cloud.stands(name=claim.name)
    full_of_groups(cloud)
    error = refused(cloud, wanted(*servers(2)))
    assert (error.code, error.fault) == ("OverQuota", Fault.QUOTA)
    assert cloud.names == [claim.name]
    assert cloud.operations == ["list", "create"] * 3 + ["list"]


def test_a_group_that_is_deleted_meanwhile_makes_room(cloud: Deployment) -> None:
    cloud.stands(name="another")
    full_of_groups(cloud)
    cloud.clock.later(0.3, cloud.load_balancers.groups.clear)
    assert cloud.ensure(wanted(*servers(2))).created


def test_a_hook_waits_for_room_among_the_backends_and_keeps_its_claim(cloud: Deployment) -> None:
    leaving = cloud.stands(*servers(10, first=900), name="another")
    cloud.load_balancers.seed(LB, quota=30)
    cloud.clock.later(
        30.0,
        partial(cloud.load_balancers.groups.__setitem__, leaving.id, emptied(leaving)),
    )
    done = cloud.ensure(wanted(*servers(25), from_hook=True))
    assert (done.created, cloud.held()) == (True, set(servers(25)))
    assert cloud.operations.count("create") == 1


def test_a_hook_that_finds_no_room_in_time_comes_again_with_the_quotas_code(
    cloud: Deployment,
) -> None:
    cloud.load_balancers.seed(LB, quota=1)
    error = unfinished(cloud, wanted(*servers(2), from_hook=True), seconds=60)
    assert error.code == FULL.code
    assert cloud.names == []


def test_without_claims_a_hook_waits_for_room_too(cloud: Deployment) -> None:
    leaving = cloud.stands(*servers(10, first=900), name="another")
    cloud.load_balancers.seed(LB, quota=10)
    cloud.clock.later(
        9.0, partial(cloud.load_balancers.groups.__setitem__, leaving.id, emptied(leaving))
    )
    cloud.ensure(wanted(*servers(5), from_hook=True), claiming=False)
    assert cloud.held() == set(servers(5))


def test_a_name_on_another_load_balancer_or_in_other_letters_is_another_group(
    cloud: Deployment,
) -> None:
    cloud.stands(load_balancer_id="lb-0002")
    cloud.stands(name=NAME.upper())
    assert cloud.ensure(wanted(*servers(1))).created


def test_a_load_balancer_that_is_not_there_is_refused_without_a_write(cloud: Deployment) -> None:
    nowhere = a_group(*servers(1), load_balancer_id="lb-9999")
    error = refused(cloud, replace(wanted(), group=nowhere))
    assert error.fault is Fault.NOT_FOUND
    assert cloud.operations == ["list"]


def test_what_was_added_before_a_permanent_failure_stays_and_is_known(cloud: Deployment) -> None:
    made = cloud.stands(*servers(3, first=900))
    cloud.load_balancers.seed(LB, quota=23)
    error = refused(cloud, wanted(*servers(25), on_existing=OnExisting.MERGE))
    assert error.code == "InstanceBackendServerNumberOverLimit"
    assert cloud.drive.added == {made.id: [*servers(20)]}
    assert cloud.held() == {*servers(3, first=900), *servers(20)}
    assert "delete" not in cloud.operations


def test_an_add_without_an_answer_is_read_back_on_a_group_of_others(cloud: Deployment) -> None:
    cloud.stands()
    for effect in (True, False):
        cloud.load_balancers.fail_next("add_backend_servers", UNKNOWN, after_effect=effect)
    done = cloud.ensure(wanted(*servers(25), on_existing=OnExisting.EXTEND))
    assert cloud.held() == set(servers(25))
    assert cloud.sizes("add_backend_servers") == [20, 5, 5]
    assert set(done.plan.add) == set(servers(25))


def test_answers_that_stay_away_are_not_taken_for_somebody_who_changes_the_group(
    cloud: Deployment,
) -> None:
    cloud.stands()
    for _ in range(6):
        cloud.load_balancers.fail_next("add_backend_servers", UNKNOWN)
    cloud.ensure(wanted(*servers(1), on_existing=OnExisting.EXTEND))
    assert cloud.held() == set(servers(1))
    assert cloud.clock.waits[-1] > cloud.clock.waits[0]  # longer each time


def test_a_weight_without_an_answer_is_read_back(cloud: Deployment) -> None:
    cloud.stands(*servers(1, weight=1))
    cloud.load_balancers.fail_next("set_weights", UNKNOWN)
    cloud.ensure(wanted(*servers(1), on_existing=OnExisting.MERGE))
    assert cloud.held() == set(servers(1))
    assert len(cloud.sizes("set_weights")) == 2


def test_a_weight_that_is_refused_for_the_moment_is_set_again(cloud: Deployment) -> None:
    cloud.stands(*servers(1, weight=1))
    for _ in range(5):
        cloud.load_balancers.fail_next("set_weights", BUSY)
    cloud.ensure(wanted(*servers(1), on_existing=OnExisting.MERGE))
    assert cloud.held() == set(servers(1))


def test_weights_that_were_set_before_a_permanent_failure_are_known(cloud: Deployment) -> None:
    made = cloud.stands(*servers(25, weight=1))
    set_weights = cloud.load_balancers.set_weights
    sent = iter([None, FULL])

    def full_at_the_second(*asked: Any, within: float) -> Any:
        if error := next(sent):
            raise error
        return set_weights(*asked, within=within)

    cloud.load_balancers.set_weights = full_at_the_second  # type: ignore[method-assign, assignment]
    refused(cloud, wanted(*servers(25), on_existing=OnExisting.MERGE))
    assert cloud.drive.weights_set == {made.id: [*servers(20)]}


def test_a_group_that_loses_what_is_added_to_it_is_given_up_for_this_delivery(
    cloud: Deployment,
) -> None:
    made = cloud.stands()

    def emptied(*_: Any, **__: Any) -> None:
        cloud.load_balancers.groups[made.id] = made

    cloud.load_balancers.takes["add_backend_servers"] = [1.0] * 9
    for seconds in (0.5, 1.5, 2.5, 3.5):
        cloud.clock.later(seconds, emptied)
    error = unfinished(cloud, wanted(*servers(1), on_existing=OnExisting.EXTEND))
    assert error.code == Code.STILL_CHANGING.value


@pytest.mark.parametrize("renamed", [True, False])
def test_a_group_that_is_renamed_or_deleted_before_it_is_read_is_looked_for_anew(
    cloud: Deployment, renamed: bool
) -> None:
    made = cloud.stands(*servers(1))
    groups = cloud.load_balancers.groups
    other = {made.id: replace(made, name="other")}
    cloud.load_balancers.takes["list_vserver_groups"] = [1.0]
    cloud.clock.later(1.0, partial(groups.update, other) if renamed else groups.clear)
    done = cloud.ensure(wanted(*servers(1)))
    assert done.created
    assert cloud.operations == ["list", "read", "list", "create", "list", "add", "rename"]
    assert cloud.held() == set(servers(1))


def test_nothing_that_was_planned_for_a_group_that_is_gone_is_sent_to_the_new_one(
    cloud: Deployment,
) -> None:
    cloud.stands(*servers(1, weight=1))
    cloud.load_balancers.fail_next("add_backend_servers", BUSY)
    cloud.load_balancers.takes["read_vserver_group"] = [1.0]
    cloud.clock.later(1.0, cloud.load_balancers.groups.clear)
    done = cloud.ensure(wanted(*servers(2), on_existing=OnExisting.MERGE))
    assert done.created
    assert cloud.writes == ["add", "create", "add", "rename"]
    assert cloud.held() == set(servers(2))


def test_a_group_that_is_busy_is_read_after_a_pause_and_completed(cloud: Deployment) -> None:
    cloud.stands()
    slow_down = Retryable("Throttling", "slow down", retry_after=5.0)
    cloud.load_balancers.fail_next("add_backend_servers", slow_down)
    cloud.ensure(wanted(*servers(1), on_existing=OnExisting.EXTEND))
    assert cloud.operations == ["list", "read", "add", "read", "add", "read"]
    assert 5.0 <= sum(cloud.clock.waits) <= 5.5


# Claims of others


def test_a_live_claim_is_waited_for_and_what_it_becomes_is_adopted(cloud: Deployment) -> None:
    claim = cloud.claimed_by_another()
    finished = replace(claim, name=NAME, backends=servers(2))
    become = {claim.id: finished}
    cloud.clock.later(5.0, partial(cloud.load_balancers.groups.update, become))
    done = cloud.ensure(wanted(*servers(2)))
    assert (done.group.id, done.created) == (claim.id, False)
    assert cloud.writes == []
    assert len(cloud.clock.waits) > 2


def test_waiting_for_a_claim_grows_with_jitter_up_to_four_seconds(cloud: Deployment) -> None:
    cloud.claimed_by_another()
    cloud.ensure(wanted(*servers(1)))
    waits = cloud.clock.waits
    for number, wait in enumerate(waits):
        longest = min(0.25 * 2**number, 4.0)
        assert longest / 2 <= wait <= longest
    assert sum(waits) > LEASE - 1


def test_an_expired_claim_is_read_deleted_and_the_work_done(cloud: Deployment) -> None:
    claim = cloud.claimed_by_another(age=LEASE + 1)
    assert cloud.ensure(wanted(*servers(1))).created
    assert cloud.operations[:4] == ["list", "read", "delete", "create"]
    assert claim.id not in cloud.load_balancers.groups
    assert cloud.names == [NAME]


def test_a_claim_is_nobodys_only_after_its_lease(cloud: Deployment) -> None:
    claim = cloud.claimed_by_another(age=LEASE)
    error = unfinished(cloud, wanted(*servers(1)), seconds=0.5)
    assert error.code == Code.OUT_OF_TIME.value
    assert claim.id in cloud.load_balancers.groups


def test_an_expired_claim_that_was_named_meanwhile_is_not_deleted(cloud: Deployment) -> None:
    claim = cloud.claimed_by_another(age=LEASE + 1)
    finished = replace(claim, name=NAME, backends=servers(1))
    cloud.load_balancers.takes["list_vserver_groups"] = [1.0]
    cloud.clock.later(1.0, partial(cloud.load_balancers.groups.update, {claim.id: finished}))
    done = cloud.ensure(wanted(*servers(1)))
    assert done.group.id == claim.id
    assert cloud.names == [NAME]


def test_a_claim_for_another_name_is_no_concern(cloud: Deployment) -> None:
    other = cloud.stands(name=naming.make_claim("other", 0.0, "0" * 16).name)
    assert cloud.ensure(wanted(*servers(1))).created
    assert other.id in cloud.load_balancers.groups


def test_the_higher_nonce_gives_way_and_the_lower_one_stays(cloud: Deployment) -> None:
    for nonce, stays in (("0" * 16, False), ("f" * 16, True)):
        cloud = deployment()
        cloud.load_balancers.takes["create_vserver_group"] = [1.0]
        cloud.clock.later(1.0, partial(cloud.claimed_by_another, nonce=nonce))
        cloud.ensure(wanted(*servers(1)))
        own = cloud.load_balancers.calls_of("create_vserver_group")
        assert (len(own) == 1) is stays
        assert cloud.held() == set(servers(1))


def test_the_one_that_stays_fills_nothing_before_it_is_alone(cloud: Deployment) -> None:
    written: list[str] = []

    def gives_way() -> None:
        written.extend(cloud.writes)
        (group,) = [g for g in cloud.load_balancers.groups.values() if g.name.endswith("/" + high)]
        del cloud.load_balancers.groups[group.id]

    high = "f" * 16
    cloud.load_balancers.takes["create_vserver_group"] = [1.0]
    cloud.clock.later(1.0, partial(cloud.claimed_by_another, nonce=high))
    cloud.clock.later(6.0, gives_way)
    assert cloud.ensure(wanted(*servers(1))).created
    assert written == ["create"]
    assert cloud.names == [NAME]


def test_the_one_that_stays_renews_while_it_waits(cloud: Deployment) -> None:
    cloud.load_balancers.takes["create_vserver_group"] = [1.0]
    cloud.clock.later(1.0, partial(cloud.claimed_by_another, nonce="f" * 16))
    cloud.ensure(wanted(*servers(1)))
    assert len(claims_sent(cloud)) >= 2


def test_a_group_that_appears_beside_our_claim_is_adopted_and_the_claim_deleted(
    cloud: Deployment,
) -> None:
    cloud.load_balancers.takes["create_vserver_group"] = [1.0]
    cloud.clock.later(1.0, partial(cloud.stands, *servers(1)))
    done = cloud.ensure(wanted(*servers(1)))
    assert not done.created
    assert cloud.writes == ["create", "delete"]
    assert cloud.names == [NAME]


# Answers that are lost


def test_a_create_without_an_answer_is_found_by_its_nonce(cloud: Deployment) -> None:
    cloud.load_balancers.fail_next("create_vserver_group", UNKNOWN, after_effect=True)
    done = cloud.ensure(wanted(*servers(2)))
    assert cloud.operations == ["list", "create", "list", "add", "rename"]
    assert done.created
    assert cloud.names == [NAME]


def test_a_create_that_is_not_found_is_made_anew_under_another_nonce(cloud: Deployment) -> None:
    cloud.load_balancers.fail_next("create_vserver_group", UNKNOWN)
    cloud.ensure(wanted(*servers(2)))
    first, second = cloud.load_balancers.calls_of("create_vserver_group")
    names = [call.arguments[0].name for call in (first, second)]  # type: ignore[attr-defined]
    claims = [naming.parse_claim(name) for name in names]
    assert len({claim.nonce for claim in claims if claim}) == 2
    assert cloud.names == [NAME]


def test_a_create_that_takes_effect_late_is_deleted_when_it_is_seen(cloud: Deployment) -> None:
    cloud.load_balancers.fail_next("create_vserver_group", UNKNOWN)

    def strikes() -> None:
        (late, *_) = cloud.load_balancers.calls_of("create_vserver_group")
        cloud.load_balancers.made_by_others(late.arguments[0])  # type: ignore[arg-type]

    cloud.load_balancers.takes["list_vserver_groups"] = [0.0, 1.0]
    cloud.clock.later(1.0, strikes)
    cloud.ensure(wanted(*servers(2)))
    assert cloud.names == [NAME]
    assert cloud.writes.count("delete") == 1


def test_a_create_that_takes_effect_beside_the_next_one_is_deleted(cloud: Deployment) -> None:
    cloud.load_balancers.fail_next("create_vserver_group", UNKNOWN)

    def strikes() -> None:
        (late, *_) = cloud.load_balancers.calls_of("create_vserver_group")
        cloud.load_balancers.made_by_others(late.arguments[0])  # type: ignore[arg-type]

    cloud.load_balancers.takes["create_vserver_group"] = [1.0]
    cloud.clock.later(1.0, strikes)
    cloud.ensure(wanted(*servers(2)))
    assert cloud.writes == ["create", "create", "delete", "add", "rename"]
    assert cloud.names == [NAME]


@pytest.mark.parametrize("effect", [True, False])
def test_an_add_without_an_answer_is_read_back(cloud: Deployment, effect: bool) -> None:
    cloud.load_balancers.fail_next("add_backend_servers", UNKNOWN, after_effect=effect)
    cloud.ensure(wanted(*servers(25)))
    assert cloud.held() == set(servers(25))
    assert cloud.sizes("add_backend_servers") == ([20, 5] if effect else [20, 20, 5])
    assert cloud.operations.count("read") == 1


def test_a_commit_that_took_effect_unheard_is_found_and_never_undone(cloud: Deployment) -> None:
    cloud.load_balancers.fail_next("rename_vserver_group", UNKNOWN, after_effect=True)
    done = cloud.ensure(wanted(*servers(2)))
    assert cloud.operations[-3:] == ["rename", "list", "read"]
    assert "delete" not in cloud.writes
    assert done.group.id == "rsp-0001"
    assert cloud.names == [NAME]


def test_a_commit_that_was_lost_is_left_until_its_lease_is_over_and_made_anew(
    cloud: Deployment,
) -> None:
    started = cloud.clock.now()
    deleted_at: list[float] = []
    cloud.load_balancers.fail_next("rename_vserver_group", UNKNOWN)
    delete = cloud.load_balancers.delete_vserver_group

    def timed(*arguments: Any, **how: Any) -> Any:
        deleted_at.append(cloud.clock.now())
        return delete(*arguments, **how)

    cloud.load_balancers.delete_vserver_group = timed  # type: ignore[method-assign]
    cloud.ensure(wanted(*servers(2)))
    assert [at > started + LEASE for at in deleted_at] == [True]
    assert cloud.names == [NAME]
    assert cloud.held() == set(servers(2))


def test_a_commit_that_was_lost_with_little_time_left_deletes_nothing(cloud: Deployment) -> None:
    cloud.load_balancers.fail_next("rename_vserver_group", UNKNOWN)
    unfinished(cloud, wanted(*servers(2)), seconds=20)
    assert "delete" not in cloud.writes


def test_a_commit_that_strikes_late_is_adopted_by_whoever_waits(cloud: Deployment) -> None:
    cloud.load_balancers.fail_next("rename_vserver_group", UNKNOWN)

    def strikes() -> None:
        (group,) = cloud.load_balancers.groups.values()
        cloud.load_balancers.groups[group.id] = replace(group, name=NAME)

    cloud.clock.later(10.0, strikes)
    done = cloud.ensure(wanted(*servers(2)))
    assert done.group.id == "rsp-0001"
    assert cloud.names == [NAME]
    assert cloud.writes == ["create", "add", "rename"]


@pytest.mark.parametrize("operation", ["create_vserver_group", "rename_vserver_group"])
def test_what_is_refused_for_the_moment_is_sent_again(cloud: Deployment, operation: str) -> None:
    for _ in range(3):
        cloud.load_balancers.fail_next(operation, BUSY)
    cloud.ensure(wanted(*servers(2)))
    assert len(cloud.load_balancers.calls_of(operation)) == 4
    assert cloud.names == [NAME]
    assert "delete" not in cloud.writes


@pytest.mark.parametrize("operation", ["create_vserver_group", "add_backend_servers"])
def test_a_load_balancer_that_does_not_answer_is_asked_less_and_less(
    cloud: Deployment, operation: str
) -> None:
    for _ in range(1000):
        cloud.load_balancers.fail_next(operation, UNKNOWN)
    unfinished(cloud, wanted(*servers(2)), seconds=10)
    assert 3 <= len(cloud.load_balancers.calls_of(operation)) <= 10


def test_the_cloud_says_how_long_to_wait(cloud: Deployment) -> None:
    slow_down = Retryable("Throttling", "slow down", retry_after=8.0)
    cloud.load_balancers.fail_next("add_backend_servers", slow_down)
    cloud.ensure(wanted(*servers(2)))
    assert 8.0 <= sum(cloud.clock.waits) <= 8.5


@pytest.mark.parametrize("operation", ["create_vserver_group", "rename_vserver_group"])
def test_what_the_protocol_itself_sends_again_waits_as_long_as_the_cloud_asked(
    cloud: Deployment, operation: str
) -> None:
    slow_down = Retryable("Throttling", "slow down", retry_after=5.0)
    cloud.load_balancers.fail_next(operation, slow_down)
    cloud.ensure(wanted(*servers(2)))
    assert 5.0 <= sum(cloud.clock.waits) <= 9.0


# Undoing


@pytest.mark.parametrize(
    "error", [FULL, NOT_READY, ConfigurationError("no permission", code=Code.PERMISSION_MISSING)]
)
def test_what_cannot_be_filled_is_deleted_before_anybody_saw_it(
    cloud: Deployment, error: Any
) -> None:
    cloud.load_balancers.takes["add_backend_servers"] = [0.0]
    cloud.load_balancers.fail_next("add_backend_servers", BUSY, after_effect=True)
    cloud.load_balancers.fail_next("add_backend_servers", error)
    with pytest.raises(type(error)):
        cloud.ensure(wanted(*servers(25)))
    assert cloud.names == []
    assert cloud.writes[-1] == "delete"
    assert cloud.drive.added == {}


def test_a_permission_that_is_missing_is_not_asked_for_again_and_again(cloud: Deployment) -> None:
    missing = ConfigurationError("no permission", code=Code.PERMISSION_MISSING)
    cloud.load_balancers.fail_next("rename_vserver_group", missing)
    assert unfinished(cloud, wanted(*servers(2))) is missing
    assert cloud.writes == ["create", "add", "rename"], "what a commit was sent for stays"

    cloud = deployment()
    cloud.load_balancers.takes["add_backend_servers"] = [SLOW]
    cloud.load_balancers.fail_next("rename_vserver_group", missing)
    assert unfinished(cloud, wanted(*servers(21))) is missing
    assert cloud.writes == ["create", "add", "rename", "delete"], "a renewal is no commit"


def test_a_claim_that_cannot_be_deleted_hides_nothing_of_the_failure(cloud: Deployment) -> None:
    cloud.load_balancers.fail_next("add_backend_servers", FULL)
    cloud.load_balancers.fail_next("delete_vserver_group", BUSY)
    assert refused(cloud, wanted(*servers(2))).code == FULL.code
    cloud.clock.advance(LEASE + 1)
    assert cloud.ensure(wanted(*servers(2))).created
    assert cloud.names == [NAME]


def test_when_time_is_up_the_claim_is_deleted_and_the_event_comes_again(cloud: Deployment) -> None:
    cloud.load_balancers.takes["add_backend_servers"] = [8.0, 8.0]
    error = unfinished(cloud, wanted(*servers(41)), seconds=15)
    assert error.code == Code.OUT_OF_TIME.value
    assert cloud.names == []
    assert cloud.writes == ["create", "add", "rename", "add", "delete"]


def test_when_time_is_up_what_kept_us_is_told(cloud: Deployment) -> None:
    for _ in range(100):
        cloud.load_balancers.fail_next("add_backend_servers", BUSY)
    assert unfinished(cloud, wanted(*servers(1)), seconds=5).code == BUSY.code
    assert cloud.names == []


def test_no_call_is_made_when_there_is_no_time_at_all(cloud: Deployment) -> None:
    assert unfinished(cloud, wanted(*servers(1)), seconds=0).code == Code.OUT_OF_TIME.value
    assert cloud.operations == []


# Instances that are not ready yet


def test_a_fresh_instance_without_an_address_is_waited_for_in_a_new_group(
    cloud: Deployment,
) -> None:
    for _ in range(5):
        cloud.load_balancers.fail_next("add_backend_servers", NOT_READY)
    done = cloud.ensure(wanted(*servers(2), from_hook=True))
    assert done.created
    assert cloud.held() == set(servers(2))
    assert cloud.sizes("add_backend_servers") == [2] * 6


def test_a_fresh_instance_without_an_address_is_waited_for_in_a_group_that_is_there(
    cloud: Deployment,
) -> None:
    cloud.stands()
    for _ in range(5):
        cloud.load_balancers.fail_next("add_backend_servers", NOT_READY)
    done = cloud.ensure(wanted(*servers(2), on_existing=OnExisting.EXTEND, from_hook=True))
    assert done.plan.add == servers(2)
    assert cloud.held() == set(servers(2))


def test_what_was_added_before_an_instance_was_not_ready_is_told_as_added(
    cloud: Deployment,
) -> None:
    cloud.stands(*servers(1, first=900))
    full = cloud.load_balancers.add_backend_servers
    calls: list[int] = []

    def second_is_not_ready(*arguments: Any, **how: Any) -> Any:
        calls.append(len(arguments[2]))
        if len(calls) == 2:
            raise NOT_READY
        return full(*arguments, **how)

    cloud.load_balancers.add_backend_servers = second_is_not_ready  # type: ignore[method-assign]
    done = cloud.ensure(wanted(*servers(25), on_existing=OnExisting.EXTEND, from_hook=True))
    assert calls == [20, 5, 5]
    assert set(done.plan.add) == set(servers(25))
    assert done.plan.already_present == ()


def test_an_instance_that_is_never_ready_is_left_to_the_next_delivery(cloud: Deployment) -> None:
    for _ in range(100):
        cloud.load_balancers.fail_next("add_backend_servers", NOT_READY)
    error = unfinished(cloud, wanted(*servers(2), from_hook=True), seconds=60)
    assert error.code == Code.INSTANCES_NOT_READY.value
    assert cloud.names == []


def test_without_a_hook_an_instance_without_an_address_is_refused(cloud: Deployment) -> None:
    cloud.load_balancers.fail_next("add_backend_servers", NOT_READY)
    assert refused(cloud, wanted(*servers(2))).code == "ObtainIpFail"
    assert cloud.names == []


# The lease


def test_nobody_deletes_a_claim_about_which_something_may_still_take_effect() -> None:
    assert (RENEW_AFTER, STOP_WRITING_AFTER, MAX_IN_FLIGHT, LEASE) == (10.0, 20.0, 15.0, 45.0)
    assert STOP_WRITING_AFTER + MAX_IN_FLIGHT < LEASE


def claims_sent(cloud: Deployment) -> list[int]:
    """The stamps of the names that were given, in order; the last name is the wanted one."""
    calls = cloud.load_balancers.calls_of("rename_vserver_group")
    claims = [naming.parse_claim(str(call.arguments[2])) for call in calls]
    assert claims[-1] is None
    return [claim.stamped for claim in claims if claim]


def test_a_claim_is_renewed_while_filling_takes_long(cloud: Deployment) -> None:
    started = int(cloud.clock.now())
    cloud.load_balancers.takes["add_backend_servers"] = [SLOW] * 10
    cloud.ensure(wanted(*servers(200)))
    stamps = claims_sent(cloud)
    assert len(stamps) >= 4
    for earlier, later in zip([started, *stamps], stamps, strict=False):
        assert 0 < later - earlier < STOP_WRITING_AFTER
    assert "delete" not in cloud.writes
    assert cloud.held() == set(servers(200))


def test_a_renewal_that_is_refused_for_the_moment_is_tried_again(cloud: Deployment) -> None:
    cloud.load_balancers.takes["add_backend_servers"] = [SLOW, SLOW]
    cloud.load_balancers.fail_next("rename_vserver_group", BUSY)
    cloud.ensure(wanted(*servers(41)))
    assert len(claims_sent(cloud)) == 2
    assert cloud.names == [NAME]


@pytest.mark.parametrize("effect", [True, False])
def test_after_a_renewal_without_an_answer_the_claim_is_given_up(
    cloud: Deployment, effect: bool
) -> None:
    cloud.load_balancers.takes["add_backend_servers"] = [SLOW]
    cloud.load_balancers.fail_next("rename_vserver_group", UNKNOWN, after_effect=effect)
    cloud.ensure(wanted(*servers(21)))
    assert cloud.writes == ["create", "add", "rename", "delete", "create", "add", "add", "rename"]
    assert cloud.held() == set(servers(21))
    assert cloud.names == [NAME]


def test_a_claim_that_was_silent_for_too_long_is_given_up_and_made_anew(cloud: Deployment) -> None:
    cloud.load_balancers.takes["add_backend_servers"] = [STOP_WRITING_AFTER]
    cloud.ensure(wanted(*servers(21)))
    assert cloud.writes == ["create", "add", "delete", "create", "add", "add", "rename"]
    assert cloud.names == [NAME]
    assert cloud.held() == set(servers(21))


def test_a_claim_that_is_gone_when_it_is_renewed_is_made_anew(cloud: Deployment) -> None:
    gone = Rejected("InvalidParameter", "no such group", fault=Fault.NOT_FOUND)
    cloud.load_balancers.takes["add_backend_servers"] = [SLOW]
    cloud.load_balancers.fail_next("rename_vserver_group", gone)
    assert cloud.ensure(wanted(*servers(21))).created
    assert cloud.writes == ["create", "add", "rename", "delete", "create", "add", "add", "rename"]
    assert cloud.names == [NAME]


@pytest.mark.parametrize("operation", ["create_vserver_group", "rename_vserver_group"])
def test_a_claim_that_is_rejected_for_good_ends_the_run(cloud: Deployment, operation: str) -> None:
    locked = Rejected("IncorrectStatus", "locked", fault=Fault.CONFLICT)
    cloud.load_balancers.fail_next(operation, locked)
    assert refused(cloud, wanted(*servers(1))) is locked


def test_a_claim_that_somebody_deleted_is_given_up(cloud: Deployment) -> None:
    cloud.load_balancers.fail_next("add_backend_servers", UNKNOWN)
    cloud.load_balancers.takes["list_vserver_groups"] = [0.0, 1.0]
    cloud.clock.later(1.0, cloud.load_balancers.groups.clear)
    cloud.ensure(wanted(*servers(2)))
    assert cloud.names == [NAME]
    assert cloud.held() == set(servers(2))


# Without claims


def alone(cloud: Deployment, *backends: Backend, **changes: Any) -> Any:
    return cloud.ensure(wanted(*backends, **changes), claiming=False)


@pytest.mark.parametrize("number", [*SIZES, 200])
def test_without_claims_a_group_is_created_under_its_name_and_filled(
    cloud: Deployment, number: int
) -> None:
    done = alone(cloud, *servers(number))
    assert cloud.operations[:2] == ["list", "create"]
    assert "rename" not in cloud.operations
    assert cloud.sizes("add_backend_servers") == SIZES.get(number, [20] * 10)[1:]
    assert cloud.held() == set(servers(number))
    assert done.created


def test_without_claims_a_create_that_is_refused_for_the_moment_is_sent_again(
    cloud: Deployment,
) -> None:
    for _ in range(3):
        cloud.load_balancers.fail_next("create_vserver_group", BUSY)
    cloud.ensure(wanted(*servers(2)), claiming=False)
    assert cloud.held() == set(servers(2))
    assert cloud.writes == ["create"] * 4


def test_without_claims_a_group_that_was_left_half_filled_is_filled_by_the_next_delivery(
    cloud: Deployment,
) -> None:
    for _ in range(100):
        cloud.load_balancers.fail_next("add_backend_servers", BUSY)
    with pytest.raises(Retryable):
        cloud.ensure(wanted(*servers(25)), claiming=False, seconds=5)
    assert len(cloud.held()) == 20
    cloud.load_balancers._failures.clear()
    done = alone(cloud, *servers(25))
    assert cloud.held() == set(servers(25))
    assert not done.created


def test_without_claims_a_permanent_failure_deletes_the_group_that_was_begun(
    cloud: Deployment,
) -> None:
    cloud.load_balancers.fail_next("add_backend_servers", FULL)
    with pytest.raises(Rejected):
        alone(cloud, *servers(25))
    assert cloud.names == []


def test_without_claims_a_group_that_somebody_deleted_is_made_anew(cloud: Deployment) -> None:
    cloud.load_balancers.fail_next("add_backend_servers", UNKNOWN)
    cloud.load_balancers.takes["create_vserver_group"] = [1.0]
    cloud.clock.later(1.0, cloud.load_balancers.groups.clear)
    alone(cloud, *servers(25))
    assert cloud.held() == set(servers(25))


@pytest.mark.parametrize("late", [None, 0.0, 8.0])
def test_without_claims_a_create_without_an_answer_is_waited_for_and_then_made_anew(
    cloud: Deployment, late: float | None
) -> None:
    cloud.load_balancers.fail_next("create_vserver_group", UNKNOWN, after_effect=late == 0.0)
    if late:
        tags = naming.build_owner_tags("mark")
        cloud.clock.later(late, partial(cloud.stands, *servers(2), tags=tags))
    alone(cloud, *servers(2))
    assert cloud.names == [NAME]
    assert cloud.held() == set(servers(2))
    assert cloud.writes.count("create") == (2 if late is None else 1)


# The state


def test_a_run_is_its_state_and_asking_for_the_command_changes_nothing() -> None:
    run = EnsureProtocol(wanted(*servers(1)))
    assert (run.state, run.next_command(), run.next_command()) == (
        State.FIND,
        ListGroups(references=True),
        ListGroups(references=True),
    )
    run.receive(ApiResponse((), 1000.0, "R-1"), 1001.0)
    assert run.state is State.DRAW_NONCE
    other = copy(run)
    other.receive("0" * 16, 1001.0)
    run.receive("f" * 16, 1001.0)
    assert run.claim == naming.make_claim(NAME, 1000.0, "f" * 16)
    assert other.claim == naming.make_claim(NAME, 1000.0, "0" * 16)


def test_a_run_that_has_ended_has_no_command_and_a_result_or_an_error() -> None:
    run = EnsureProtocol(wanted())
    run.receive(BUSY, 0.0)
    assert (run.state, run.next_command()) == (State.ENDED, None)
    with pytest.raises(Retryable) as raised:
        run.result()
    assert raised.value is BUSY
