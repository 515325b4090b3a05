"""The RPC dialect on the wire: query and form, JSON and XML, and what is missing."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from defusedxml.ElementTree import fromstring

CREATE = {
    "Action": "CreateVServerGroup",
    "Version": "2014-05-15",
    "RegionId": "cn-hangzhou",
    "LoadBalancerId": "lb-local",
    "VServerGroupName": "web",
    "BackendServers": "[{'ServerId':'i-1','Port':'80','Weight':'100','Description':'web'}]",
    "Tag.1.Key": "a & b",
    "Tag.1.Value": "~*+ %",
}


@pytest.mark.parametrize(("method", "form"), [("GET", False), ("POST", False), ("POST", True)])
def test_parameters_travel_in_the_query_or_in_a_form(control: Any, method: str, form: bool) -> None:
    answer = control.v1(method, form=form, Format="JSON", **CREATE)
    assert answer.status == 200
    assert answer.json["VServerGroupId"]
    (group,) = control.state()["VServerGroups"]
    assert group["Tags"] == [{"Key": "a & b", "Value": "~*+ %"}]


def test_json_is_answered_as_the_api_writes_it(control: Any) -> None:
    answer = control.v1(Format="json", **CREATE)
    assert answer.headers["content-type"] == "application/json;charset=utf-8"
    body = answer.json
    assert str(uuid.UUID(body["RequestId"])).upper() == body["RequestId"]
    assert body["BackendServers"] == {
        "BackendServer": [
            {"Type": "ecs", "ServerId": "i-1", "Port": 80, "Weight": 100, "Description": "web"}
        ]
    }


@pytest.mark.parametrize("asked", [{"Format": "XML"}, {}], ids=["asked for", "by default"])
def test_xml_is_answered_as_the_api_writes_it(control: Any, asked: dict[str, str]) -> None:
    answer = control.v1(**CREATE, **asked)
    assert answer.headers["content-type"] == "text/xml;charset=utf-8"
    root = fromstring(answer.body)
    assert root.tag == "CreateVServerGroupResponse"
    assert root.findtext("VServerGroupId", "").startswith("rsp-")
    (backend,) = root.findall("BackendServers/BackendServer")
    assert {child.tag: child.text for child in backend} == {
        "Type": "ecs",
        "ServerId": "i-1",
        "Port": "80",
        "Weight": "100",
        "Description": "web",
    }


def test_an_error_in_xml_has_the_four_elements_and_the_exact_content_type(control: Any) -> None:
    answer = control.v1(Format="XML", **{**CREATE, "LoadBalancerId": "lb-9"})
    assert answer.status == 404
    assert answer.headers["content-type"] == "text/xml;charset=utf-8"
    root = fromstring(answer.body)
    assert root.tag == "Error"
    assert {child.tag for child in root} == {"RequestId", "HostId", "Code", "Message"}
    assert root.findtext("Code") == "InvalidLoadBalancerId.NotFound"


def test_lists_and_markup_read_back_from_xml(control: Any) -> None:
    for _ in range(2):
        control.v1(**CREATE)
    names = {name: CREATE[name] for name in ("Version", "RegionId", "LoadBalancerId")}
    answer = control.v1(Action="DescribeVServerGroups", Format="XML", **names)
    groups = fromstring(answer.body).findall("VServerGroups/VServerGroup")
    assert [group.findtext("Tags/Tag/TagKey") for group in groups] == ["a & b", "a & b"]


def test_the_accept_header_counts_where_there_is_no_format(control: Any) -> None:
    headers = {"x-acs-action": "Nothing", "x-acs-version": "2014-05-15"}
    for accept, start in (("application/json", b"{"), ("text/xml", b"<?xml"), ("*/*", b"{")):
        answer = control.send("POST", "/", headers={**headers, "accept": accept})
        assert answer.body.startswith(start)


@pytest.mark.parametrize(
    ("target", "named"),
    [
        (
            "/?Action=CreateAccessControlList&Version=2014-05-15",
            b"CreateAccessControlList of version 2014",
        ),
        ("/?Action=CreateScalingGroup&Version=2022-02-22", b"CreateScalingGroup of version 2022"),
        (
            "/?Action=CreateVServerGroup&Version=2014-08-28",
            b"CreateVServerGroup of version 2014-08",
        ),
        (
            "/?Action=CreateAccessControlList&Version=2099-01-01",
            b"CreateAccessControlList of version 2099",
        ),
        ("/?Action=CreateVServerGroup", b"CreateVServerGroup of no version"),
        ("/", b"GET /"),
        ("/2023-03-30/functions", b"GET /2023-03-30/functions"),
        ("/queues/q/other", b"GET /queues/q/other"),
    ],
)
def test_what_is_missing_is_a_501_that_names_it(control: Any, target: str, named: bytes) -> None:
    answer = control.send("GET", target)
    assert answer.status == 501
    assert b"NotImplemented" in answer.body
    assert named in answer.body
