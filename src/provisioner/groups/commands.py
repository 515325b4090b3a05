"""What `ensure` and `deregister` ask of whoever drives them, one command at a time.

A driver answers the calls with an `Answer`, or throws `Rejected` or `Retryable` into the generator;
`Time`, `Nonce` and `Wait` with a bare value. A command about a claim has `before`, in the
load balancer's time: it must not be sent later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import TypeAlias

from provisioner.model import Backend


@dataclass(frozen=True, slots=True)
class ListGroups:
    """Answer: a tuple of VServerGroup, their backends left out. `in_use` of each is told where
    `references` asks for it."""

    references: bool = False


@dataclass(frozen=True, slots=True)
class ReadGroup:
    """Answer: a VServerGroup, or None where there is none of this id."""

    id: str


@dataclass(frozen=True, slots=True)
class CreateGroup:
    """Answer: the VServerGroupId."""

    name: str
    tags: Mapping[str, str]
    backends: tuple[Backend, ...] = ()


@dataclass(frozen=True, slots=True)
class AddBackends:
    id: str
    backends: tuple[Backend, ...]
    before: float = inf


@dataclass(frozen=True, slots=True)
class RemoveBackends:
    id: str
    backends: tuple[Backend, ...]


@dataclass(frozen=True, slots=True)
class SetWeights:
    id: str
    backends: tuple[Backend, ...]


@dataclass(frozen=True, slots=True)
class RenameGroup:
    id: str
    name: str
    before: float


@dataclass(frozen=True, slots=True)
class DeleteGroup:
    id: str
    before: float = inf


@dataclass(frozen=True, slots=True)
class Wait:
    """At most so many seconds; the driver adds the jitter and gives up when time runs out.
    `least`: what the cloud asked for. `whole`: not less either, unless time is short: then as long
    as it leaves enough to go on. Answer: for how long."""

    seconds: float
    whole: bool = False
    least: float = 0.0


@dataclass(frozen=True, slots=True)
class Time:
    """Answer: an upper bound of the load balancer's time now, in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Nonce:
    """Answer: 16 hexadecimal digits that nobody has drawn before."""


Write: TypeAlias = (
    CreateGroup | AddBackends | RemoveBackends | SetWeights | RenameGroup | DeleteGroup
)
Command: TypeAlias = ListGroups | ReadGroup | Write | Wait | Time | Nonce
