"""Which servers a VServer group takes, and how many."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from localcloud.services.slb.backends import refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from localcloud.services.ecs.model import Compute
    from localcloud.services.slb.backends import Backend, BackendKey
    from localcloud.services.slb.groups import VServerGroup

ATTACHMENTS = 50  # doc: of one server, over all groups


def check_server(compute: Compute, backend: Backend) -> None:
    # inferred: an ENI or ECI is none of the instances that a strict world has to know.
    if (backend.type or "ecs") == "ecs" and compute.is_unknown(backend.server_id):
        raise refused("InvalidServerId.NotExist", "The specified ServerId does not exist.")
    if compute.is_down(backend.server_id):  # doc: missing or not running
        raise refused("ObtainIpFail", "The backend server is missing or not running.")


def check_quotas(
    group: VServerGroup, wanted: Mapping[BackendKey, Backend], groups: Iterable[VServerGroup]
) -> None:
    """What a change would add is counted; whoever is above a quota already may still remove."""
    others = [item for item in groups if item is not group]
    balancer = group.load_balancer
    beside = sum(len(item.backends) for item in others if item.load_balancer is balancer)
    if len(wanted) + beside > balancer.backend_quota and len(wanted) > len(group.backends):  # seen
        message = f"The load balancer's quota is {balancer.backend_quota} backend servers."
        raise refused("InstanceBackendServerNumberOverLimit", message)
    before = Counter(key.server_id for key in group.backends)
    after = Counter(key.server_id for key in wanted)
    grown = {server_id for server_id in after if after[server_id] > before[server_id]}
    if grown:
        for item in others:
            after.update(key.server_id for key in item.backends if key.server_id in grown)
    if any(after[server_id] > ATTACHMENTS for server_id in grown):
        # doc: the limit; inferred: which of the documented quota codes it has
        raise refused("OverQuota", f"A server may be attached {ATTACHMENTS} times.")
