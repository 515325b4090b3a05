"""Every SLB operation with the vendor's SDK: the documented answers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from alibabacloud_slb20140515 import models

REGION, BALANCER = "cn-hangzhou", "lb-local"
WEB = {"ServerId": "i-1", "Port": 80, "Weight": 10, "Description": "web"}
API = {"ServerId": "i-2", "Port": 8080}


def create(slb: Any, *backends: dict[str, Any], name: str = "web", **more: Any) -> Any:
    request = models.CreateVServerGroupRequest(
        region_id=REGION,
        load_balancer_id=BALANCER,
        vserver_group_name=name,
        backend_servers=json.dumps(backends),
        **more,
    )
    return slb.create_vserver_group(request).body


def listed(slb: Any, **more: Any) -> list[Any]:
    request = models.DescribeVServerGroupsRequest(
        region_id=REGION, load_balancer_id=BALANCER, **more
    )
    groups: list[Any] = slb.describe_vserver_groups(request).body.vserver_groups.vserver_group
    return groups


def attribute(slb: Any, group_id: str) -> Any:
    request = models.DescribeVServerGroupAttributeRequest(
        region_id=REGION, vserver_group_id=group_id
    )
    return slb.describe_vserver_group_attribute(request).body


def backends(answer: Any) -> list[tuple[str, int, int]]:
    found = answer.backend_servers.backend_server
    return [(item.server_id, item.port, item.weight) for item in found]


@pytest.mark.parametrize("algorithm", [None, "v2"], ids=["ACS3", "HMAC-SHA1"])
def test_a_group_is_created_with_its_backends_and_their_defaults(
    sdk: Any, algorithm: str | None
) -> None:
    slb = sdk.slb(signature_algorithm=algorithm)
    created = create(slb, WEB, API)
    assert created.vserver_group_id.startswith("rsp-")
    assert created.request_id == created.request_id.upper()
    first, second = created.backend_servers.backend_server
    assert first.to_map() == {**WEB, "Type": "ecs"}
    assert second.to_map() == {**API, "Type": "ecs", "Weight": 100}


def test_the_single_quoted_form_of_the_api_page_is_read(slb: Any) -> None:
    page = (
        "[{'ServerId':'vm-233','Port':'80','Weight':'100'},"
        "{'ServerId':'vm-232','Port':'90','Weight':'100'},"
        "{'ServerId':'vm-231','Port':'70','Weight':'100'}]"
    )
    request = models.CreateVServerGroupRequest(
        region_id=REGION, load_balancer_id=BALANCER, backend_servers=page
    )
    created = slb.create_vserver_group(request).body
    assert backends(created) == [("vm-233", 80, 100), ("vm-232", 90, 100), ("vm-231", 70, 100)]


def test_keys_of_a_backend_may_have_any_case_and_unknown_ones_are_ignored(slb: Any) -> None:
    created = create(slb, {"serverId": "i-1", "PORT": "80", "weight": 0, "vpcId": "vpc-1"})
    assert backends(created) == [("i-1", 80, 0)]


def test_a_group_without_backends_is_empty(slb: Any) -> None:
    assert backends(create(slb)) == []


def test_names_are_not_unique(slb: Any) -> None:
    first, second = create(slb), create(slb)
    assert first.vserver_group_id != second.vserver_group_id
    assert [group.vserver_group_name for group in listed(slb)] == ["web", "web"]


def test_a_backend_named_twice_counts_once_as_first_stated(slb: Any) -> None:
    assert backends(create(slb, WEB, {**WEB, "Weight": 99})) == [("i-1", 80, 10)]


def test_add_answers_with_all_backends_and_leaves_those_present_alone(slb: Any) -> None:
    group_id = create(slb, WEB).vserver_group_id
    request = models.AddVServerGroupBackendServersRequest(
        region_id=REGION,
        vserver_group_id=group_id,
        backend_servers=json.dumps([{**WEB, "Weight": 99}, API]),
    )
    added = slb.add_vserver_group_backend_servers(request).body
    assert backends(added) == [("i-1", 80, 10), ("i-2", 8080, 100)]
    assert backends(attribute(slb, group_id)) == backends(added)


def test_remove_ignores_a_backend_that_is_not_there(slb: Any) -> None:
    group_id = create(slb, WEB, API).vserver_group_id
    request = models.RemoveVServerGroupBackendServersRequest(
        region_id=REGION,
        vserver_group_id=group_id,
        backend_servers=json.dumps([WEB, {"ServerId": "i-9", "Port": 1}]),
    )
    assert backends(slb.remove_vserver_group_backend_servers(request).body) == [("i-2", 8080, 100)]


def test_modify_replaces_the_old_by_the_new_and_ignores_an_unknown_old(slb: Any) -> None:
    group_id = create(slb, WEB).vserver_group_id
    request = models.ModifyVServerGroupBackendServersRequest(
        region_id=REGION,
        vserver_group_id=group_id,
        old_backend_servers=json.dumps([WEB, {"ServerId": "i-9", "Port": 1}]),
        new_backend_servers=json.dumps([API]),
    )
    assert backends(slb.modify_vserver_group_backend_servers(request).body) == [("i-2", 8080, 100)]


def test_set_changes_the_name_and_what_is_stated_of_a_backend(slb: Any) -> None:
    group_id = create(slb, WEB, API).vserver_group_id
    request = models.SetVServerGroupAttributeRequest(
        region_id=REGION,
        vserver_group_id=group_id,
        vserver_group_name="drained",
        backend_servers=json.dumps([{"ServerId": "i-1", "Port": 80, "Weight": 0}]),
    )
    changed = slb.set_vserver_group_attribute(request).body
    assert changed.vserver_group_name == "drained"
    assert backends(changed) == [("i-1", 80, 0), ("i-2", 8080, 100)]
    assert changed.backend_servers.backend_server[0].description == "web"


def test_set_leaves_what_is_omitted_as_it_is(slb: Any) -> None:
    group_id = create(slb, WEB).vserver_group_id
    request = models.SetVServerGroupAttributeRequest(region_id=REGION, vserver_group_id=group_id)
    changed = slb.set_vserver_group_attribute(request).body
    assert (changed.vserver_group_name, backends(changed)) == ("web", [("i-1", 80, 10)])


def test_a_deleted_group_is_gone(slb: Any) -> None:
    group_id = create(slb).vserver_group_id
    request = models.DeleteVServerGroupRequest(region_id=REGION, vserver_group_id=group_id)
    slb.delete_vserver_group(request)
    assert listed(slb) == []


def test_the_creation_time_is_the_load_balancers(slb: Any, control: Any) -> None:
    control.advance(3600)
    created = control.state()["LoadBalancers"][0]["CreateTime"]
    group_id = create(slb).vserver_group_id
    assert listed(slb)[0].create_time == created
    assert attribute(slb, group_id).create_time == created


def test_an_attribute_names_its_load_balancer_and_tags(slb: Any) -> None:
    tag = models.CreateVServerGroupRequestTag(key="made by", value="")
    found = attribute(slb, create(slb, tag=[tag]).vserver_group_id)
    assert found.load_balancer_id == BALANCER
    assert [(item.tag_key, item.tag_value) for item in found.tags.tag] == [("made by", "")]


def test_a_list_filters_by_part_of_the_name_and_by_all_tags(slb: Any) -> None:
    tags = [models.CreateVServerGroupRequestTag(key=key, value="1") for key in ("a", "b")]
    create(slb, name="blue", tag=tags)
    create(slb, name="green", tag=tags[:1])
    wanted = [models.DescribeVServerGroupsRequestTag(key=key, value="1") for key in ("a", "b")]
    assert [group.vserver_group_name for group in listed(slb, description="e")] == ["blue", "green"]
    assert [group.vserver_group_name for group in listed(slb, description="gr")] == ["green"]
    assert [group.vserver_group_name for group in listed(slb, tag=wanted)] == ["blue"]


def test_a_list_shows_listeners_and_rules_only_if_asked(slb: Any, control: Any) -> None:
    listener = {"Port": 80, "Protocol": "http", "VServerGroupId": "rsp-used"}
    rule = {"RuleId": "rule-1", "RuleName": "r", "Domain": "d", "Url": "/", **listener}
    del rule["Port"], rule["Protocol"]
    control.seed(
        LoadBalancers=[
            {"LoadBalancerId": "lb-2", "RegionId": REGION, "Listeners": [listener], "Rules": [rule]}
        ],
        VServerGroups=[
            {"LoadBalancerId": "lb-2", "VServerGroupId": "rsp-used", "VServerGroupName": "used"}
        ],
    )
    request = models.DescribeVServerGroupsRequest(region_id=REGION, load_balancer_id="lb-2")
    bare = slb.describe_vserver_groups(request).body.vserver_groups.vserver_group[0]
    request.include_listener = request.include_rule = True
    full = slb.describe_vserver_groups(request).body.vserver_groups.vserver_group[0]
    assert bare.associated_objects.to_map() == {
        "Listeners": {"Listener": []},
        "Rules": {"Rule": []},
    }
    assert full.associated_objects.to_map() == {
        "Listeners": {"Listener": [{"Port": 80, "Protocol": "http"}]},
        "Rules": {"Rule": [{"Domain": "d", "RuleId": "rule-1", "RuleName": "r", "Url": "/"}]},
    }


def test_one_server_may_be_there_on_several_ports_and_an_eni_with_several_addresses(
    slb: Any,
) -> None:
    eni = {"ServerId": "eni-1", "Port": 80, "Type": "eni"}
    first, second = {**eni, "ServerIp": "10.0.0.1"}, {**eni, "ServerIp": "10.0.0.2"}
    group_id = create(slb, WEB, {**WEB, "Port": 81}, first, second).vserver_group_id
    found = attribute(slb, group_id).backend_servers.backend_server
    assert [(item.server_id, item.port, item.server_ip) for item in found] == [
        ("i-1", 80, None),
        ("i-1", 81, None),
        ("eni-1", 80, "10.0.0.1"),
        ("eni-1", 80, "10.0.0.2"),
    ]
