"""What `ports.LoadBalancers` promises, in memory and by the SDK."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fakes import REGION
from provisioner.errors import IN_USE, Code, Fault, ProvisionerError, Rejected, Retryable
from provisioner.model import BACKENDS_PER_CALL, ApiResponse, Backend, VServerGroup
from provisioner.ports import LoadBalancers
from worlds import Balancing

LONG = 30.0
NOBODY = "lb-of-nobody"
NO_GROUP = "rsp-of-nobody"

Call = Callable[[LoadBalancers], object]


def backends(number: int, *, first: int = 0, weight: int = 100) -> tuple[Backend, ...]:
    return tuple(Backend(f"i-{n:04}", 8080, weight) for n in range(first, first + number))


def wanted(load_balancer_id: str, name: str = "web", *members: Backend) -> VServerGroup:
    return VServerGroup(REGION, load_balancer_id, name, members)


@pytest.fixture
def port(balancing: Balancing) -> LoadBalancers:
    return balancing.port


@pytest.fixture
def lb(balancing: Balancing) -> str:
    return balancing.load_balancer()


def make(port: LoadBalancers, lb: str, *members: Backend, name: str = "web") -> str:
    return port.create_vserver_group(wanted(lb, name, *members), within=LONG).value


def read(port: LoadBalancers, group_id: str) -> VServerGroup:
    found = port.read_vserver_group(REGION, group_id, within=LONG).value
    assert found
    return found


def listed(port: LoadBalancers, lb: str) -> dict[str, str]:
    groups = port.list_vserver_groups(REGION, lb, within=LONG).value
    return {group.id: group.name for group in groups}


def fill(port: LoadBalancers, group_id: str, number: int) -> None:
    everything = backends(number)
    for start in range(0, number, BACKENDS_PER_CALL):
        chunk = everything[start : start + BACKENDS_PER_CALL]
        port.add_backend_servers(REGION, group_id, chunk, within=LONG)


def test_a_new_load_balancer_has_no_groups(port: LoadBalancers, lb: str) -> None:
    assert port.list_vserver_groups(REGION, lb, within=LONG).value == ()


def test_a_created_group_is_listed_at_once_with_its_name_and_tags(
    port: LoadBalancers, lb: str
) -> None:
    group = VServerGroup(REGION, lb, "web", tags={"vservergroup-provisioner": "1", "team": ""})

    made = port.create_vserver_group(group, within=LONG).value

    (found,) = port.list_vserver_groups(REGION, lb, within=LONG).value
    assert found.id == made
    assert found.name == "web"
    assert found.tags == {"vservergroup-provisioner": "1", "team": ""}
    assert (found.region_id, found.load_balancer_id) == (REGION, lb)


def test_a_list_has_no_backends_and_a_read_has_all_of_them(port: LoadBalancers, lb: str) -> None:
    made = make(port, lb, Backend("i-1", 80, 7, description="blue"))

    (found,) = port.list_vserver_groups(REGION, lb, within=LONG).value

    assert found.backends == ()
    group = read(port, made)
    assert group.backends == (Backend("i-1", 80, 7, description="blue"),)
    assert (group.id, group.name, group.load_balancer_id) == (made, "web", lb)


def test_a_group_is_created_empty(port: LoadBalancers, lb: str) -> None:
    assert read(port, make(port, lb)).backends == ()


def test_names_are_not_unique(port: LoadBalancers, lb: str) -> None:
    first, second = make(port, lb), make(port, lb)

    assert first != second
    assert listed(port, lb) == {first: "web", second: "web"}


def test_a_group_belongs_to_one_load_balancer(
    balancing: Balancing, port: LoadBalancers, lb: str
) -> None:
    make(port, lb)

    assert listed(port, balancing.load_balancer()) == {}


@pytest.mark.parametrize("number", [1, 19, 20])
def test_a_group_is_created_with_up_to_20_backends(
    port: LoadBalancers, lb: str, number: int
) -> None:
    group = read(port, make(port, lb, *backends(number)))

    assert set(group.backends) == set(backends(number))


@pytest.mark.parametrize("number", [1, 19, 20])
def test_up_to_20_backends_are_added_in_one_call(port: LoadBalancers, lb: str, number: int) -> None:
    made = make(port, lb, *backends(3, first=9000))

    port.add_backend_servers(REGION, made, backends(number), within=LONG)

    assert set(read(port, made).backends) == {*backends(3, first=9000), *backends(number)}


@pytest.mark.parametrize("number", [21, 40, 41, 200])
def test_a_group_of_any_size_up_to_the_quota_is_filled_in_chunks(
    port: LoadBalancers, lb: str, number: int
) -> None:
    made = make(port, lb)

    fill(port, made, number)

    assert set(read(port, made).backends) == set(backends(number))


def test_the_201st_backend_of_a_load_balancer_is_over_quota(port: LoadBalancers, lb: str) -> None:
    full = make(port, lb)
    fill(port, full, 200)
    other = make(port, lb, name="other")

    for group_id in (full, other):
        with pytest.raises(Rejected) as refused:
            port.add_backend_servers(REGION, group_id, backends(1, first=9000), within=LONG)
        assert refused.value.fault is Fault.QUOTA
    assert len(read(port, full).backends) == 200
    assert read(port, other).backends == ()


def test_a_group_that_would_exceed_the_quota_is_not_created(port: LoadBalancers, lb: str) -> None:
    fill(port, make(port, lb), 200)

    with pytest.raises(Rejected) as refused:
        make(port, lb, *backends(1, first=9000), name="late")

    assert refused.value.fault is Fault.QUOTA
    assert "late" not in listed(port, lb).values()


def test_one_server_may_stand_in_a_group_with_several_ports(port: LoadBalancers, lb: str) -> None:
    members = (Backend("i-1", 80), Backend("i-1", 81))

    assert set(read(port, make(port, lb, *members)).backends) == set(members)


def test_one_interface_may_stand_in_a_group_with_several_addresses(
    port: LoadBalancers, lb: str
) -> None:
    members = tuple(Backend("eni-1", 80, type="eni", server_ip=f"10.0.0.{n}") for n in (1, 2))

    group = read(port, make(port, lb, *members))

    assert {backend.key for backend in group.backends} == {backend.key for backend in members}
    assert {backend.type for backend in group.backends} == {"eni"}


def test_weights_change_for_the_backends_that_are_named_and_for_no_other(
    port: LoadBalancers, lb: str
) -> None:
    made = make(port, lb, Backend("i-1", 80, description="blue"), Backend("i-2", 80))

    port.set_weights(REGION, made, [Backend("i-1", 80, 0)], within=LONG)

    assert set(read(port, made).backends) == {
        Backend("i-1", 80, 0, description="blue"),
        Backend("i-2", 80, 100),
    }
    assert listed(port, lb) == {made: "web"}


def test_the_weight_of_one_address_of_an_interface_changes(port: LoadBalancers, lb: str) -> None:
    first, second = (Backend("eni-1", 80, 50, "eni", f"10.0.0.{n}") for n in (1, 2))
    made = make(port, lb, first, second)

    port.set_weights(REGION, made, [Backend("eni-1", 80, 1, "eni", "10.0.0.2")], within=LONG)

    weights = {backend.server_ip: backend.weight for backend in read(port, made).backends}
    assert weights == {"10.0.0.1": 50, "10.0.0.2": 1}


def test_what_is_removed_is_gone_and_nothing_else_is(port: LoadBalancers, lb: str) -> None:
    kept = (Backend("i-1", 81), Backend("i-2", 80, 7, description="blue"))
    made = make(port, lb, Backend("i-1", 80, description="blue"), *kept)

    port.remove_backend_servers(REGION, made, [Backend("i-1", 80, description="blue")], within=LONG)

    assert set(read(port, made).backends) == set(kept)
    assert listed(port, lb) == {made: "web"}


def test_one_address_of_an_interface_is_removed(port: LoadBalancers, lb: str) -> None:
    first, second = (Backend("eni-1", 80, 50, "eni", f"10.0.0.{n}") for n in (1, 2))
    made = make(port, lb, first, second)

    port.remove_backend_servers(REGION, made, [second], within=LONG)

    assert read(port, made).backends == (first,)


def test_removing_what_is_not_there_is_no_failure(port: LoadBalancers, lb: str) -> None:
    made = make(port, lb, *backends(1))

    for _ in range(2):
        port.remove_backend_servers(REGION, made, backends(20), within=LONG)

    assert read(port, made).backends == ()


def test_a_list_tells_which_groups_are_in_use_when_it_is_asked(
    balancing: Balancing, port: LoadBalancers, lb: str
) -> None:
    used, free = make(port, lb), make(port, lb)
    balancing.refer(lb, used)

    told = port.list_vserver_groups(REGION, lb, references=True, within=LONG).value

    assert {group.id: group.in_use for group in told} == {used: True, free: False}
    unasked = port.list_vserver_groups(REGION, lb, within=LONG).value
    assert [group.in_use for group in unasked] == [False, False]


def test_a_group_that_is_in_use_is_not_deleted(
    balancing: Balancing, port: LoadBalancers, lb: str
) -> None:
    used = make(port, lb)
    balancing.refer(lb, used)

    with pytest.raises(ProvisionerError) as refused:
        port.delete_vserver_group(REGION, used, within=LONG)

    assert refused.value.code in IN_USE
    assert listed(port, lb) == {used: "web"}


def test_a_rename_changes_the_name_and_nothing_else(port: LoadBalancers, lb: str) -> None:
    made = make(port, lb, *backends(2), name="before")

    port.rename_vserver_group(REGION, made, "after", within=LONG)

    assert listed(port, lb) == {made: "after"}
    assert read(port, made).name == "after"
    assert set(read(port, made).backends) == set(backends(2))


def test_a_deleted_group_is_neither_listed_nor_read(port: LoadBalancers, lb: str) -> None:
    gone, stays = make(port, lb), make(port, lb)

    port.delete_vserver_group(REGION, gone, within=LONG)

    assert listed(port, lb) == {stays: "web"}
    assert port.read_vserver_group(REGION, gone, within=LONG).value is None


def test_deleting_a_group_that_is_gone_succeeds(port: LoadBalancers, lb: str) -> None:
    gone = make(port, lb)
    port.delete_vserver_group(REGION, gone, within=LONG)

    assert port.delete_vserver_group(REGION, gone, within=LONG).value is None


def test_a_deleted_group_frees_its_share_of_the_quota(port: LoadBalancers, lb: str) -> None:
    full = make(port, lb)
    fill(port, full, 200)
    port.delete_vserver_group(REGION, full, within=LONG)

    assert len(read(port, make(port, lb, *backends(20))).backends) == 20


@pytest.mark.parametrize(
    "change",
    [
        lambda port: port.rename_vserver_group(REGION, NO_GROUP, "new", within=LONG),
        lambda port: port.add_backend_servers(REGION, NO_GROUP, backends(1), within=LONG),
        lambda port: port.remove_backend_servers(REGION, NO_GROUP, backends(1), within=LONG),
        lambda port: port.set_weights(REGION, NO_GROUP, backends(1), within=LONG),
    ],
    ids=["rename", "add", "remove", "set weights"],
)
def test_changing_a_group_that_is_gone_is_rejected_as_not_found(
    port: LoadBalancers, change: Call
) -> None:
    with pytest.raises(Rejected) as refused:
        change(port)

    assert refused.value.fault is Fault.NOT_FOUND


@pytest.mark.parametrize(
    "call",
    [
        lambda port: port.list_vserver_groups(REGION, NOBODY, within=LONG),
        lambda port: port.create_vserver_group(wanted(NOBODY), within=LONG),
    ],
    ids=["list", "create"],
)
def test_a_load_balancer_of_nobody_is_rejected_as_not_found(
    port: LoadBalancers, call: Call
) -> None:
    with pytest.raises(Rejected) as refused:
        call(port)

    assert refused.value.fault is Fault.NOT_FOUND
    assert refused.value.code == "InvalidLoadBalancerId.NotFound"


def test_a_load_balancer_is_found_in_its_own_region_only(port: LoadBalancers, lb: str) -> None:
    with pytest.raises(Rejected) as refused:
        port.list_vserver_groups("cn-beijing", lb, within=LONG)

    assert refused.value.fault is Fault.NOT_FOUND


def test_a_group_is_found_in_its_own_region_only(port: LoadBalancers, lb: str) -> None:
    assert port.read_vserver_group("cn-beijing", make(port, lb), within=LONG).value is None


def every_call(port: LoadBalancers, lb: str) -> list[ApiResponse[Any]]:
    member = Backend("i-1", 80)
    made = port.create_vserver_group(wanted(lb), within=LONG)
    return [
        made,
        port.list_vserver_groups(REGION, lb, within=LONG),
        port.add_backend_servers(REGION, made.value, [member], within=LONG),
        port.set_weights(REGION, made.value, [member], within=LONG),
        port.remove_backend_servers(REGION, made.value, [member], within=LONG),
        port.rename_vserver_group(REGION, made.value, "new", within=LONG),
        port.read_vserver_group(REGION, made.value, within=LONG),
        port.delete_vserver_group(REGION, made.value, within=LONG),
    ]


def test_every_answer_carries_its_date_in_whole_seconds_and_a_request_id_of_its_own(
    port: LoadBalancers, lb: str
) -> None:
    answers = every_call(port, lb)

    assert all(answer.date > 1_700_000_000 for answer in answers)
    assert all(answer.date == int(answer.date) for answer in answers)
    assert [answer.date for answer in answers] == sorted(answer.date for answer in answers)
    assert len({answer.request_id for answer in answers} - {""}) == len(answers)


def test_what_is_known_of_a_group_that_is_gone_bears_no_date(port: LoadBalancers) -> None:
    answer = port.read_vserver_group(REGION, NO_GROUP, within=LONG)

    assert answer.date == 0.0
    assert port.delete_vserver_group(REGION, NO_GROUP, within=LONG).date == 0.0


@pytest.mark.parametrize("within", [0.0, -1.0])
def test_no_call_is_sent_when_no_time_is_left(port: LoadBalancers, lb: str, within: float) -> None:
    calls: list[Callable[[], object]] = [
        lambda: port.list_vserver_groups(REGION, lb, within=within),
        lambda: port.read_vserver_group(REGION, NO_GROUP, within=within),
        lambda: port.create_vserver_group(wanted(lb), within=within),
        lambda: port.add_backend_servers(REGION, NO_GROUP, backends(1), within=within),
        lambda: port.remove_backend_servers(REGION, NO_GROUP, backends(1), within=within),
        lambda: port.set_weights(REGION, NO_GROUP, backends(1), within=within),
        lambda: port.rename_vserver_group(REGION, NO_GROUP, "new", within=within),
        lambda: port.delete_vserver_group(REGION, NO_GROUP, within=within),
    ]
    for call in calls:
        with pytest.raises(Retryable) as late:
            call()
        assert late.value.code == Code.OUT_OF_TIME.value
    assert listed(port, lb) == {}
