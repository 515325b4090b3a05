"""What a sweep finds: pure, from what was read of the load balancers and the scaling groups.

StaleClaim        A claim whose lease is over, whoever wanted the name: read again and deleted. A
                  parked group that nobody has a live claim beside: settled under a claim, where a
                  binding tells the name that it had.
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

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from provisioner.groups import naming
from provisioner.groups.deregister import Removal
from provisioner.groups.lease import expired
from provisioner.mapping import bindings
from provisioner.mapping.config import Policy
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


class Kind(str, Enum):
    STALE_CLAIM = "StaleClaim"
    RELEASED_INSTANCE = "ReleasedInstance"
    MISSING_INSTANCE = "MissingInstance"
    STUCK_HOOK = "StuckHook"


class Remedy(str, Enum):
    NONE = "none"  # somebody has to look
    DELETE = "delete the claim"
    SETTLE = "put the parked group back, or delete it if it is empty"
    REMOVE = "remove the backends"
    ADD = "add the backends"
    HANDLE = "handle the hook"


@dataclass(frozen=True, slots=True)
class Finding:
    """`wanted_name`: of the group that a parked one was. `state` is of a hook's action."""

    kind: Kind
    remedy: Remedy
    what: str
    region_id: str = ""
    load_balancer_id: str = ""
    vserver_group_id: str = ""
    vserver_group_name: str = ""
    scaling_group_id: str = ""
    server_ids: tuple[str, ...] = ()
    wanted_name: str = ""
    binding: Binding | None = None
    state: ActionState | None = None


@dataclass(frozen=True, slots=True)
class Balancer:
    """`groups` with their backends; claims and parked groups without. `date` is the list's own."""

    region_id: str
    load_balancer_id: str
    date: float
    groups: tuple[VServerGroup, ...]


@dataclass(frozen=True, slots=True)
class Scaling:
    """Read after the load balancers. `elsewhere`: servers of the groups that some scaling group of
    the region knows. `waiting`: the pending actions, with their terms."""

    scaling_group_id: str
    instances: Mapping[str, ScalingInstance]
    activities: tuple[ScalingActivity, ...] = ()
    elsewhere: frozenset[str] = frozenset()
    waiting: tuple[tuple[ActionState, HookTerms], ...] = field(default=())


def pattern(binding: Binding) -> str:
    """The names of the binding's groups, in which * stands for what an event alone knows."""
    if "VServerGroupName" in binding.overridable:
        return "*"
    facts = dict.fromkeys(naming.TEMPLATE_FACTS, "*")
    facts["scaling_group_id"] = binding.scaling_group_id
    return binding.name_template.format(**facts)


def of_binding(groups: Iterable[VServerGroup], binding: Binding) -> list[VServerGroup]:
    wanted = pattern(binding)
    return [g for g in groups if not naming.is_pending(g.name) and naming.matches(g.name, wanted)]


def stale(balancer: Balancer, known_names: Sequence[str], policy: Policy) -> Iterator[Finding]:
    names = {naming.parked(name): name for name in known_names}
    claims = [(group, naming.read_claim(group.name)) for group in balancer.groups]
    live = [c for _, c in claims if c and not expired(c, balancer.date)]
    for group, claim in claims:
        if claim and expired(claim, balancer.date):
            yield _about(group, Kind.STALE_CLAIM, Remedy.DELETE, "a claim that nobody holds")
        elif group.name.startswith(naming.PARKED_PREFIX):
            if any(naming.parked_by(each) == group.name for each in live):
                continue
            wanted = names.get(group.name, "") if policy.claiming else ""
            remedy = Remedy.SETTLE if wanted else Remedy.NONE
            told = "a group that lost its name on the way to its deletion"
            lost = _about(group, Kind.STALE_CLAIM, remedy, told)
            yield replace(lost, wanted_name=wanted)


def strangers(balancer: Balancer, binding: Binding, scaling: Scaling, policy: Policy) -> set[str]:
    """Servers that the scaling group does not have, in the groups that a sweep may judge."""
    return {
        backend.server_id
        for group in _judged(balancer, binding, policy)
        for backend in group.backends
        if backend.type == "ecs" and backend.server_id not in scaling.instances
    }


def released(
    balancer: Balancer, binding: Binding, scaling: Scaling, policy: Policy
) -> Iterator[Finding]:
    ended = [each for each in scaling.activities if each.ended is not None]
    destroyed = frozenset().union(*(each.destroyed for each in ended))
    created = frozenset().union(*(each.created for each in ended)) - destroyed
    known = scaling.elsewhere | scaling.instances.keys()
    for group in _judged(balancer, binding, policy):
        cases = (
            (destroyed, Remedy.REMOVE, "holds servers that ESS destroyed"),
            (created, Remedy.NONE, "holds servers that ESS created and no longer has"),
        )
        for ids, remedy, told in cases:
            removal = removal_of(group, ids - known, binding, policy)
            gone = sorted({b.server_id for b in removal.leaving(group) if b.type == "ecs"})
            if gone:
                yield replace(
                    _about(group, Kind.RELEASED_INSTANCE, remedy, told),
                    server_ids=tuple(gone),
                    scaling_group_id=scaling.scaling_group_id,
                    binding=binding,
                )


