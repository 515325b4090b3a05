"""ECS on the wire: DescribeInstances, as far as finding an instance and its address needs it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from localcloud.call import Service
from localcloud.wire import rpc
from localcloud.wire.errors import invalid_parameter

if TYPE_CHECKING:
    from localcloud.call import Call
    from localcloud.cloud import Cloud
    from localcloud.services.ecs.model import Instance

_IDS_PER_CALL = 100  # doc


def describe_instances(cloud: Cloud, call: Call) -> dict[str, Any]:
    region_id, wanted = call.parameters.require("RegionId"), _wanted(call)
    page = call.parameters.integer("PageNumber", default=1, low=1, high=10**8)
    size = call.parameters.integer("PageSize", default=10, low=1, high=100)
    status, vpc_id = call.parameters.text("Status"), call.parameters.text("VpcId")
    found = [
        instance
        for instance in cloud.world.compute.instances.values()
        if instance.region_id == region_id
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


SERVICE = Service(
    name="ecs",
    dialect=rpc,
    versions=("2014-05-26",),
    operations={"DescribeInstances": describe_instances},
)
