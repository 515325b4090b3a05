"""Drives several runs of a protocol at once, command by command, through every interleaving.

A run is a protocol object of `provisioner.groups`, and the explorer asks it for commands and gives
it answers as `executor` does. The world is a small model of the load balancer (`world`). At each
state the explorer tries every next step:

  call       a run's command takes effect and is answered
  no answer  it takes effect, and the answer is lost (`Ambiguous`)
  late       it may take effect at some later moment within MAX_IN_FLIGHT, or never; no answer comes
  busy       it is refused for the moment (`Retryable`)
  refused    it is refused for good (`Rejected`)
  crash      the run ends before its command, and the event is delivered again
  effect     a late call takes effect now
  tick       time passes

Faults and ticks are bounded by a budget, so the search ends; a state that was seen before is not
searched again. The search is breadth first: the trace of a violation is a shortest one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

from provisioner.groups import commands
from provisioner.groups.lease import MAX_IN_FLIGHT

from .canonical import canonical_key, visible_nonces
from .invariants import check_end, check_state, is_delivered_again
from .runs import Racer, Run
from .trace import Step
from .world import AMBIGUOUS, BUSY, EMPTY, REFUSED, UNSENT, Reply, World

TICKS = (10, 25, 50)  # seconds: a renewal is due; its owner is silent; every lease is over
_NOTHING = Reply(None, None)


class Budget(NamedTuple):
    """How much may still go wrong, and how often time may pass."""

    crashes: int = 0
    ambiguous: int = 0
    busy: int = 0
    refused: int = 0
    ticks: int = 0

    def spend(self, what: str) -> Budget:
        return self._replace(**{what: getattr(self, what) - 1})


NOTHING_WRONG = Budget()


class State(NamedTuple):
    world: World
    runs: tuple[Run, ...]
    budget: Budget
    trace: Step | None = None

    @property
    def has_ended(self) -> bool:
        return all(run.command is None for run in self.runs)

    def key(self, budget: Sequence[int]) -> bytes:
        world = self.world
        shapes = [run.shape for run in self.runs]
        shapes += [late.shape for late in world.late]
        return canonical_key([group.shape for group in world.groups], shapes, world.time, budget)


@dataclass
class Progress:
    """`ends` counts states in which all runs have ended. `is_whole` says that nothing was left
    unexplored at the depth asked for."""

    states: int = 0
    ends: int = 0
    depth: int = 0
    is_whole: bool = True


Visitor = Callable[[State, Progress], None]


def explore(
    racers: Sequence[Racer],
    budget: Budget,
    *,
    world: World = EMPTY,
    depth: int | None = None,
    visit: Visitor | None = None,
) -> Progress:
    """Explore every state. `visit` sees each once. Raises `Violation` with the trace to it."""
    start = State(world, tuple(racer.first_run() for racer in racers), budget)
    layer, seen, progress = deque([start]), {start.key(budget)}, Progress()
    while layer:
        if depth == progress.depth:
            progress.is_whole = False
            break
        progress.depth += 1
        next_layer: deque[State] = deque()
        while layer:
            state = layer.popleft()
            progress.states += 1
            progress.ends += state.has_ended
            if visit is not None:
                visit(state, progress)
            for after in _next_states(state):
                key = after.key(after.budget)
                if key not in seen:
                    seen.add(key)
                    check(after)
                    next_layer.append(after)
        layer = next_layer
    return progress


def check(state: State) -> State:
    check_state(state.world, state.runs, state.trace)
    if state.has_ended and not state.world.late:
        check_end(state.world, state.runs, state.trace)
    return state


def _next_states(state: State) -> Iterator[State]:
    for number, run in enumerate(state.runs):
        if isinstance(run.command, commands.DrawNonce) or (
            isinstance(run.command, commands.Wait) and not state.budget.ticks
        ):
            # Neither the world nor the other runs see it: its order is no choice. A wait reads the
            # time when it ends, so its order matters while time may pass.
            yield from _run_command(state, number)
            return
    for number, run in enumerate(state.runs):
        if run.command is not None:
            yield from _run_command(state, number)
            yield from _fail_command(state, number)
    for late in state.world.late:
        step = Step(state.trace, None, "late", late.command)
        yield state._replace(world=state.world.take_effect(late), trace=step)
    if state.budget.ticks:
        for seconds in TICKS:
            step = Step(state.trace, None, f"{seconds} s pass")
            budget = state.budget.spend("ticks")
            yield state._replace(world=state.world.advance(seconds), budget=budget, trace=step)


def _run_command(state: State, number: int) -> Iterator[State]:
    command = state.runs[number].command
    if isinstance(command, commands.DrawNonce):
        for nonce in _possible_nonces(state):
            yield draw(state, number, nonce)
    else:
        world, reply = answer(state.world, command)
        yield give(state, number, reply, "", world)


def answer(world: World, command: Any) -> tuple[World, Reply]:
    """Answer every command but DrawNonce."""
    match command:
        case commands.Wait():
            return world, _NOTHING
        case _ if not world.may_send(command):
            return world, UNSENT
        case _:
            return world.call(command)


def draw(state: State, number: int, nonce: str) -> State:
    world = state.world._replace(drawn=(*state.world.drawn, nonce))
    return give(state, number, Reply(nonce, nonce), f"draws {nonce}", world)


def _fail_command(state: State, number: int) -> Iterator[State]:
    world, budget, command = state.world, state.budget, state.runs[number].command
    if budget.crashes:
        yield _crash(state._replace(budget=budget.spend("crashes")), number)
    if not isinstance(command, commands.Write) or not world.may_send(command):
        return
    if budget.ambiguous:
        less = state._replace(budget=budget.spend("ambiguous"))
        yield give(less, number, AMBIGUOUS, "no answer", world.call(command)[0])
        later = world.delay(command, world.time + MAX_IN_FLIGHT)
        yield give(less, number, AMBIGUOUS, "late", later)
    if budget.busy:
        yield give(state._replace(budget=budget.spend("busy")), number, BUSY, "busy", world)
    if budget.refused and isinstance(command, commands.AddBackends):
        less = state._replace(budget=budget.spend("refused"))
        yield give(less, number, REFUSED, "refused", world)


def _crash(state: State, number: int) -> State:
    """The event is delivered again, to a run that knows nothing."""
    step = Step(state.trace, number, "crashes, and is delivered again")
    return _replace_run(state, number, state.runs[number].racer.first_run(), step)


def give(state: State, number: int, reply: Reply, what: str, world: World) -> State:
    """Give a run the reply to its command."""
    run = state.runs[number]
    step = Step(state.trace, number, what, run.command, reply.value)
    after = run.receive(reply, world.time)
    racers = (other.racer for other in state.runs)
    if after.error is BUSY.value or is_delivered_again(after.error, racers):
        after = run.racer.first_run()  # raised to the platform, which delivers again
    return _replace_run(state._replace(world=world), number, after, step)


def _replace_run(state: State, number: int, run: Run, step: Step) -> State:
    runs = (*state.runs[:number], run, *state.runs[number + 1 :])
    return state._replace(runs=runs, trace=step)


def _possible_nonces(state: State) -> Iterator[str]:
    """A nonce is random: one for each place among those that can be seen."""
    world = state.world
    shapes = [group.shape for group in world.groups] + [late.shape for late in world.late]
    shapes += [run.shape for run in state.runs]
    bounds = [0, *(int(nonce, 16) for nonce in visible_nonces(shapes)), 2**64 - 1]
    for low, high in pairwise(bounds):
        taken = [int(nonce, 16) for nonce in world.drawn]
        above = min([high, *(nonce for nonce in taken if low < nonce)])
        yield f"{(low + above) // 2:016x}"
