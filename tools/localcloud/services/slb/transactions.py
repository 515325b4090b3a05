"""What every change of a VServer group goes through, before and after it.

Before: the load balancer's status and the pace of changes may refuse it. After: it occupies the
group for a while (pace.py), its backends get the moment at which they came, and reads may not see
it yet (replicas.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from localcloud.services.slb.backends import refused
from localcloud.services.slb.groups import INACTIVE, LOCKED, LoadBalancer, VServerGroup
from localcloud.services.slb.replicas import Write, reader_of

if TYPE_CHECKING:
    from localcloud.call import Call
    from localcloud.cloud import Cloud

_REMOVE = "RemoveVServerGroupBackendServers"


@dataclass
class Change:
    """`group` is the changed one; an operation that creates one puts it here."""

    group: VServerGroup | None


@contextmanager
def change(
    cloud: Cloud, call: Call, balancer: LoadBalancer, group: VServerGroup | None = None
) -> Iterator[Change]:
    slb, now = cloud.world.slb, cloud.clock.now()
    check_status(balancer, call.action, now)
    before = replace(group) if group else None
    begun = Change(group)
    group_id = group.vserver_group_id if group else ""
    with slb.pace.change(balancer.load_balancer_id, now, group_id) as occupied:
        yield begun
        if begun.group is None:
            return
        begun.group.note_backends(now)
        occupied.append(begun.group.vserver_group_id)
        slb.replicas.record(Write(now, reader_of(call), begun.group.vserver_group_id, before))


def check_status(balancer: LoadBalancer, action: str, now: float) -> None:
    status = balancer.status_at(now)
    if status == LOCKED:  # seen: the code; the message is inferred
        raise refused("ActionNotAllowed", "The load balancer is locked.")
    if status == INACTIVE and action == _REMOVE:  # doc: the code and the message
        message = "The status of specified loadbalancer does not support.."
        raise refused("LbStatusNotSupport", message)
