"""Listeners and forwarding rules on the wire. Except for groups, the codes are inferred."""

from __future__ import annotations

import json
import secrets
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from localcloud.services.slb.backends import refused
from localcloud.services.slb.balancer_api import find_load_balancer, load_balancer_of
from localcloud.services.slb.listeners import Listener, Rule
from localcloud.services.slb.transactions import check_status
from localcloud.wire.errors import ApiError, invalid_parameter

if TYPE_CHECKING:
    from localcloud.call import Call, Operation
    from localcloud.cloud import Cloud
    from localcloud.services.slb.groups import LoadBalancer
    from localcloud.wire.parameters import Parameters

PROTOCOLS = ("tcp", "udp", "http")


def creating(protocol: str) -> Operation:
    def create(cloud: Cloud, call: Call) -> dict[str, Any]:
        balancer, port = find_load_balancer(cloud, call), _port(call.parameters)
        check_status(balancer, call.action, cloud.clock.now())
        group_id = call.parameters.text("VServerGroupId") or ""
        if group_id:
            _check_group(cloud, balancer, group_id)
        # sdk: an HTTP listener's switch has another name
        switch = call.parameters.text("HealthCheck", "HealthCheckSwitch") or "on"
        listener = Listener(port, protocol, group_id, health_check=switch != "off")
        if any(
            (item.port, item.transport) == (port, listener.transport) for item in balancer.listeners
        ):
            raise refused("ListenerAlreadyExists", "There is a listener on this port already.")
        balancer.listeners.append(listener)
        return {}

    return create


def describing(protocol: str) -> Operation:
    def describe(cloud: Cloud, call: Call) -> dict[str, Any]:
        balancer = find_load_balancer(cloud, call)
        listener = _listener(balancer, _port(call.parameters), protocol)
        return {
            "LoadBalancerId": balancer.load_balancer_id,
            "ListenerPort": listener.port,
            "Status": listener.status,
            "VServerGroupId": listener.vserver_group_id,
            "HealthCheck": "on" if listener.health_check else "off",
        }

    return describe


def starting(is_running: bool) -> Operation:
    def start_or_stop(cloud: Cloud, call: Call) -> dict[str, Any]:
        balancer, port = find_load_balancer(cloud, call), _port(call.parameters)
        listener = _listener(balancer, port, call.parameters.text("ListenerProtocol"))
        check_status(balancer, call.action, cloud.clock.now())
        listener.is_running = is_running
        return {}

    return start_or_stop


def delete_load_balancer_listener(cloud: Cloud, call: Call) -> dict[str, Any]:
    """With its rules."""
    balancer, port = find_load_balancer(cloud, call), _port(call.parameters)
    listener = _listener(balancer, port, call.parameters.text("ListenerProtocol"))
    check_status(balancer, call.action, cloud.clock.now())
    balancer.listeners.remove(listener)
    if listener.has_rules:
        balancer.rules = [item for item in balancer.rules if item.listener_port != port]
    return {}


def create_rules(cloud: Cloud, call: Call) -> dict[str, Any]:
    balancer, port = load_balancer_of(cloud, call), _port(call.parameters)
    listener = _listener(balancer, port, call.parameters.text("ListenerProtocol"))
    rows = _json_list(call.parameters, "RuleList")
    if not listener.has_rules:
        raise refused("InvalidParameter", "Only HTTP and HTTPS listeners have forwarding rules.")
    rules = [_read_rule(cloud, balancer, port, row) for row in rows]
    check_status(balancer, call.action, cloud.clock.now())
    balancer.rules += rules
    shown = [{"RuleId": rule.rule_id, "RuleName": rule.rule_name} for rule in rules]
    return {"Rules": {"Rule": shown}}


def describe_rules(cloud: Cloud, call: Call) -> dict[str, Any]:
    balancer, port = load_balancer_of(cloud, call), _port(call.parameters)
    _listener(balancer, port, call.parameters.text("ListenerProtocol"))
    shown = [rule.describe() for rule in balancer.rules if rule.listener_port == port]
    return {"Rules": {"Rule": shown}}


def delete_rules(cloud: Cloud, call: Call) -> dict[str, Any]:
    region_id = call.parameters.require("RegionId")
    gone = set(map(str, _json_list(call.parameters, "RuleIds")))
    balancers = cloud.world.slb.load_balancers.values()
    regional = [item for item in balancers if item.region_id == region_id]
    if not gone <= {rule.rule_id for item in regional for rule in item.rules}:
        message = "The specified RuleId does not exist."
        raise ApiError(HTTPStatus.NOT_FOUND, "InvalidRuleId.NotFound", message)
    for item in regional:
        if any(rule.rule_id in gone for rule in item.rules):
            check_status(item, call.action, cloud.clock.now())
    for item in regional:
        item.rules = [rule for rule in item.rules if rule.rule_id not in gone]
    return {}


def _read_rule(cloud: Cloud, balancer: LoadBalancer, port: int, row: Any) -> Rule:
    if not isinstance(row, dict):
        raise invalid_parameter("RuleList")
    names = ("RuleName", "Domain", "Url", "VServerGroupId")
    name, domain, url, group_id = (row.get(key) or "" for key in names)
    texts = all(isinstance(value, str) for value in (name, domain, url, group_id))
    if not texts or not name or not group_id or not (domain or url):
        raise invalid_parameter("RuleList")
    _check_group(cloud, balancer, group_id)
    return Rule(f"rule-{secrets.token_hex(6)}", name, domain, url, group_id, port)


def _check_group(cloud: Cloud, balancer: LoadBalancer, group_id: str) -> None:
    group = cloud.world.slb.group(group_id, balancer.region_id, balancer.account)
    if group.load_balancer is not balancer:  # doc: a group serves its own load balancer only
        message = "The specified VServerGroupId does not exist."
        raise ApiError(HTTPStatus.NOT_FOUND, "InvalidParameter", message)


def _listener(balancer: LoadBalancer, port: int, protocol: str | None) -> Listener:
    for listener in balancer.listeners:
        if listener.port == port and protocol in (None, listener.protocol):
            return listener
    raise listener_not_found()


def listener_not_found() -> ApiError:
    return refused("ListenerNotFound", "The specified listener does not exist.")


def _port(parameters: Parameters) -> int:
    parameters.require("ListenerPort")
    return parameters.integer("ListenerPort", default=0, low=1, high=65535)


def _json_list(parameters: Parameters, name: str) -> list[Any]:
    try:
        rows = json.loads(parameters.require(name))
    except (ValueError, RecursionError) as error:
        raise invalid_parameter(name) from error
    if not isinstance(rows, list) or not rows:
        raise invalid_parameter(name)
    return rows


OPERATIONS: dict[str, Operation] = {
    **{f"CreateLoadBalancer{name.upper()}Listener": creating(name) for name in PROTOCOLS},
    **{
        f"DescribeLoadBalancer{name.upper()}ListenerAttribute": describing(name)
        for name in PROTOCOLS
    },
    "StartLoadBalancerListener": starting(is_running=True),
    "StopLoadBalancerListener": starting(is_running=False),
    "DeleteLoadBalancerListener": delete_load_balancer_listener,
    "CreateRules": create_rules,
    "DescribeRules": describe_rules,
    "DeleteRules": delete_rules,
}
