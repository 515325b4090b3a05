"""Reads everything that is bound, load balancers first, and what `core.sweep` finds in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from provisioner import error_reporting
from provisioner.groups import naming
from provisioner.invocation import Invocation
from provisioner.model import Binding
from provisioner.provisioning import Means

from . import detect
from .detect import Balancer, Finding, Kind, Scaling, stuck

T = TypeVar("T")


class Reading:
    """Whatever cannot be read is noted, and the rest is read."""

    def __init__(self, means: Means, invocation: Invocation) -> None:
        self.unread: list[tuple[str, str]] = []
        self._means, self._invocation = means, invocation

    def findings(self) -> list[Finding]:
        policy = self._means.policy
        bound = [_located(binding, policy.region_id) for binding in policy.bindings]
        places = sorted({(b.region_id, b.load_balancer_id) for b in bound})
        balancers = {p: read for p in places if (read := self._tried(p[1], self._balancer, *p))}
        scaling = self._scaling(bound, balancers)
        names = detect.known_names(bound, scaling.values())
        found = [f for each in balancers.values() for f in detect.stale(each, names, policy)]
        for binding in bound:
            balancer = balancers.get((binding.region_id, binding.load_balancer_id))
            known = scaling.get((binding.region_id, binding.scaling_group_id))
            if balancer and known:
                found += detect.released(balancer, binding, known, policy)
                found += detect.missing(balancer, binding, known)
        for place, known in scaling.items():
            found += stuck(known, [b for b in bound if (b.region_id, b.scaling_group_id) == place])
        return _distinct(found)

    def _tried(self, name: str, read: Callable[..., T], *arguments: Any) -> T | None:
        try:
            return read(*arguments)
        except Exception as error:  # noqa: BLE001 - the funnel of one reading
            told = error_reporting.ours(error)
            self.unread.append((name, told.code))
            self._invocation.log.step("sweep.unread", id=name, code=told.code)
            return None

    def _left(self) -> float:
        return self._invocation.deadline - self._means.clock.now()

    def _balancer(self, region_id: str, load_balancer_id: str) -> Balancer:
        port = self._means.load_balancers
        listed = port.list_vserver_groups(region_id, load_balancer_id, within=self._left())
        groups = []
        for group in listed.value:
            if naming.is_pending(group.name):
                groups.append(group)
                continue
            read = port.read_vserver_group(region_id, group.id, within=self._left()).value
            if read is not None:
                groups.append(replace(group, name=read.name, backends=read.backends))
        return Balancer(region_id, load_balancer_id, listed.date, tuple(groups))

    def _scaling(
        self, bound: Sequence[Binding], balancers: dict[tuple[str, str], Balancer]
    ) -> dict[tuple[str, str], Scaling]:
        found = {}
        for place in sorted({(b.region_id, b.scaling_group_id) for b in bound}):
            ours = [b for b in bound if (b.region_id, b.scaling_group_id) == place]
            pairs = [
                (balancers[p], b)
                for b in ours
                if (p := (b.region_id, b.load_balancer_id)) in balancers
            ]
            known = self._tried(place[1], self._scaling_group, *place, pairs)
            if known:
                found[place] = known
        return found

    def _scaling_group(
        self, region_id: str, group_id: str, pairs: Sequence[tuple[Balancer, Binding]]
    ) -> Scaling:
        port, policy = self._means.scaling_groups, self._means.policy
        instances = port.group_instances(region_id, group_id, within=self._left())
        activities = port.activities(region_id, group_id, within=self._left())
        going_on = port.activities(region_id, group_id, in_progress=True, within=self._left())
        all_of_them = {a.scaling_activity_id: a for a in (*going_on, *activities)}
        known = Scaling(group_id, instances, tuple(all_of_them.values()))
        asked = {s for lb, b in pairs for s in detect.strangers(lb, b, known, policy)}
        elsewhere = port.instances(region_id, "", sorted(asked), within=self._left())
        waiting = [
            (state, terms)
            for activity in going_on
            for state in port.lifecycle_actions(
                region_id, activity.scaling_activity_id, within=self._left()
            )
            if state.pending
            and (
                terms := port.hook_terms(
                    replace(state.action, scaling_group_id=group_id), within=self._left()
                )
            )
        ]
        return replace(known, elsewhere=frozenset(elsewhere), waiting=tuple(waiting))


def _located(binding: Binding, region_id: str) -> Binding:
    return replace(binding, region_id=binding.region_id or region_id)


def _distinct(found: Sequence[Finding]) -> list[Finding]:
    """Two bindings may name one group: what both find is one finding."""
    first: dict[object, Finding] = {}
    for each in found:
        key = replace(each, binding=None) if each.kind is Kind.RELEASED_INSTANCE else id(each)
        first.setdefault(key, each)
    return list(first.values())
