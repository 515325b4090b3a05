"""What SLB refuses, with the documented code, and that a refusal writes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from alibabacloud_slb20140515 import models
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

Refused = Callable[..., tuple[str, int]]

REGION, BALANCER = "cn-hangzhou", "lb-local"
GROUP = {"LoadBalancerId": BALANCER, "VServerGroupId": "rsp-1", "VServerGroupName": "web"}
WEB = {"ServerId": "i-1", "Port": 80}


def creation(**changed: Any) -> Any:
    settings_ = {"region_id": REGION, "load_balancer_id": BALANCER, "vserver_group_name": "web"}
    return models.CreateVServerGroupRequest(**{**settings_, **changed})


def addition(backends: Any) -> Any:
    return models.AddVServerGroupBackendServersRequest(
        region_id=REGION, vserver_group_id="rsp-1", backend_servers=json.dumps(backends)
    )


@pytest.mark.parametrize(
    ("backends", "code"),
    [
        ("nonsense", "BackendServersMalformed"),
        ('{"ServerId": "i-1", "Port": 80}', "BackendServersMalformed"),
        ("[1]", "BackendServersMalformed"),
        ("[" * 4000, "BackendServersMalformed"),
        ('[{"Port": 80}]', "InvalidParameter"),
        ('[{"ServerId": 1, "Port": 80}]', "InvalidParameter"),
        ('[{"ServerId": "\\ud800", "Port": 80}]', "InvalidParameter"),
        ('[{"ServerId": "i-1"}]', "InvalidParameter"),
        ('[{"ServerId": "i-1", "Port": 0}]', "InvalidParameter"),
        ('[{"ServerId": "i-1", "Port": 65536}]', "InvalidParameter"),
        ('[{"ServerId": "i-1", "Port": true}]', "InvalidParameter"),
        ('[{"ServerId": "i-1", "Port": 80.5}]', "InvalidParameter"),
        ('[{"ServerId": "i-1", "Port": 80, "Weight": 101}]', "InvalidWeight.Malformed"),
        ('[{"ServerId": "i-1", "Port": 80, "Weight": "-1"}]', "InvalidWeight.Malformed"),
        ('[{"ServerId": "i-1", "Port": 80, "Type": "vm"}]', "BackendServer.InvalidType"),
        ('[{"ServerId": "i-1", "Port": 80, "Description": "a b"}]', "InvalidParameter"),
        (json.dumps([{**WEB, "Description": "x" * 81}]), "InvalidParameterLength"),
        (json.dumps([{**WEB, "Port": port} for port in range(1, 22)]), "TooManyBackendServers"),
    ],
)
def test_a_bad_list_of_backends_is_refused(
    control: Any, slb: Any, refused: Refused, backends: str, code: str
) -> None:
    assert refused(slb.create_vserver_group, creation(backend_servers=backends)) == (code, 400)
    assert control.state()["VServerGroups"] == []


def test_a_python_list_that_the_sdk_flattens_is_refused(slb: Any, refused: Refused) -> None:
    request = creation(backend_servers=[WEB])
    assert refused(slb.create_vserver_group, request) == ("BackendServersMalformed", 400)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("x" * 81, "InvalidParameterLength"),
        ("two words", "InvalidParameter"),
        ("a:b", "InvalidParameter"),
    ],
)
def test_a_bad_name_is_refused(slb: Any, refused: Refused, name: str, code: str) -> None:
    assert refused(slb.create_vserver_group, creation(vserver_group_name=name)) == (code, 400)


@pytest.mark.parametrize("name", ["k8s/80/web/default/c-1", "x" * 80, "a.b_c-d", "服务器组"])
def test_the_documented_characters_are_allowed_in_a_name(slb: Any, name: str) -> None:
    slb.create_vserver_group(creation(vserver_group_name=name))


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ([("", "v")], "MissingParam.TagKey"),
        ([("k" * 65, "v")], "InvalidParam.TagKey"),
        ([("aliyun-key", "v")], "InvalidParam.TagKey"),
        ([("k", "v" * 129)], "InvalidParam.TagValue"),
        ([("k", "see https://x")], "InvalidParam.TagValue"),
        ([(f"k{number}", "v") for number in range(21)], "SizeLimitExceeded.Tag"),
    ],
)
def test_a_bad_tag_is_refused(
    slb: Any, refused: Refused, tags: list[tuple[str, str]], code: str
) -> None:
    rows = [models.CreateVServerGroupRequestTag(key=key, value=value) for key, value in tags]
    assert refused(slb.create_vserver_group, creation(tag=rows)) == (code, 400)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"region_id": None}, ("MissingParameter", 400)),
        ({"load_balancer_id": None}, ("MissingParameter", 400)),
        ({"region_id": "Hangzhou"}, ("InvalidRegionId.NotFound", 404)),
        ({"region_id": "cn-beijing"}, ("InvalidLoadBalancerId.NotFound", 404)),
        ({"load_balancer_id": "lb-9"}, ("InvalidLoadBalancerId.NotFound", 404)),
    ],
)
def test_a_load_balancer_is_found_in_its_own_region_only(
    slb: Any, refused: Refused, changed: dict[str, Any], expected: tuple[str, int]
) -> None:
    assert refused(slb.create_vserver_group, creation(**changed)) == expected


def test_a_group_that_is_not_there_is_a_404_of_every_operation(slb: Any, refused: Refused) -> None:
    gone = {"region_id": REGION, "vserver_group_id": "rsp-9"}
    backends = {**gone, "backend_servers": json.dumps([WEB])}
    calls = [
        (
            slb.add_vserver_group_backend_servers,
            models.AddVServerGroupBackendServersRequest(**backends),
        ),
        (
            slb.remove_vserver_group_backend_servers,
            models.RemoveVServerGroupBackendServersRequest(**backends),
        ),
        (
            slb.modify_vserver_group_backend_servers,
            models.ModifyVServerGroupBackendServersRequest(**gone),
        ),
        (slb.set_vserver_group_attribute, models.SetVServerGroupAttributeRequest(**backends)),
        (slb.delete_vserver_group, models.DeleteVServerGroupRequest(**gone)),
        (slb.describe_vserver_group_attribute, models.DescribeVServerGroupAttributeRequest(**gone)),
    ]
    assert {refused(*call) for call in calls} == {("InvalidParameter", 404)}


def test_set_refuses_a_backend_that_the_group_does_not_hold(
    control: Any, slb: Any, refused: Refused
) -> None:
    control.seed(VServerGroups=[GROUP])
    request = models.SetVServerGroupAttributeRequest(
        region_id=REGION,
        vserver_group_id="rsp-1",
        vserver_group_name="renamed",
        backend_servers=json.dumps([WEB]),
    )
    assert refused(slb.set_vserver_group_attribute, request) == ("InvalidParameter", 400)
    assert control.state()["VServerGroups"][0]["VServerGroupName"] == "web"


def test_the_quota_counts_all_groups_of_a_load_balancer(
    control: Any, slb: Any, refused: Refused
) -> None:
    control.seed(
        LoadBalancers=[{"LoadBalancerId": "lb-2", "RegionId": REGION, "BackendQuota": 3}],
        VServerGroups=[
            {**GROUP, "LoadBalancerId": "lb-2", "BackendServers": [WEB]},
            {**GROUP, "LoadBalancerId": "lb-2", "VServerGroupId": "rsp-2", "BackendServers": [WEB]},
        ],
    )
    two = [{"ServerId": "i-2", "Port": 80}, {"ServerId": "i-3", "Port": 80}]
    expected = ("InstanceBackendServerNumberOverLimit", 400)
    assert refused(slb.add_vserver_group_backend_servers, addition(two)) == expected
    slb.add_vserver_group_backend_servers(addition(two[:1]))


def test_two_hundred_backends_fit_a_load_balancer_and_no_more(
    control: Any, slb: Any, refused: Refused
) -> None:
    full = [{"ServerId": f"i-{number}", "Port": 80} for number in range(200)]
    control.seed(VServerGroups=[{**GROUP, "BackendServers": full}])
    expected = ("InstanceBackendServerNumberOverLimit", 400)
    one_more = addition([{"ServerId": "i-200", "Port": 80}])
    assert refused(slb.add_vserver_group_backend_servers, one_more) == expected


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        (
            {"Listeners": [{"Port": 80, "Protocol": "tcp", "VServerGroupId": "rsp-3"}]},
            "RspoolVipExist",
        ),
        ({"Rules": [{"RuleId": "rule-1", "VServerGroupId": "rsp-3"}]}, "RspoolRuleExist"),
    ],
)
def test_a_group_in_use_cannot_be_deleted(
    control: Any, slb: Any, refused: Refused, reference: dict[str, Any], code: str
) -> None:
    control.seed(
        LoadBalancers=[{"LoadBalancerId": "lb-3", "RegionId": REGION, **reference}],
        VServerGroups=[{**GROUP, "LoadBalancerId": "lb-3", "VServerGroupId": "rsp-3"}],
    )
    request = models.DeleteVServerGroupRequest(region_id=REGION, vserver_group_id="rsp-3")
    assert refused(slb.delete_vserver_group, request) == (code, 400)


def test_a_released_server_cannot_be_added(
    control: Any, slb: Any, ess: Any, refused: Refused
) -> None:
    from alibabacloud_ess20220222 import models as ess_models  # noqa: PLC0415

    control.seed(
        VServerGroups=[GROUP],
        ScalingActivities=[{"ScalingActivityId": "asa-1", "ScalingGroupId": "asg-local"}],
        ScalingInstances=[
            {
                "InstanceId": "i-1",
                "ScalingGroupId": "asg-local",
                "ScalingActivityId": "asa-1",
                "LifecycleState": "Pending:Wait",
            }
        ],
        LifecycleActions=[
            {
                "LifecycleHookId": "ash-local",
                "LifecycleActionToken": "token",
                "ScalingActivityId": "asa-1",
                "InstanceIds": ["i-1"],
            }
        ],
    )
    slb.add_vserver_group_backend_servers(addition([WEB]))
    ess.complete_lifecycle_action(
        ess_models.CompleteLifecycleActionRequest(
            lifecycle_hook_id="ash-local",
            lifecycle_action_token="token",
            lifecycle_action_result="ABANDON",
        )
    )
    on_another_port = addition([{"ServerId": "i-1", "Port": 81}])
    assert refused(slb.add_vserver_group_backend_servers, on_another_port) == ("ObtainIpFail", 400)


ANY_BACKEND = st.fixed_dictionaries(
    {"ServerId": st.sampled_from(["i-1", "i-2", "i-3", ""])},
    optional={
        "Port": st.sampled_from([80, "81", 0, 65536, "x", None]),
        "Weight": st.sampled_from([0, "100", 101, -1, "heavy"]),
        "Type": st.sampled_from(["ecs", "eni", "vm"]),
        "Description": st.sampled_from(["web", "", "two words"]),
    },
)
ANY_CALL = st.fixed_dictionaries(
    {
        "Action": st.sampled_from(
            [
                "CreateVServerGroup",
                "AddVServerGroupBackendServers",
                "ModifyVServerGroupBackendServers",
                "SetVServerGroupAttribute",
                "DeleteVServerGroup",
            ]
        ),
        "RegionId": st.sampled_from(["cn-hangzhou", "cn-beijing"]),
        "LoadBalancerId": st.sampled_from(["lb-tight", "lb-9"]),
        "VServerGroupId": st.sampled_from(["rsp-1", "rsp-used", "rsp-9"]),
        "VServerGroupName": st.sampled_from(["renamed", "two words"]),
        "Tag.1.Key": st.sampled_from(["k", "acs:k"]),
    },
    optional={
        name: st.one_of(
            st.lists(ANY_BACKEND, max_size=3).map(json.dumps), st.just("["), st.just("[[]]")
        )
        for name in ("BackendServers", "OldBackendServers", "NewBackendServers")
    },
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(calls=st.lists(ANY_CALL, min_size=1, max_size=4))
def test_a_refused_write_never_changes_anything(control: Any, calls: list[dict[str, str]]) -> None:
    control.send("POST", "/_cloud/reset")
    used = {"Port": 80, "Protocol": "tcp", "VServerGroupId": "rsp-used"}
    balancer = {"LoadBalancerId": "lb-tight", "RegionId": REGION, "BackendQuota": 3}
    group = {"LoadBalancerId": "lb-tight", "VServerGroupName": "web", "BackendServers": [WEB]}
    control.seed(
        LoadBalancers=[{**balancer, "Listeners": [used]}],
        VServerGroups=[{**group, "VServerGroupId": name} for name in ("rsp-1", "rsp-used")],
    )
    for call in calls:
        before = control.state()["VServerGroups"]
        answer = control.v1("POST", form=True, Version="2014-05-15", Format="JSON", **call)
        after = control.state()["VServerGroups"]
        assert answer.status == 200 or after == before
