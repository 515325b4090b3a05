"""ECI on the wire, API 2018-08-08: DescribeContainerGroups, by which a client finds a container
group's address, or that the group is gone. The container groups are servers of services/ecs.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from localcloud.call import Service
from localcloud.services.ecs.model import ECI
from localcloud.wire import rpc
from localcloud.wire.errors import invalid_parameter, not_implemented

if TYPE_CHECKING:
    from localcloud.call import Call
    from localcloud.cloud import Cloud
    from localcloud.services.ecs.model import Instance

_IDS_PER_CALL = 20  # doc
_READ = {"ContainerGroupIds", "Status", "Limit", "NextToken"}


def describe_container_groups(cloud: Cloud, call: Call) -> dict[str, Any]:
    parameters = call.parameters
    unread = parameters.names() - _READ - rpc.COMMON
    if unread:
        raise not_implemented(f"{', '.join(sorted(unread))} of DescribeContainerGroups")
    region_id, wanted = parameters.require("RegionId"), _wanted(call)
    status = parameters.text("Status")
    found = [
        item
        for item in cloud.world.compute.instances.values()
        if item.kind == ECI
        and item.region_id == region_id
        and (wanted is None or item.instance_id in wanted)
        and status in (None, item.status)
    ]
    size = parameters.integer("Limit", default=_IDS_PER_CALL, low=1, high=_IDS_PER_CALL)
    token = parameters.text("NextToken") or "0"
    if not token.isdecimal() or int(token) > len(found):
        raise invalid_parameter("NextToken")
    end = int(token) + size
    return {
        "ContainerGroups": [_container_group(item) for item in found[int(token) : end]],
        "TotalCount": len(found),
        **({"NextToken": str(end)} if end < len(found) else {}),
    }


def _wanted(call: Call) -> list[str] | None:
    text = call.parameters.text("ContainerGroupIds")
    if text is None:
        return None
    try:
        wanted = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise invalid_parameter("ContainerGroupIds") from error
    if not isinstance(wanted, list) or len(wanted) > _IDS_PER_CALL:
        raise invalid_parameter("ContainerGroupIds")
    return wanted


def _container_group(item: Instance) -> dict[str, Any]:
    return {
        "ContainerGroupId": item.instance_id,
        "RegionId": item.region_id,
        "Status": item.status,
        "IntranetIp": item.private_ip_address,
        "CreationTime": item.created,
    }


SERVICE = Service(
    name="eci",
    dialect=rpc,
    versions=("2018-08-08",),
    operations={"DescribeContainerGroups": describe_container_groups},
)
