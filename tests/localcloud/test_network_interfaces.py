"""ECS network interfaces through the OpenAPI client, and servers of every kind as backends."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from alibabacloud_slb20140515 import models

Refused = Callable[..., tuple[str, int]]

REGION, BALANCER = "cn-hangzhou", "lb-local"
ECS = "2014-05-26"
GROUP = {"LoadBalancerId": BALANCER, "VServerGroupName": "web", "VServerGroupId": "rsp-1"}
NO_ENI = ("ResourceNotFound.vServers", 404)
NO_SERVER = ("InvalidServerId.NotExist", 400)
DOWN = ("ObtainIpFail", 400)


def instance(number: int, **more: Any) -> dict[str, Any]:
    row = {"InstanceId": f"i-{number}", "RegionId": REGION, "VpcId": "vpc-1"}
    return {**row, "PrivateIpAddress": f"10.0.1.{number}", **more}


def interface(name: str, *addresses: str, **more: Any) -> dict[str, Any]:
    row = {"NetworkInterfaceId": name, "RegionId": REGION}
    return {**row, "PrivateIpAddresses": list(addresses), **more}


@pytest.fixture(autouse=True)
def world(control: Any) -> None:
    control.seed(
        Instances=[instance(1), instance(2)],
        NetworkInterfaces=[
            interface("eni-second", "10.0.2.1", "10.0.2.2", InstanceId="i-1", VSwitchId="vsw-1"),
            interface("eni-spare", "10.0.2.9"),
        ],
        ContainerGroups=[
            {"ContainerGroupId": "eci-1", "RegionId": REGION, "IntranetIp": "10.0.3.1"}
        ],
        VServerGroups=[GROUP],
    )


def asked(sdk: Any, **query: str) -> dict[str, Any]:
    answer: dict[str, Any] = sdk.call(ECS, "DescribeNetworkInterfaces", RegionId=REGION, **query)
    return answer


def ids(sdk: Any, **query: str) -> list[str]:
    rows = asked(sdk, **query)["NetworkInterfaceSets"]["NetworkInterfaceSet"]
    return [row["NetworkInterfaceId"] for row in rows]


def call(slb: Any, verb: str, *rows: dict[str, Any]) -> list[str]:
    """Add, remove or set; the servers that the answer lists."""
    request = getattr(models, f"{verb}Request")(
        region_id=REGION,
        vserver_group_id="rsp-1",
        backend_servers=json.dumps([{"Port": 80, **row} for row in rows]),
    )
    operation = {
        "AddVServerGroupBackendServers": slb.add_vserver_group_backend_servers,
        "RemoveVServerGroupBackendServers": slb.remove_vserver_group_backend_servers,
        "SetVServerGroupAttribute": slb.set_vserver_group_attribute,
    }[verb]
    return [item.server_id for item in operation(request).body.backend_servers.backend_server]


def add(slb: Any, server: str, **more: Any) -> list[str]:
    return call(slb, "AddVServerGroupBackendServers", {"ServerId": server, **more})


def test_an_interface_is_found_by_instance_address_and_id(sdk: Any) -> None:
    assert ids(sdk, InstanceId="i-1") == ["eni-1", "eni-second"]
    assert ids(sdk, **{"PrivateIpAddress.1": "10.0.2.2", "PrivateIpAddress.2": "10.0.1.2"}) == [
        "eni-2",
        "eni-second",
    ]
    assert ids(sdk, **{"NetworkInterfaceId.1": "eni-spare"}) == ["eni-spare"]
    assert ids(sdk, PrimaryIpAddress="10.0.2.2") == []
    assert ids(sdk, PrimaryIpAddress="10.0.2.1", VSwitchId="vsw-1") == ["eni-second"]
    assert ids(sdk, VpcId="vpc-1", Type="Primary", InstanceId="i-2") == ["eni-2"]
    assert ids(sdk, Status="Available") == ["eni-spare"]
    assert sdk.call(ECS, "DescribeNetworkInterfaces", RegionId="cn-beijing")["TotalCount"] == 0


def test_an_interface_is_described_with_all_of_its_addresses(sdk: Any) -> None:
    answer = asked(sdk, **{"NetworkInterfaceId.1": "eni-second"})
    (found,) = answer["NetworkInterfaceSets"]["NetworkInterfaceSet"]
    assert found.pop("CreationTime")
    assert found == {
        "NetworkInterfaceId": "eni-second",
        "InstanceId": "i-1",
        "Status": "InUse",
        "Type": "Secondary",
        "VpcId": "",
        "VSwitchId": "vsw-1",
        "PrivateIpAddress": "10.0.2.1",
        "PrivateIpSets": {
            "PrivateIpSet": [
                {"PrivateIpAddress": "10.0.2.1", "Primary": True},
                {"PrivateIpAddress": "10.0.2.2", "Primary": False},
            ]
        },
    }


def test_interfaces_come_in_pages_by_number(sdk: Any) -> None:
    assert asked(sdk)["TotalCount"] == 4
    assert ids(sdk, PageSize="3", PageNumber="2") == ["eni-spare"]


def test_interfaces_come_in_pages_by_token(control: Any, sdk: Any) -> None:
    control.seed(Instances=[instance(number) for number in range(3, 15)])
    first = asked(sdk, MaxResults="1")  # less than the least counts as that
    assert len(first["NetworkInterfaceSets"]["NetworkInterfaceSet"]) == 10
    second = asked(sdk, MaxResults="10", NextToken=first["NextToken"])
    assert len(second["NetworkInterfaceSets"]["NetworkInterfaceSet"]) == 6
    assert second["NextToken"] == ""


def test_the_instances_of_a_scaling_group_have_interfaces_as_long_as_they_live(
    control: Any, sdk: Any
) -> None:
    control.seed(ScalingGroups=[{"ScalingGroupId": "asg-1", "RegionId": REGION}])
    order = {"ScalingGroupId": "asg-1", "Adjustment": 1}
    (server,) = control.change("scale", **order)["CreatedInstances"]
    assert ids(sdk, InstanceId=server) == [f"eni-{server.removeprefix('i-')}"]
    control.change("scale", **{**order, "Adjustment": -1})
    assert ids(sdk, InstanceId=server) == []


def test_a_seed_gives_an_instance_another_primary_interface(control: Any, sdk: Any) -> None:
    row = interface("eni-own", "10.0.1.2", InstanceId="i-2", Type="Primary")
    control.seed(NetworkInterfaces=[row])
    assert ids(sdk, InstanceId="i-2") == ["eni-own"]


def test_bad_questions_for_interfaces_are_refused(sdk: Any, refused: Refused) -> None:
    def ask(**query: str) -> Any:
        return sdk.call(ECS, "DescribeNetworkInterfaces", **query)

    assert refused(ask) == ("MissingParameter", 400)
    region = {"RegionId": REGION}
    many = {f"NetworkInterfaceId.{number}": "eni-1" for number in range(1, 102)}
    for query in ({"NextToken": "99"}, {"PageSize": "101"}, many):
        assert refused(lambda query=query: ask(**region, **query)) == ("InvalidParameter", 400)


def test_a_filter_that_would_be_ignored_is_not_implemented(control: Any, sdk: Any) -> None:
    with pytest.raises(Exception, match="does not implement SecurityGroupId, Tag of Describe"):
        asked(sdk, SecurityGroupId="sg-1", **{"Tag.1.Key": "k"})
    answer = control.v1(Action="DescribeNetworkInterfaces", Version=ECS, RegionId=REGION)
    assert answer.status == 200  # what the older signature sends with every call is no filter


@pytest.mark.parametrize(
    ("row", "path"),
    [
        (interface("eni-2", "10.0.2.3"), "/NetworkInterfaces/0/NetworkInterfaceId"),
        (interface("eni-3", "10.0.2.3", InstanceId="i-9"), "/NetworkInterfaces/0/InstanceId"),
        (interface("eni-3", "10.0.2.3", InstanceId="eci-1"), "/NetworkInterfaces/0/InstanceId"),
        (interface("eni-3", "10.0.2.3", Type="Primary"), "/NetworkInterfaces/0/InstanceId"),
        (interface("eni-3"), "/NetworkInterfaces/0/PrivateIpAddresses"),
        (interface("i-3", "10.0.2.3"), "/NetworkInterfaces/0/NetworkInterfaceId"),
    ],
)
def test_a_bad_interface_of_a_seed_is_refused_by_its_pointer(
    control: Any, row: dict[str, Any], path: str
) -> None:
    answer = control.send("POST", "/_cloud/seed", {"NetworkInterfaces": [row]})
    assert answer.json["error"]["problems"][0]["path"] == path


def test_a_backend_of_type_eni_is_an_interface_and_no_instance(slb: Any, refused: Refused) -> None:
    assert add(slb, "eni-second", Type="eni", ServerIp="10.0.2.2") == ["eni-second"]
    for server in ("i-1", "i-unknown", "eci-1"):
        assert refused(lambda server=server: add(slb, server, Type="eni")) == NO_ENI
    assert refused(lambda: add(slb, "eni-1")) == NO_SERVER
    assert refused(lambda: add(slb, "i-1", Type="eci")) == NO_SERVER


def test_a_released_interface_is_none(control: Any, slb: Any, refused: Refused) -> None:
    control.change("servers", ServerId="eni-spare", Status="Released")
    assert refused(lambda: add(slb, "eni-spare", Type="eni")) == NO_ENI


def test_a_container_group_that_vanishes_stays_a_backend_and_blocks_its_successor(
    control: Any, slb: Any, refused: Refused
) -> None:
    add(slb, "eci-1", Type="eci", ServerIp="10.0.3.1")
    control.change("servers", ServerId="eci-1", Status="Released")
    successor = {"ContainerGroupId": "eci-2", "RegionId": REGION, "IntranetIp": "10.0.3.1"}
    control.seed(ContainerGroups=[successor])
    (group,) = control.state()["VServerGroups"]
    assert [item["ServerId"] for item in group["BackendServers"]] == ["eci-1"]
    assert refused(lambda: add(slb, "eci-1", Type="eci", Port=81)) == DOWN
    conflict = ("InvalidBackendServers.ServerIpConflict", 400)
    added = {"Type": "eci", "ServerIp": "10.0.3.1"}
    assert refused(lambda: add(slb, "eci-2", **added)) == conflict
    stale = {"ServerId": "eci-1", "Type": "eci", "ServerIp": "10.0.3.1"}
    assert call(slb, "RemoveVServerGroupBackendServers", stale) == []
    assert add(slb, "eci-2", **added) == ["eci-2"]


def container_groups(sdk: Any, **query: str) -> dict[str, Any]:
    answer: dict[str, Any] = sdk.call("2018-08-08", "DescribeContainerGroups", **query)
    return answer


def test_a_container_group_is_found_until_it_is_gone(control: Any, sdk: Any) -> None:
    query = {"RegionId": REGION, "ContainerGroupIds": '["eci-1", "eci-9"]'}
    (found,) = container_groups(sdk, **query)["ContainerGroups"]
    assert found.pop("CreationTime")
    assert found == {
        "ContainerGroupId": "eci-1",
        "RegionId": REGION,
        "Status": "Running",
        "IntranetIp": "10.0.3.1",
    }
    control.change("servers", ServerId="eci-1", Status="Released")
    assert container_groups(sdk, **query)["ContainerGroups"] == []


def test_container_groups_come_in_pages_by_token(control: Any, sdk: Any) -> None:
    control.seed(ContainerGroups=[{"ContainerGroupId": "eci-2", "RegionId": REGION}])
    first = container_groups(sdk, RegionId=REGION, Limit="1")
    assert (first["TotalCount"], len(first["ContainerGroups"])) == (2, 1)
    rest = container_groups(sdk, RegionId=REGION, NextToken=first["NextToken"])
    assert [item["ContainerGroupId"] for item in rest["ContainerGroups"]] == ["eci-2"]
    assert "NextToken" not in rest
    assert container_groups(sdk, RegionId=REGION, Status="Failed")["TotalCount"] == 0


def test_bad_questions_for_container_groups_are_refused(sdk: Any, refused: Refused) -> None:
    assert refused(lambda: container_groups(sdk)) == ("MissingParameter", 400)
    many = json.dumps([f"eci-{number}" for number in range(21)])
    wrong = [{"ContainerGroupIds": text} for text in ("[", '"eci-1"', many)]
    for query in (*wrong, {"NextToken": "9"}, {"Limit": "21"}):
        ask = lambda query=query: container_groups(sdk, RegionId=REGION, **query)  # noqa: E731
        assert refused(ask) == ("InvalidParameter", 400)
    with pytest.raises(Exception, match="does not implement ZoneId of DescribeContainerGroups"):
        container_groups(sdk, RegionId=REGION, ZoneId="z")


def test_a_scaling_group_of_container_groups_has_their_ids(control: Any) -> None:
    group = {"ScalingGroupId": "asg-eci", "RegionId": REGION, "GroupType": "ECI"}
    control.seed(ScalingGroups=[group])
    scaled = control.change("scale", ScalingGroupId="asg-eci", Adjustment=1)
    (server,) = scaled["CreatedInstances"]
    assert server.startswith("eci-")
    found = [item["ContainerGroupId"] for item in control.state()["ContainerGroups"]]
    assert found == ["eci-1", server]
    control.change("servers", ServerId=server, Status="Released")
    assert control.state()["ScalingInstances"] == []


def test_a_server_that_went_down_blocks_removals_and_weights_for_a_while(
    control: Any, slb: Any, refused: Refused
) -> None:
    control.change("settings", DownServerSeconds=120)
    one, two = {"ServerId": "i-1"}, {"ServerId": "i-2"}
    call(slb, "AddVServerGroupBackendServers", one, two)
    control.change("servers", ServerId="i-1", Status="Stopped")
    assert refused(lambda: call(slb, "RemoveVServerGroupBackendServers", one, two)) == DOWN
    assert refused(lambda: call(slb, "SetVServerGroupAttribute", {**one, "Weight": 0})) == DOWN
    assert call(slb, "SetVServerGroupAttribute", {**two, "Weight": 0}) == ["i-1", "i-2"]
    assert call(slb, "RemoveVServerGroupBackendServers", two) == ["i-1"]
    control.advance(120)
    assert call(slb, "RemoveVServerGroupBackendServers", one) == []


def test_a_released_server_blocks_too_and_a_restarted_one_does_not(
    control: Any, slb: Any, refused: Refused
) -> None:
    control.change("settings", DownServerSeconds=10_000)
    one, two = {"ServerId": "i-1"}, {"ServerId": "i-2"}
    call(slb, "AddVServerGroupBackendServers", one, two)
    for server in ("i-1", "i-2"):
        control.change("servers", ServerId=server, Status="Stopped")
    control.change("servers", ServerId="i-1", Status="Released")
    control.change("servers", ServerId="i-2", Status="Running")
    assert refused(lambda: call(slb, "RemoveVServerGroupBackendServers", one)) == DOWN
    assert call(slb, "RemoveVServerGroupBackendServers", two) == ["i-1"]


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"ServerId": "i-9", "Status": "Stopped"}, "/ServerId"),
        ({"ServerId": "i-1", "Status": "Sleeping"}, "/Status"),
        ({"ServerId": "eni-1", "Status": "Stopped"}, "/Status"),
        ({"ServerId": "i-1"}, ""),
    ],
)
def test_a_mistake_in_a_change_of_a_server_is_refused_by_its_pointer(
    control: Any, document: dict[str, Any], path: str
) -> None:
    answer = control.send("POST", "/_cloud/servers", document)
    assert answer.status == 400
    assert answer.json["error"]["problems"][0]["path"] == path
