"""DescribeHealthStatus, and the health that the control endpoint gives to servers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from alibabacloud_slb20140515 import models

Refused = Callable[..., tuple[str, int]]

REGION, BALANCER = "cn-hangzhou", "lb-1"
WEB = {"ServerId": "i-1", "Port": 8080}


def listener(port: int, group: str, **more: Any) -> dict[str, Any]:
    return {"Port": port, "Protocol": "http", "VServerGroupId": group, **more}


@pytest.fixture(autouse=True)
def world(control: Any) -> None:
    rule = {"RuleId": "rule-1", "Url": "/a", "VServerGroupId": "rsp-ruled", "ListenerPort": 80}
    off = listener(82, "rsp-web", HealthCheck="off")
    control.seed(
        Instances=[{"InstanceId": "i-1", "RegionId": REGION, "PrivateIpAddress": "10.0.0.1"}],
        LoadBalancers=[
            {
                "LoadBalancerId": BALANCER,
                "RegionId": REGION,
                "Listeners": [
                    listener(80, "rsp-web"),
                    listener(81, "rsp-web", Status="stopped"),
                    off,
                ],
                "Rules": [rule],
            }
        ],
        VServerGroups=[
            {
                "LoadBalancerId": BALANCER,
                "VServerGroupId": group,
                "VServerGroupName": group,
                "BackendServers": [backend],
            }
            for group, backend in (
                ("rsp-web", WEB),
                ("rsp-ruled", {"ServerId": "eni-9", "Port": 1, "Type": "eni", "ServerIp": "10.9"}),
                ("rsp-unused", {"ServerId": "i-3", "Port": 1}),
            )
        ],
    )


def health(slb: Any, port: int | None = None, **more: Any) -> list[dict[str, Any]]:
    request = models.DescribeHealthStatusRequest(
        region_id=REGION, load_balancer_id=BALANCER, listener_port=port, **more
    )
    body = slb.describe_health_status(request).body
    return [item.to_map() for item in body.backend_servers.backend_server]


def statuses(slb: Any, port: int = 80) -> dict[str, str]:
    return {item["ServerId"]: item["ServerHealthStatus"] for item in health(slb, port)}


def test_the_backends_that_a_listener_and_its_rules_use_are_listed(slb: Any) -> None:
    web, ruled = health(slb, 80)
    assert web == {
        "ServerId": "i-1",
        "Port": 8080,
        "ServerIp": "10.0.0.1",
        "ListenerPort": 80,
        "Protocol": "http",
        "ServerHealthStatus": "normal",
    }
    assert (ruled["ServerId"], ruled["ServerIp"]) == ("eni-9", "10.9")


def test_a_listener_that_is_stopped_or_checks_nothing_knows_no_health(slb: Any) -> None:
    assert statuses(slb, 81) == {"i-1": "unavailable"}
    assert statuses(slb, 82) == {"i-1": "unavailable"}


def test_without_a_port_the_health_at_every_listener_is_told(slb: Any) -> None:
    ports = [(item["ListenerPort"], item["ServerId"]) for item in health(slb)]
    assert ports == [(80, "i-1"), (80, "eni-9"), (81, "i-1"), (82, "i-1")]


def test_one_port_of_two_listeners_needs_the_protocol(slb: Any, refused: Refused) -> None:
    slb.create_load_balancer_udplistener(
        models.CreateLoadBalancerUDPListenerRequest(
            load_balancer_id=BALANCER, listener_port=80, vserver_group_id="rsp-web"
        )
    )
    assert refused(health, slb, 80) == ("TooManyListeners", 400)
    (found,) = health(slb, 80, listener_protocol="udp")
    assert found["Protocol"] == "udp"


def test_a_listener_or_load_balancer_that_is_not_there_has_no_health(
    slb: Any, refused: Refused
) -> None:
    assert refused(health, slb, 9) == ("ListenerNotFound", 400)
    gone = models.DescribeHealthStatusRequest(load_balancer_id="lb-9")
    assert refused(slb.describe_health_status, gone) == ("InvalidLoadBalancerId.NotFound", 404)


def test_a_server_is_unhealthy_for_some_seconds(control: Any, slb: Any) -> None:
    control.change("backend-health", ServerId="i-1", ForSeconds=30)
    assert statuses(slb)["i-1"] == "abnormal"
    control.advance(30)
    assert statuses(slb)["i-1"] == "normal"


def test_a_server_never_becomes_healthy_until_it_is_told_to(control: Any, slb: Any) -> None:
    control.change("backend-health", ServerId="i-1", ServerHealthStatus="abnormal")
    control.advance(100_000)
    assert statuses(slb)["i-1"] == "abnormal"
    control.change("backend-health", ServerId="i-1", ServerHealthStatus="normal")
    assert statuses(slb)["i-1"] == "normal"


def test_a_server_flaps(control: Any, slb: Any) -> None:
    control.change("backend-health", ServerId="i-1", FlapSeconds=60)
    found = []
    for _ in range(4):
        found.append(statuses(slb)["i-1"])
        control.advance(60)
    assert found == ["abnormal", "normal", "abnormal", "normal"]


def test_health_is_set_for_one_port_or_one_load_balancer(control: Any, slb: Any) -> None:
    control.change("backend-health", ServerId="i-1", Port=81)
    control.change("backend-health", ServerId="i-1", LoadBalancerId="lb-local")
    assert statuses(slb)["i-1"] == "normal"
    control.change("backend-health", ServerId="i-1", Port=8080, LoadBalancerId=BALANCER)
    assert statuses(slb)["i-1"] == "abnormal"
    assert len(control.state()["BackendHealth"]) == 3


def test_the_first_check_of_a_new_backend_takes_its_time(control: Any, slb: Any) -> None:
    control.change("settings", HealthCheckSeconds=20)
    control.advance(20)  # the backends of the seed have been checked
    slb.add_vserver_group_backend_servers(
        models.AddVServerGroupBackendServersRequest(
            region_id=REGION,
            vserver_group_id="rsp-web",
            backend_servers=json.dumps([{"ServerId": "i-2", "Port": 8080}]),
        )
    )
    assert statuses(slb) == {"i-1": "normal", "i-2": "unavailable", "eni-9": "normal"}
    control.advance(20)
    assert statuses(slb)["i-2"] == "normal"


def test_a_server_that_is_down_is_unhealthy(control: Any, slb: Any) -> None:
    control.change("servers", ServerId="i-1", Status="Stopped")
    assert statuses(slb)["i-1"] == "abnormal"
    control.change("servers", ServerId="i-1", Status="Running")
    assert statuses(slb)["i-1"] == "normal"


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"Port": 80}, ""),
        ({"ServerId": "i-1", "ServerHealthStatus": "ill"}, "/ServerHealthStatus"),
        ({"ServerId": "i-1", "ForSeconds": 0}, "/ForSeconds"),
        (
            {"ServerId": "i-1", "FlapSeconds": 5, "ServerHealthStatus": "normal"},
            "/ServerHealthStatus",
        ),
        ({"ServerId": "i-1", "LoadBalancerId": "lb-9"}, "/LoadBalancerId"),
    ],
)
def test_a_mistake_in_a_health_is_refused_by_its_pointer(
    control: Any, document: dict[str, Any], path: str
) -> None:
    answer = control.send("POST", "/_cloud/backend-health", document)
    assert answer.status == 400
    assert answer.json["error"]["problems"][0]["path"] == path
    assert control.state()["BackendHealth"] == []
