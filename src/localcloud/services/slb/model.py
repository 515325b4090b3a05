"""Load balancers and their VServer groups: state and rules of the SLB API 2014-05-15.

Every operation checks its whole request before it writes anything, so a refusal changes nothing.
Names are not unique, and a group has no creation time of its own: both as documented.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from localcloud.services.slb.backends import Backend, BackendKey, check_name, refused
from localcloud.wire.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from localcloud.services.ecs.model import Compute

BACKEND_QUOTA = 200  # doc: per load balancer, over all its groups
_REGION = re.compile(r"[a-z]+(-[a-z0-9]+)+")


@dataclass
class LoadBalancer:
    load_balancer_id: str
    region_id: str
    create_time: str
    backend_quota: int = BACKEND_QUOTA
    listeners: list[dict[str, Any]] = field(default_factory=list)
    rules: list[dict[str, Any]] = field(default_factory=list)

    def describe(self) -> dict[str, Any]:
        return {
            "LoadBalancerId": self.load_balancer_id,
            "RegionId": self.region_id,
            "CreateTime": self.create_time,
            "BackendQuota": self.backend_quota,
            "Listeners": self.listeners,
            "Rules": self.rules,
        }


@dataclass
class VServerGroup:
    vserver_group_id: str
    name: str
    load_balancer: LoadBalancer
    backends: dict[BackendKey, Backend]
    tags: dict[str, str]

    def describe(self) -> dict[str, Any]:
        return {
            "VServerGroupId": self.vserver_group_id,
            "VServerGroupName": self.name,
            "LoadBalancerId": self.load_balancer.load_balancer_id,
            "CreateTime": self.load_balancer.create_time,
            "BackendServers": [backend.describe() for backend in self.backends.values()],
            "Tags": [{"Key": key, "Value": value} for key, value in self.tags.items()],
        }

    def referring(self, kind: str) -> list[dict[str, Any]]:
        """The `listeners` or `rules` of the load balancer that send traffic to this group."""
        found: list[dict[str, Any]] = getattr(self.load_balancer, kind)
        return [item for item in found if item["VServerGroupId"] == self.vserver_group_id]


@dataclass
class LoadBalancing:
    compute: Compute
    load_balancers: dict[str, LoadBalancer] = field(default_factory=dict)
    groups: dict[str, VServerGroup] = field(default_factory=dict)

    def load_balancer(self, load_balancer_id: str, region_id: str) -> LoadBalancer:
        if not _REGION.fullmatch(region_id):
            message = "The specified RegionId does not exist."
            raise ApiError(HTTPStatus.NOT_FOUND, "InvalidRegionId.NotFound", message)
        found = self.load_balancers.get(load_balancer_id)
        if found is None or found.region_id != region_id:
            # seen; the status is unknown.
            message = "The specified LoadBalancerId does not exist."
            raise ApiError(HTTPStatus.NOT_FOUND, "InvalidLoadBalancerId.NotFound", message)
        return found

    def group(self, vserver_group_id: str, region_id: str) -> VServerGroup:
        found = self.groups.get(vserver_group_id)
        if found is None or found.load_balancer.region_id != region_id:
            # doc: this code, with status 404 and this message.
            message = "The specified VServerGroupId does not exist."
            raise ApiError(HTTPStatus.NOT_FOUND, "InvalidParameter", message)
        return found

    def of(self, load_balancer: LoadBalancer) -> list[VServerGroup]:
        return [group for group in self.groups.values() if group.load_balancer is load_balancer]

    def create(
        self,
        load_balancer: LoadBalancer,
        name: str | None,
        backends: Iterable[Backend],
        tags: dict[str, str],
        vserver_group_id: str | None = None,
    ) -> VServerGroup:
        group_id = vserver_group_id or f"rsp-{secrets.token_hex(6)}"
        # inferred: a group that was given no name is called by its id.
        group = VServerGroup(group_id, name or group_id, load_balancer, {}, tags)
        check_name(group.name, "VServerGroupName")
        group.backends = self._with(group, backends)
        self.groups[group_id] = group
        return group

    def add(self, group: VServerGroup, backends: Iterable[Backend]) -> None:
        group.backends = self._with(group, backends)

    def remove(self, group: VServerGroup, backends: Iterable[Backend]) -> None:
        gone = {backend.key for backend in backends}  # doc: absent ones are ignored
        group.backends = {key: item for key, item in group.backends.items() if key not in gone}

    def modify(self, group: VServerGroup, old: Iterable[Backend], new: Iterable[Backend]) -> None:
        gone = {backend.key for backend in old}  # doc: unknown ones are ignored
        group.backends = self._with(group, new, gone)

    def set(self, group: VServerGroup, name: str | None, backends: Iterable[Backend]) -> None:
        if name is not None:
            check_name(name, "VServerGroupName")
        changed = dict(group.backends)
        for backend in backends:
            if backend.key not in changed:  # inferred: Set changes, Add adds
                raise refused("InvalidParameter", "The specified BackendServers is invalid.")
            changed[backend.key] = changed[backend.key].updated(backend)
        group.name = name or group.name
        group.backends = changed

    def delete(self, group: VServerGroup) -> None:
        for kind, code, what in (
            ("listeners", "RspoolVipExist", "vips"),
            ("rules", "RspoolRuleExist", "rules"),
        ):
            if group.referring(kind):  # doc
                raise refused(code, f"there are {what} associating with this vServer group.")
        del self.groups[group.vserver_group_id]

    def _with(
        self,
        group: VServerGroup,
        backends: Iterable[Backend],
        gone: Iterable[BackendKey] = (),
    ) -> dict[BackendKey, Backend]:
        """The group's backends with some gone and others added; refused as a whole or not at all.
        One that is there already stays as it is (inferred): weights are Set's business."""
        result = {key: item for key, item in group.backends.items() if key not in set(gone)}
        for backend in backends:
            if self.compute.is_down(backend.server_id):  # doc: missing or not running
                raise refused("ObtainIpFail", "The backend server is missing or not running.")
            result.setdefault(backend.key, backend.settled())
        others = (item for item in self.of(group.load_balancer) if item is not group)
        total = len(result) + sum(len(other.backends) for other in others)
        quota = group.load_balancer.backend_quota
        if total > quota and len(result) > len(group.backends):  # seen
            message = f"The load balancer's quota is {quota} backend servers."
            raise refused("InstanceBackendServerNumberOverLimit", message)
        return result
