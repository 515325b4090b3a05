"""Load balancers on the wire: as much of them as having VServer groups takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localcloud.clock import timestamp

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
    described = _described(found)
    return {name: described[name] for name in (*names, *network_names)}


def describe_load_balancers(cloud: Cloud, call: Call) -> dict[str, Any]:
    parameters = call.parameters
    region_id, name = parameters.require("RegionId"), parameters.text("LoadBalancerName")
    ids = (parameters.text("LoadBalancerId") or "").split(",")
    vpc_id = parameters.text("VpcId")
    page = parameters.integer("PageNumber", default=1, low=1, high=10**8)
    size = parameters.integer("PageSize", default=10, low=1, high=100)
    found = [
        item
        for item in cloud.world.slb.load_balancers.values()
        if (item.region_id, item.account) == (region_id, call.account)
        and (ids == [""] or item.load_balancer_id in ids)
        and name in (None, item.name)
        and vpc_id in (None, item.vpc_id)
    ]
    shown = [_described(item) for item in found[(page - 1) * size : page * size]]
    return {
        "LoadBalancers": {"LoadBalancer": shown},
        "TotalCount": len(found),
        "PageNumber": page,
        "PageSize": size,
    }


def describe_load_balancer_attribute(cloud: Cloud, call: Call) -> dict[str, Any]:
    found = load_balancer_of(cloud, call)
    listeners = sorted(found.listeners, key=lambda item: item.port)
    both = [{"ListenerPort": item.port, "ListenerProtocol": item.protocol} for item in listeners]
    return {
        **_described(found),
        "ListenerPorts": {"ListenerPort": [item.port for item in listeners]},
        "ListenerPortsAndProtocol": {"ListenerPortAndProtocol": both},
        "BackendServers": {"BackendServer": []},
    }


def delete_load_balancer(cloud: Cloud, call: Call) -> dict[str, Any]:
    cloud.world.slb.delete_load_balancer(load_balancer_of(cloud, call))
    return {}


def load_balancer_of(cloud: Cloud, call: Call) -> LoadBalancer:
    region_id = call.parameters.require("RegionId")
    load_balancer_id = call.parameters.require("LoadBalancerId")
    return cloud.world.slb.load_balancer(load_balancer_id, region_id, call.account)


def _described(item: LoadBalancer) -> dict[str, Any]:
    return {
        "LoadBalancerId": item.load_balancer_id,
        "LoadBalancerName": item.name,
        "LoadBalancerStatus": "active",
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
}
