"""The quotas of a load balancer: VServer groups, backends, and attachments of one server."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from localcloud.services.slb.backends import refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from localcloud.services.slb.backends import Backend, BackendKey
    from localcloud.services.slb.groups import LoadBalancer, VServerGroup
    from localcloud.settings import Settings

ATTACHMENTS = 50  # doc: of one server, over all groups


def check_group_quota(balancer: LoadBalancer, number: int, settings: Settings) -> None:
    """Refuses one group more than the load balancer's own quota, or that of the settings."""
    own = balancer.vserver_group_quota
    quota = settings.vserver_group_quota if own is None else own
    if quota is not None and number >= quota:
        # seen: there is a quota; inferred: it has the documented code of quotas
        raise refused("OverQuota", f"The load balancer's quota is {quota} VServer groups.")


def check_quotas(
    group: VServerGroup, wanted: Mapping[BackendKey, Backend], groups: Iterable[VServerGroup]
) -> None:
    """Refuses an addition above a quota. A removal is fine above it too."""
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
