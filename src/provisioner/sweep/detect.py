"""Find drift in what was read of the load balancers and the scaling groups. Pure.

StaleClaim        A claim with an expired lease, whatever name it is for: read again and deleted.
ReleasedInstance  A group that a binding names holds a server that ESS says it destroyed, and that
                  no scaling group of the region knows: removed. A server that ESS created there and
                  did not destroy may have been detached and live on: only reported. Any other
                  server may be there by an explicit request. An ECI is known by its own id, so a
                  stale one is told from its successor, which may have its address. An ENI backend
                  is never judged: its ServerId is the interface's.
MissingInstance   An instance has been in service for a while and no group of a binding holds it:
                  added, if the name, the ports and the weight are known without the event. An
                  instance that is protected or on standby is somebody's choice.
UnusedGroup       No listener or rule refers to a group of ours that a binding names, while one
                  refers to another group of ours: a group was renamed, or a binding's name was
                  changed. Somebody has to look, and nothing is added to such a group.
ZeroWeight        An instance has been in service for a while, and its backend in a group that a
                  binding names has the weight 0, where the binding gives another. A drain that was
                  not followed by the removal leaves this, or an operator: the weight is set if it
                  is known without the event.
StuckHook         An action still waits after half of its time: the ordinary hook handles it, with
                  an action that is recovered from ESS.

The sweep cannot tell a deliberate removal from a lost one. So it reports first, and repairs only if
the deployment asks for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from provisioner.groups import naming
from provisioner.groups.deregister import Removal
from provisioner.groups.lease import is_expired
from provisioner.mapping.bindings import backends_from_instances
from provisioner.model import (
    ActionState,
    Backend,
    Binding,
    HookTerms,
    Instance,
    LifecycleAction,
    ScalingActivity,
    ScalingInstance,
    Transition,
    VServerGroup,
)

IN_SERVICE = "InService"
GRACE = 600.0  # seconds after its activity in which an instance is not missed
_SECONDS_AROUND_DRAIN = 60.0  # for what a scale-in does before and after its drain
_JUDGED_TYPES = frozenset({"ecs", "eci"})  # of backends with an id that ESS knows
_MAY_BE_OURS = frozenset({"queue", "topic", "eventbus"})  # kinds of a hook's NotificationArn


class FindingKind(str, Enum):
    STALE_CLAIM = "StaleClaim"
    RELEASED_INSTANCE = "ReleasedInstance"
    MISSING_INSTANCE = "MissingInstance"
    UNUSED_GROUP = "UnusedGroup"
    ZERO_WEIGHT = "ZeroWeight"
    STUCK_HOOK = "StuckHook"


class Remedy(str, Enum):
    NONE = "none"  # somebody has to look
    DELETE = "delete the claim"
    REMOVE = "remove the backends"
    ADD = "add the backends"
    SET_WEIGHT = "set the weight"
    HANDLE = "handle the hook"


@dataclass(frozen=True, slots=True)
class Finding:
    """One case of drift. `state` is that of a stuck hook's action."""

    kind: FindingKind
    remedy: Remedy
    what: str
    region_id: str = ""
    load_balancer_id: str = ""
    vserver_group_id: str = ""
    vserver_group_name: str = ""
    scaling_group_id: str = ""
    server_ids: tuple[str, ...] = ()
    binding: Binding | None = None
    state: ActionState | None = None

    @property
    def group(self) -> VServerGroup:
        return VServerGroup(
            self.region_id,
            self.load_balancer_id,
            self.vserver_group_name,
            id=self.vserver_group_id,
        )

    def to_fields(self) -> dict[str, Any]:
        """Return the finding for the log and the report."""
        return {
            "kind": self.kind.value,
            "remedy": self.remedy.value,
            "what": self.what,
            "RegionId": self.region_id,
            "LoadBalancerId": self.load_balancer_id,
            "VServerGroupId": self.vserver_group_id,
            "VServerGroupName": self.vserver_group_name,
            "ScalingGroupId": self.scaling_group_id,
            "ServerIds": list(self.server_ids),
        }


@dataclass(frozen=True, slots=True)
class LoadBalancerState:
    """A load balancer with its groups; claims come without backends. `date` is the list's Date."""

    region_id: str
    load_balancer_id: str
    date: float
    groups: tuple[VServerGroup, ...]


@dataclass(frozen=True, slots=True)
class ScalingGroupState:
    """A scaling group, read after the load balancers.

    `elsewhere`: servers of the VServer groups that some other scaling group of the region knows.
    `waiting`: the pending actions with the terms of their hooks.
    """

    scaling_group_id: str
    instances: Mapping[str, ScalingInstance]
    activities: tuple[ScalingActivity, ...] = ()
    elsewhere: frozenset[str] = frozenset()
    waiting: tuple[tuple[ActionState, HookTerms], ...] = ()


