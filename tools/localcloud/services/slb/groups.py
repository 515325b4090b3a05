"""A load balancer and a VServer group: what they hold, and how they are shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from localcloud.services.slb.backends import Backend, BackendKey
    from localcloud.services.slb.listeners import Listener, Rule

BACKEND_QUOTA = 200  # doc: per load balancer, over all its groups
ACTIVE, INACTIVE, LOCKED = "active", "inactive", "locked"  # doc: LoadBalancerStatus


@dataclass
class LoadBalancer:
    load_balancer_id: str
    region_id: str
    create_time: str
    backend_quota: int = BACKEND_QUOTA
    vserver_group_quota: int | None = None  # None: that of the settings
    status: str = ACTIVE
    status_ends: float | None = None  # the moment at which it is active again
    listeners: list[Listener] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    name: str = ""
    address: str = ""
    vpc_id: str = ""
    vswitch_id: str = ""
    account: str = ""  # the owner, if it is not this world's account

    def status_at(self, now: float) -> str:
        ended = self.status_ends is not None and self.status_ends <= now
        return ACTIVE if ended else self.status

    def describe(self, now: float) -> dict[str, Any]:
        return {
            "LoadBalancerId": self.load_balancer_id,
            "LoadBalancerStatus": self.status_at(now),
            "LoadBalancerName": self.name,
            "RegionId": self.region_id,
            "Address": self.address,
            "CreateTime": self.create_time,
            "BackendQuota": self.backend_quota,
            "VServerGroupQuota": self.vserver_group_quota,
            "Listeners": [item.describe() for item in self.listeners],
            "Rules": [item.describe() for item in self.rules],
        }


@dataclass
class VServerGroup:
    vserver_group_id: str
    name: str
    load_balancer: LoadBalancer
    backends: dict[BackendKey, Backend]
    tags: dict[str, str]
    added: dict[BackendKey, float] = field(default_factory=dict)  # when each backend came

    def note_backends(self, now: float) -> None:
        """Keeps in `added` the moment at which each present backend came."""
        self.added = {key: self.added.get(key, now) for key in self.backends}

    def describe(self) -> dict[str, Any]:
        return {
            "VServerGroupId": self.vserver_group_id,
            "VServerGroupName": self.name,
            "LoadBalancerId": self.load_balancer.load_balancer_id,
            "CreateTime": self.load_balancer.create_time,
            "BackendServers": [backend.describe() for backend in self.backends.values()],
            "Tags": [{"Key": key, "Value": value} for key, value in self.tags.items()],
        }

    @property
    def listeners(self) -> list[Listener]:
        """The listeners that send traffic to this group."""
        own = self.vserver_group_id
        return [item for item in self.load_balancer.listeners if item.vserver_group_id == own]

    @property
    def rules(self) -> list[Rule]:
        own = self.vserver_group_id
        return [item for item in self.load_balancer.rules if item.vserver_group_id == own]
