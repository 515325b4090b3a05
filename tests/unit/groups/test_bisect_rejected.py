"""Some of a hook's backends are refused for what they are: they are found, and left out."""

from __future__ import annotations

from math import ceil, log2
from typing import Any

import pytest

from builders import a_hook_request
from deployments import Deployment, a_binding, deployment, instance, servers, wanted
from provisioner.errors import Code, Fault, Problem, Rejected, Retryable
from provisioner.groups.bisect_rejected import MAX_WAITS
from provisioner.model import Backend, DesiredGroup, LifecycleResult, OnExisting
from provisioner.results.outcome import Status

UNKNOWN_SERVER = "InvalidServerId.NotExist"


@pytest.fixture
def cloud() -> Deployment:
    return deployment()


def hooked(*backends: Backend, **changes: Any) -> DesiredGroup:
    return wanted(*backends, on_existing=OnExisting.EXTEND, from_hook=True, **changes)


def refuse(cloud: Deployment, *numbers: int, code: str = UNKNOWN_SERVER) -> set[str]:
    names = {f"i-{number:04}" for number in numbers}
    cloud.load_balancers.refuses.update(dict.fromkeys(names, code))
    return names


def adds(cloud: Deployment) -> int:
    return len(cloud.load_balancers.calls_of("add_backend_servers"))


@pytest.mark.parametrize("there", [False, True], ids=["new", "adopted"])
@pytest.mark.parametrize("bad", [(1,), (20,), (21,), (45,), (3, 4), (1, 20, 21, 45)])
def test_the_good_ones_are_in_and_the_offending_are_told(
    cloud: Deployment, bad: tuple[int, ...], there: bool
) -> None:
    if there:
        cloud.stands()
    names = refuse(cloud, *bad)
    done = cloud.ensure(hooked(*servers(45)))
    good = {server for server in servers(45) if server.server_id not in names}
    assert cloud.held() == good
    assert set(done.plan.add) == good
    assert set(done.group.backends) == good
    assert {(out.backend.server_id, out.code) for out in done.plan.rejected} == {
        (name, UNKNOWN_SERVER) for name in names
    }


@pytest.mark.parametrize("there", [False, True], ids=["new", "adopted"])
@pytest.mark.parametrize("bad", [(1,), (20,), (7,), (3, 4), (1, 10, 20), (2, 6, 11, 17)])
def test_finding_them_takes_few_calls_more(
    cloud: Deployment, bad: tuple[int, ...], there: bool
) -> None:
    if there:
        cloud.stands()
    refuse(cloud, *bad)
    cloud.ensure(hooked(*servers(20)))
    assert adds(cloud) <= 1 + 2 * len(bad) * ceil(log2(20))


def test_a_replay_finds_the_same_and_changes_nothing(cloud: Deployment) -> None:
    refuse(cloud, 2)
    first = cloud.ensure(hooked(*servers(3)))
    again = cloud.ensure(hooked(*servers(3)))
    assert again.plan.rejected == first.plan.rejected
    assert (again.created, again.plan.add) == (False, ())
    assert len(again.plan.already_present) == 2


@pytest.mark.parametrize("there", [False, True], ids=["new", "adopted"])
def test_where_all_are_refused_there_is_nothing_to_go_on_with(
    cloud: Deployment, there: bool
) -> None:
    if there:
        cloud.stands()
    refuse(cloud, 1, 2, 3)
    with pytest.raises(Rejected) as raised:
        cloud.ensure(hooked(*servers(3)))
    assert raised.value.code == UNKNOWN_SERVER
    assert len(raised.value.problems) == 3
    assert cloud.names == (["web-8080"] if there else [])


def test_where_a_part_is_not_enough_a_new_group_is_undone_and_each_offender_named(
    cloud: Deployment,
) -> None:
    refuse(cloud, 2, 25)
    with pytest.raises(Rejected) as raised:
        cloud.ensure(hooked(*servers(30), accept_partial=False))
    assert raised.value.problems == (
        Problem("/BackendServers/1", f"was refused with {UNKNOWN_SERVER}"),
        Problem("/BackendServers/24", f"was refused with {UNKNOWN_SERVER}"),
    )
    assert cloud.names == []


