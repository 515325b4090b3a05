"""Instances, ContainerGroups and NetworkInterfaces of a seed document: servers that belong to no
scaling group, and interfaces of any instance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localcloud.clock import timestamp
from localcloud.documents import Problem, pointer
from localcloud.services.ecs.model import ECI, ECS, RUNNING, Compute, Instance, NetworkInterface

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# The section, the name of the id, and that of the address, by kind.
_SECTIONS = {
    ECS: ("Instances", "InstanceId", "PrivateIpAddress"),
    ECI: ("ContainerGroups", "ContainerGroupId", "IntranetIp"),
}


def plant(compute: Compute, document: Mapping[str, Any], now: float) -> Iterator[Problem]:
    for kind, (section, id_name, address_name) in _SECTIONS.items():
        for index, row in enumerate(document.get(section, [])):
            status = row.get("Status", RUNNING)
            instance = Instance(
                instance_id=row[id_name],
                region_id=row["RegionId"],
                private_ip_address=row.get(address_name, ""),
                status=status,
                vpc_id=row.get("VpcId", ""),
                created=timestamp(now),
                kind=kind,
                stopped_at=None if status == RUNNING else now,
            )
            if instance.instance_id in compute.instances:
                path = pointer(section, index, id_name)
                yield Problem(path, f"{instance.instance_id} exists already")
            compute.run(instance)


def plant_interfaces(
    compute: Compute, document: Mapping[str, Any], now: float
) -> Iterator[Problem]:
    """After all instances, those of scaling groups too."""
    for index, row in enumerate(document.get("NetworkInterfaces", [])):
        path = pointer("NetworkInterfaces", index)
        instance = compute.instances.get(row.get("InstanceId", ""))
        interface = NetworkInterface(
            network_interface_id=row["NetworkInterfaceId"],
            region_id=row["RegionId"],
            addresses=list(row["PrivateIpAddresses"]),
            instance_id=row.get("InstanceId", ""),
            is_primary=row.get("Type") == "Primary",
            vpc_id=row.get("VpcId", ""),
            v_switch_id=row.get("VSwitchId", ""),
            created=timestamp(now),
        )
        if interface.network_interface_id in compute.interfaces:
            yield Problem(
                f"{path}/NetworkInterfaceId", f"{row['NetworkInterfaceId']} exists already"
            )
        if interface.instance_id and (instance is None or instance.kind != ECS):
            yield Problem(f"{path}/InstanceId", f"there is no instance {interface.instance_id}")
        if interface.is_primary and not interface.instance_id:
            yield Problem(f"{path}/InstanceId", "a primary interface belongs to an instance")
        compute.attach(interface)
