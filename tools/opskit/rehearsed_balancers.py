"""Load balancers in a rehearsal: groups that would be made, changed or deleted are kept here, and
lists and reads show them so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from provisioner.errors import Fault, Rejected
from provisioner.model import ApiResponse, Backend, VServerGroup
from provisioner.ports import LoadBalancers

from .rehearsal import Call, UnwaitedClock

_OVER_QUOTA = "InstanceBackendServerNumberOverLimit"  # the load balancer API's own


@dataclass(slots=True)
class RehearsedLoadBalancers(LoadBalancers):
    """`quota` is of backends, for each load balancer."""

    real: LoadBalancers
    clock: UnwaitedClock
    quota: int
    calls: list[Call] = field(default_factory=list)
    held: dict[str, int] = field(default_factory=dict)
    added: dict[str, int] = field(default_factory=dict)
    _changed: dict[str, VServerGroup] = field(default_factory=dict)
    _deleted: set[str] = field(default_factory=set)
    _made: int = 0
    _date: float = 0.0

    def list_vserver_groups(
        self, region_id: str, load_balancer_id: str, *, references: bool = False, within: float
    ) -> ApiResponse[tuple[VServerGroup, ...]]:
        self._record("DescribeVServerGroups", load_balancer_id)
        answer = self.real.list_vserver_groups(
            region_id, load_balancer_id, references=references, within=within
        )
        known = {group.id: group for group in answer.value}
        users = {group.id for group in answer.value if group.in_use}
        ours = {
            id_: replace(group, in_use=id_ in users)
            for id_, group in self._changed.items()
            if group.load_balancer_id == load_balancer_id
        }
        seen = {**known, **ours}
        left = tuple(replace(g, backends=()) for i, g in seen.items() if i not in self._deleted)
        return self._answer(left, answer)

    def read_vserver_group(
        self, region_id: str, vserver_group_id: str, *, within: float
    ) -> ApiResponse[VServerGroup | None]:
        self._record("DescribeVServerGroupAttribute", vserver_group_id)
        if vserver_group_id in self._deleted:
            return self._answer(None)
        if vserver_group_id in self._changed:
            return self._answer(self._changed[vserver_group_id])
        answer = self.real.read_vserver_group(region_id, vserver_group_id, within=within)
        return self._answer(answer.value, answer)

    def create_vserver_group(self, wanted: VServerGroup, *, within: float) -> ApiResponse[str]:
        count = len(wanted.backends)
        self._record("CreateVServerGroup", wanted.load_balancer_id, writes=True, backends=count)
        self._count(wanted.region_id, wanted.load_balancer_id, count, within)
        self._made += 1
        id_ = f"new-{self._made}"
        self._changed[id_] = replace(wanted, id=id_)
        return self._answer(id_)

    def add_backend_servers(
        self, region_id: str, vserver_group_id: str, backends: Sequence[Backend], *, within: float
    ) -> ApiResponse[None]:
        action = "AddVServerGroupBackendServers"
        self._record(action, vserver_group_id, writes=True, backends=len(backends))
        group = self._group(region_id, vserver_group_id, within)
        self._count(region_id, group.load_balancer_id, len(backends), within)
        self._changed[vserver_group_id] = replace(group, backends=(*group.backends, *backends))
        return self._answer(None)

    def remove_backend_servers(
        self, region_id: str, vserver_group_id: str, backends: Sequence[Backend], *, within: float
    ) -> ApiResponse[None]:
        action = "RemoveVServerGroupBackendServers"
        self._record(action, vserver_group_id, writes=True, backends=len(backends))
        group = self._group(region_id, vserver_group_id, within)
        gone = {backend.key for backend in backends}
        left = tuple(backend for backend in group.backends if backend.key not in gone)
        self._changed[vserver_group_id] = replace(group, backends=left)
        return self._answer(None)

    def set_weights(
        self, region_id: str, vserver_group_id: str, backends: Sequence[Backend], *, within: float
    ) -> ApiResponse[None]:
        action = "SetVServerGroupAttribute"
        self._record(action, vserver_group_id, writes=True, backends=len(backends))
        group = self._group(region_id, vserver_group_id, within)
        weights = {backend.key: backend.weight for backend in backends}
        changed = (replace(b, weight=weights.get(b.key, b.weight)) for b in group.backends)
        self._changed[vserver_group_id] = replace(group, backends=tuple(changed))
        return self._answer(None)

    def rename_vserver_group(
        self, region_id: str, vserver_group_id: str, name: str, *, within: float
    ) -> ApiResponse[None]:
        self._record("SetVServerGroupAttribute", vserver_group_id, writes=True)
        group = self._group(region_id, vserver_group_id, within)
        self._changed[vserver_group_id] = replace(group, name=name)
        return self._answer(None)

    def delete_vserver_group(
        self,
        region_id: str,  # noqa: ARG002 - not sent
        vserver_group_id: str,
        *,
        within: float,  # noqa: ARG002
    ) -> ApiResponse[None]:
        self._record("DeleteVServerGroup", vserver_group_id, writes=True)
        self._deleted.add(vserver_group_id)
        return self._answer(None)

    def _record(self, action: str, on: str, **more: Any) -> None:
        self.calls.append(Call("slb", action, on, **more))

    def _answer(self, value: Any, real: ApiResponse[Any] | None = None) -> ApiResponse[Any]:
        """The load balancer's time goes on while we do not wait."""
        if real and real.date:
            self._date = real.date + self.clock.waited
        return ApiResponse(value, self._date, "")

    def _group(self, region_id: str, id_: str, within: float) -> VServerGroup:
        found = self._changed.get(id_)
        found = found or self.real.read_vserver_group(region_id, id_, within=within).value
        if found is None:
            raise Rejected("InvalidParameter", "the group is gone", fault=Fault.NOT_FOUND)
        return found

    def _count(self, region_id: str, load_balancer_id: str, more: int, within: float) -> None:
        """Against the quota, as the load balancer would."""
        if load_balancer_id not in self.held:
            held = sum(self._sizes(region_id, load_balancer_id, within))
            self.held[load_balancer_id] = held
        added = self.added.get(load_balancer_id, 0) + more
        if self.held[load_balancer_id] + added > self.quota:
            message = f"the load balancer may hold {self.quota} backends"
            raise Rejected(_OVER_QUOTA, message, fault=Fault.CONFLICT)
        self.added[load_balancer_id] = added

    def _sizes(self, region_id: str, load_balancer_id: str, within: float) -> Iterator[int]:
        listed = self.real.list_vserver_groups(region_id, load_balancer_id, within=within).value
        for group in listed:
            found = self.real.read_vserver_group(region_id, group.id, within=within).value
            yield len(found.backends) if found else 0
