"""Set weights again that were lowered to 0 for a removal, where the servers stay after all.

A backend that is gone meanwhile, or that has another weight than 0, is left as it is: somebody else
removed it or set its weight. A refusal is narrowed by halving to the backends that it is about. The
run never fails: it returns the backends that could not be restored.

The states. "wait READ" means WAIT, then READ.

  state  command     the answer, and the state that follows
  READ   ReadGroup   something is to be set: SET; else the next group
  SET    SetWeights  the next call, then the next group; busy, or no answer: wait READ, a few times;
                     refused: the halves, and a single backend is not restored

Any other error, and a wait for which there is no time, gives the group at work up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any

from provisioner.errors import ConfigurationError, ProvisionerError, Rejected, Retryable
from provisioner.model import BACKENDS_PER_CALL, Backend, VServerGroup

from .bisect_rejected import Chunks, split_into_chunks
from .commands import Command, Protocol, ReadGroup, SetWeights, Wait
from .lease import backoff_seconds, wait_to_retry

_MAX_WAITS = 4  # for one group


class State(Enum):
    """The command that the run waits for; the head of the module has the table."""

    READ = auto()
    SET = auto()
    WAIT = auto()
    ENDED = auto()


@dataclass(eq=False)
class RestoreWeightsProtocol(Protocol[tuple[Backend, ...]]):
    """One run on one load balancer. `todo` are the groups with the backends as they were before;
    the result is what could not be restored."""

    todo: tuple[VServerGroup, ...]
    backends_per_call: int = BACKENDS_PER_CALL

    state: State = State.READ
    wait: Wait | None = None
    waits: int = 0  # for the group at work
    chunks: Chunks = ()  # what is still to be set in it
    not_restored: tuple[Backend, ...] = ()

    def __post_init__(self) -> None:
        self._start_group()

    def next_command(self) -> Command | None:
        match self.state:
            case State.READ:
                return ReadGroup(self.todo[0].id)
            case State.SET:
                return SetWeights(self.todo[0].id, self.chunks[0])
            case State.WAIT:
                return self.wait
        return None

    def _receive(self, answer: Any) -> None:
        match self.state:
            case State.SET:
                self._on_set(answer)
            case State.READ if not isinstance(answer, ProvisionerError):
                self._on_read(answer.value)
            case State.WAIT if not isinstance(answer, ProvisionerError):
                self.state = State.READ
            case _:
                self._give_up(self.todo[0].backends)

    def _on_read(self, group: VServerGroup | None) -> None:
        lowered = {b.key for b in (group.backends if group else ()) if b.weight == 0}
        backends = tuple(b for b in self.todo[0].backends if b.key in lowered)
        self.chunks = split_into_chunks(backends, self.backends_per_call)
        self._go_on()

    def _on_set(self, answer: Any) -> None:
        match answer:
            case ConfigurationError():
                self._give_up([backend for chunk in self.chunks for backend in chunk])
            case Retryable() if self.waits < _MAX_WAITS:
                self.waits += 1
                self.wait = wait_to_retry(answer, backoff_seconds(self.waits))
                self.state = State.WAIT
            case Retryable():
                self._give_up([backend for chunk in self.chunks for backend in chunk])
            case Rejected() if len(self.chunks[0]) > 1:
                first, rest = self.chunks[0], self.chunks[1:]
                middle = len(first) // 2
                self.chunks = (first[:middle], first[middle:], *rest)
            case Rejected():
                self.not_restored += self.chunks[0]
                self.chunks = self.chunks[1:]
                self._go_on()
            case _:
                self.chunks = self.chunks[1:]
                self._go_on()

    def _go_on(self) -> None:
        self.state = State.SET
        if not self.chunks:
            self._finish_group()

    def _give_up(self, backends: Sequence[Backend]) -> None:
        self.not_restored += tuple(backends)
        self._finish_group()

    def _finish_group(self) -> None:
        self.todo = self.todo[1:]
        self._start_group()

    def _start_group(self) -> None:
        self.waits, self.state = 0, State.READ
        if not self.todo:
            self.done, self.state = self.not_restored, State.ENDED

    def _fail(self, error: ProvisionerError) -> None:
        self.error, self.state = error, State.ENDED


def select_backends(
    groups: Sequence[VServerGroup], server_ids: frozenset[str]
) -> tuple[VServerGroup, ...]:
    """Return the groups with only those of their backends that are of these servers."""
    return tuple(
        replace(group, backends=tuple(b for b in group.backends if b.server_id in server_ids))
        for group in groups
    )
