"""Reads of VServer groups that lag writes: of everybody, or of others than the writer."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from alibabacloud_slb20140515 import models

Refused = Callable[..., tuple[str, int]]

REGION, BALANCER = "cn-hangzhou", "lb-local"
GROUP = {"LoadBalancerId": BALANCER, "VServerGroupName": "web", "VServerGroupId": "rsp-1"}
WEB = {"ServerId": "i-1", "Port": 80, "Weight": 100}
GONE = ("InvalidParameter", 404)


@pytest.fixture
def other(control: Any, sdk: Any) -> Any:
    """Another client of the same account."""
    control.seed(Keys=[{"AccessKeyId": "other", "AccessKeySecret": "secret"}])
    return sdk.slb(access_key_id="other", access_key_secret="secret")


def create(slb: Any, name: str = "new") -> str:
    request = models.CreateVServerGroupRequest(
        region_id=REGION, load_balancer_id=BALANCER, vserver_group_name=name
    )
    group_id: str = slb.create_vserver_group(request).body.vserver_group_id
    return group_id


def add(slb: Any, server: str) -> list[str]:
    """The servers that the answer lists."""
    request = models.AddVServerGroupBackendServersRequest(
        region_id=REGION,
        vserver_group_id="rsp-1",
        backend_servers=json.dumps([{"ServerId": server, "Port": 80}]),
    )
    body = slb.add_vserver_group_backend_servers(request).body
    return [item.server_id for item in body.backend_servers.backend_server]


def names(slb: Any) -> list[str]:
    request = models.DescribeVServerGroupsRequest(region_id=REGION, load_balancer_id=BALANCER)
    groups = slb.describe_vserver_groups(request).body.vserver_groups.vserver_group
    return [item.vserver_group_name for item in groups]


def attribute(slb: Any, group_id: str = "rsp-1") -> Any:
    request = models.DescribeVServerGroupAttributeRequest(
        region_id=REGION, vserver_group_id=group_id
    )
    return slb.describe_vserver_group_attribute(request).body


def servers(slb: Any) -> list[str]:
    return [item.server_id for item in attribute(slb).backend_servers.backend_server]


def test_a_new_group_is_seen_only_after_the_lag(control: Any, slb: Any, refused: Refused) -> None:
    control.change("settings", ReadLag={"Seconds": 10})
    group_id = create(slb)
    assert names(slb) == []
    assert refused(attribute, slb, group_id) == GONE
    control.advance(10)
    assert names(slb) == ["new"]
    assert attribute(slb, group_id).vserver_group_name == "new"


def test_a_change_acts_on_what_is_and_its_answer_tells_it(control: Any, slb: Any) -> None:
    control.seed(Settings={"ReadLag": {"Seconds": 10}}, VServerGroups=[GROUP])
    assert add(slb, "i-1") == ["i-1"]
    assert add(slb, "i-2") == ["i-1", "i-2"]
    assert servers(slb) == []
    control.advance(10)
    assert servers(slb) == ["i-1", "i-2"]


def test_a_name_a_weight_and_a_deletion_lag_too(control: Any, slb: Any) -> None:
    rows = [{**GROUP, "BackendServers": [WEB]}]
    control.seed(Settings={"ReadLag": {"Seconds": 10}}, VServerGroups=rows)
    drained = json.dumps([{**WEB, "Weight": 0}])
    slb.set_vserver_group_attribute(
        models.SetVServerGroupAttributeRequest(
            region_id=REGION,
            vserver_group_id="rsp-1",
            vserver_group_name="renamed",
            backend_servers=drained,
        )
    )
    before = attribute(slb)
    assert before.vserver_group_name == "web"
    assert before.backend_servers.backend_server[0].weight == 100
    control.advance(5)
    slb.delete_vserver_group(
        models.DeleteVServerGroupRequest(region_id=REGION, vserver_group_id="rsp-1")
    )
    assert names(slb) == ["web"]
    control.advance(5)
    assert names(slb) == ["renamed"]
    assert attribute(slb).backend_servers.backend_server[0].weight == 0
    control.advance(5)
    assert names(slb) == []


def test_a_writer_reads_its_own_writes_where_only_others_lag(
    control: Any, slb: Any, other: Any
) -> None:
    control.change("settings", ReadLag={"Seconds": 10, "Readers": "others"})
    create(slb, "mine")
    assert (names(slb), names(other)) == (["mine"], [])
    create(other, "theirs")
    # The writer's replica has all that came before its own last write.
    assert (names(slb), names(other)) == (["mine"], ["mine", "theirs"])
    control.advance(10)
    assert names(slb) == names(other) == ["mine", "theirs"]


def test_without_a_lag_every_write_is_seen_at_once(control: Any, slb: Any, other: Any) -> None:
    create(slb, "mine")
    control.change("settings", ReadLag={"Seconds": 10})
    assert names(other) == ["mine"]  # what was written before stays seen
    create(slb, "second")
    control.change("settings", ReadLag={"Seconds": 0})
    assert names(other) == ["mine", "second"]


@pytest.mark.parametrize(
    ("lag", "path"),
    [
        ({"Seconds": -1}, "/ReadLag/Seconds"),
        ({"Seconds": 1, "Readers": "nobody"}, "/ReadLag/Readers"),
        ({"Readers": "all"}, "/ReadLag"),
        ({"Seconds": 1, "Service": "ess"}, "/ReadLag"),
    ],
)
def test_a_mistake_in_a_lag_is_refused_by_its_pointer(
    control: Any, lag: dict[str, Any], path: str
) -> None:
    answer = control.send("POST", "/_cloud/settings", {"ReadLag": lag})
    assert answer.status == 400
    assert answer.json["error"]["problems"][0]["path"] == path
    assert control.state()["Settings"]["ReadLag"] == {"Seconds": 0.0, "Readers": "all"}
