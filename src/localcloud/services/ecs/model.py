"""The instances that scaling groups brought into this world: state of the ECS API 2014-05-26."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Instance:
    instance_id: str
    region_id: str
    private_ip_address: str
    status: str = "Running"

    def describe(self) -> dict[str, Any]:
        return {
            "InstanceId": self.instance_id,
            "RegionId": self.region_id,
            "Status": self.status,
            "PrivateIpAddress": self.private_ip_address,
        }


@dataclass
class Compute:
    instances: dict[str, Instance] = field(default_factory=dict)
    released: set[str] = field(default_factory=set)

    def run(self, instance: Instance) -> None:
        self.instances[instance.instance_id] = instance
        self.released.discard(instance.instance_id)

    def release(self, instance_id: str) -> None:
        self.instances.pop(instance_id, None)
        self.released.add(instance_id)

    def is_down(self, instance_id: str) -> bool:
        """Known not to run. Servers this world never heard of are taken to be running
        (emulator-only), so that a VServer group can be tried without a scaling group."""
        instance = self.instances.get(instance_id)
        stopped = instance is not None and instance.status != "Running"
        return stopped or instance_id in self.released
