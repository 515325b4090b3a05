"""The commands of the protocols, and the base class of the protocols.

A protocol does no I/O. It says which command comes next, and takes the answer. `executor` runs the
commands on the real load balancer; the explorer in `tests/race` runs them on a model of it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any, Generic, TypeAlias, TypeVar

from provisioner.errors import ProvisionerError, Rejected, Retryable
from provisioner.model import Backend

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ListGroups:
    """Answer: the groups of the load balancer, without their backends. With `references`, each
    says whether it is `in_use`."""

    references: bool = False


@dataclass(frozen=True, slots=True)
class ReadGroup:
    """Answer: the group with its backends, or None if there is no such group."""

    id: str


@dataclass(frozen=True, slots=True)
class ReadGroups:
    """The executor reads several groups at the same time. Answer: for each id in its order, the
    group with its backends, or None if there is no such group."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CreateGroup:
    """Answer: the VServerGroupId."""

    name: str
    tags: Mapping[str, str]
    backends: tuple[Backend, ...] = ()


@dataclass(frozen=True, slots=True)
class AddBackends:
    """`before` is a time of the load balancer: the command must not be sent later."""

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
    """`before` is a time of the load balancer: the command must not be sent later."""

    id: str
    name: str
    before: float = inf


@dataclass(frozen=True, slots=True)
class DeleteGroup:
    """A `cleanup` deletes a claim. It is sent even if the time of the invocation is over, because
    a claim that stays blocks other runs."""

    id: str
    cleanup: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait at most `seconds` and at least `least`; the executor chooses the jitter. It raises
    `Retryable` if the invocation has less time than that. Answer: None."""

    seconds: float
    least: float = 0.0


@dataclass(frozen=True, slots=True)
class Drain:
    """Wait `seconds` without jitter, or less if the time is short: some time is left for what comes
    next. Answer: the seconds waited."""

    seconds: float


@dataclass(frozen=True, slots=True)
class DrawNonce:
    """Answer: 16 random hexadecimal digits."""


Write: TypeAlias = (
    CreateGroup | AddBackends | RemoveBackends | SetWeights | RenameGroup | DeleteGroup
)
Call: TypeAlias = ListGroups | ReadGroup | ReadGroups | Write
Command: TypeAlias = Call | Wait | Drain | DrawNonce
Execute: TypeAlias = Callable[[Call], Any]
"""Runs one call and returns its `ApiResponse`; raises `Rejected` or `Retryable`."""


@dataclass(eq=False)
class Protocol(ABC, Generic[T]):
    """One run of a protocol: a state machine that is asked for commands and is given the answers.

    Run `next_command` and pass its answer to `receive`, until `next_command` returns None. Then
    `result` returns what the run came to, or raises its error.

    Everything that a run knows is in the fields of the object, and their values are immutable: a
    shallow copy (`copy.copy`) is an independent run in the same state.
    """

    done: T | None = field(default=None, init=False)
    error: ProvisionerError | None = field(default=None, init=False)
    now: float = field(default=-inf, init=False)  # the load balancer's time, at most

    @abstractmethod
    def next_command(self) -> Command | None:
        """Return the command to run now, or None once the run has ended. Changes nothing."""

    def receive(self, answer: Any, now: float) -> None:
        """Take the answer to the command: an `ApiResponse` to a call, else what the command says,
        or the `Rejected` or `Retryable` that it ended with.

        `now` is an upper bound of the load balancer's time, in seconds since 1970.
        """
        self.now = now
        try:
            self._receive(answer)
        except (Rejected, Retryable) as error:
            self._fail(error)

    @abstractmethod
    def _receive(self, answer: Any) -> None:
        """Go to the next state. Raises the error with which the run ends."""

    @abstractmethod
    def _fail(self, error: ProvisionerError) -> None:
        """End the run with an error, now or after cleaning up."""

    def result(self) -> T:
        """Return the result of a run that has ended. Raise its error if it failed."""
        if self.error is not None:
            raise self.error
        assert self.done is not None
        return self.done
