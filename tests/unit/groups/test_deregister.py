"""Servers leave their groups, on a load balancer in memory. Races are searched in `race`."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from typing import Any

import pytest

from builders import REGION
from deployments import LB, LONG, NAME, Deployment, a_group, deployment, replayable, servers
from provisioner.errors import Ambiguous, Code, ConfigurationError, Fault, Rejected, Retryable
from provisioner.executor import CommandExecutor
from provisioner.groups import naming
from provisioner.groups.bisect_rejected import MAX_WAITS
from provisioner.groups.deregister import RETRIED_REFUSALS, DeregisterProtocol, Removal
from provisioner.model import Backend, RemovalResult, VServerGroup

OURS = naming.build_owner_tags("mark")
UNKNOWN = Ambiguous("no answer")
BUSY = Retryable("VServerGroupProcessing", "busy")
GONE = Rejected("InvalidParameter", "gone", fault=Fault.NOT_FOUND)


@pytest.fixture
def cloud() -> Deployment:
    return deployment()


def removal(*backends: Backend, **changes: Any) -> Removal:
    return replace(Removal(REGION, LB, frozenset(b.server_id for b in backends)), **changes)


def take_out(cloud: Deployment, asked: Removal, *, seconds: float = LONG) -> RemovalResult:
    drive = CommandExecutor(
        asked.group, cloud.invocation(seconds), cloud.load_balancers, cloud.clock, replayable()
    )
    return drive.run(DeregisterProtocol(asked))


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


def test_a_foreign_group_that_no_binding_names_is_not_touched(cloud: Deployment) -> None:
    cloud.stands(*servers(1), name="theirs")
    claim = cloud.claimed_by_another()
    cloud.load_balancers.groups[claim.id] = replace(claim, backends=servers(1), tags=OURS)
    done = take_out(cloud, removal(*servers(1), name_globs=(NAME,), delete_empty=True))
    assert done.groups == ()
    assert cloud.operations == ["list"]


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


@pytest.mark.parametrize("first_holds_it", [True, False])
def test_one_group_that_holds_a_leaving_server_is_enough_for_a_drain(
    cloud: Deployment, first_holds_it: bool
) -> None:
    holding, other = servers(1), servers(1, first=5)
    owned(cloud, *(holding if first_holds_it else other))
    owned(cloud, *(other if first_holds_it else holding), name="web-8443")
    take_out(cloud, removal(*holding, drain=30.0))
    assert cloud.operations == ["list", "read", "read", "set", "remove", "read"]
    assert sum(cloud.clock.waits) == 30.0


def test_a_missing_permission_ends_a_drain_before_anything_is_removed(cloud: Deployment) -> None:
    owned(cloud, *servers(1))
    missing = ConfigurationError("no permission", code=Code.PERMISSION_MISSING)
    cloud.load_balancers.fail_next("set_weights", missing)
    with pytest.raises(ConfigurationError) as raised:
        take_out(cloud, removal(*servers(1), drain=30.0))
    assert raised.value is missing
    assert cloud.operations == ["list", "read", "set"]
    assert cloud.clock.waits == []


@pytest.mark.parametrize(
    ("error", "least", "most"),
    [
        (Rejected("InvalidParameter", "not in the group"), 0.25, 0.5),
        (UNKNOWN, 0.25, 0.5),
        (Retryable("Throttling", "slow down", retry_after=7.0), 7.0, 7.5),
    ],
)
def test_a_weight_that_was_not_set_is_set_again_after_a_pause_and_not_at_once(
    cloud: Deployment, error: Retryable | Rejected, least: float, most: float
) -> None:
    owned(cloud, *servers(1))
    cloud.load_balancers.fail_next("set_weights", error)
    take_out(cloud, removal(*servers(1), drain=30.0))
    pause, *drain = cloud.clock.waits
    assert least <= pause <= most
    assert sum(drain) == 30.0


def test_weights_that_are_rejected_again_and_again_do_not_keep_the_servers(
    cloud: Deployment,
) -> None:
    owned(cloud, *servers(1))
    for _ in range(4):
        cloud.load_balancers.fail_next("set_weights", Rejected("InvalidParameter", "no"))
    take_out(cloud, removal(*servers(1), drain=30.0))
    assert cloud.operations.count("set") == 4
    assert cloud.held() == set()


# Whose groups


def test_servers_leave_a_group_that_a_binding_names_whoever_created_it(cloud: Deployment) -> None:
    cloud.stands(*servers(3), name="web-8443")
    (shrunk,) = take_out(cloud, removal(*servers(1), name_globs=("web-*",))).groups
    assert cloud.held("web-8443") == set(servers(2, first=2))
    assert shrunk.removed == servers(1)


def test_a_foreign_group_left_empty_is_never_deleted(cloud: Deployment) -> None:
    cloud.stands(*servers(1), name="web-8443")
    (shrunk,) = take_out(cloud, removal_of_all()).groups
    assert (shrunk.removed, shrunk.deleted) == (servers(1), False)
    assert cloud.names == ["web-8443"]


def test_a_group_left_empty_stays_where_another_binding_keeps_it(cloud: Deployment) -> None:
    owned(cloud, *servers(1))
    owned(cloud, *servers(1), name="web-8443")
    done = take_out(cloud, removal_of_all(kept_globs=("web-8443", "other")))
    assert [shrunk.deleted for shrunk in done.groups] == [True, False]
    assert cloud.names == ["web-8443"]


def test_a_load_balancer_that_was_deleted_holds_no_server() -> None:
    cloud = deployment()
    done = take_out(cloud, removal(*servers(1), load_balancer_id="lb-gone", drain=30.0))
    assert done == RemovalResult()
    assert cloud.operations == ["list"]
    assert cloud.clock.waits == []


def test_an_eci_is_known_by_its_id_because_its_successor_may_have_its_address(
    cloud: Deployment,
) -> None:
    old, new = (Backend(f"eci-{n}", 80, 100, "eci", "10.0.0.1") for n in (1, 2))
    owned(cloud, old, new)
    take_out(cloud, removal(old, addresses=frozenset({"10.0.0.1"})))
    assert cloud.held() == {new}


# Servers that the load balancer refuses to change

STOPPED = "ObtainIpFail"
NO_SERVER = "InvalidServerId.NotExist"


@pytest.mark.parametrize("place", [1, 7, 20])
def test_one_server_that_may_not_be_removed_does_not_keep_the_others(
    cloud: Deployment, place: int
) -> None:
    owned(cloud, *servers(20))
    cloud.load_balancers.stopped[f"i-{place:04}"] = NO_SERVER
    (shrunk,) = take_out(cloud, removal(*servers(20))).groups
    assert {backend.server_id for backend in cloud.held()} == {f"i-{place:04}"}
    assert len(shrunk.removed) == 19
    assert [(each.backend.server_id, each.code) for each in shrunk.rejected] == [
        (f"i-{place:04}", NO_SERVER)
    ]
    assert cloud.clock.waits == []


@pytest.mark.parametrize("code", sorted(RETRIED_REFUSALS))
def test_a_refusal_that_may_pass_is_sent_again_before_a_server_is_left_out(
    cloud: Deployment, code: str
) -> None:
    owned(cloud, *servers(3))
    cloud.load_balancers.fail_next("remove_backend_servers", Rejected(code, "not now"))
    (shrunk,) = take_out(cloud, removal(*servers(2))).groups
    assert (shrunk.removed, shrunk.rejected) == (servers(2), ())
    assert cloud.operations == ["list", "read", "remove", "remove", "read"]


def test_a_stopped_server_is_waited_for_a_few_times_in_the_whole_run(cloud: Deployment) -> None:
    owned(cloud, *servers(4))
    owned(cloud, *servers(4), name="web-8443")
    cloud.load_balancers.stopped["i-0003"] = STOPPED
    done = take_out(cloud, removal(*servers(4)))
    assert len(cloud.clock.waits) == MAX_WAITS
    assert [len(shrunk.removed) for shrunk in done.groups] == [3, 3]


def test_where_there_is_no_time_to_wait_for_a_stopped_server_the_others_leave(
    cloud: Deployment,
) -> None:
    owned(cloud, *servers(4))
    cloud.load_balancers.stopped["i-0003"] = STOPPED
    (shrunk,) = take_out(cloud, removal(*servers(4)), seconds=4).groups
    assert len(shrunk.removed) == 3


@pytest.mark.parametrize("accept_partial", [True, False])
def test_if_every_server_is_refused_or_a_part_is_not_enough_the_run_fails_and_tells_the_groups(
    cloud: Deployment, accept_partial: bool
) -> None:
    owned(cloud, *servers(2))
    stopped = {"i-0001": NO_SERVER} if not accept_partial else dict.fromkeys(IDS, NO_SERVER)
    cloud.load_balancers.stopped.update(stopped)
    run = DeregisterProtocol(removal(*servers(2), accept_partial=accept_partial))
    executor = CommandExecutor(
        a_group(), cloud.invocation(), cloud.load_balancers, cloud.clock, replayable()
    )
    with pytest.raises(Rejected) as raised:
        executor.run(run)
    assert raised.value.code == NO_SERVER
    assert [len(shrunk.rejected) for shrunk in run.removals] == [len(stopped)]


IDS = ("i-0001", "i-0002")


def test_a_refusal_that_is_about_no_server_ends_the_run(cloud: Deployment) -> None:
    owned(cloud, *servers(2))
    refused = Rejected("LbStatusNotSupport", "inactive")
    cloud.load_balancers.fail_next("remove_backend_servers", refused)
    with pytest.raises(Rejected) as raised:
        take_out(cloud, removal(*servers(2)))
    assert raised.value is refused


def test_a_server_whose_weight_may_not_be_set_does_not_keep_the_others_from_their_drain(
    cloud: Deployment,
) -> None:
    owned(cloud, *servers(4))
    cloud.load_balancers.stopped["i-0003"] = NO_SERVER
    run = DeregisterProtocol(removal(*servers(4), drain=30.0))
    weights: list[int] = []
    cloud.clock.later(15.0, lambda: weights.extend(sorted(b.weight for b in cloud.held())))
    CommandExecutor(
        a_group(), cloud.invocation(), cloud.load_balancers, cloud.clock, replayable()
    ).run(run)
    assert weights == [0, 0, 0, 100]
    assert len(cloud.held()) == 1
    assert [group.backends for group in run.lowered] == [servers(4)]


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


def removal_of_all(**changes: Any) -> Removal:
    return removal(*servers(1), name_globs=("web-*",), delete_empty=True, **changes)


def test_a_group_that_became_empty_is_deleted_at_once(cloud: Deployment) -> None:
    owned(cloud, *servers(1))
    (shrunk,) = take_out(cloud, removal_of_all()).groups
    assert (shrunk.removed, shrunk.deleted) == (servers(1), True)
    assert cloud.names == []
    assert cloud.operations == ["list", "read", "remove", "read", "delete"]


def test_a_replay_reads_an_empty_group_again_and_deletes_it(cloud: Deployment) -> None:
    owned(cloud)
    (shrunk,) = take_out(cloud, removal_of_all()).groups
    assert (shrunk.removed, shrunk.deleted) == ((), True)
    assert cloud.names == []
    assert cloud.operations == ["list", "read", "read", "delete"]


def test_a_group_that_is_filled_after_it_was_read_is_not_deleted(cloud: Deployment) -> None:
    empty = owned(cloud)
    owned(cloud, *servers(1), name="web-8443")
    filled = replace(empty, backends=servers(1, first=5))
    cloud.clock.later(20.0, lambda: cloud.load_balancers.groups.update({empty.id: filled}))
    done = take_out(cloud, removal_of_all(drain=30.0))
    assert [shrunk.deleted for shrunk in done.groups] == [False, True]
    assert cloud.held() == set(servers(1, first=5))


def test_it_stays_unless_that_is_asked_for(cloud: Deployment) -> None:
    owned(cloud, *servers(1))
    take_out(cloud, removal(*servers(1), name_globs=("web-*",)))
    assert cloud.held() == set()


@pytest.mark.parametrize("holds_some", [True, False])
def test_an_empty_group_that_no_binding_names_stays(cloud: Deployment, holds_some: bool) -> None:
    owned(cloud, *servers(int(holds_some)), name="made-for-a-listener")
    take_out(cloud, removal_of_all())
    assert cloud.held("made-for-a-listener") == set()


def test_a_group_that_is_in_use_stays(cloud: Deployment) -> None:
    made = owned(cloud, *servers(1))
    cloud.load_balancers.referred_to.add(made.id)
    (shrunk,) = take_out(cloud, removal_of_all()).groups
    assert (len(shrunk.remaining), shrunk.deleted) == (0, False)
    assert cloud.held() == set()
    assert "delete" not in cloud.operations


@pytest.mark.parametrize(
    "refused",
    [
        Retryable("RspoolVipExist", "in use"),
        Rejected("RspoolRuleExist", "in use"),
        ConfigurationError("no permission to delete"),
    ],
)
def test_a_group_that_may_not_be_deleted_stays_and_the_others_are_handled(
    cloud: Deployment, refused: Rejected | Retryable
) -> None:
    owned(cloud, *servers(1))
    owned(cloud, *servers(1), name="web-8443")
    cloud.load_balancers.fail_next("delete_vserver_group", refused)
    done = take_out(cloud, removal_of_all())
    assert [shrunk.deleted for shrunk in done.groups] == [False, True]
    assert cloud.names == [NAME]


@pytest.mark.parametrize(("error", "effect"), [(UNKNOWN, True), (UNKNOWN, False), (BUSY, False)])
def test_a_deletion_without_an_answer_or_at_a_busy_moment_is_looked_at_and_sent_again(
    cloud: Deployment, error: Retryable, effect: bool
) -> None:
    owned(cloud, *servers(1))
    cloud.load_balancers.fail_next("delete_vserver_group", error, after_effect=effect)
    (shrunk,) = take_out(cloud, removal_of_all()).groups
    assert shrunk.deleted
    assert cloud.names == []
    ended = ["delete", "read"] if effect else ["delete", "read", "delete"]
    assert cloud.operations == ["list", "read", "remove", "read", *ended]
    assert len(cloud.clock.waits) == 1


def test_a_group_that_is_filled_while_its_deletion_failed_stays(cloud: Deployment) -> None:
    made = owned(cloud, *servers(1))
    cloud.load_balancers.fail_next("delete_vserver_group", BUSY)
    filled = replace(made, backends=servers(1, first=5))
    cloud.load_balancers.takes["read_vserver_group"] = [0.0, 1.0]
    cloud.clock.later(1.1, lambda: cloud.load_balancers.groups.update({made.id: filled}))
    (shrunk,) = take_out(cloud, removal_of_all()).groups
    assert not shrunk.deleted
    assert cloud.held() == set(servers(1, first=5))


def test_hundreds_of_groups_that_need_no_call_are_passed_over(cloud: Deployment) -> None:
    for number in range(400):
        owned(cloud, *servers(1, first=5), name=f"web-{number}")
    done = take_out(cloud, removal_of_all(drain=30.0))
    assert len(done.groups) == 400
    assert cloud.writes == []


# The state


def test_a_copy_of_a_run_goes_its_own_way(cloud: Deployment) -> None:
    owned(cloud, *servers(1))
    run = DeregisterProtocol(removal(*servers(1)))
    run.receive(cloud.load_balancers.list_vserver_groups(REGION, LB, within=1), 0.0)
    other = copy(run)
    other.receive(BUSY, 0.0)
    with pytest.raises(Retryable):
        other.result()
    assert run.next_command() is not None
    assert (run.error, run.todo) == (None, other.todo)
