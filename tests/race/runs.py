"""A run of a protocol as a value: where it stands, and where each answer would take it.

A generator cannot be copied, so a run is brought to where it stands by replaying what it was told.
What it may still do is known by its frames; runs that stand alike are one, and each step from there
is replayed once, however many interleavings pass through it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from provisioner.errors import ProvisionerError
from provisioner.model import VServerGroup

from .frames import frozen, handles, position
from .marks import Shape, shape
from .world import Heard

Protocol: TypeAlias = Callable[[], Generator[Any, Any, Any]]


@dataclass(frozen=True, eq=False)
class Racer:
    """Who runs: runs of one racer are interchangeable. It comes with the backends of the group
    that it wants, or goes with the servers that leave the group."""

    name: str
    start: Protocol
    wanted: VServerGroup
    leaving: frozenset[str] = frozenset()
    known: dict[str, Run] = field(default_factory=dict)

    def begun(self) -> Run:
        return self.told(())

    def told(self, heard: tuple[Any, ...]) -> Run:
        run = Run(self, heard)
        return self.known.setdefault(run.position, run)


class Run:
    """Its next command, or what it ended with."""

    def __init__(self, racer: Racer, told: tuple[Any, ...]) -> None:
        self.racer, self.told = racer, told
        self.command: Any = None
        self.result: Any = None  # Ensured or Deregistered
        self.error: ProvisionerError | None = None
        self.position = repr((racer.name, self._replayed()))
        self.shape: Shape = shape(self.position)
        self._next: dict[Hashable, Run] = {}

    def heard(self, heard: Heard) -> Run:
        found = self._next.get(heard.key)
        if found is None:
            found = self._next[heard.key] = self.racer.told((*self.told, heard.value))
        return found

    def _replayed(self) -> object:
        generator, thrown = self.racer.start(), None
        try:
            self.command = next(generator)
            for value in self.told:
                if isinstance(value, ProvisionerError):
                    thrown = value.code
                    self.command = generator.throw(value)
                else:
                    self.command = generator.send(value)
            # What an `except` is about to raise again stands in no variable.
            raising = thrown if handles(generator) else None
            where = frozen(self.command), position(generator), raising
            generator.close()
        except StopIteration as end:
            self.command, self.result = None, end.value
            return frozen(end.value)
        except ProvisionerError as error:
            self.command, self.error = None, error
            return error.code
        return where
