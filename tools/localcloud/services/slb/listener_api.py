"""Listeners and forwarding rules on the wire. Their codes are inferred, but for those of groups."""

from __future__ import annotations

import json
import secrets
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from localcloud.services.slb.backends import refused
from localcloud.services.slb.balancer_api import load_balancer_of
from localcloud.services.slb.listeners import Listener, Rule
from localcloud.wire.errors import ApiError, invalid_parameter

if TYPE_CHECKING:
    from localcloud.call import Call, Operation
    from localcloud.cloud import Cloud
    from localcloud.services.slb.groups import LoadBalancer
    from localcloud.wire.parameters import Parameters

PROTOCOLS = ("tcp", "http")


def creating(protocol: str) -> Operation:
    def create(cloud: Cloud, call: Call) -> dict[str, Any]:
        balancer, port = load_balancer_of(cloud, call), _port(call.parameters)
        group_id = call.parameters.text("VServerGroupId") or ""
        if group_id:
            _check_group(cloud, balancer, group_id)
        if any(item.port == port for item in balancer.listeners):
            raise refused("ListenerAlreadyExists", "There is a listener on this port already.")
        balancer.listeners.append(Listener(port, protocol, group_id))
        return {}

    return create


def describing(protocol: str) -> Operation:
    def describe(cloud: Cloud, call: Call) -> dict[str, Any]:
        balancer = load_balancer_of(cloud, call)
        listener = _listener(balancer, _port(call.parameters), protocol)
        return {
            "LoadBalancerId": balancer.load_balancer_id,
            "ListenerPort": listener.port,
            "Status": "running",
            "VServerGroupId": listener.vserver_group_id,
        }

    return describe


def delete_load_balancer_listener(cloud: Cloud, call: Call) -> dict[str, Any]:
    """With its rules."""
    balancer, port = load_balancer_of(cloud, call), _port(call.parameters)
    listener = _listener(balancer, port, call.parameters.text("ListenerProtocol"))
    balancer.listeners.remove(listener)
    balancer.rules = [item for item in balancer.rules if item.listener_port != port]
    return {}


def create_rules(cloud: Cloud, call: Call) -> dict[str, Any]:
    balancer, port = load_balancer_of(cloud, call), _port(call.parameters)
    listener = _listener(balancer, port, call.parameters.text("ListenerProtocol"))
    rows = _json_list(call.parameters, "RuleList")
    if listener.protocol not in ("http", "https"):
        raise refused("InvalidParameter", "Only HTTP and HTTPS listeners have forwarding rules.")
    rules = [_read_rule(cloud, balancer, port, row) for row in rows]
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
    raise refused("ListenerNotFound", "The specified listener does not exist.")


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
    "DeleteLoadBalancerListener": delete_load_balancer_listener,
    "CreateRules": create_rules,
    "DescribeRules": describe_rules,
    "DeleteRules": delete_rules,
}
