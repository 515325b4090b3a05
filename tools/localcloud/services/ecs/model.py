"""The servers of this world, seeded or brought by scaling groups: ECS instances with their network
interfaces (state of the ECS API 2014-05-26), and ECI container groups.

Every ECS instance has a primary network interface. Its id is `eni-` and the instance's id without
`i-` (emulator-only), unless a seed gives it another one.
"""

from __future__ import annotations

import ipaddress
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from localcloud.settings import Settings


NETWORK = ipaddress.ip_network("10.0.0.0/8")
ECS, ENI, ECI = "ecs", "eni", "eci"  # doc: Type of a backend server
RUNNING, STOPPED = "Running", "Stopped"
_PREFIXES = {ECS: "i-", ECI: "eci-"}


@dataclass
class Instance:
    """An ECS instance, or an ECI container group."""

    instance_id: str
    region_id: str
    private_ip_address: str
    status: str = RUNNING
    vpc_id: str = ""
    created: str = ""
    kind: str = ECS
    stopped_at: float | None = None

    def describe(self) -> dict[str, Any]:
        address = "PrivateIpAddress" if self.kind == ECS else "IntranetIp"
        return {
            "InstanceId" if self.kind == ECS else "ContainerGroupId": self.instance_id,
            "RegionId": self.region_id,
            "Status": self.status,
            address: self.private_ip_address,
        }


@dataclass
class NetworkInterface:
    network_interface_id: str
    region_id: str
    addresses: list[str]  # the primary one first
    instance_id: str = ""  # empty: attached to no instance
    is_primary: bool = False
    vpc_id: str = ""
    v_switch_id: str = ""
    created: str = ""

    @property
    def status(self) -> str:
        return "InUse" if self.instance_id else "Available"

    @property
    def type(self) -> str:
        return "Primary" if self.is_primary else "Secondary"

    def describe(self) -> dict[str, Any]:
        return {
            "NetworkInterfaceId": self.network_interface_id,
            "RegionId": self.region_id,
            "InstanceId": self.instance_id,
            "Type": self.type,
            "PrivateIpAddresses": self.addresses,
        }


class Released(NamedTuple):
    kind: str
    at: float


@dataclass
class Compute:
    settings: Settings
    instances: dict[str, Instance] = field(default_factory=dict)
    interfaces: dict[str, NetworkInterface] = field(default_factory=dict)
    released: dict[str, Released] = field(default_factory=dict)
    started: int = 0

    def start(self, region_id: str, vpc_id: str, created: str, kind: str = ECS) -> Instance:
        """Starts a server with an address that no other one has."""
        instance_id = f"{_PREFIXES[kind]}{uuid.uuid4().hex[:20]}"
        instance = Instance(
            instance_id, region_id, self._address(), vpc_id=vpc_id, created=created, kind=kind
        )
        self.run(instance)
        return instance

    def run(self, instance: Instance) -> None:
        """Adds a server, and an ECS instance's primary network interface."""
        self.instances[instance.instance_id] = instance
        self.released.pop(instance.instance_id, None)
        if instance.kind == ECS:
            self.attach(
                NetworkInterface(
                    f"eni-{instance.instance_id.removeprefix('i-')}",
                    instance.region_id,
                    [instance.private_ip_address],
                    instance.instance_id,
                    is_primary=True,
                    vpc_id=instance.vpc_id,
                    created=instance.created,
                )
            )

    def attach(self, interface: NetworkInterface) -> None:
        """Adds a network interface. A primary one takes the place of its instance's."""
        if interface.is_primary:
            for item in self.interfaces_of(interface.instance_id):
                if item.is_primary:
                    del self.interfaces[item.network_interface_id]
        self.interfaces[interface.network_interface_id] = interface
        self.released.pop(interface.network_interface_id, None)

    def interfaces_of(self, instance_id: str) -> list[NetworkInterface]:
        return [item for item in self.interfaces.values() if item.instance_id == instance_id]

    def release(self, server_id: str, now: float) -> None:
        """Ends an instance with its primary network interface, a container group or an interface.
        Secondary interfaces are detached."""
        kind = self.kind_of(server_id)
        if kind is None:
            return
        for item in self.interfaces_of(server_id):
            if item.is_primary:
                self.release(item.network_interface_id, now)
            item.instance_id = ""
        self.instances.pop(server_id, None)
        self.interfaces.pop(server_id, None)
        self.released[server_id] = Released(kind, now)

    def set_status(self, server_id: str, status: str, now: float) -> None:
        """Starts or stops an instance or a container group."""
        instance = self.instances[server_id]
        instance.status = status
        instance.stopped_at = None if status == RUNNING else now

    def kind_of(self, server_id: str) -> str | None:
        """The kind of a server, of one that was released too. None: this world does not know it."""
        if server_id in self.interfaces:
            return ENI
        if server_id in self.released:
            return self.released[server_id].kind
        instance = self.instances.get(server_id)
        return instance.kind if instance else None

    def address_of(self, server_id: str) -> str:
        """The primary address of a server; empty if it is not known."""
        if server_id in self.interfaces:
            return self.interfaces[server_id].addresses[0]
        instance = self.instances.get(server_id)
        return instance.private_ip_address if instance else ""

    def is_down(self, server_id: str) -> bool:
        return self.down_since(server_id) is not None

    def down_since(self, server_id: str) -> float | None:
        """The moment at which a server was stopped or released. None: it runs, or is not known. A
        network interface is down with its instance."""
        if server_id in self.released:
            return self.released[server_id].at
        interface = self.interfaces.get(server_id)
        instance = self.instances.get(interface.instance_id if interface else server_id)
        if instance is None or instance.status == RUNNING:
            return None
        return instance.stopped_at

    def _address(self) -> str:
        taken = {instance.private_ip_address for instance in self.instances.values()}
        while True:
            self.started += 1
            address = str(NETWORK.network_address + self.started)
            if address not in taken:
                return address
