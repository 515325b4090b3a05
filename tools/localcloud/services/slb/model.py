"""Load balancers and their VServer groups: state and rules of the SLB API 2014-05-15.

Every operation checks its whole request before it writes anything, so a refusal changes nothing.
Names are not unique, and a group has no creation time of its own: both as documented.
"""

from __future__ import annotations

import ipaddress
import re
import secrets
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

from localcloud.services.slb.backends import Backend, BackendKey, check_name, refused
from localcloud.services.slb.groups import LoadBalancer, VServerGroup
from localcloud.services.slb.health import Health
from localcloud.services.slb.pace import Pace
from localcloud.services.slb.quotas import check_group_quota, check_quotas
from localcloud.services.slb.replicas import Replicas
from localcloud.services.slb.servers import check_address, check_server, server_down
from localcloud.wire.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from localcloud.services.ecs.model import Compute
    from localcloud.settings import Settings

_REGION = re.compile(r"[a-z]+(-[a-z0-9]+)+")
_NETWORK = ipaddress.ip_network("100.64.0.0/10")


@dataclass
class LoadBalancing:
    compute: Compute
    settings: Settings
    load_balancers: dict[str, LoadBalancer] = field(default_factory=dict)
    groups: dict[str, VServerGroup] = field(default_factory=dict)

    addresses: int = 0  # given out so far
    client_tokens: dict[str, str] = field(default_factory=dict)  # to the load balancers they made

    def __post_init__(self) -> None:
        self.pace = Pace(self.settings)
        self.replicas = Replicas(self.settings)
        self.health = Health(self.settings, self.compute)

    def load_balancer(
        self, load_balancer_id: str, region_id: str | None, account: str = ""
    ) -> LoadBalancer:
        """Finds it in a region, or in any; ApiError if it is not there."""
        if region_id is not None:
            check_region(region_id)
        found = self.load_balancers.get(load_balancer_id)
        if found is None or region_id not in (None, found.region_id) or (found.account != account):
            # seen; the status is unknown.
            message = "The specified LoadBalancerId does not exist."
            raise ApiError(HTTPStatus.NOT_FOUND, "InvalidLoadBalancerId.NotFound", message)
        return found

    def create_load_balancer(
        self, region_id: str, name: str, network: tuple[str, str], create_time: str
    ) -> LoadBalancer:
        check_region(region_id)
        load_balancer_id = f"lb-{secrets.token_hex(10)}"
        self.addresses += 1
        vpc_id, vswitch_id = network
        load_balancer = LoadBalancer(
            load_balancer_id,
            region_id,
            create_time,
            name=name or load_balancer_id,
            address=str(_NETWORK.network_address + self.addresses),
            vpc_id=vpc_id,
            vswitch_id=vswitch_id,
        )
        self.load_balancers[load_balancer_id] = load_balancer
        return load_balancer

    def delete_load_balancer(self, load_balancer: LoadBalancer) -> None:
        """With its groups, listeners and rules."""
        for group in self.of(load_balancer):
            del self.groups[group.vserver_group_id]
        del self.load_balancers[load_balancer.load_balancer_id]

    def group(
        self,
        vserver_group_id: str,
        region_id: str,
        account: str = "",
        groups: Mapping[str, VServerGroup] | None = None,
    ) -> VServerGroup:
        """Finds it among the given groups, or all; ApiError if it is not there."""
        found = (self.groups if groups is None else groups).get(vserver_group_id)
        owner = found and (found.load_balancer.region_id, found.load_balancer.account)
        if found is None or owner != (region_id, account):
            # doc: this code, with status 404 and this message.
            message = "The specified VServerGroupId does not exist."
            raise ApiError(HTTPStatus.NOT_FOUND, "InvalidParameter", message)
        return found

    def of(self, load_balancer: LoadBalancer) -> list[VServerGroup]:
        return groups_of(load_balancer, self.groups)

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
        check_group_quota(load_balancer, len(self.of(load_balancer)), self.settings)
        group.backends = self._with(group, backends)
        self.groups[group_id] = group
        return group

    def add(self, group: VServerGroup, backends: Iterable[Backend]) -> None:
        group.backends = self._with(group, backends)

    def remove(self, group: VServerGroup, backends: Iterable[Backend], now: float) -> None:
        gone = {backend.key for backend in backends}  # doc: absent ones are ignored
        self._check_down(gone & group.backends.keys(), now)
        group.backends = {key: item for key, item in group.backends.items() if key not in gone}

    def modify(self, group: VServerGroup, old: Iterable[Backend], new: Iterable[Backend]) -> None:
        gone = {backend.key for backend in old}  # doc: unknown ones are ignored
        group.backends = self._with(group, new, gone)

    def set(
        self, group: VServerGroup, name: str | None, backends: Iterable[Backend], now: float
    ) -> None:
        if name is not None:
            check_name(name, "VServerGroupName")
        changed = dict(group.backends)
        for backend in backends:
            if backend.key not in changed:  # inferred: Set changes, Add adds
                raise refused("InvalidParameter", "The specified BackendServers is invalid.")
            self._check_down([backend.key], now)
            changed[backend.key] = changed[backend.key].updated(backend)
        group.name = name or group.name
        group.backends = changed

    def delete(self, group: VServerGroup) -> None:
        for users, code, what in (
            (group.listeners, "RspoolVipExist", "vips"),
            (group.rules, "RspoolRuleExist", "rules"),
        ):
            if users:  # doc
                raise refused(code, f"there are {what} associating with this vServer group.")
        del self.groups[group.vserver_group_id]

    def _check_down(self, keys: Iterable[BackendKey], now: float) -> None:
        """Refuses a call that names a server which went down a short time ago (seen)."""
        seconds = self.settings.down_server_seconds
        for key in keys:
            since = self.compute.down_since(key.server_id)
            if since is not None and now < since + seconds:
                raise server_down()

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
            check_server(self.compute, backend)
            check_address(self.compute, backend, result.values())
            result.setdefault(backend.key, backend.settled())
        check_quotas(group, result, self.groups.values())
        return result


def groups_of(
    load_balancer: LoadBalancer, groups: Mapping[str, VServerGroup]
) -> list[VServerGroup]:
    return [group for group in groups.values() if group.load_balancer is load_balancer]


def check_region(region_id: str) -> None:
    if not _REGION.fullmatch(region_id):
        message = "The specified RegionId does not exist."
        raise ApiError(HTTPStatus.NOT_FOUND, "InvalidRegionId.NotFound", message)
