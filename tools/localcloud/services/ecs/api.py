"""ECS on the wire: the questions that finding an instance, its address and its network interfaces
takes.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from localcloud.call import Service
from localcloud.services.ecs.model import ECS
from localcloud.wire import rpc
from localcloud.wire.errors import invalid_parameter, not_implemented

if TYPE_CHECKING:
    from collections.abc import Iterable

    from localcloud.call import Call
    from localcloud.cloud import Cloud
    from localcloud.services.ecs.model import Instance, NetworkInterface

_IDS_PER_CALL = 100  # doc
_RESULTS = (10, 500)  # inferred: MaxResults outside of them counts as the nearer one
_FILTERS = {
    "NetworkInterfaceId",
    "PrivateIpAddress",
    "InstanceId",
    "PrimaryIpAddress",
    "VpcId",
    "VSwitchId",
    "Type",
    "Status",
}
_PAGING = {"PageNumber", "PageSize", "MaxResults", "NextToken"}


def describe_instances(cloud: Cloud, call: Call) -> dict[str, Any]:
    region_id, wanted = call.parameters.require("RegionId"), _wanted(call)
    page = call.parameters.integer("PageNumber", default=1, low=1, high=10**8)
    size = call.parameters.integer("PageSize", default=10, low=1, high=100)
    status, vpc_id = call.parameters.text("Status"), call.parameters.text("VpcId")
    found = [
        instance
        for instance in cloud.world.compute.instances.values()
        if instance.region_id == region_id
        and instance.kind == ECS
        and (wanted is None or instance.instance_id in wanted)
        and status in (None, instance.status)
        and vpc_id in (None, instance.vpc_id)
    ]
    shown = found[(page - 1) * size : page * size]
    return {
        "Instances": {"Instance": [_instance(instance) for instance in shown]},
        "TotalCount": len(found),
        "PageNumber": page,
        "PageSize": size,
    }


def describe_network_interfaces(cloud: Cloud, call: Call) -> dict[str, Any]:
    parameters = call.parameters
    unread = parameters.names() - _FILTERS - _PAGING - rpc.COMMON
    if unread:
        raise not_implemented(f"{', '.join(sorted(unread))} of DescribeNetworkInterfaces")
    region_id = parameters.require("RegionId")
    ids = _listed(call, "NetworkInterfaceId")
    addresses = _listed(call, "PrivateIpAddress")
    found = [
        interface
        for interface in cloud.world.compute.interfaces.values()
        if interface.region_id == region_id
        and (not ids or interface.network_interface_id in ids)
        and (not addresses or set(addresses) & set(interface.addresses))
        and all(parameters.text(name) in (None, value) for name, value in _filters(interface))
    ]
    if parameters.sent("MaxResults") or parameters.sent("NextToken"):
        return _page_by_token(call, found)
    return _page_by_number(call, found)


def _filters(interface: NetworkInterface) -> Iterable[tuple[str, str]]:
    """What a question may ask for by its exact value."""
    return (
        ("InstanceId", interface.instance_id),
        ("PrimaryIpAddress", interface.addresses[0]),
        ("VpcId", interface.vpc_id),
        ("VSwitchId", interface.v_switch_id),
        ("Type", interface.type),
        ("Status", interface.status),
    )


def _page_by_number(call: Call, found: list[NetworkInterface]) -> dict[str, Any]:
    page = call.parameters.integer("PageNumber", default=1, low=1, high=10**8)
    size = call.parameters.integer("PageSize", default=10, low=1, high=100)
    shown = found[(page - 1) * size : page * size]
    return {
        **_interface_sets(shown),
        "TotalCount": len(found),
        "PageNumber": page,
        "PageSize": size,
    }


def _page_by_token(call: Call, found: list[NetworkInterface]) -> dict[str, Any]:
    """doc: a token or a MaxResults asks for pages by token."""
    low, high = _RESULTS
    wanted = call.parameters.integer("MaxResults", default=low, low=1, high=10**8)
    size = max(low, min(wanted, high))
    token = call.parameters.text("NextToken") or "0"
    if not token.isdecimal() or int(token) > len(found):
        raise invalid_parameter("NextToken")
    end = int(token) + size
    return {
        **_interface_sets(found[int(token) : end]),
        "TotalCount": len(found),
        "NextToken": str(end) if end < len(found) else "",
    }


def _interface_sets(shown: list[NetworkInterface]) -> dict[str, Any]:
    return {"NetworkInterfaceSets": {"NetworkInterfaceSet": [_interface(item) for item in shown]}}


def _listed(call: Call, name: str) -> list[str]:
    values = call.parameters.strings(name)
    if len(values) > _IDS_PER_CALL:
        raise invalid_parameter(name)
    return values


def _wanted(call: Call) -> list[str] | None:
    text = call.parameters.text("InstanceIds")
    if text is None:
        return None
    try:
        wanted = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise invalid_parameter("InstanceIds") from error
    if not isinstance(wanted, list) or len(wanted) > _IDS_PER_CALL:
        raise invalid_parameter("InstanceIds")
    return wanted


def _instance(instance: Instance) -> dict[str, Any]:
    return {
        "InstanceId": instance.instance_id,
        "RegionId": instance.region_id,
        "Status": instance.status,
        "CreationTime": instance.created,
        "VpcAttributes": {
            "VpcId": instance.vpc_id,
            "PrivateIpAddress": {"IpAddress": [instance.private_ip_address]},
        },
        "InnerIpAddress": {"IpAddress": []},
    }


def _interface(item: NetworkInterface) -> dict[str, Any]:
    addresses = [
        {"PrivateIpAddress": address, "Primary": index == 0}
        for index, address in enumerate(item.addresses)
    ]
    return {
        "NetworkInterfaceId": item.network_interface_id,
        "InstanceId": item.instance_id,
        "Status": item.status,
        "Type": item.type,
        "VpcId": item.vpc_id,
        "VSwitchId": item.v_switch_id,
        "PrivateIpAddress": item.addresses[0],
        "PrivateIpSets": {"PrivateIpSet": addresses},
        "CreationTime": item.created,
    }


SERVICE = Service(
    name="ecs",
    dialect=rpc,
    versions=("2014-05-26",),
    operations={
        "DescribeInstances": describe_instances,
        "DescribeNetworkInterfaces": describe_network_interfaces,
    },
)