def missing(balancer: Balancer, binding: Binding, scaling: Scaling) -> Iterator[Finding]:
    """Of each name that the binding's group has: one, unless it is named by the activity."""
    settled = [i for i in scaling.instances.values() if _has_settled(i, scaling, balancer.date)]
    groups = of_binding(balancer.groups, binding)
    for name, instances in _by_name(binding, settled):
        held = [g for g in groups if name in ("", g.name)]
        lacking = [i.instance_id for i in instances if not _is_held(i, binding, held, name)]
        if lacking:
            yield Finding(
                Kind.MISSING_INSTANCE,
                Remedy.ADD if name else Remedy.NONE,
                "does not hold instances that are in service",
                region_id=balancer.region_id,
                load_balancer_id=balancer.load_balancer_id,
                vserver_group_id=held[0].id if name and len(held) == 1 else "",
                vserver_group_name=name or pattern(binding),
                scaling_group_id=scaling.scaling_group_id,
                server_ids=tuple(sorted(lacking)),
                binding=binding,
            )


def known_names(bindings: Iterable[Binding], scaling: Iterable[Scaling]) -> list[str]:
    """Those that the bindings give to groups, as far as they can be known."""
    of = {each.scaling_group_id: each for each in scaling}
    found: list[str] = []
    for binding in bindings:
        known = of.get(binding.scaling_group_id)
        activities = [a.scaling_activity_id for a in known.activities] if known else []
        found += {_name(binding, activity) for activity in ["", *activities]} - {""}
    return found


def removal_of(
    group: VServerGroup, server_ids: frozenset[str], binding: Binding, policy: Policy
) -> Removal:
    return Removal(
        group.region_id,
        group.load_balancer_id,
        server_ids,
        names=(pattern(binding),),
        tagging=policy.tagging,
    )


def _judged(balancer: Balancer, binding: Binding, policy: Policy) -> list[VServerGroup]:
    owned = of_binding(balancer.groups, binding)
    return [g for g in owned if removal_of(g, frozenset(), binding, policy).owns(g)]


def _has_settled(instance: ScalingInstance, scaling: Scaling, now: float) -> bool:
    """An activity that ESS does not list any more ended long ago."""
    activities = {each.scaling_activity_id: each for each in scaling.activities}
    activity = activities.get(instance.scaling_activity_id)
    if instance.lifecycle_state != _SETTLED:
        return False
    return activity is None or (activity.ended is not None and now > activity.ended + GRACE)


def _by_name(
    binding: Binding, instances: Iterable[ScalingInstance]
) -> Iterator[tuple[str, list[ScalingInstance]]]:
    found: dict[str, list[ScalingInstance]] = {}
    for instance in instances:
        found.setdefault(_name(binding, instance.scaling_activity_id), []).append(instance)
    yield from found.items()


def _name(binding: Binding, activity: str) -> str:
    """Empty where an event alone tells it, or may set what else belongs to a backend."""
    template = binding.name_template
    if binding.overridable or naming.needs_content(template):
        return ""
    if naming.needs_activity(template) and not activity:
        return ""
    return template.format(
        scaling_group_id=binding.scaling_group_id, scaling_activity_id=activity, content_hash=""
    )


def _is_held(
    instance: ScalingInstance, binding: Binding, groups: Iterable[VServerGroup], name: str
) -> bool:
    there = [backend for group in groups for backend in group.backends]
    if not name:
        return any(_is_of(backend.server_id, backend.server_ip, instance) for backend in there)
    as_instance = Instance(instance.instance_id, server_ip=instance.private_ip)
    wanted = {b.key for b in bindings.from_instances(binding, [as_instance])}
    return wanted <= {backend.key for backend in there}


def _is_of(server_id: str, server_ip: str, instance: ScalingInstance) -> bool:
    return server_id == instance.instance_id or bool(server_ip and server_ip == instance.private_ip)


def _about(group: VServerGroup, kind: Kind, remedy: Remedy, what: str) -> Finding:
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


def stuck(scaling: Scaling, bound: Iterable[Binding]) -> Iterator[Finding]:
    """`bound` are the bindings of the scaling group."""
    drain = sum(binding.drain for binding in bound)
    for state, terms in scaling.waiting:
        if terms.now - terms.started <= _patience(terms, drain):
            continue
        action = _recovered(state.action, scaling.scaling_group_id, terms)
        known = bool(action.token and state.instance_ids and terms.transition)
        yield Finding(
            Kind.STUCK_HOOK,
            Remedy.HANDLE if known and _may_be_ours(terms) else Remedy.NONE,
            f"hook {action.hook_id} still waits in activity {action.scaling_activity_id}",
            region_id=action.region_id,
            scaling_group_id=scaling.scaling_group_id,
            server_ids=state.instance_ids,
            state=ActionState(action, True, state.result, instance_ids=state.instance_ids),
        )


def _patience(terms: HookTerms, drain: float) -> float:
    half = terms.heartbeat_timeout / 2
    if not drain or terms.transition is not Transition.SCALE_IN:
        return half
    return max(half, drain + _AROUND_A_DRAIN)


def _may_be_ours(terms: HookTerms) -> bool:
    """By the kind in its NotificationArn, which is acs:…:kind/name."""
    kind, _, _ = terms.target.rpartition(":")[2].partition("/")
    return kind in _MAY_BE_OURS


def _recovered(action: LifecycleAction, group: str, terms: HookTerms) -> LifecycleAction:
    return LifecycleAction(
        action.hook_id,
        action.token,
        group,
        action.scaling_activity_id,
        terms.transition or Transition.SCALE_OUT,
        action.region_id,
        terms.metadata,
    )
