"""Load balancers, listeners and rules with the vendor's SDK, and what they mean for groups."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from alibabacloud_slb20140515 import models

Refused = Callable[..., tuple[str, int]]

REGION, BALANCER = "cn-hangzhou", "lb-local"
GROUPS = [
    {"LoadBalancerId": BALANCER, "VServerGroupId": "rsp-1", "VServerGroupName": "web"},
    {"LoadBalancerId": "lb-other", "VServerGroupId": "rsp-other", "VServerGroupName": "web"},
]
GONE = ("InvalidLoadBalancerId.NotFound", 404)
NO_GROUP = ("InvalidParameter", 404)


@pytest.fixture(autouse=True)
def groups(control: Any) -> None:
    other = {"LoadBalancerId": "lb-other", "RegionId": REGION}
    control.seed(LoadBalancers=[other], VServerGroups=GROUPS)


def create(slb: Any, **more: Any) -> Any:
    return slb.create_load_balancer(models.CreateLoadBalancerRequest(region_id=REGION, **more)).body


def listed(slb: Any, **more: Any) -> Any:
    request = models.DescribeLoadBalancersRequest(region_id=REGION, **more)
    return slb.describe_load_balancers(request).body


def attribute(slb: Any, load_balancer_id: str = BALANCER) -> Any:
    request = models.DescribeLoadBalancerAttributeRequest(
        region_id=REGION, load_balancer_id=load_balancer_id
    )
    return slb.describe_load_balancer_attribute(request).body


def tcp(**changed: Any) -> Any:
    given = {"region_id": REGION, "load_balancer_id": BALANCER, "listener_port": 80, **changed}
    return models.CreateLoadBalancerTCPListenerRequest(**given)


def http(**changed: Any) -> Any:
    given = {"region_id": REGION, "load_balancer_id": BALANCER, "listener_port": 8080, **changed}
    return models.CreateLoadBalancerHTTPListenerRequest(**given)


def on_port(request: Any, port: int = 8080, **more: Any) -> Any:
    return request(region_id=REGION, load_balancer_id=BALANCER, listener_port=port, **more)


def rules(*rows: dict[str, Any], port: int = 8080) -> Any:
    return on_port(models.CreateRulesRequest, port, rule_list=json.dumps(rows))


def delete_group(slb: Any) -> None:
    request = models.DeleteVServerGroupRequest(region_id=REGION, vserver_group_id="rsp-1")
    slb.delete_vserver_group(request)


def test_a_load_balancer_is_created_described_and_deleted(slb: Any, refused: Refused) -> None:
    created = create(slb, load_balancer_name="front", vpc_id="vpc-1", v_switch_id="vsw-1")
    found = attribute(slb, created.load_balancer_id)
    assert (found.load_balancer_name, found.vpc_id, found.network_type) == ("front", "vpc-1", "vpc")
    assert (found.address, found.load_balancer_status) == (created.address, "active")
    request = models.DeleteLoadBalancerRequest(
        region_id=REGION, load_balancer_id=created.load_balancer_id
    )
    slb.delete_load_balancer(request)
    assert refused(attribute, slb, created.load_balancer_id) == GONE
    assert refused(slb.delete_load_balancer, request) == GONE


def test_a_new_load_balancer_takes_groups_which_go_with_it(slb: Any, refused: Refused) -> None:
    created = create(slb)
    request = models.CreateVServerGroupRequest(
        region_id=REGION, load_balancer_id=created.load_balancer_id, vserver_group_name="web"
    )
    group_id = slb.create_vserver_group(request).body.vserver_group_id
    slb.delete_load_balancer(
        models.DeleteLoadBalancerRequest(
            region_id=REGION, load_balancer_id=created.load_balancer_id
        )
    )
    gone = models.DescribeVServerGroupAttributeRequest(region_id=REGION, vserver_group_id=group_id)
    assert refused(slb.describe_vserver_group_attribute, gone) == NO_GROUP


def test_the_same_client_token_is_the_same_load_balancer(slb: Any) -> None:
    first, second = create(slb, client_token="once"), create(slb, client_token="once")
    assert first.load_balancer_id == second.load_balancer_id
    assert create(slb).load_balancer_id != create(slb).load_balancer_id


def test_load_balancers_are_listed_by_page_id_name_and_network(slb: Any) -> None:
    made = create(slb, load_balancer_name="front", vpc_id="vpc-1").load_balancer_id
    assert listed(slb).total_count == 3
    assert len(listed(slb, page_size=2, page_number=2).load_balancers.load_balancer) == 1
    for more in (
        {"load_balancer_id": f"lb-9,{made}"},
        {"load_balancer_name": "front"},
        {"vpc_id": "vpc-1"},
    ):
        (found,) = listed(slb, **more).load_balancers.load_balancer
        assert found.load_balancer_id == made


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"region_id": None}, ("MissingParameter", 400)),
        ({"region_id": "Hangzhou"}, ("InvalidRegionId.NotFound", 404)),
    ],
)
def test_a_load_balancer_needs_a_region(
    slb: Any, refused: Refused, changed: dict[str, Any], expected: tuple[str, int]
) -> None:
    request = models.CreateLoadBalancerRequest(**changed)
    assert refused(slb.create_load_balancer, request) == expected


def test_listeners_are_described_with_their_groups(slb: Any) -> None:
    slb.create_load_balancer_tcplistener(tcp(vserver_group_id="rsp-1"))
    slb.create_load_balancer_httplistener(http())
    found = attribute(slb)
    assert found.listener_ports.listener_port == [80, 8080]
    both = found.listener_ports_and_protocol.listener_port_and_protocol
    assert [(item.listener_port, item.listener_protocol) for item in both] == [
        (80, "tcp"),
        (8080, "http"),
    ]
    request = on_port(models.DescribeLoadBalancerTCPListenerAttributeRequest, 80)
    described = slb.describe_load_balancer_tcplistener_attribute(request).body
    assert (described.vserver_group_id, described.status) == ("rsp-1", "stopped")
    request = on_port(models.DescribeLoadBalancerHTTPListenerAttributeRequest)
    assert slb.describe_load_balancer_httplistener_attribute(request).body.listener_port == 8080


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"region_id": "cn-beijing"}, GONE),
        ({"load_balancer_id": "lb-9"}, GONE),
        ({"listener_port": None}, ("MissingParameter", 400)),
        ({"listener_port": 0}, ("InvalidParameter", 400)),
        ({"listener_port": 8080}, ("ListenerAlreadyExists", 400)),
        ({"vserver_group_id": "rsp-9"}, NO_GROUP),
        ({"vserver_group_id": "rsp-other"}, NO_GROUP),
    ],
)
def test_a_bad_listener_is_refused(
    slb: Any, refused: Refused, changed: dict[str, Any], expected: tuple[str, int]
) -> None:
    slb.create_load_balancer_httplistener(http())
    assert refused(slb.create_load_balancer_tcplistener, tcp(**changed)) == expected
    assert attribute(slb).listener_ports.listener_port == [8080]


def test_a_new_listener_is_stopped_until_it_is_started(slb: Any) -> None:
    slb.create_load_balancer_tcplistener(tcp())

    def status() -> str:
        request = on_port(models.DescribeLoadBalancerTCPListenerAttributeRequest, 80)
        found: str = slb.describe_load_balancer_tcplistener_attribute(request).body.status
        return found

    assert status() == "stopped"
    slb.start_load_balancer_listener(on_port(models.StartLoadBalancerListenerRequest, 80))
    assert status() == "running"
    slb.stop_load_balancer_listener(on_port(models.StopLoadBalancerListenerRequest, 80))
    assert status() == "stopped"


def test_only_a_listener_that_is_there_is_started(slb: Any, refused: Refused) -> None:
    missing = ("ListenerNotFound", 400)
    start = on_port(models.StartLoadBalancerListenerRequest, 81)
    stop = on_port(models.StopLoadBalancerListenerRequest, 81)
    assert refused(slb.start_load_balancer_listener, start) == missing
    assert refused(slb.stop_load_balancer_listener, stop) == missing


def test_a_port_takes_one_listener_over_tcp_and_one_over_udp(slb: Any, refused: Refused) -> None:
    slb.create_load_balancer_tcplistener(tcp())
    udp = on_port(models.CreateLoadBalancerUDPListenerRequest, 80, vserver_group_id="rsp-1")
    slb.create_load_balancer_udplistener(udp)
    assert refused(slb.create_load_balancer_udplistener, udp) == ("ListenerAlreadyExists", 400)
    request = on_port(models.DescribeLoadBalancerUDPListenerAttributeRequest, 80)
    found = slb.describe_load_balancer_udplistener_attribute(request).body
    assert (found.vserver_group_id, found.status) == ("rsp-1", "stopped")


def test_a_region_is_optional_where_the_sdk_says_so(slb: Any) -> None:
    slb.create_load_balancer_tcplistener(tcp(region_id=None))
    request = models.DescribeLoadBalancerAttributeRequest(load_balancer_id=BALANCER)
    found = slb.describe_load_balancer_attribute(request).body
    assert found.listener_ports.listener_port == [80]
    slb.delete_load_balancer(models.DeleteLoadBalancerRequest(load_balancer_id=BALANCER))
    assert [item.load_balancer_id for item in listed(slb).load_balancers.load_balancer] == [
        "lb-other"
    ]


def test_a_listener_that_is_not_there_is_neither_described_nor_deleted(
    slb: Any, refused: Refused
) -> None:
    slb.create_load_balancer_httplistener(http())
    missing = ("ListenerNotFound", 400)
    wrong_protocol = on_port(models.DescribeLoadBalancerTCPListenerAttributeRequest)
    assert refused(slb.describe_load_balancer_tcplistener_attribute, wrong_protocol) == missing
    gone = on_port(models.DeleteLoadBalancerListenerRequest, 81)
    assert refused(slb.delete_load_balancer_listener, gone) == missing


def test_a_group_is_free_again_when_its_listener_is_gone(slb: Any, refused: Refused) -> None:
    slb.create_load_balancer_tcplistener(tcp(vserver_group_id="rsp-1"))
    assert refused(delete_group, slb) == ("RspoolVipExist", 400)
    slb.delete_load_balancer_listener(on_port(models.DeleteLoadBalancerListenerRequest, 80))
    delete_group(slb)


def test_a_group_is_free_again_when_its_rule_is_gone(slb: Any, refused: Refused) -> None:
    slb.create_load_balancer_httplistener(http())
    row = {"RuleName": "r", "Domain": "example.com", "Url": "/a", "VServerGroupId": "rsp-1"}
    (made,) = slb.create_rules(rules(row)).body.rules.rule
    (found,) = slb.describe_rules(on_port(models.DescribeRulesRequest)).body.rules.rule
    assert found.to_map() == {"RuleId": made.rule_id, **row}
    assert refused(delete_group, slb) == ("RspoolRuleExist", 400)
    ids = json.dumps([made.rule_id])
    slb.delete_rules(models.DeleteRulesRequest(region_id=REGION, rule_ids=ids))
    delete_group(slb)


def test_the_rules_of_a_listener_go_with_it(slb: Any) -> None:
    slb.create_load_balancer_httplistener(http())
    slb.create_rules(rules({"RuleName": "r", "Url": "/a", "VServerGroupId": "rsp-1"}))
    slb.delete_load_balancer_listener(on_port(models.DeleteLoadBalancerListenerRequest))
    delete_group(slb)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("{", ("InvalidParameter", 400)),
        ("[]", ("InvalidParameter", 400)),
        ("[1]", ("InvalidParameter", 400)),
        ('[{"RuleName": "r", "VServerGroupId": "rsp-1"}]', ("InvalidParameter", 400)),
        ('[{"RuleName": "r", "Url": "/"}]', ("InvalidParameter", 400)),
        ('[{"RuleName": "r", "Url": 1, "VServerGroupId": "rsp-1"}]', ("InvalidParameter", 400)),
        ('[{"RuleName": "r", "Url": "/", "VServerGroupId": "rsp-other"}]', NO_GROUP),
    ],
)
def test_a_bad_list_of_rules_is_refused(
    slb: Any, refused: Refused, rows: str, expected: tuple[str, int]
) -> None:
    slb.create_load_balancer_httplistener(http())
    request = on_port(models.CreateRulesRequest, rule_list=rows)
    assert refused(slb.create_rules, request) == expected


def test_a_tcp_listener_has_no_rules(slb: Any, refused: Refused) -> None:
    slb.create_load_balancer_tcplistener(tcp())
    row = {"RuleName": "r", "Url": "/a", "VServerGroupId": "rsp-1"}
    assert refused(slb.create_rules, rules(row, port=80)) == ("InvalidParameter", 400)


def test_rules_are_deleted_together_or_not_at_all(slb: Any, refused: Refused) -> None:
    slb.create_load_balancer_httplistener(http())
    made = slb.create_rules(rules({"RuleName": "r", "Url": "/a", "VServerGroupId": "rsp-1"})).body
    ids = json.dumps([made.rules.rule[0].rule_id, "rule-9"])
    request = models.DeleteRulesRequest(region_id=REGION, rule_ids=ids)
    assert refused(slb.delete_rules, request) == ("InvalidRuleId.NotFound", 404)
    assert len(slb.describe_rules(on_port(models.DescribeRulesRequest)).body.rules.rule) == 1


def test_a_reset_brings_back_the_listeners_of_the_start(control: Any, slb: Any) -> None:
    slb.create_load_balancer_tcplistener(tcp())
    control.send("POST", "/_cloud/reset")
    assert attribute(slb).listener_ports.listener_port == []
