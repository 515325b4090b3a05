"""The function's ports, on a cloud that is only read.

What would be written is kept here and seen by later reads, so that the function itself plans: every
call it would make is recorded, in its order, and none that writes is sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from provisioner.adapters.ess import INSTANCES_PER_CALL
from provisioner.core.errors import Fault, Rejected
from provisioner.core.model import Backend, LifecycleAction, LifecycleResult, VServerGroup
from provisioner.ports import (
    ActionState,
    Answer,
    Clock,
    LoadBalancers,
    Log,
    Notifications,
    ScalingGroups,
    ScalingInstance,
)

_OVER_QUOTA = "InstanceBackendServerNumberOverLimit"  # the load balancer API's own


@dataclass(frozen=True, slots=True)
class Call:
    """`service` and `action` as a policy spells them."""

    service: str
    action: str
    on: str
    writes: bool = False
    backends: int | None = None
    result: str = ""


@dataclass(slots=True)
class Steps(Log):
    """What the function told, in order."""

    told: list[tuple[str, dict[str, object]]] = field(default_factory=list)

    def step(self, name: str, /, **fields: object) -> None:
        self.told.append((name, fields))

    def bind(self, **fields: object) -> Log:  # noqa: ARG002 - one event is planned at a time
        return self


@dataclass(slots=True)
class UnwaitedClock(Clock):
    """A wait takes no time; `waited` is what it would have taken."""

    real: Clock
    waited: float = 0.0

    def now(self) -> float:
        return self.real.now() + self.waited

    def wait(self, seconds: float) -> None:
        self.waited += seconds


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
        self, region_id: str, load_balancer_id: str, *, within: float
    ) -> Answer[tuple[VServerGroup, ...]]:
        self._record("DescribeVServerGroups", load_balancer_id)
        answer = self.real.list_vserver_groups(region_id, load_balancer_id, within=within)
        known = {group.id: group for group in answer.value}
        ours = {i: g for i, g in self._changed.items() if g.load_balancer_id == load_balancer_id}
        seen = {**known, **ours}
        left = tuple(replace(g, backends=()) for i, g in seen.items() if i not in self._deleted)
        return self._answer(left, answer)

    def read_vserver_group(
        self, region_id: str, vserver_group_id: str, *, within: float
    ) -> Answer[VServerGroup | None]:
        self._record("DescribeVServerGroupAttribute", vserver_group_id)
        if vserver_group_id in self._deleted:
            return self._answer(None)
        if vserver_group_id in self._changed:
            return self._answer(self._changed[vserver_group_id])
        answer = self.real.read_vserver_group(region_id, vserver_group_id, within=within)
        return self._answer(answer.value, answer)

    def create_vserver_group(self, wanted: VServerGroup, *, within: float) -> Answer[str]:
        count = len(wanted.backends)
        self._record("CreateVServerGroup", wanted.load_balancer_id, writes=True, backends=count)
        self._count(wanted.region_id, wanted.load_balancer_id, count, within)
        self._made += 1
        id_ = f"new-{self._made}"
        self._changed[id_] = replace(wanted, id=id_)
        return self._answer(id_)

    def add_backend_servers(
        self, region_id: str, vserver_group_id: str, backends: Sequence[Backend], *, within: float
    ) -> Answer[None]:
        action = "AddVServerGroupBackendServers"
        self._record(action, vserver_group_id, writes=True, backends=len(backends))
        group = self._group(region_id, vserver_group_id, within)
        self._count(region_id, group.load_balancer_id, len(backends), within)
        self._changed[vserver_group_id] = replace(group, backends=(*group.backends, *backends))
        return self._answer(None)

    def set_weights(
        self, region_id: str, vserver_group_id: str, backends: Sequence[Backend], *, within: float
    ) -> Answer[None]:
        action = "SetVServerGroupAttribute"
        self._record(action, vserver_group_id, writes=True, backends=len(backends))
        group = self._group(region_id, vserver_group_id, within)
        weights = {backend.key: backend.weight for backend in backends}
        changed = (replace(b, weight=weights.get(b.key, b.weight)) for b in group.backends)
        self._changed[vserver_group_id] = replace(group, backends=tuple(changed))
        return self._answer(None)

    def rename_vserver_group(
        self, region_id: str, vserver_group_id: str, name: str, *, within: float
    ) -> Answer[None]:
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
    ) -> Answer[None]:
        self._record("DeleteVServerGroup", vserver_group_id, writes=True)
        self._deleted.add(vserver_group_id)
        return self._answer(None)

    def _record(self, action: str, on: str, **more: Any) -> None:
        self.calls.append(Call("slb", action, on, **more))

    def _answer(self, value: Any, real: Answer[Any] | None = None) -> Answer[Any]:
        """The load balancer's time goes on while we do not wait."""
        if real and real.date:
            self._date = real.date + self.clock.waited
        return Answer(value, self._date, "")

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


@dataclass(slots=True)
class RehearsedNotifications(Notifications):
    topic: str
    calls: list[Call]

    def publish(self, document: str, *, tag: str, within: float) -> str:  # noqa: ARG002 - not sent
        self.calls.append(Call("mns", "PublishMessage", self.topic, writes=True, result=tag))
        return "not-sent"


@dataclass(slots=True)
class RehearsedScalingGroups(ScalingGroups):
    real: ScalingGroups
    calls: list[Call]

    def lifecycle_actions(
        self, region_id: str, scaling_activity_id: str, *, within: float
    ) -> tuple[ActionState, ...]:
        self.calls.append(Call("ess", "DescribeLifecycleActions", scaling_activity_id))
        return self.real.lifecycle_actions(region_id, scaling_activity_id, within=within)

    def instances(
        self, region_id: str, scaling_group_id: str, instance_ids: Sequence[str], *, within: float
    ) -> Mapping[str, ScalingInstance]:
        for _ in range(0, len(instance_ids), INSTANCES_PER_CALL):
            self.calls.append(Call("ess", "DescribeScalingInstances", scaling_group_id))
        return self.real.instances(region_id, scaling_group_id, instance_ids, within=within)

    def complete(
        self,
        action: LifecycleAction,
        result: LifecycleResult,
        *,
        within: float,  # noqa: ARG002
    ) -> bool:
        hook = action.hook_id
        self.calls.append(
            Call("ess", "CompleteLifecycleAction", hook, writes=True, result=result.value)
        )
        return True
