"""Who races, and on what. A letter is a kind; runs of one kind are deliveries of one event.

a, b, c, d  come, each with servers of its own
h           a hook comes with servers of which the load balancer may refuse one
x           takes out the server that the group held before, and deletes the group if it is empty
y           likewise, the servers that a comes with
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any, TypeAlias

from provisioner.groups import naming
from provisioner.groups.deregister import Removal, deregister
from provisioner.model import Backend, DesiredGroup, EnsureResult, OnExisting, VServerGroup

from .runs import Racer
from .world import EMPTY, START, Group, World

Ensure: TypeAlias = Callable[[DesiredGroup], Generator[Any, Any, EnsureResult]]
NAME = "Group1"
GONE = Backend("i-z0", 80)
_PARKED = naming.pending_delete_name(NAME)
_LEFT = naming.make_claim(NAME, START - 30, "8" * 16)


def _with(name: str, *backends: Backend, in_use: bool = False) -> World:
    return World((Group("rsp-0", name, backends, in_use),), created=1)


WORLDS = {
    "an empty load balancer": EMPTY,
    "the group is there": _with(NAME, Backend("i-0000", 80)),
    "a crashed claim is there": _with(_LEFT.name),
    "a server is refused": EMPTY._replace(refuses=("i-h1",)),
    "the group holds what leaves": _with(NAME, GONE),
    "likewise, and is in use": _with(NAME, GONE, in_use=True),
    "it was left parked": _with(_PARKED),
    "it was left parked, not empty": _with(_PARKED, GONE),
}
LEAVING = {"x": "z", "y": "a"}


def racers(kinds: str, ensure: Ensure, *, several: bool = False) -> Sequence[Racer]:
    known = {kind: racer(kind, ensure, several=several) for kind in sorted(set(kinds))}
    return [known[kind] for kind in kinds]


def racer(kind: str, ensure: Ensure, *, several: bool = False) -> Racer:
    if kind in LEAVING:
        return _leaves(kind)
    ids = [f"i-{kind}{number}" for number in range(1 + (several or kind == "h"))]
    group = VServerGroup("cn-hangzhou", "lb-0001", NAME, tuple(Backend(i, 80) for i in ids))
    desired = DesiredGroup(group, OnExisting.EXTEND, f"event {kind}", from_hook=kind == "h")
    return Racer(kind, lambda: ensure(desired), group)


def _leaves(kind: str) -> Racer:
    ids = frozenset({f"i-{LEAVING[kind]}0"})
    removal = Removal(
        "cn-hangzhou", "lb-0001", ids, name_globs=(NAME,), delete_empty=True, mark=f"event {kind}"
    )
    where = VServerGroup("cn-hangzhou", "lb-0001", NAME)
    return Racer(kind, lambda: deregister(removal), where, ids)
