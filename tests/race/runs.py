"""Runs of a protocol as values: a run in a state, which an answer turns into another run.

Runs in the same state are one object, and each step from there is made once, however many
interleavings pass through it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from copy import copy
from dataclasses import dataclass, field
from typing import Any

from provisioner.errors import ProvisionerError
from provisioner.groups.commands import Protocol
from provisioner.model import VServerGroup

from .canonical import Shape, find_shape, snapshot
from .world import Reply


@dataclass(frozen=True, eq=False)
class Racer:
    """Who runs: runs of one racer are interchangeable. It comes with the backends of the group
    that it wants, or it takes the `leaving` servers out; it may then delete an empty group."""

    name: str
    start: Callable[[], Protocol[Any]]
    wanted: VServerGroup
    leaving: frozenset[str] = frozenset()
    deletes_empty: bool = False
    known: dict[str, Run] = field(default_factory=dict)

    def first_run(self) -> Run:
        return self.run_of(self.start())

    def run_of(self, protocol: Protocol[Any]) -> Run:
        text = snapshot(protocol)
        found = self.known.get(text)
        if found is None:
            found = self.known[text] = Run(self, protocol, text)
        return found


class Run:
    """`command` is the next one, and None once the run has a result or an error."""

    def __init__(self, racer: Racer, protocol: Protocol[Any], text: str) -> None:
        self.racer, self.protocol = racer, protocol
        self.command: Any = protocol.next_command()
        ended = self.command is None
        self.result: Any = protocol.done if ended else None
        self.error: ProvisionerError | None = protocol.error if ended else None
        self.shape: Shape = find_shape(racer.name + text)
        self._next: dict[Hashable, Run] = {}

    def receive(self, reply: Reply, now: float) -> Run:
        key = reply.key, now
        found = self._next.get(key)
        if found is None:
            protocol = copy(self.protocol)
            protocol.receive(reply.value, now)
            found = self._next[key] = self.racer.run_of(protocol)
        return found