def find_stale_claims(state: LoadBalancerState) -> Iterator[Finding]:
    for group in state.groups:
        claim = naming.parse_claim(group.name)
        if claim and is_expired(claim, state.date):
            yield _finding(group, FindingKind.STALE_CLAIM, Remedy.DELETE, "a claim nobody holds")


def find_unknown_servers(
    state: LoadBalancerState,
    binding: Binding,
    scaling_group: ScalingGroupState,
) -> set[str]:
    """Return the servers of the binding's groups that its scaling group does not have."""
    return {
        backend.server_id
        for group in select_groups(state.groups, binding)
        for backend in group.backends
        if backend.type in _JUDGED_TYPES and backend.server_id not in scaling_group.instances
    }


def find_released_instances(
    state: LoadBalancerState,
    binding: Binding,
    scaling_group: ScalingGroupState,
) -> Iterator[Finding]:
    ended = [activity for activity in scaling_group.activities if activity.ended is not None]
    destroyed = frozenset().union(*(activity.destroyed for activity in ended))
    created = frozenset().union(*(activity.created for activity in ended)) - destroyed
    known = scaling_group.elsewhere | scaling_group.instances.keys()
    cases = (
        (destroyed, Remedy.REMOVE, "holds servers that ESS destroyed"),
        (created, Remedy.NONE, "holds servers that ESS created and no longer has"),
    )
    for group in select_groups(state.groups, binding):
        for server_ids, remedy, what in cases:
            removal = build_removal(group, server_ids - known, binding)
            leaving = {
                b.server_id for b in removal.select_leaving(group) if b.type in _JUDGED_TYPES
            }
            if leaving:
                yield replace(
                    _finding(group, FindingKind.RELEASED_INSTANCE, remedy, what),
                    server_ids=tuple(sorted(leaving)),
                    scaling_group_id=scaling_group.scaling_group_id,
                    binding=binding,
                )


def find_missing_instances(
    state: LoadBalancerState, binding: Binding, scaling_group: ScalingGroupState
) -> Iterator[Finding]:
    """Return one finding for each name of the binding's group that lacks instances."""
    by_name: dict[str, list[ScalingInstance]] = {}
    for instance in scaling_group.instances.values():
        if _has_settled(instance, scaling_group, state.date):
            name = _derive_name(binding, instance.scaling_activity_id)
            by_name.setdefault(name, []).append(instance)
    groups = select_groups(state.groups, binding)
    for name, instances in by_name.items():
        candidates = [group for group in groups if name in ("", group.name)]
        is_unused = _is_unused(state, candidates)
        missing = [i.instance_id for i in instances if not _is_in(candidates, i, binding, name)]
        if missing:
            yield Finding(
                FindingKind.MISSING_INSTANCE,
                Remedy.ADD if name and not is_unused else Remedy.NONE,
                "does not hold instances that are in service",
                region_id=state.region_id,
                load_balancer_id=state.load_balancer_id,
                vserver_group_id=candidates[0].id if name and len(candidates) == 1 else "",
                vserver_group_name=name or naming.binding_glob(binding),
                scaling_group_id=scaling_group.scaling_group_id,
                server_ids=tuple(sorted(missing)),
                binding=binding,
            )


def find_unused_groups(state: LoadBalancerState, binding: Binding) -> Iterator[Finding]:
    for group in select_groups(state.groups, binding):
        if naming.is_owned(group) and _is_unused(state, [group]):
            what = "nobody refers to it, while another group of the function is in use"
            yield replace(
                _finding(group, FindingKind.UNUSED_GROUP, Remedy.NONE, what),
                scaling_group_id=binding.scaling_group_id,
                binding=binding,
            )


def find_zero_weights(
    state: LoadBalancerState, binding: Binding, scaling_group: ScalingGroupState
) -> Iterator[Finding]:
    instances = [
        instance
        for instance in scaling_group.instances.values()
        if _has_settled(instance, scaling_group, state.date)
    ]
    for group in select_groups(state.groups, binding):
        servers = {backend.server_id for backend in select_zero_weights(group, binding, instances)}
        if servers:
            may_override = "Weight" in binding.metadata_may_override
            yield replace(
                _finding(
                    group,
                    FindingKind.ZERO_WEIGHT,
                    Remedy.NONE if may_override else Remedy.SET_WEIGHT,
                    "gives the weight 0 to servers that are in service",
                ),
                server_ids=tuple(sorted(servers)),
                scaling_group_id=scaling_group.scaling_group_id,
                binding=binding,
            )


def select_zero_weights(
    group: VServerGroup, binding: Binding, instances: Iterable[ScalingInstance]
) -> tuple[Backend, ...]:
    """Return the binding's backends of these instances that have the weight 0 in the group, with
    the weight that the binding gives. An ENI is known by its address."""
    several = list(instances)
    ids = {instance.instance_id for instance in several}
    addresses = {each.private_ip for each in several if each.private_ip and binding.type == "eni"}
    return tuple(
        replace(backend, weight=binding.weight)
        for backend in group.backends
        if backend.weight == 0 < binding.weight
        and (backend.type, backend.port in binding.ports) == (binding.type, True)
        and (backend.server_id in ids or backend.server_ip in addresses)
    )


