"""VServer groups with the older SDK (aliyun-python-sdk-core and -slb): version 1 of the signature,
and either format.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

import pytest
from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.client import AcsClient
from defusedxml.ElementTree import fromstring

from localcloud.server import Running

Ask = Callable[..., Any]

REQUESTS = "aliyunsdkslb.request.v20140515"
REGION, BALANCER = "cn-hangzhou", "lb-local"
WEB = {"ServerId": "i-1", "Port": 80, "Weight": 10}


@pytest.fixture(params=["JSON", "XML"])
def ask(request: Any, served: Running) -> Ask:
    """Sends a request of the older SDK; both formats are answered alike."""

    def send(name: str, **given: Any) -> Any:
        module = importlib.import_module(f"{REQUESTS}.{name}Request")
        asked = getattr(module, f"{name}Request")()
        asked.set_accept_format(request.param)
        asked.set_endpoint(urlsplit(served.url).netloc)
        asked.add_query_param("RegionId", REGION)
        for key, value in given.items():
            getattr(asked, f"set_{key}")(value)
        client = AcsClient("localcloud", "localcloud-secret", REGION)
        if request.param == "JSON":
            return json.loads(client.do_action_with_exception(asked))
        with pytest.deprecated_call():  # the only one of its methods that asks for XML
            return tree(fromstring(client.do_action(asked)))

    return send


def tree(node: Element) -> Any:
    """As JSON has it: an element that stands in its own plural is an item of a list."""
    children = list(node)
    if not children and node.tag.endswith("s"):
        return {}
    if not children:
        text = node.text or ""
        return int(text) if text.isdigit() else text
    if {f"{child.tag}s" for child in children} == {node.tag}:
        return {children[0].tag: [tree(child) for child in children]}
    return {child.tag: tree(child) for child in children}


def create(ask: Ask, **more: Any) -> str:
    given = {"LoadBalancerId": BALANCER, "VServerGroupName": "web", **more}
    group_id: str = ask("CreateVServerGroup", **given)["VServerGroupId"]
    return group_id


def ports(answer: Any) -> list[tuple[str, int]]:
    backends = answer["BackendServers"].get("BackendServer", [])
    return [(item["ServerId"], item["Port"]) for item in backends]


def test_a_group_is_created_and_described(ask: Ask) -> None:
    tags = [{"Key": "k", "Value": "a & b"}]
    group_id = create(ask, BackendServers=json.dumps([WEB]), Tags=tags)
    found = ask("DescribeVServerGroupAttribute", VServerGroupId=group_id)
    assert found["BackendServers"]["BackendServer"] == [{**WEB, "Type": "ecs"}]
    assert found["Tags"]["Tag"] == [{"TagKey": "k", "TagValue": "a & b"}]
    listed = ask("DescribeVServerGroups", LoadBalancerId=BALANCER)
    (group,) = listed["VServerGroups"]["VServerGroup"]
    assert (group["VServerGroupId"], group["VServerGroupName"]) == (group_id, "web")


def test_backends_are_added_changed_and_removed(ask: Ask) -> None:
    group_id = create(ask)
    named = {"VServerGroupId": group_id, "BackendServers": json.dumps([WEB])}
    assert ports(ask("AddVServerGroupBackendServers", **named)) == [("i-1", 80)]
    new = {"NewBackendServers": json.dumps([{**WEB, "Port": 81}])}
    old = {"OldBackendServers": json.dumps([WEB])}
    modified = ask("ModifyVServerGroupBackendServers", VServerGroupId=group_id, **old, **new)
    assert ports(modified) == [("i-1", 81)]
    named["BackendServers"] = json.dumps([{**WEB, "Port": 81}])
    assert ports(ask("RemoveVServerGroupBackendServers", **named)) == []


def test_a_group_is_renamed_and_deleted(ask: Ask) -> None:
    group_id = create(ask)
    named = ask("SetVServerGroupAttribute", VServerGroupId=group_id, VServerGroupName="renamed")
    assert named["VServerGroupName"] == "renamed"
    ask("DeleteVServerGroup", VServerGroupId=group_id)
    assert ask("DescribeVServerGroups", LoadBalancerId=BALANCER)["VServerGroups"] in (
        {},
        {"VServerGroup": []},
    )


def test_a_refusal_is_read_in_either_format(ask: Ask) -> None:
    try:
        answer = ask("CreateVServerGroup", LoadBalancerId="lb-9")
    except ServerException as error:
        answer = {"Code": error.get_error_code(), "RequestId": error.get_request_id()}
    assert answer["Code"] == "InvalidLoadBalancerId.NotFound"
    assert answer["RequestId"] == answer["RequestId"].upper()
