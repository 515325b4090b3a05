"""Servers leave their groups, on a load balancer in memory. Races are searched in `race`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from builders import REGION
from deployments import LB, LONG, NAME, Deployment, deployment, replayable, servers, wanted
from provisioner.errors import Ambiguous, Code, ConfigurationError, Fault, Rejected, Retryable
from provisioner.executor import CommandExecutor
from provisioner.groups import naming
from provisioner.groups.deregister import Removal, deregister
from provisioner.groups.lease import LEASE
from provisioner.model import Backend, GroupRemoval, OnExisting, RemovalResult, VServerGroup

OURS = naming.build_owner_tags("mark")
UNKNOWN = Ambiguous("no answer")
BUSY = Retryable("VServerGroupProcessing", "busy")
GONE = Rejected("InvalidParameter", "gone", fault=Fault.NOT_FOUND)


@pytest.fixture
def cloud() -> Deployment:
    return deployment()


def removal(*backends: Backend, **changes: Any) -> Removal:
    return replace(Removal(REGION, LB, frozenset(b.server_id for b in backends)), **changes)


def take_out(
    cloud: Deployment,
    asked: Removal,
    *,
    seconds: float = LONG,
    claiming: bool = True,
    before: list[GroupRemoval] | None = None,
) -> RemovalResult:
    drive = CommandExecutor(
        asked.group, cloud.invocation(seconds), cloud.load_balancers, cloud.clock, replayable()
    )
    return drive.run(deregister(asked, before, claiming=claiming))


def owned(cloud: Deployment, *backends: Backend, name: str = NAME) -> VServerGroup:
    return cloud.stands(*backends, name=name, tags=OURS)


def test_every_port_of_a_server_goes_and_nobody_else_does(cloud: Deployment) -> None:
    ports = servers(1) + servers(1, port=8443)
    made = owned(cloud, *ports, *servers(2, first=2))
    (shrunk,) = take_out(cloud, removal(*servers(1))).groups
    assert cloud.held() == set(servers(2, first=2))
    assert set(shrunk.removed) == set(ports)
    assert (shrunk.id, shrunk.name, len(shrunk.remaining), shrunk.deleted) == (
        made.id,
        NAME,
        2,
        False,
    )
    assert cloud.operations == ["list", "read", "remove", "read"]


@pytest.mark.parametrize(("number", "sizes"), [(20, [20]), (21, [20, 1]), (45, [20, 20, 5])])
def test_at_most_20_are_removed_a_call(cloud: Deployment, number: int, sizes: list[int]) -> None:
    owned(cloud, *servers(number))
    take_out(cloud, removal(*servers(number)))
    assert cloud.sizes("remove_backend_servers") == sizes


def test_a_replay_is_a_list_and_a_read_for_each_group(cloud: Deployment) -> None:
    owned(cloud, *servers(2))
    owned(cloud, *servers(2), name="web-8443")
    take_out(cloud, removal(*servers(1)))
    cloud.load_balancers.calls.clear()
    again = take_out(cloud, removal(*servers(1)))
    assert cloud.operations == ["list", "read", "read"]
    assert [(shrunk.removed, len(shrunk.remaining)) for shrunk in again.groups] == [((), 1)] * 2


def test_what_is_not_ours_is_not_touched(cloud: Deployment) -> None:
    cloud.stands(*servers(1))
    claim = cloud.claimed_by_another()
    cloud.load_balancers.groups[claim.id] = replace(claim, backends=servers(1), tags=OURS)
    done = take_out(cloud, removal(*servers(1), name_globs=(NAME,), delete_empty=True))
    assert done.groups == ()
    assert cloud.operations == ["list"]


def test_without_tags_names_and_descriptions_tell_what_is_ours(cloud: Deployment) -> None:
    mark = naming.build_owner_description("mark")
    ours, theirs = replace(servers(1)[0], description=mark), servers(1, port=8443)
    cloud.stands(ours, *theirs, name="asg-1/a")
    cloud.stands(ours, name="legacy")
    done = take_out(cloud, removal(ours, name_globs=("asg-1/*",), tagging=False))
    assert [(shrunk.name, shrunk.removed) for shrunk in done.groups] == [("asg-1/a", (ours,))]
    assert cloud.held("asg-1/a") == set(theirs)
    assert cloud.held("legacy") == {ours}


def test_an_interface_is_known_by_its_address_too(cloud: Deployment) -> None:
    first, second = (Backend("eni-1", 80, 100, "eni", f"10.0.0.{n}") for n in (1, 2))
    owned(cloud, first, second)
    take_out(cloud, removal(addresses=frozenset({"10.0.0.1"})))
    assert cloud.held() == {second}


def test_a_drain_weighs_0_everywhere_and_waits_once_and_whole(cloud: Deployment) -> None:
    owned(cloud, *servers(2))
    owned(cloud, *servers(1), name="web-8443")
    take_out(cloud, removal(*servers(1), drain=30.0))
    assert cloud.operations == [
        *("list", "read", "read", "set", "set"),
        *("remove", "read", "remove", "read"),
    ]
    assert sum(cloud.clock.waits) == 30.0
    (call, _) = cloud.load_balancers.calls_of("set_weights")
    assert call.arguments[-1] == servers(1, weight=0)


def test_what_weighs_0_already_is_drained_for_as_long(cloud: Deployment) -> None:
    owned(cloud, *servers(1, weight=0))
    take_out(cloud, removal(*servers(1), drain=30.0))
    assert cloud.operations == ["list", "read", "remove", "read"]
    assert sum(cloud.clock.waits) == 30.0


def test_where_nothing_leaves_nothing_is_drained(cloud: Deployment) -> None:
    owned(cloud, *servers(1))
    take_out(cloud, removal(*servers(1, first=9), drain=30.0))
    assert cloud.clock.waits == []


def test_a_drain_that_does_not_fit_lasts_as_long_as_there_is_time_and_says_so(
    cloud: Deployment,
) -> None:
    owned(cloud, *servers(1))
    done = take_out(cloud, removal(*servers(1), drain=30.0), seconds=20)
    assert 10 < done.drained_seconds < 20
    assert cloud.held() == set()


def test_without_any_time_for_a_drain_the_servers_leave_at_once(cloud: Deployment) -> None:
    owned(cloud, *servers(1))
    done = take_out(cloud, removal(*servers(1), drain=30.0), seconds=5)
    assert done.drained_seconds == 0
    assert cloud.held() == set()


@pytest.mark.parametrize("error", [UNKNOWN, BUSY, Rejected("InvalidParameter", "not in the group")])
def test_a_weight_that_was_not_set_is_read_back_and_set_again(
    cloud: Deployment, error: Retryable | Rejected
) -> None:
    owned(cloud, *servers(2))
    cloud.load_balancers.fail_next("set_weights", error)
    take_out(cloud, removal(*servers(1), drain=1.0))
    assert cloud.operations == ["list", "read", "set", "read", "set", "remove", "read"]


@pytest.mark.parametrize("effect", [True, False])
def test_a_removal_without_an_answer_is_read_back(cloud: Deployment, effect: bool) -> None:
    owned(cloud, *servers(2))
    cloud.load_balancers.fail_next("remove_backend_servers", UNKNOWN, after_effect=effect)
    (shrunk,) = take_out(cloud, removal(*servers(1))).groups
    assert cloud.held() == set(servers(1, first=2))
    assert shrunk.removed == servers(1)


def test_a_group_that_is_gone_holds_nothing(cloud: Deployment) -> None:
    made = owned(cloud, *servers(1))
    cloud.load_balancers.fail_next("remove_backend_servers", GONE)
    cloud.load_balancers.takes["read_vserver_group"] = [1.0]
    cloud.clock.later(1.0, lambda: cloud.load_balancers.groups.pop(made.id))
    (shrunk,) = take_out(cloud, removal(*servers(1))).groups
    assert len(shrunk.remaining) == 0


def test_a_group_that_gets_back_what_is_removed_is_left_to_the_next_delivery(
    cloud: Deployment,
) -> None:
    owned(cloud, *servers(1))
    cloud.load_balancers.remove_backend_servers = (  # type: ignore[method-assign]
        cloud.load_balancers.set_weights
    )
    with pytest.raises(Retryable) as raised:
        take_out(cloud, removal(*servers(1)))
    assert raised.value.code == Code.STILL_CHANGING.value


# A group that became empty


def emptied(cloud: Deployment, **changes: Any) -> RemovalResult:
    asked = removal(*servers(1), name_globs=(NAME,), delete_empty=True, **changes)
    return take_out(cloud, asked)


def test_a_group_that_became_empty_is_parked_looked_at_and_deleted(cloud: Deployment) -> None:
    owned(cloud, *servers(1))
    (shrunk,) = emptied(cloud).groups
    assert shrunk.deleted
    assert cloud.names == []
    assert cloud.operations == [
        *("list", "read", "remove", "read"),
        *("list", "create", "list", "rename", "read", "delete", "delete"),
    ]
    (renamed,) = cloud.load_balancers.calls_of("rename_vserver_group")
    assert renamed.arguments[2] == naming.pending_delete_name(NAME)


def test_it_stays_unless_that_is_asked_for(cloud: Deployment) -> None:
    owned(cloud, *servers(1))
    take_out(cloud, removal(*servers(1), name_globs=(NAME,)))
    assert cloud.held() == set()


def test_a_group_that_is_in_use_stays(cloud: Deployment) -> None:
    made = owned(cloud, *servers(1))
    cloud.load_balancers.referred_to.add(made.id)
    (shrunk,) = emptied(cloud).groups
    assert (len(shrunk.remaining), shrunk.deleted) == (0, False)
    assert cloud.held() == set()
    assert "rename" not in cloud.operations


@pytest.mark.parametrize(
    "refused",
    [
        Retryable("RspoolVipExist", "in use"),
        Rejected("RspoolRuleExist", "in use"),
        ConfigurationError("no permission to delete"),
    ],
)
def test_a_group_that_may_not_be_deleted_is_put_back(
    cloud: Deployment, refused: Rejected | Retryable
) -> None:
    owned(cloud, *servers(1))
    cloud.load_balancers.fail_next("delete_vserver_group", refused)
    (shrunk,) = emptied(cloud).groups
    assert not shrunk.deleted
    assert cloud.names == [NAME]


def test_a_group_that_may_not_be_parked_is_told_as_shrunk_before_the_failure(
    cloud: Deployment,
) -> None:
    made = owned(cloud, *servers(1))
    locked = Rejected("IncorrectStatus", "locked", fault=Fault.CONFLICT)
    cloud.load_balancers.fail_next("rename_vserver_group", locked)
    before: list[GroupRemoval] = []
    asked = removal(*servers(1), name_globs=(NAME,), delete_empty=True)
    with pytest.raises(Rejected) as raised:
        take_out(cloud, asked, before=before)
    assert raised.value is locked
    assert before == [GroupRemoval(made.id, NAME, removed=servers(1))]
    assert cloud.names == [NAME]


def test_a_group_that_somebody_adds_to_meanwhile_is_put_back(cloud: Deployment) -> None:
    made = owned(cloud, *servers(1))
    cloud.load_balancers.takes["rename_vserver_group"] = [1.0]
    parked = replace(made, name=naming.pending_delete_name(NAME), backends=servers(1, first=5))
    cloud.clock.later(1.0, lambda: cloud.load_balancers.groups.update({made.id: parked}))
    (shrunk,) = emptied(cloud).groups
    assert not shrunk.deleted
    assert cloud.held() == set(servers(1, first=5))
    assert cloud.names == [NAME]


@pytest.mark.parametrize("effect", [True, False])
@pytest.mark.parametrize("operation", ["rename_vserver_group", "delete_vserver_group"])
def test_what_is_not_answered_is_looked_at_when_the_claim_has_ended(
    cloud: Deployment, operation: str, effect: bool
) -> None:
    owned(cloud, *servers(1))
    cloud.load_balancers.fail_next(operation, UNKNOWN, after_effect=effect)
    started = cloud.clock.now()
    (shrunk,) = emptied(cloud).groups
    assert shrunk.deleted
    assert cloud.names == []
    assert cloud.clock.now() > started + LEASE


def test_a_replay_deletes_what_a_crash_left_empty_or_parked(cloud: Deployment) -> None:
    for name in (NAME, naming.pending_delete_name(NAME)):
        owned(cloud, name=name)
        emptied(cloud)
        assert cloud.names == []


def test_a_group_that_a_crashed_delivery_parks_late_gets_its_name_back(cloud: Deployment) -> None:
    made = owned(cloud, *servers(1, first=5))
    cloud.claimed_by_another()
    parked = replace(made, name=naming.pending_delete_name(NAME))
    cloud.clock.later(15.0, lambda: cloud.load_balancers.groups.update({made.id: parked}))
    (shrunk,) = emptied(cloud).groups
    assert not shrunk.deleted
    assert cloud.held() == set(servers(1, first=5))
    assert cloud.names == [NAME]


def test_a_group_on_which_a_crashed_delivery_was_at_work_is_left_as_it_is(
    cloud: Deployment,
) -> None:
    owned(cloud, *servers(1, first=5))
    cloud.claimed_by_another()
    (shrunk,) = emptied(cloud).groups
    assert not shrunk.deleted
    assert "rename" not in cloud.operations
    assert cloud.names == [NAME]


def test_an_empty_group_that_no_binding_names_and_nobody_left_stays(cloud: Deployment) -> None:
    owned(cloud, name="made-for-a-listener")
    emptied(cloud)
    assert cloud.names == ["made-for-a-listener"]


def test_two_groups_of_a_name_are_somebody_elses_doing_and_stay(cloud: Deployment) -> None:
    owned(cloud, *servers(1))
    owned(cloud, *servers(1))
    done = emptied(cloud)
    assert [shrunk.deleted for shrunk in done.groups] == [False, False]
    assert cloud.names == [NAME, NAME]


def test_without_claims_an_empty_group_is_read_and_deleted(cloud: Deployment) -> None:
    owned(cloud, *servers(1))
    asked = removal(*servers(1), name_globs=(NAME,), delete_empty=True)
    take_out(cloud, asked, claiming=False)
    assert cloud.operations == ["list", "read", "remove", "read", "read", "delete"]
    assert cloud.names == []


@pytest.mark.parametrize("members", [servers(0), servers(2, first=5)], ids=["empty", "filled"])
def test_a_scale_out_settles_what_a_crash_left_parked(
    cloud: Deployment, members: tuple[Backend, ...]
) -> None:
    parked = owned(cloud, *members, name=naming.pending_delete_name(NAME))
    done = cloud.ensure(wanted(*servers(1), on_existing=OnExisting.EXTEND))
    assert cloud.names == [NAME]
    assert cloud.held() == {*members, *servers(1)}
    assert (done.group.id == parked.id) is bool(members)