def find_stuck_hooks(
    scaling_group: ScalingGroupState, bindings: Iterable[Binding]
) -> Iterator[Finding]:
    """Return the actions that wait for too long; `bindings` are those of the scaling group.

    A binding names the scaling group and not the hook, and others may have hooks there. One that
    sends its message to a queue, a topic or an event bus may be ours; any other is only reported.
    A scale-in hook is reported only after its drain could be over: a second delivery has only the
    time of a sweep and would cut the drain short.
    """
    drain = sum(binding.drain for binding in bindings)
    for state, terms in scaling_group.waiting:
        if terms.now - terms.started <= _seconds_until_stuck(terms, drain):
            continue
        action = _recover_action(state.action, scaling_group.scaling_group_id, terms)
        is_complete = bool(action.token and state.instance_ids and terms.transition)
        yield Finding(
            FindingKind.STUCK_HOOK,
            Remedy.HANDLE if is_complete and _may_be_ours(terms) else Remedy.NONE,
            f"hook {action.hook_id} still waits in activity {action.scaling_activity_id}",
            region_id=action.region_id,
            scaling_group_id=scaling_group.scaling_group_id,
            server_ids=state.instance_ids,
            state=replace(state, action=action),
        )


def select_groups(groups: Sequence[VServerGroup], binding: Binding) -> list[VServerGroup]:
    """Return the finished groups that bear a name of the binding."""
    glob = naming.binding_glob(binding)
    return [
        group
        for group in groups
        if not naming.parse_claim(group.name) and naming.matches_glob(group.name, glob)
    ]


def build_removal(group: VServerGroup, server_ids: frozenset[str], binding: Binding) -> Removal:
    return Removal(
        group.region_id,
        group.load_balancer_id,
        server_ids,
        name_globs=(naming.binding_glob(binding),),
    )


def _is_unused(state: LoadBalancerState, groups: Sequence[VServerGroup]) -> bool:
    """Tell whether nobody refers to any of the groups, while another group of ours is in use."""
    in_use = {group.id for group in state.groups if group.in_use and naming.is_owned(group)}
    return bool(in_use) and not any(group.in_use for group in groups)


def _has_settled(instance: ScalingInstance, scaling_group: ScalingGroupState, now: float) -> bool:
    """Whether the instance has been in service for a while.

    An activity that ESS does not list any more ended long ago.
    """
    if instance.lifecycle_state != IN_SERVICE:
        return False
    for activity in scaling_group.activities:
        if activity.scaling_activity_id == instance.scaling_activity_id:
            return activity.ended is not None and now > activity.ended + GRACE
    return True


def _derive_name(binding: Binding, activity_id: str) -> str:
    """Return the name of the binding's group, or "" if only the event knows it or may change it."""
    template = binding.name_template
    if binding.metadata_may_override or naming.has_content_fact(template):
        return ""
    if naming.has_activity_fact(template) and not activity_id:
        return ""
    return template.format(
        scaling_group_id=binding.scaling_group_id, scaling_activity_id=activity_id, content_hash=""
    )


def _is_in(
    groups: Iterable[VServerGroup], instance: ScalingInstance, binding: Binding, name: str
) -> bool:
    """Whether the groups hold the instance: every backend of it if the name is known, else any."""
    backends = [backend for group in groups for backend in group.backends]
    if not name:
        return any(
            backend.server_id == instance.instance_id
            or bool(backend.server_ip and backend.server_ip == instance.private_ip)
            for backend in backends
        )
    wanted = [Instance(instance.instance_id, server_ip=instance.private_ip)]
    keys = {backend.key for backend in backends_from_instances(binding, wanted)}
    return keys <= {backend.key for backend in backends}


def _finding(group: VServerGroup, kind: FindingKind, remedy: Remedy, what: str) -> Finding:
    return Finding(
        kind,
        remedy,
        what,
        region_id=group.region_id,
        load_balancer_id=group.load_balancer_id,
        vserver_group_id=group.id,
        vserver_group_name=group.name,
    )


def _seconds_until_stuck(terms: HookTerms, drain: float) -> float:
    half = terms.heartbeat_timeout / 2
    if not drain or terms.transition is not Transition.SCALE_IN:
        return half
    return max(half, drain + _SECONDS_AROUND_DRAIN)


def _may_be_ours(terms: HookTerms) -> bool:
    """Judge by the kind in the NotificationArn, which is acs:…:kind/name."""
    kind, _, _ = terms.notification_arn.rpartition(":")[2].partition("/")
    return kind in _MAY_BE_OURS


def _recover_action(
    action: LifecycleAction, scaling_group_id: str, terms: HookTerms
) -> LifecycleAction:
    return replace(
        action,
        scaling_group_id=scaling_group_id,
        transition=terms.transition or Transition.SCALE_OUT,
        metadata=terms.metadata,
    )