def test_where_a_part_is_not_enough_nothing_more_is_added_to_a_group_that_is_there(
    cloud: Deployment,
) -> None:
    cloud.stands(*servers(1, first=900))
    refuse(cloud, 2)
    with pytest.raises(Rejected) as raised:
        cloud.ensure(hooked(*servers(3), accept_partial=False))
    assert [problem.path for problem in raised.value.problems] == [
        "/BackendServers/0",
        "/BackendServers/1",
        "/BackendServers/2",
    ]
    assert adds(cloud) == 1
    assert cloud.held() == set(servers(1, first=900))


def test_an_explicit_request_is_refused_whole(cloud: Deployment) -> None:
    refuse(cloud, 2)
    with pytest.raises(Rejected):
        cloud.ensure(wanted(*servers(3)))
    assert adds(cloud) == 1
    assert cloud.names == []


@pytest.mark.parametrize(
    "code",
    ["InstanceBackendServerNumberOverLimit", "OverQuota", "LbStatusNotSupport", "InvalidParameter"],
)
def test_what_is_no_backends_fault_is_not_halved(cloud: Deployment, code: str) -> None:
    refused = Rejected(code, "no", fault=Fault.CONFLICT)
    cloud.load_balancers.fail_next("add_backend_servers", refused)
    with pytest.raises(Rejected) as raised:
        cloud.ensure(hooked(*servers(3)))
    assert raised.value.code == code
    assert adds(cloud) == 1


@pytest.mark.parametrize("there", [False, True], ids=["new", "adopted"])
def test_one_that_is_never_ready_is_waited_for_and_then_left_out(
    cloud: Deployment, there: bool
) -> None:
    if there:
        cloud.stands()
    refuse(cloud, 2, code="ObtainIpFail")
    done = cloud.ensure(hooked(*servers(3)))
    assert [out.code for out in done.plan.rejected] == ["ObtainIpFail"]
    assert cloud.held() == {servers(3)[0], servers(3)[2]}
    assert MAX_WAITS < adds(cloud) <= MAX_WAITS + 1 + 2 * 2


def test_where_nobody_is_ready_the_next_delivery_tries_again(cloud: Deployment) -> None:
    refuse(cloud, 1, 2, code="ObtainIpFail")
    with pytest.raises(Retryable) as raised:
        cloud.ensure(hooked(*servers(2)))
    assert raised.value.code == Code.INSTANCES_NOT_READY.value
    assert cloud.names == []


def test_without_claims_too_the_offending_are_left_out(cloud: Deployment) -> None:
    refuse(cloud, 2, 25)
    done = cloud.ensure(hooked(*servers(30)), claiming=False)
    assert len(cloud.held()) == 28
    assert len(done.plan.rejected) == 2


def scaled_out(cloud: Deployment) -> Any:
    request = a_hook_request(instance_ids=[f"i-{n:04}" for n in (1, 2, 3)])
    cloud.waits_at_a_hook(request, *(instance(n) for n in (1, 2, 3)))
    refuse(cloud, 2)
    return cloud.complete(request)


def test_a_hook_goes_on_with_a_part_and_the_result_tells_who_is_left_out() -> None:
    cloud = deployment(a_binding())
    (outcome,) = scaled_out(cloud)
    assert (outcome.status, outcome.lifecycle_result) == (
        Status.PROVISIONED,
        LifecycleResult.CONTINUE,
    )
    (result,) = cloud.notifications.results
    assert result["data"]["changes"]["leftOut"] == [
        {"ServerId": "i-0002", "Port": 8080, "code": UNKNOWN_SERVER}
    ]
    assert result["data"]["changes"]["leftOutCount"] == 1
    assert result["data"]["BackendServerCount"] == 2
    (told,) = [fields for name, fields in cloud.log.steps if name == "outcome"]
    assert told["rejected"] == {"i-0002": UNKNOWN_SERVER}


def test_a_hook_fails_for_a_part_where_its_binding_says_so() -> None:
    cloud = deployment(a_binding(accept_partial=False))
    (outcome,) = scaled_out(cloud)
    assert (outcome.status, outcome.lifecycle_result) == (Status.FAILED, LifecycleResult.ABANDON)
    assert cloud.names == []
