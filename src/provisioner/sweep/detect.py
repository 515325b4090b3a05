"""What a sweep finds: pure, from what was read of the load balancers and the scaling groups.

StaleClaim        A claim whose lease is over, whoever wanted the name: read again and deleted.
ReleasedInstance  An owned group that a binding of the scaling group names holds a server that ESS
                  says it destroyed, and that no scaling group of the region knows: removed. One
                  that ESS created there and does not say to have destroyed may have been detached
                  and live on: only told of. Any other server may be there by an explicit request,
                  and says nothing. An ENI or ECI is never judged: addresses are used again.
MissingInstance   An instance in service for a while that no group of a binding holds: added, where
                  the name, the ports and the weight are known without the event. Protected and
                  Standby ones are somebody's choice.
StuckHook         An action that still waits after half of its time (`stuck`).

An operator's own removal looks like a lost one. So a finding is told first; only who asks for it
gets the remedy.

Actions that still wait after half of their time: the ordinary hook task handles them, with an
action recovered from ESS.

Whose. A binding names the scaling group, not the hook, and others may have theirs there. One whose
message goes to a queue, a topic or an event bus may be ours; one that starts a template or tells
nobody is not, and is only told of.

Not while it drains. A delivery at work on a scale-in waits for the drain of one load balancer after
the other. A second one has the time of a sweep only, and would cut that short.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from provisioner.groups import naming
from provisioner.groups.deregister import Removal
from provisioner.groups.lease import is_expired
from provisioner.mapping import bindings
from provisioner.model import (
    ActionState,
    Binding,
    HookTerms,
    Instance,
    LifecycleAction,
    ScalingActivity,
    ScalingInstance,
    Transition,
    VServerGroup,
)

GRACE = 600.0  # seconds after its activity, in which an instance is not missed

_SETTLED = "InService"


class FindingKind(str, Enum):
    STALE_CLAIM = "StaleClaim"
    RELEASED_INSTANCE = "ReleasedInstance"
    MISSING_INSTANCE = "MissingInstance"
    STUCK_HOOK = "StuckHook"


class Remedy(str, Enum):
    NONE = "none"  # somebody has to look
    DELETE = "delete the claim"
    REMOVE = "remove the backends"
    ADD = "add the backends"
    HANDLE = "handle the hook"


@dataclass(frozen=True, slots=True)
class Finding:
    """`state` is of a hook's action."""

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


@dataclass(frozen=True, slots=True)
class LoadBalancerState:
    """`groups` with their backends; claims without. `date` is the list's own."""

    region_id: str
    load_balancer_id: str
    date: float
    groups: tuple[VServerGroup, ...]


@dataclass(frozen=True, slots=True)
class ScalingGroupState:
    """Read after the load balancers. `elsewhere`: servers of the groups that some scaling group of
    the region knows. `waiting`: the pending actions, with their terms."""

    scaling_group_id: str
    instances: Mapping[str, ScalingInstance]
    activities: tuple[ScalingActivity, ...] = ()
    elsewhere: frozenset[str] = frozenset()
    waiting: tuple[tuple[ActionState, HookTerms], ...] = field(default=())


def binding_name_glob(binding: Binding) -> str:
    """The names of the binding's groups, in which * stands for what an event alone knows."""
    if "VServerGroupName" in binding.metadata_may_override:
        return "*"
    facts = dict.fromkeys(naming.TEMPLATE_FACTS, "*")
    facts["scaling_group_id"] = binding.scaling_group_id
    return binding.name_template.format(**facts)


def select_groups(groups: Iterable[VServerGroup], binding: Binding) -> list[VServerGroup]:
    wanted = binding_name_glob(binding)
    return [
        g for g in groups if not naming.parse_claim(g.name) and naming.matches_glob(g.name, wanted)
    ]


def find_stale_claims(balancer: LoadBalancerState) -> Iterator[Finding]:
    for group in balancer.groups:
        claim = naming.parse_claim(group.name)
        if claim and is_expired(claim, balancer.date):
            yield _finding_about(
                group, FindingKind.STALE_CLAIM, Remedy.DELETE, "a claim that nobody holds"
            )


def find_unknown_servers(
    balancer: LoadBalancerState, binding: Binding, scaling: ScalingGroupState
) -> set[str]:
    """Servers that the scaling group does not have, in the groups that a sweep may judge."""
    return {
        backend.server_id
        for group in _select_judgeable(balancer, binding)
        for backend in group.backends
        if backend.type == "ecs" and backend.server_id not in scaling.instances
    }


def find_released_instances(
    balancer: LoadBalancerState, binding: Binding, scaling: ScalingGroupState
) -> Iterator[Finding]:
    ended = [each for each in scaling.activities if each.ended is not None]
    destroyed = frozenset().union(*(each.destroyed for each in ended))
    created = frozenset().union(*(each.created for each in ended)) - destroyed
    known = scaling.elsewhere | scaling.instances.keys()
    for group in _select_judgeable(balancer, binding):
        cases = (
            (destroyed, Remedy.REMOVE, "holds servers that ESS destroyed"),
            (created, Remedy.NONE, "holds servers that ESS created and no longer has"),
        )
        for ids, remedy, told in cases:
            removal = build_removal(group, ids - known, binding)
            gone = sorted({b.server_id for b in removal.select_leaving(group) if b.type == "ecs"})
            if gone:
                yield replace(
                    _finding_about(group, FindingKind.RELEASED_INSTANCE, remedy, told),
                    server_ids=tuple(gone),
                    scaling_group_id=scaling.scaling_group_id,
                    binding=binding,
                )


