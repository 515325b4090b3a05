"""Drives several runs of a protocol at once, command by command, through every interleaving.

A run is a generator that yields `core.commands`, just as the service drives it; it is never told
it is explored. The world is a small model of the load balancer (`world`). At each state the
explorer tries every next step:

  call      a run's command takes effect and is answered
  unheard   it takes effect, and the answer is lost (`Ambiguous`)
  late      it may take effect at some later moment within `LATE`, or never; neither is told
  busy      it is refused for the moment (`Retryable`)
  refused   it is refused for good (`Rejected`)
  crash     the run ends before its command, and the event is delivered again
  strike    a late call takes effect now
  tick      time passes

Faults and ticks are bounded by a budget, so the search ends; states seen before are not searched
again. Breadth first: the trace of a violation is a shortest one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

from provisioner.groups import commands
from provisioner.groups.lease import MAX_IN_FLIGHT

from .marks import borne, mark
from .promises import check, check_end, still_changing
from .runs import Racer, Run
from .trace import Step
from .world import AMBIGUOUS, BUSY, EMPTY, REFUSED, UNSENT, Heard, World

TICKS = (10, 25, 50)  # seconds: a renewal is due; its owner is silent; every lease is over
_NOTHING = Heard(None, None)


class Budget(NamedTuple):
    """How much may still go wrong, and how often time may pass."""

    crashes: int = 0
    ambiguous: int = 0
    busy: int = 0
    refused: int = 0
    ticks: int = 0

    def less(self, what: str) -> Budget:
        return self._replace(**{what: getattr(self, what) - 1})


NOTHING_WRONG = Budget()


class State(NamedTuple):
    world: World
    runs: tuple[Run, ...]
    budget: Budget
    trace: Step | None = None

    @property
    def over(self) -> bool:
        return all(run.command is None for run in self.runs)

    def mark(self, budget: Sequence[int]) -> bytes:
        world = self.world
        runs = [run.shape for run in self.runs]
        runs += [late.shape for late in world.late]
        return mark([group.shape for group in world.groups], runs, world.time, budget)


@dataclass
class Found:
    states: int = 0
    ends: int = 0
    depth: int = 0
    whole: bool = True  # nothing was left unexplored at the depth asked for


Look = Callable[[State, Found], None]


def explore(
    racers: Sequence[Racer],
    budget: Budget,
    *,
    world: World = EMPTY,
    depth: int | None = None,
    look: Look | None = None,
) -> Found:
    """Raises `Violation` with the trace that led there. `look` sees each new state once."""
    start = State(world, tuple(racer.begun() for racer in racers), budget)
    layer, seen, found = deque([start]), {start.mark(budget)}, Found()
    while layer:
        if depth == found.depth:
            found.whole = False
            break
        found.depth += 1
        following: deque[State] = deque()
        while layer:
            state = layer.popleft()
            found.states += 1
            found.ends += state.over
            if look is not None:
                look(state, found)
            for after in _following(state):
                marked = after.mark(after.budget)
                if marked not in seen:
                    seen.add(marked)
                    checked(after)
                    following.append(after)
        layer = following
    return found


def checked(state: State) -> State:
    check(state.world, state.runs, state.trace)
    if state.over and not state.world.late:
        check_end(state.world, state.runs, state.trace)
    return state


def _following(state: State) -> Iterator[State]:
    for number, run in enumerate(state.runs):
        if isinstance(run.command, commands.Wait | commands.Nonce) or (
            isinstance(run.command, commands.Time) and not state.budget.ticks
        ):
            # It neither sees the others nor is seen by them: its order is no choice.
            yield from _calls(state, number)
            return
    for number, run in enumerate(state.runs):
        if run.command is not None:
            yield from _calls(state, number)
            yield from _faults(state, number)
    for late in state.world.late:
        step = Step(state.trace, None, "strikes", late.command)
        yield state._replace(world=state.world.struck(late), trace=step)
    if state.budget.ticks:
        for seconds in TICKS:
            step = Step(state.trace, None, f"{seconds} s pass")
            yield state._replace(
                world=state.world.passed(seconds), budget=state.budget.less("ticks"), trace=step
            )


def _calls(state: State, number: int) -> Iterator[State]:
    command = state.runs[number].command
    if isinstance(command, commands.Nonce):
        for nonce in _drawn(state):
            world = state.world._replace(drawn=(*state.world.drawn, nonce))
            yield tell(state, number, Heard(nonce, nonce), f"draws {nonce}", world)
    else:
        world, heard = answer(state.world, command)
        yield tell(state, number, heard, "", world)


def answer(world: World, command: Any) -> tuple[World, Heard]:
    """Of everything but a nonce."""
    match command:
        case commands.Time():
            return world, Heard(float(world.time), world.time)
        case commands.Wait():
            return world, _NOTHING
        case _ if not world.sendable(command):
            return world, UNSENT
        case _:
            return world.call(command)


def _faults(state: State, number: int) -> Iterator[State]:
    world, budget, command = state.world, state.budget, state.runs[number].command
    if budget.crashes:
        yield crashed(state._replace(budget=budget.less("crashes")), number)
    if not isinstance(command, commands.Write) or not world.sendable(command):
        return
    if budget.ambiguous:
        less = state._replace(budget=budget.less("ambiguous"))
        yield tell(less, number, AMBIGUOUS, "unheard", world.call(command)[0])
        later = world.later(command, world.time + MAX_IN_FLIGHT)
        yield tell(less, number, AMBIGUOUS, "late", later)
    if budget.busy:
        yield tell(state._replace(budget=budget.less("busy")), number, BUSY, "busy", world)
    if budget.refused and isinstance(command, commands.AddBackends):
        less = state._replace(budget=budget.less("refused"))
        yield tell(less, number, REFUSED, "refused", world)


def crashed(state: State, number: int) -> State:
    """The event is delivered again, to somebody who knows nothing."""
    step = Step(state.trace, number, "crashes, and is delivered again")
    return _at(state, number, state.runs[number].racer.begun(), step)


def tell(state: State, number: int, heard: Heard, what: str, world: World) -> State:
    run = state.runs[number]
    step = Step(state.trace, number, what, run.command, heard.value)
    after = run.heard(heard)
    racers = (other.racer for other in state.runs)
    if after.error is BUSY.value or still_changing(after.error, racers):
        after = run.racer.begun()  # raised to the platform, which delivers again
    return _at(state._replace(world=world), number, after, step)


def _at(state: State, number: int, run: Run, step: Step) -> State:
    runs = (*state.runs[:number], run, *state.runs[number + 1 :])
    return state._replace(runs=runs, trace=step)


def _drawn(state: State) -> Iterator[str]:
    """A nonce is drawn by chance: one for each place among those that somebody bears."""
    world = state.world
    shapes = [group.shape for group in world.groups] + [late.shape for late in world.late]
    shapes += [run.shape for run in state.runs]
    bounds = [0, *(int(nonce, 16) for nonce in borne(shapes)), 2**64 - 1]
    for low, high in pairwise(bounds):
        taken = [int(nonce, 16) for nonce in world.drawn]
        above = min([high, *(nonce for nonce in taken if low < nonce)])
        yield f"{(low + above) // 2:016x}"
