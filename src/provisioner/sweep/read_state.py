"""Read everything that is bound, load balancers first, and find the drift in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TypeVar

from provisioner.error_reporting import as_provisioner_error
from provisioner.errors import ProvisionerError
from provisioner.groups import naming
from provisioner.invocation import Invocation
from provisioner.model import ActionState, Binding, HookTerms, ScalingActivity
from provisioner.provisioning import Dependencies

from . import detect
from .detect import Finding, FindingKind, LoadBalancerState, ScalingGroupState

T = TypeVar("T")

# Kinds that do not depend on which of several bindings names the group.
_SHARED = (FindingKind.RELEASED_INSTANCE, FindingKind.UNUSED_GROUP)

_Place = tuple[str, str]  # a region and an id in it


class StateReader:
    """`unread` collects the ids that cannot be read, with the error codes; the rest is read."""

    def __init__(self, deps: Dependencies, invocation: Invocation) -> None:
        self.unread: list[tuple[str, str]] = []
        self._deps, self._invocation = deps, invocation

    def read_findings(self) -> list[Finding]:
        config = self._deps.config
        bindings = [
            replace(b, region_id=b.region_id or self._find_region(b.load_balancer_id))
            for b in config.bindings
        ]
        load_balancers: dict[_Place, LoadBalancerState] = {}
        for place in sorted({(b.region_id, b.load_balancer_id) for b in bindings}):
            if state := self._try_read(place[1], partial(self._read_load_balancer, *place)):
                load_balancers[place] = state
        findings = [
            finding
            for state in load_balancers.values()
            for finding in detect.find_stale_claims(state)
        ]
        for place in sorted({(b.region_id, b.scaling_group_id) for b in bindings}):
            members = [b for b in bindings if (b.region_id, b.scaling_group_id) == place]
            pairs = [
                (load_balancers[key], binding)
                for binding in members
                if (key := (binding.region_id, binding.load_balancer_id)) in load_balancers
            ]
            read = partial(self._read_scaling_group, *place, pairs)
            if scaling_group := self._try_read(place[1], read):
                for state, binding in pairs:
                    findings += detect.find_unused_groups(state, binding)
                    findings += detect.find_released_instances(state, binding, scaling_group)
                    findings += detect.find_missing_instances(state, binding, scaling_group)
                    findings += detect.find_zero_weights(state, binding, scaling_group)
                findings += detect.find_stuck_hooks(scaling_group, members)
        return _deduplicate(findings)

    def _find_region(self, load_balancer_id: str) -> str:
        """Return the region of a load balancer that a binding names without a RegionId.

        A hook is handled in the region of its message: REGION_ID, or one of REGIONS.
        """
        config, port = self._deps.config, self._deps.load_balancers
        for region_id in sorted(config.regions - {config.region_id}):
            with suppress(ProvisionerError):  # not there, or its own read will say what is wrong
                within = self._seconds_left()
                port.list_vserver_groups(region_id, load_balancer_id, within=within)
                return region_id
        return config.region_id

    def _try_read(self, name: str, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except Exception as error:  # noqa: BLE001 - one id that fails must not stop the others
            code = as_provisioner_error(error).code
            self.unread.append((name, code))
            self._invocation.log.write("sweep.unread", id=name, code=code)
            return None

    def _seconds_left(self) -> float:
        return self._invocation.deadline - self._deps.clock.now()

    def _read_load_balancer(self, region_id: str, load_balancer_id: str) -> LoadBalancerState:
        port = self._deps.load_balancers
        listed = port.list_vserver_groups(
            region_id, load_balancer_id, references=True, within=self._seconds_left()
        )
        groups = []
        for group in listed.value:
            if naming.parse_claim(group.name):
                groups.append(group)
                continue
            read = port.read_vserver_group(region_id, group.id, within=self._seconds_left()).value
            if read is not None:
                groups.append(replace(group, name=read.name, backends=read.backends))
        return LoadBalancerState(region_id, load_balancer_id, listed.date, tuple(groups))

    def _read_scaling_group(
        self,
        region_id: str,
        scaling_group_id: str,
        pairs: Sequence[tuple[LoadBalancerState, Binding]],
    ) -> ScalingGroupState:
        port = self._deps.scaling_groups
        place = (region_id, scaling_group_id)
        instances = port.list_instances(*place, within=self._seconds_left())
        newest = port.list_activities(*place, within=self._seconds_left())
        in_progress = port.list_activities(*place, in_progress=True, within=self._seconds_left())
        activities = {a.scaling_activity_id: a for a in (*in_progress, *newest)}
        state = ScalingGroupState(scaling_group_id, instances, tuple(activities.values()))
        unknown = {
            server_id
            for load_balancer, binding in pairs
            for server_id in detect.find_unknown_servers(load_balancer, binding, state)
        }
        elsewhere = port.read_instances(region_id, "", sorted(unknown), within=self._seconds_left())
        waiting = tuple(
            pair for activity in in_progress for pair in self._read_waiting(*place, activity)
        )
        return replace(state, elsewhere=frozenset(elsewhere), waiting=waiting)

    def _read_waiting(
        self, region_id: str, scaling_group_id: str, activity: ScalingActivity
    ) -> list[tuple[ActionState, HookTerms]]:
        """Return the pending actions of an activity, with the terms of their hooks."""
        port, waiting = self._deps.scaling_groups, []
        for state in port.list_lifecycle_actions(
            region_id, activity.scaling_activity_id, within=self._seconds_left()
        ):
            if state.pending:
                action = replace(state.action, scaling_group_id=scaling_group_id)
                terms = port.read_hook_terms(action, within=self._seconds_left())
                if terms:
                    waiting.append((state, terms))
        return waiting


def _deduplicate(findings: Sequence[Finding]) -> list[Finding]:
    """Two bindings may name the same group: what both find is one finding."""
    first: dict[object, Finding] = {}
    for finding in findings:
        is_shared = finding.kind in _SHARED
        first.setdefault(replace(finding, binding=None) if is_shared else id(finding), finding)
    return list(first.values())
