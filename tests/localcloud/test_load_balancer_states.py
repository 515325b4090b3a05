"""Locked and inactive load balancers, and the quotas of one: what the cloud then refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from alibabacloud_slb20140515 import models

Refused = Callable[..., tuple[str, int]]

REGION, BALANCER = "cn-hangzhou", "lb-local"
LOCKED = ("ActionNotAllowed", 400)
WEB = {"ServerId": "i-1", "Port": 80}
GROUP = {"LoadBalancerId": BALANCER, "VServerGroupName": "web", "BackendServers": [WEB]}


@pytest.fixture(autouse=True)
def group(control: Any) -> None:
    control.seed(VServerGroups=[{**GROUP, "VServerGroupId": "rsp-1"}])


def create(slb: Any, balancer: str = BALANCER) -> str:
    request = models.CreateVServerGroupRequest(
        region_id=REGION, load_balancer_id=balancer, vserver_group_name="more"
    )
    group_id: str = slb.create_vserver_group(request).body.vserver_group_id
    return group_id


def backends(*servers: str) -> str:
    return json.dumps([{"ServerId": server, "Port": 80} for server in servers])


def changes(slb: Any) -> dict[str, Callable[[], Any]]:
    """Every call that changes a VServer group, fine in itself."""
    ids = {"region_id": REGION, "vserver_group_id": "rsp-1"}
    return {
        "CreateVServerGroup": lambda: create(slb),
        "AddVServerGroupBackendServers": lambda: slb.add_vserver_group_backend_servers(
            models.AddVServerGroupBackendServersRequest(**ids, backend_servers=backends("i-2"))
        ),
        "ModifyVServerGroupBackendServers": lambda: slb.modify_vserver_group_backend_servers(
            models.ModifyVServerGroupBackendServersRequest(
                **ids, old_backend_servers=backends("i-2"), new_backend_servers=backends("i-3")
            )
        ),
        "SetVServerGroupAttribute": lambda: slb.set_vserver_group_attribute(
            models.SetVServerGroupAttributeRequest(**ids, vserver_group_name="renamed")
        ),
        "RemoveVServerGroupBackendServers": lambda: slb.remove_vserver_group_backend_servers(
            models.RemoveVServerGroupBackendServersRequest(**ids, backend_servers=backends("i-1"))
        ),
        "DeleteVServerGroup": lambda: slb.delete_vserver_group(
            models.DeleteVServerGroupRequest(**ids)
        ),
    }


def status_of(slb: Any) -> str:
    request = models.DescribeLoadBalancerAttributeRequest(load_balancer_id=BALANCER)
    found: str = slb.describe_load_balancer_attribute(request).body.load_balancer_status
    return found


def test_nothing_of_a_locked_load_balancer_can_be_changed(
    control: Any, slb: Any, refused: Refused
) -> None:
    locked = control.change("load-balancers", LoadBalancerId=BALANCER, LoadBalancerStatus="locked")
    assert locked["LoadBalancerStatus"] == status_of(slb) == "locked"
    before = control.state()["VServerGroups"]
    for change in changes(slb).values():
        assert refused(change) == LOCKED
    listener = models.CreateLoadBalancerTCPListenerRequest(
        load_balancer_id=BALANCER, listener_port=80
    )
    assert refused(slb.create_load_balancer_tcplistener, listener) == LOCKED
    gone = models.DeleteLoadBalancerRequest(load_balancer_id=BALANCER)
    assert refused(slb.delete_load_balancer, gone) == LOCKED
    active = models.SetLoadBalancerStatusRequest(
        region_id=REGION, load_balancer_id=BALANCER, load_balancer_status="active"
    )
    assert refused(slb.set_load_balancer_status, active) == LOCKED
    assert control.state()["VServerGroups"] == before


def test_a_lock_ends_by_itself_at_its_time(control: Any, slb: Any, refused: Refused) -> None:
    control.change(
        "load-balancers", LoadBalancerId=BALANCER, LoadBalancerStatus="locked", ForSeconds=60
    )
    assert refused(create, slb) == LOCKED
    control.advance(60)
    create(slb)
    assert status_of(slb) == "active"


def test_a_lock_of_one_load_balancer_is_none_of_another(control: Any, slb: Any) -> None:
    locked = {"LoadBalancerId": "lb-2", "RegionId": REGION, "LoadBalancerStatus": "locked"}
    control.seed(LoadBalancers=[locked])
    create(slb)
    request = models.DescribeLoadBalancersRequest(region_id=REGION, load_balancer_status="locked")
    (found,) = slb.describe_load_balancers(request).body.load_balancers.load_balancer
    assert found.load_balancer_id == "lb-2"


def test_an_inactive_load_balancer_refuses_removals_only(slb: Any, refused: Refused) -> None:
    request = models.SetLoadBalancerStatusRequest(
        region_id=REGION, load_balancer_id=BALANCER, load_balancer_status="inactive"
    )
    slb.set_load_balancer_status(request)
    for action, change in changes(slb).items():
        if action == "RemoveVServerGroupBackendServers":
            assert refused(change) == ("LbStatusNotSupport", 400)
        else:
            change()
    assert status_of(slb) == "inactive"


def test_the_api_sets_no_other_status(slb: Any, refused: Refused) -> None:
    request = models.SetLoadBalancerStatusRequest(
        region_id=REGION, load_balancer_id=BALANCER, load_balancer_status="locked"
    )
    assert refused(slb.set_load_balancer_status, request) == ("InvalidParameter", 400)


def test_a_load_balancer_takes_as_many_groups_as_its_quota(
    control: Any, slb: Any, refused: Refused
) -> None:
    control.change("load-balancers", LoadBalancerId=BALANCER, VServerGroupQuota=2)
    claim = create(slb)  # whatever a group is for, it counts
    assert refused(create, slb) == ("OverQuota", 400)
    slb.delete_vserver_group(
        models.DeleteVServerGroupRequest(region_id=REGION, vserver_group_id=claim)
    )
    create(slb)


def test_a_setting_is_the_quota_of_all_that_have_none_of_their_own(
    control: Any, slb: Any, refused: Refused
) -> None:
    control.seed(
        Settings={"VServerGroupQuota": 1},
        LoadBalancers=[{"LoadBalancerId": "lb-2", "RegionId": REGION, "VServerGroupQuota": 2}],
    )
    assert refused(create, slb) == ("OverQuota", 400)
    create(slb, "lb-2")
    create(slb, "lb-2")
    assert refused(create, slb, "lb-2") == ("OverQuota", 400)
    control.change("settings", VServerGroupQuota=None)
    create(slb)


def test_a_world_beyond_the_quota_of_groups_is_refused_by_its_pointer(control: Any) -> None:
    quota = {"LoadBalancerId": "lb-2", "RegionId": REGION, "VServerGroupQuota": 0}
    rows = [{"LoadBalancerId": "lb-2", "VServerGroupName": "web"}]
    answer = control.send("POST", "/_cloud/seed", {"LoadBalancers": [quota], "VServerGroups": rows})
    (problem,) = answer.json["error"]["problems"]
    assert (problem["path"], problem["message"][:9]) == ("/VServerGroups/0", "OverQuota")


def test_the_quota_of_backends_changes_while_the_cloud_runs(
    control: Any, slb: Any, refused: Refused
) -> None:
    control.change("load-balancers", LoadBalancerId=BALANCER, BackendQuota=1)
    add = changes(slb)["AddVServerGroupBackendServers"]
    assert refused(add) == ("InstanceBackendServerNumberOverLimit", 400)


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"LoadBalancerId": "lb-9", "LoadBalancerStatus": "locked"}, "/LoadBalancerId"),
        ({"LoadBalancerId": BALANCER, "LoadBalancerStatus": "asleep"}, "/LoadBalancerStatus"),
        ({"LoadBalancerId": BALANCER, "VServerGroupQuota": -1}, "/VServerGroupQuota"),
        ({"LoadBalancerId": BALANCER, "ForSeconds": 5}, ""),
        ({"LoadBalancerStatus": "locked"}, ""),
    ],
)
def test_a_mistake_in_a_change_of_a_load_balancer_is_refused_by_its_pointer(
    control: Any, document: dict[str, Any], path: str
) -> None:
    answer = control.send("POST", "/_cloud/load-balancers", document)
    assert answer.status == 400
    assert answer.json["error"]["problems"][0]["path"] == path
