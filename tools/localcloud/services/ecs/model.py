"""The instances of this world, seeded or brought by scaling groups: state of the ECS API
2014-05-26.
"""

from __future__ import annotations

import ipaddress
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from localcloud.strictness import Strictness


NETWORK = ipaddress.ip_network("10.0.0.0/8")


@dataclass
class Instance:
    instance_id: str
    region_id: str
    private_ip_address: str
    status: str = "Running"
    vpc_id: str = ""
    created: str = ""

    def describe(self) -> dict[str, Any]:
        return {
            "InstanceId": self.instance_id,
            "RegionId": self.region_id,
            "Status": self.status,
            "PrivateIpAddress": self.private_ip_address,
        }


@dataclass
class Compute:
    strictness: Strictness
    instances: dict[str, Instance] = field(default_factory=dict)
    released: set[str] = field(default_factory=set)
    started: int = 0

    def start(self, region_id: str, vpc_id: str, created: str) -> Instance:
        """A new instance, with an address that no other one has."""
        instance_id = f"i-{uuid.uuid4().hex[:20]}"
        instance = Instance(instance_id, region_id, self._address(), vpc_id=vpc_id, created=created)
        self.run(instance)
        return instance

    def run(self, instance: Instance) -> None:
        self.instances[instance.instance_id] = instance
        self.released.discard(instance.instance_id)

    def release(self, instance_id: str) -> None:
        self.instances.pop(instance_id, None)
        self.released.add(instance_id)

    def is_unknown(self, instance_id: str) -> bool:
        """Servers this world never heard of are taken to be running (emulator-only), so that a
        VServer group can be tried without a scaling group; unless the world is strict."""
        if not self.strictness.strict_instances or instance_id in self.released:
            return False
        return instance_id not in self.instances

    def is_down(self, instance_id: str) -> bool:
        """Known not to run."""
        instance = self.instances.get(instance_id)
        stopped = instance is not None and instance.status != "Running"
        return stopped or instance_id in self.released

    def _address(self) -> str:
        taken = {instance.private_ip_address for instance in self.instances.values()}
        while True:
            self.started += 1
            address = str(NETWORK.network_address + self.started)
            if address not in taken:
                return address
