"""The cloud as strict as the real one: unknown servers, quotas, processing states, rate limits."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from alibabacloud_slb20140515 import models

Refused = Callable[..., tuple[str, int]]

REGION, BALANCER = "cn-hangzhou", "lb-local"
GROUP = {"LoadBalancerId": BALANCER, "VServerGroupName": "web"}
GROUP_PROCESSING = ("VServerGroupProcessing", 400)
BALANCER_PROCESSING = ("BackendServer.configuring", 409)


def settings(control: Any, **given: Any) -> Any:
    answer = control.send("POST", "/_cloud/settings", given)
    assert answer.status == 200, answer.body
    return answer.json


def create(slb: Any, balancer: str = BALANCER, backends: str | None = None) -> str:
    request = models.CreateVServerGroupRequest(
        region_id=REGION,
        load_balancer_id=balancer,
        vserver_group_name="web",
        backend_servers=backends,
    )
    group_id: str = slb.create_vserver_group(request).body.vserver_group_id
    return group_id


def add(slb: Any, server: str, group_id: str = "rsp-1", port: int = 80, **more: Any) -> None:
    request = models.AddVServerGroupBackendServersRequest(
        region_id=REGION,
        vserver_group_id=group_id,
        backend_servers=json.dumps([{"ServerId": server, "Port": port, **more}]),
    )
    slb.add_vserver_group_backend_servers(request)


def remove(slb: Any, server: str, group_id: str = "rsp-1") -> None:
    request = models.RemoveVServerGroupBackendServersRequest(
        region_id=REGION,
        vserver_group_id=group_id,
        backend_servers=json.dumps([{"ServerId": server, "Port": 80}]),
    )
    slb.remove_vserver_group_backend_servers(request)


def rename(slb: Any, group_id: str) -> None:
    request = models.SetVServerGroupAttributeRequest(
        region_id=REGION, vserver_group_id=group_id, vserver_group_name="renamed"
    )
    slb.set_vserver_group_attribute(request)


def delete(slb: Any, group_id: str) -> None:
    request = models.DeleteVServerGroupRequest(region_id=REGION, vserver_group_id=group_id)
    slb.delete_vserver_group(request)


def test_settings_are_shown_and_kept_until_a_reset(control: Any) -> None:
    assert settings(control, StrictInstances=True)["StrictInstances"] is True
    shown = settings(control, ProcessingSeconds=60)
    assert (shown["StrictInstances"], shown["ProcessingSeconds"]) == (True, 60)
    assert control.state()["Settings"] == shown
    control.send("POST", "/_cloud/reset")
    assert control.state()["Settings"]["StrictInstances"] is False


@pytest.mark.parametrize(
    "document", [{"StrictInstance": True}, {"StrictInstances": 1}, {"ProcessingSeconds": -1}, []]
)
def test_bad_settings_are_refused(control: Any, document: Any) -> None:
    before = control.state()["Settings"]
    assert control.send("POST", "/_cloud/settings", document).status == 400
    assert control.send("POST", "/_cloud/seed", {"Settings": document}).status == 400
    assert control.state()["Settings"] == before


def test_a_strict_world_knows_its_servers(control: Any, slb: Any, refused: Refused) -> None:
    servers = [
        {"InstanceId": "i-up", "RegionId": REGION},
        {"InstanceId": "i-down", "RegionId": REGION, "Status": "Stopped"},
    ]
    control.seed(
        Settings={"StrictInstances": True},
        Instances=servers,
        VServerGroups=[{**GROUP, "VServerGroupId": "rsp-1"}],
    )
    add(slb, "i-up")
    assert refused(add, slb, "i-down") == ("ObtainIpFail", 400)
    assert refused(add, slb, "i-9") == ("InvalidServerId.NotExist", 400)
    backends = '[{"ServerId": "i-9", "Port": 80}]'
    assert refused(create, slb, BALANCER, backends) == ("InvalidServerId.NotExist", 400)
    settings(control, StrictInstances=False)
    add(slb, "i-9")


def test_a_strict_world_knows_its_network_interfaces_and_container_groups(
    control: Any, slb: Any, refused: Refused
) -> None:
    interface = {"NetworkInterfaceId": "eni-1", "RegionId": REGION}
    control.seed(
        Settings={"StrictInstances": True},
        NetworkInterfaces=[{**interface, "PrivateIpAddresses": ["10.0.0.9"]}],
        ContainerGroups=[{"ContainerGroupId": "eci-1", "RegionId": REGION}],
        VServerGroups=[{**GROUP, "VServerGroupId": "rsp-1"}],
    )
    add(slb, "eni-1", Type="eni", ServerIp="10.0.0.9")
    add(slb, "eci-1", Type="eci")
    unknown = {"eni": ("ResourceNotFound.vServers", 404), "eci": ("InvalidServerId.NotExist", 400)}
    for kind, expected in unknown.items():
        assert refused(lambda kind=kind: add(slb, f"{kind}-9", Type=kind)) == expected


def test_a_strict_world_takes_the_servers_of_its_scaling_groups(
    control: Any, slb: Any, refused: Refused
) -> None:
    control.seed(
        Settings={"StrictInstances": True},
        ScalingGroups=[{"ScalingGroupId": "asg-1", "RegionId": REGION}],
        VServerGroups=[{**GROUP, "VServerGroupId": "rsp-1"}],
    )
    adjustment = {"ScalingGroupId": "asg-1", "Adjustment": 1}
    (server,) = control.send("POST", "/_cloud/scale", adjustment).json["CreatedInstances"]
    add(slb, server)
    control.send("POST", "/_cloud/scale", {**adjustment, "Adjustment": -1})
    assert refused(add, slb, server, "rsp-1", 81) == ("ObtainIpFail", 400)


def test_a_bad_seed_of_a_strict_world_names_the_server_that_is_missing(control: Any) -> None:
    group = {**GROUP, "BackendServers": [{"ServerId": "i-9", "Port": 80}]}
    document = {"Settings": {"StrictInstances": True}, "VServerGroups": [group]}
    (problem,) = control.send("POST", "/_cloud/seed", document).json["error"]["problems"]
    assert problem["path"] == "/VServerGroups/0"
    assert "InvalidServerId.NotExist" in problem["message"]


def test_a_server_is_attached_fifty_times_and_no_more(
    control: Any, slb: Any, refused: Refused
) -> None:
    ports = [{"ServerId": "i-1", "Port": port} for port in range(1, 26)]
    control.seed(
        LoadBalancers=[{"LoadBalancerId": "lb-2", "RegionId": REGION}],
        VServerGroups=[
            {**GROUP, "VServerGroupId": "rsp-1", "BackendServers": ports},
            {**GROUP, "VServerGroupId": "rsp-2", "BackendServers": ports[:24]},
            {**GROUP, "VServerGroupId": "rsp-3", "LoadBalancerId": "lb-2"},
        ],
    )
    add(slb, "i-1", "rsp-3")
    assert refused(add, slb, "i-1", "rsp-3", 81) == ("OverQuota", 400)
    add(slb, "i-2", "rsp-3", 81)
    add(slb, "i-1", "rsp-3")  # it is there already


def test_a_change_keeps_others_off_the_group_and_off_its_load_balancer(
    control: Any, slb: Any, refused: Refused
) -> None:
    rows = [{**GROUP, "VServerGroupId": f"rsp-{number}"} for number in (1, 2)]
    other = {"LoadBalancerId": "lb-2", "RegionId": REGION}
    control.seed(Settings={"ProcessingSeconds": 60}, VServerGroups=rows, LoadBalancers=[other])
    add(slb, "i-1")
    for change in (rename, delete):
        assert refused(change, slb, "rsp-1") == GROUP_PROCESSING
        assert refused(change, slb, "rsp-2") == BALANCER_PROCESSING
    assert refused(remove, slb, "i-1") == GROUP_PROCESSING
    assert refused(create, slb) == BALANCER_PROCESSING
    create(slb, "lb-2")
    control.advance(60)
    remove(slb, "i-1")
    control.advance(60)
    create(slb)


def test_a_new_group_is_processed_too(control: Any, slb: Any, refused: Refused) -> None:
    settings(control, ProcessingSeconds=60)
    group_id = create(slb)
    assert refused(rename, slb, group_id) == GROUP_PROCESSING
    settings(control, ProcessingSeconds=0)
    rename(slb, group_id)


def test_a_refused_change_keeps_nobody_waiting(control: Any, slb: Any, refused: Refused) -> None:
    control.seed(Settings={"ProcessingSeconds": 60})
    assert refused(create, slb, BALANCER, "[") == ("BackendServersMalformed", 400)
    create(slb)


def test_groups_are_created_ninety_times_a_minute_and_no_more(
    control: Any, slb: Any, refused: Refused
) -> None:
    settings(control, CreateRateLimit=True)
    for _ in range(90):
        create(slb)
    assert refused(create, slb) == ("Throttling.User", 400)
    assert len(control.state()["VServerGroups"]) == 90
    control.advance(61)
    create(slb)
