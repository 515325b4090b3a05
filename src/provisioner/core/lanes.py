"""Which items of a batch may be handled at the same time, and in which order the others.

Two items that may touch one load balancer are in one lane: lanes are the connected components of
the load balancers that items name or are bound to; a sweep touches all that are bound. Within a
lane hooks come first, since servers wait for them, and sweeps last; then the event's own identity
decides, and then what it asks for. So the order is a function of what the items are and never of
where in the batch they stand: of two requests that exclude each other, the same one wins in every
delivery.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .model import Binding, Request, Sweep


def lanes(
    requests: Sequence[Request | Sweep | None], bindings: Sequence[Binding]
) -> list[list[int]]:
    """Lists of indexes, the longest first. None is an item that touches no load balancer."""
    if len(requests) == 1:
        return [[0]]
    bound = _bound(bindings)
    joined: dict[str, str] = {}
    members: dict[str, list[int]] = {}
    alone: list[list[int]] = []
    touched = [_touched(request, bound) if request else [] for request in requests]
    for names in touched:
        for name in names:
            joined[_end(joined, name)] = _end(joined, names[0])
    for index, names in enumerate(touched):
        if names:
            members.setdefault(_end(joined, names[0]), []).append(index)
        else:
            alone.append([index])
    for lane in members.values():
        lane.sort(key=lambda index: _order(requests[index]))
    return sorted([*members.values(), *alone], key=len, reverse=True)


def _bound(bindings: Sequence[Binding]) -> Mapping[str, list[str]]:
    """Load balancers by scaling group; "" has all of them."""
    found: dict[str, list[str]] = {"": []}
    for binding in bindings:
        for group in ("", binding.scaling_group_id):
            found.setdefault(group, []).append(binding.load_balancer_id)
    return found


def _touched(request: Request | Sweep, bound: Mapping[str, list[str]]) -> list[str]:
    """A request without a load balancer is mapped by the bindings of its scaling group; a hook that
    does not say of which group it is may be of any."""
    if isinstance(request, Sweep):
        return bound[""]
    if request.load_balancer_id:
        return [request.load_balancer_id]
    return bound.get(request.scaling_group_id, [])


def _order(request: Request | Sweep | None) -> tuple[object, ...]:
    assert request is not None  # it touches something
    rank = 2 if isinstance(request, Sweep) else int(request.action is None)
    return rank, request.event.source, request.event.id, repr(request)


def _end(joined: dict[str, str], name: str) -> str:
    """Of the chain of names that stand for one another, made shorter on the way."""
    while (above := joined.setdefault(name, name)) != name:
        joined[name] = joined[above]
        name = above
    return name
