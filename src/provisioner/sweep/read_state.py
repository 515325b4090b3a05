"""Reads everything that is bound, load balancers first, and what `core.sweep` finds in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from provisioner import error_reporting
from provisioner.groups import naming
from provisioner.invocation import Invocation
from provisioner.model import Binding
from provisioner.provisioning import Dependencies

from . import detect
from .detect import Finding, FindingKind, LoadBalancerState, ScalingGroupState, find_stuck_hooks

T = TypeVar("T")


class StateReader:
    """Whatever cannot be read is noted, and the rest is read."""

    def __init__(self, means: Dependencies, invocation: Invocation) -> None:
        self.unread: list[tuple[str, str]] = []
        self._means, self._invocation = means, invocation

    def read_findings(self) -> list[Finding]:
        policy = self._means.config
        bound = [_add_region(binding, policy.region_id) for binding in policy.bindings]
        places = sorted({(b.region_id, b.load_balancer_id) for b in bound})
        balancers = {
            p: read for p in places if (read := self._try_read(p[1], self._read_load_balancer, *p))
        }
        scaling = self._read_scaling_groups(bound, balancers)
        found = [f for each in balancers.values() for f in detect.find_stale_claims(each)]
        for binding in bound:
            balancer = balancers.get((binding.region_id, binding.load_balancer_id))
            known = scaling.get((binding.region_id, binding.scaling_group_id))
            if balancer and known:
                found += detect.find_released_instances(balancer, binding, known)
                found += detect.find_missing_instances(balancer, binding, known)
        for place, known in scaling.items():
            found += find_stuck_hooks(
                known, [b for b in bound if (b.region_id, b.scaling_group_id) == place]
            )
        return _deduplicate(found)

    def _try_read(self, name: str, read: Callable[..., T], *arguments: Any) -> T | None:
        try:
            return read(*arguments)
        except Exception as error:  # noqa: BLE001 - the funnel of one reading
            told = error_reporting.as_provisioner_error(error)
            self.unread.append((name, told.code))
            self._invocation.log.write("sweep.unread", id=name, code=told.code)
            return None

    def _seconds_left(self) -> float:
        return self._invocation.deadline - self._means.clock.now()

    def _read_load_balancer(self, region_id: str, load_balancer_id: str) -> LoadBalancerState:
        port = self._means.load_balancers
        listed = port.list_vserver_groups(region_id, load_balancer_id, within=self._seconds_left())
        groups = []
        for group in listed.value:
            if naming.parse_claim(group.name):
                groups.append(group)
                continue
            read = port.read_vserver_group(region_id, group.id, within=self._seconds_left()).value
            if read is not None:
                groups.append(replace(group, name=read.name, backends=read.backends))
        return LoadBalancerState(region_id, load_balancer_id, listed.date, tuple(groups))

    def _read_scaling_groups(
        self, bound: Sequence[Binding], balancers: dict[tuple[str, str], LoadBalancerState]
    ) -> dict[tuple[str, str], ScalingGroupState]:
        found = {}
        for place in sorted({(b.region_id, b.scaling_group_id) for b in bound}):
            ours = [b for b in bound if (b.region_id, b.scaling_group_id) == place]
            pairs = [
                (balancers[p], b)
                for b in ours
                if (p := (b.region_id, b.load_balancer_id)) in balancers
            ]
            known = self._try_read(place[1], self._read_scaling_group, *place, pairs)
            if known:
                found[place] = known
        return found

    def _read_scaling_group(
        self, region_id: str, group_id: str, pairs: Sequence[tuple[LoadBalancerState, Binding]]
    ) -> ScalingGroupState:
        port = self._means.scaling_groups
        instances = port.list_instances(region_id, group_id, within=self._seconds_left())
        activities = port.list_activities(region_id, group_id, within=self._seconds_left())
        going_on = port.list_activities(
            region_id, group_id, in_progress=True, within=self._seconds_left()
        )
        all_of_them = {a.scaling_activity_id: a for a in (*going_on, *activities)}
        known = ScalingGroupState(group_id, instances, tuple(all_of_them.values()))
        asked = {s for lb, b in pairs for s in detect.find_unknown_servers(lb, b, known)}
        elsewhere = port.read_instances(region_id, "", sorted(asked), within=self._seconds_left())
        waiting = [
            (state, terms)
            for activity in going_on
            for state in port.list_lifecycle_actions(
                region_id, activity.scaling_activity_id, within=self._seconds_left()
            )
            if state.pending
            and (
                terms := port.read_hook_terms(
                    replace(state.action, scaling_group_id=group_id), within=self._seconds_left()
                )
            )
        ]
        return replace(known, elsewhere=frozenset(elsewhere), waiting=tuple(waiting))


def _add_region(binding: Binding, region_id: str) -> Binding:
    return replace(binding, region_id=binding.region_id or region_id)


def _deduplicate(found: Sequence[Finding]) -> list[Finding]:
    """Two bindings may name one group: what both find is one finding."""
    first: dict[object, Finding] = {}
    for each in found:
        key = (
            replace(each, binding=None) if each.kind is FindingKind.RELEASED_INSTANCE else id(each)
        )
        first.setdefault(key, each)
    return list(first.values())
