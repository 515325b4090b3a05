"""What a scale-in takes out of each load balancer that the scaling group is bound to.

One removal for each load balancer, however many bindings name it: an instance that leaves goes out
of every owned group there. The longest drain of the bindings is waited for, and a group left empty
is deleted only where all of them say so.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from . import naming
from .deregister import Removal
from .model import Binding, Request, VServerGroup
from .policy import Policy


def removals(
    request: Request,
    bound: Sequence[Binding],
    leaving: Collection[str],
    addresses: Mapping[str, str],
    policy: Policy,
) -> tuple[Removal, ...]:
    """`leaving` are instance ids; `addresses`, those of them that ESS knows, by instance id."""
    by_balancer: dict[tuple[str, str], list[Binding]] = {}
    for binding in bound:
        region = binding.region_id or request.region_id or policy.region_id
        by_balancer.setdefault((region, binding.load_balancer_id), []).append(binding)
    return tuple(
        Removal(
            region,
            balancer,
            frozenset(leaving),
            _of_interfaces(members, leaving, addresses),
            names=tuple(naming.pattern(b.name_template, b.scaling_group_id) for b in members),
            drain=max(binding.drain for binding in members),
            delete_empty=all(binding.delete_empty for binding in members),
            tagging=policy.tagging,
            mark=naming.fingerprint(request, VServerGroup(region, balancer, "")),
        )
        for (region, balancer), members in by_balancer.items()
    )


def _of_interfaces(
    members: Sequence[Binding], leaving: Collection[str], addresses: Mapping[str, str]
) -> frozenset[str]:
    if all(binding.type == "ecs" for binding in members):
        return frozenset()
    return frozenset(addresses[name] for name in leaving if addresses.get(name))


def told_as(removal: Removal) -> VServerGroup:
    """The load balancer, and its group where the bindings name just one: what a result is about, in
    every delivery, whatever has become of the group."""
    (*others, name) = removal.names
    known = "" if others or "*" in name else name
    return VServerGroup(removal.region_id, removal.load_balancer_id, known)