def find_missing_instances(
    balancer: LoadBalancerState, binding: Binding, scaling: ScalingGroupState
) -> Iterator[Finding]:
    """Of each name that the binding's group has: one, unless it is named by the activity."""
    settled = [i for i in scaling.instances.values() if _has_settled(i, scaling, balancer.date)]
    groups = select_groups(balancer.groups, binding)
    for name, instances in _group_by_name(binding, settled):
        held = [g for g in groups if name in ("", g.name)]
        lacking = [i.instance_id for i in instances if not _is_in_groups(i, binding, held, name)]
        if lacking:
            yield Finding(
                FindingKind.MISSING_INSTANCE,
                Remedy.ADD if name else Remedy.NONE,
                "does not hold instances that are in service",
                region_id=balancer.region_id,
                load_balancer_id=balancer.load_balancer_id,
                vserver_group_id=held[0].id if name and len(held) == 1 else "",
                vserver_group_name=name or binding_name_glob(binding),
                scaling_group_id=scaling.scaling_group_id,
                server_ids=tuple(sorted(lacking)),
                binding=binding,
            )


def build_removal(group: VServerGroup, server_ids: frozenset[str], binding: Binding) -> Removal:
    return Removal(
        group.region_id,
        group.load_balancer_id,
        server_ids,
        name_globs=(binding_name_glob(binding),),
    )


def _select_judgeable(balancer: LoadBalancerState, binding: Binding) -> list[VServerGroup]:
    owned = select_groups(balancer.groups, binding)
    return [g for g in owned if build_removal(g, frozenset(), binding).is_owned(g)]


def _has_settled(instance: ScalingInstance, scaling: ScalingGroupState, now: float) -> bool:
    """An activity that ESS does not list any more ended long ago."""
    activities = {each.scaling_activity_id: each for each in scaling.activities}
    activity = activities.get(instance.scaling_activity_id)
    if instance.lifecycle_state != _SETTLED:
        return False
    return activity is None or (activity.ended is not None and now > activity.ended + GRACE)


def _group_by_name(
    binding: Binding, instances: Iterable[ScalingInstance]
) -> Iterator[tuple[str, list[ScalingInstance]]]:
    found: dict[str, list[ScalingInstance]] = {}
    for instance in instances:
        found.setdefault(_derive_name(binding, instance.scaling_activity_id), []).append(instance)
    yield from found.items()


def _derive_name(binding: Binding, activity: str) -> str:
    """Empty where an event alone tells it, or may set what else belongs to a backend."""
    template = binding.name_template
    if binding.metadata_may_override or naming.has_content_fact(template):
        return ""
    if naming.has_activity_fact(template) and not activity:
        return ""
    return template.format(
        scaling_group_id=binding.scaling_group_id, scaling_activity_id=activity, content_hash=""
    )


def _is_in_groups(
    instance: ScalingInstance, binding: Binding, groups: Iterable[VServerGroup], name: str
) -> bool:
    there = [backend for group in groups for backend in group.backends]
    if not name:
        return any(_is_of(backend.server_id, backend.server_ip, instance) for backend in there)
    as_instance = Instance(instance.instance_id, server_ip=instance.private_ip)
    wanted = {b.key for b in bindings.backends_from_instances(binding, [as_instance])}
    return wanted <= {backend.key for backend in there}


def _is_of(server_id: str, server_ip: str, instance: ScalingInstance) -> bool:
    return server_id == instance.instance_id or bool(server_ip and server_ip == instance.private_ip)


def _finding_about(group: VServerGroup, kind: FindingKind, remedy: Remedy, what: str) -> Finding:
    return Finding(
        kind,
        remedy,
        what,
        region_id=group.region_id,
        load_balancer_id=group.load_balancer_id,
        vserver_group_id=group.id,
        vserver_group_name=group.name,
    )


_AROUND_A_DRAIN = 60.0  # seconds, for what comes before and after it
_MAY_BE_OURS = frozenset({"queue", "topic", "eventbus"})


def find_stuck_hooks(scaling: ScalingGroupState, bound: Iterable[Binding]) -> Iterator[Finding]:
    """`bound` are the bindings of the scaling group."""
    drain = sum(binding.drain for binding in bound)
    for state, terms in scaling.waiting:
        if terms.now - terms.started <= _seconds_until_stuck(terms, drain):
            continue
        action = _recover_action(state.action, scaling.scaling_group_id, terms)
        known = bool(action.token and state.instance_ids and terms.transition)
        yield Finding(
            FindingKind.STUCK_HOOK,
            Remedy.HANDLE if known and _may_be_ours(terms) else Remedy.NONE,
            f"hook {action.hook_id} still waits in activity {action.scaling_activity_id}",
            region_id=action.region_id,
            scaling_group_id=scaling.scaling_group_id,
            server_ids=state.instance_ids,
            state=ActionState(action, True, state.result, instance_ids=state.instance_ids),
        )


def _seconds_until_stuck(terms: HookTerms, drain: float) -> float:
    half = terms.heartbeat_timeout / 2
    if not drain or terms.transition is not Transition.SCALE_IN:
        return half
    return max(half, drain + _AROUND_A_DRAIN)


def _may_be_ours(terms: HookTerms) -> bool:
    """By the kind in its NotificationArn, which is acs:…:kind/name."""
    kind, _, _ = terms.notification_arn.rpartition(":")[2].partition("/")
    return kind in _MAY_BE_OURS


def _recover_action(action: LifecycleAction, group: str, terms: HookTerms) -> LifecycleAction:
    return LifecycleAction(
        action.hook_id,
        action.token,
        group,
        action.scaling_activity_id,
        terms.transition or Transition.SCALE_OUT,
        action.region_id,
        terms.metadata,
    )
