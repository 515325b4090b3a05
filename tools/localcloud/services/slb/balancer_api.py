"""Load balancers on the wire, as far as VServer groups need them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localcloud.clock import timestamp
from localcloud.services.slb.groups import ACTIVE, INACTIVE
from localcloud.services.slb.transactions import check_status
from localcloud.wire.errors import invalid_parameter

if TYPE_CHECKING:
    from localcloud.call import Call
    from localcloud.cloud import Cloud
    from localcloud.services.slb.groups import LoadBalancer


def create_load_balancer(cloud: Cloud, call: Call) -> dict[str, Any]:
    parameters, slb = call.parameters, cloud.world.slb
    region_id, name = parameters.require("RegionId"), parameters.text("LoadBalancerName") or ""
    network = (parameters.text("VpcId") or "", parameters.text("VSwitchId") or "")
    token = parameters.text("ClientToken")
    found = slb.load_balancers.get(slb.client_tokens.get(token or "", ""))
    if found is None:  # sdk: the same token again is the same request
        found = slb.create_load_balancer(region_id, name, network, timestamp(cloud.clock.now()))
        if token:
            slb.client_tokens[token] = found.load_balancer_id
    call.concerns["LoadBalancerId"] = found.load_balancer_id
    names = ("LoadBalancerId", "LoadBalancerName", "Address", "AddressIPVersion")
    network_names = ("NetworkType", "VpcId", "VSwitchId")
    described = _described(found, cloud.clock.now())
    return {name: described[name] for name in (*names, *network_names)}


def describe_load_balancers(cloud: Cloud, call: Call) -> dict[str, Any]:
    parameters = call.parameters
    region_id, name = parameters.require("RegionId"), parameters.text("LoadBalancerName")
    ids = (parameters.text("LoadBalancerId") or "").split(",")
    vpc_id, status = parameters.text("VpcId"), parameters.text("LoadBalancerStatus")
    now = cloud.clock.now()
    page = parameters.integer("PageNumber", default=1, low=1, high=10**8)
    size = parameters.integer("PageSize", default=10, low=1, high=100)
    found = [
        item
        for item in cloud.world.slb.load_balancers.values()
        if (item.region_id, item.account) == (region_id, call.account)
        and (ids == [""] or item.load_balancer_id in ids)
        and name in (None, item.name)
        and vpc_id in (None, item.vpc_id)
        and status in (None, item.status_at(now))
    ]
    shown = [_described(item, now) for item in found[(page - 1) * size : page * size]]
    return {
        "LoadBalancers": {"LoadBalancer": shown},
        "TotalCount": len(found),
        "PageNumber": page,
        "PageSize": size,
    }


def describe_load_balancer_attribute(cloud: Cloud, call: Call) -> dict[str, Any]:
    found = find_load_balancer(cloud, call)
    listeners = sorted(found.listeners, key=lambda item: item.port)
    both = [{"ListenerPort": item.port, "ListenerProtocol": item.protocol} for item in listeners]
    return {
        **_described(found, cloud.clock.now()),
        "ListenerPorts": {"ListenerPort": [item.port for item in listeners]},
        "ListenerPortsAndProtocol": {"ListenerPortAndProtocol": both},
        "BackendServers": {"BackendServer": []},
    }


def delete_load_balancer(cloud: Cloud, call: Call) -> dict[str, Any]:
    found = find_load_balancer(cloud, call)
    check_status(found, call.action, cloud.clock.now())
    cloud.world.slb.delete_load_balancer(found)
    return {}


def set_load_balancer_status(cloud: Cloud, call: Call) -> dict[str, Any]:
    found = find_load_balancer(cloud, call)
    status = call.parameters.require("LoadBalancerStatus")
    if status not in (ACTIVE, INACTIVE):  # doc
        raise invalid_parameter("LoadBalancerStatus")
    check_status(found, call.action, cloud.clock.now())
    found.status, found.status_ends = status, None
    return {}


def load_balancer_of(cloud: Cloud, call: Call) -> LoadBalancer:
    """Finds the load balancer of an action that requires a RegionId."""
    call.parameters.require("RegionId")
    return find_load_balancer(cloud, call)


def find_load_balancer(cloud: Cloud, call: Call) -> LoadBalancer:
    """Finds the load balancer of an action with an optional RegionId (sdk)."""
    load_balancer_id = call.parameters.require("LoadBalancerId")
    region_id = call.parameters.text("RegionId")
    return cloud.world.slb.load_balancer(load_balancer_id, region_id, call.account)


def _described(item: LoadBalancer, now: float) -> dict[str, Any]:
    return {
        "LoadBalancerId": item.load_balancer_id,
        "LoadBalancerName": item.name,
        "LoadBalancerStatus": item.status_at(now),
        "RegionId": item.region_id,
        "Address": item.address,
        "AddressType": "intranet" if item.vpc_id else "internet",
        "AddressIPVersion": "ipv4",
        "NetworkType": "vpc" if item.vpc_id else "classic",
        "VpcId": item.vpc_id,
        "VSwitchId": item.vswitch_id,
        "CreateTime": item.create_time,
    }


OPERATIONS = {
    "CreateLoadBalancer": create_load_balancer,
    "DescribeLoadBalancers": describe_load_balancers,
    "DescribeLoadBalancerAttribute": describe_load_balancer_attribute,
    "DeleteLoadBalancer": delete_load_balancer,
    "SetLoadBalancerStatus": set_load_balancer_status,
}
