"""Who races, and on what. A letter is a kind; runs of one kind are deliveries of one event.

a, b, c, d  hooks that come, each with servers of its own
h           likewise, with servers of which the load balancer may refuse one
x           takes out the server that the group held before; the group may be wanted again
y           takes out all servers that a comes with, and deletes the group if it is empty: nobody
            else wants its name
z           takes out two servers that the group held before, of which one may be stopped
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from provisioner.groups import commands, naming
from provisioner.groups.deregister import DeregisterProtocol, Removal
from provisioner.groups.ensure import EnsureProtocol
from provisioner.model import BACKENDS_PER_CALL, Backend, DesiredGroup, OnExisting, VServerGroup

from .runs import Racer
from .world import EMPTY, START, Group, World

NAME = "Group1"
STAYING, COMING = Backend("i-z0", 80), Backend("i-a0", 80)
STOPPED = Backend("i-z1", 80)
LEAVING = {
    "x": frozenset({"i-z0"}),
    "y": frozenset({"i-a0", "i-a1"}),
    "z": frozenset({"i-z0", "i-z1"}),
}
_CRASHED = naming.make_claim(NAME, START - 30, "8" * 16)
_OTHER = naming.make_claim("Group2", START - 50, "8" * 16)


class Ensure(Protocol):
    """`EnsureProtocol`, or a protocol with something wrong."""

    def __call__(
        self, desired: DesiredGroup, *, backends_per_call: int
    ) -> commands.Protocol[Any]: ...


class Deregister(Protocol):
    def __call__(self, removal: Removal) -> commands.Protocol[Any]: ...


def _with(name: str, *backends: Backend, in_use: bool = False) -> World:
    return World((Group("rsp-0", name, backends, in_use),), created=1)


WORLDS = {
    "an empty load balancer": EMPTY,
    "the group is there": _with(NAME, Backend("i-0000", 80)),
    "a crashed claim is there": _with(_CRASHED.name),
    "a server is refused": EMPTY._replace(refuses=("i-h1",)),
    "one place is left": EMPTY._replace(quota=1),
    "a crashed claim on another name has the last place": _with(_OTHER.name)._replace(quota=1),
    "the group holds what x takes": _with(NAME, STAYING),
    "the group holds what y takes": _with(NAME, COMING),
    "likewise, and is in use": _with(NAME, COMING, in_use=True),
    "the group holds what z takes, one is stopped": _with(NAME, STAYING, STOPPED)._replace(
        stopped=("i-z1",)
    ),
}


def build_racers(
    kinds: str,
    *,
    ensure: Ensure = EnsureProtocol,
    deregister: Deregister = DeregisterProtocol,
    several: bool = False,
) -> Sequence[Racer]:
    """Return a racer for each letter. `several`: each comes with two servers, one a call."""
    known = {
        kind: _build_leaving(kind, deregister)
        if kind in LEAVING
        else _build_coming(kind, ensure, several=several)
        for kind in sorted(set(kinds))
    }
    return [known[kind] for kind in kinds]


def _build_coming(kind: str, ensure: Ensure, *, several: bool) -> Racer:
    ids = [f"i-{kind}{number}" for number in range(1 + (several or kind == "h"))]
    group = VServerGroup("cn-hangzhou", "lb-0001", NAME, tuple(Backend(i, 80) for i in ids))
    desired = DesiredGroup(group, OnExisting.EXTEND, f"event {kind}", from_hook=True)
    size = 1 if several else BACKENDS_PER_CALL
    return Racer(kind, lambda: ensure(desired, backends_per_call=size), group)


def _build_leaving(kind: str, deregister: Deregister) -> Racer:
    ids, deletes = LEAVING[kind], kind == "y"
    removal = Removal("cn-hangzhou", "lb-0001", ids, name_globs=(NAME,), delete_empty=deletes)
    where = VServerGroup("cn-hangzhou", "lb-0001", NAME)
    return Racer(kind, lambda: deregister(removal), where, ids, deletes)
