"""Instances of a seed document: servers that belong to no scaling group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localcloud.clock import timestamp
from localcloud.documents import Problem, pointer
from localcloud.services.ecs.model import Compute, Instance

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def plant(compute: Compute, document: Mapping[str, Any], now: float) -> Iterator[Problem]:
    for index, row in enumerate(document.get("Instances", [])):
        instance = Instance(
            instance_id=row["InstanceId"],
            region_id=row["RegionId"],
            private_ip_address=row.get("PrivateIpAddress", ""),
            status=row.get("Status", "Running"),
            vpc_id=row.get("VpcId", ""),
            created=timestamp(now),
        )
        if instance.instance_id in compute.instances:
            path = pointer("Instances", index, "InstanceId")
            yield Problem(path, f"{instance.instance_id} exists already")
        compute.run(instance)
