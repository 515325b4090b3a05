"""From any state, without further faults and with every run taking its turn: does every run end?

In a round each run runs its next call, in turn; a run that has to wait first waits, and time passes
once all had their turn. Late calls never take effect, or at their last moment. So the number of
rounds bounds the calls of each run. States that are alike have the same way to go, so a state that
was once seen to end need not be followed again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from provisioner.groups import commands
from provisioner.groups.lease import LONGEST_WAIT

from .explorer import State, answer, check, draw, give
from .trace import Step, Violation

MAX_CALLS = 60  # of one run, from any state to its end: what is promised


@dataclass
class LivenessCheck:
    """`most` is the largest number of calls that a run still needed, from any state followed."""

    most: int = 0
    _known: dict[tuple[bool, bytes], int] = field(default_factory=dict)

    def follow(self, state: State) -> None:
        for with_effect in (False, True) if state.world.late else (False,):
            self._follow(state, with_effect=with_effect)

    def _follow(self, state: State, *, with_effect: bool) -> None:
        if not with_effect:
            state = state._replace(world=state.world._replace(late=()))
        passed: list[tuple[bool, bytes]] = []
        begin = state
        while not state.has_ended:
            key = (with_effect, state.key(()))
            if key in self._known:
                break
            passed.append(key)
            if len(passed) > MAX_CALLS:
                raise _stuck(begin)
            state = run_round(state)
        left = 0 if state.has_ended else self._known[with_effect, state.key(())]
        for key in reversed(passed):
            left += 1
            self._known[key] = left
        if left > MAX_CALLS:
            raise _stuck(begin)
        self.most = max(self.most, left)


def _stuck(state: State) -> Violation:
    return Violation.at(f"no end within {MAX_CALLS} calls of each run", state.trace)


def run_round(state: State) -> State:
    has_waited = False
    for number, run in enumerate(state.runs):
        has_called = run.command is None
        while not has_called:
            command = state.runs[number].command
            has_called = not isinstance(command, commands.Wait | commands.DrawNonce)
            has_waited = has_waited or isinstance(command, commands.Wait)
            state = check(_run_command(state, number))
            has_called = has_called or state.runs[number].command is None
    return _advance(state, LONGEST_WAIT) if has_waited or state.world.late else state


def _run_command(state: State, number: int) -> State:
    command = state.runs[number].command
    if isinstance(command, commands.DrawNonce):
        highest = max((int(nonce, 16) for nonce in state.world.drawn), default=2**60)
        return draw(state, number, f"{highest + 1:016x}")
    world, reply = answer(state.world, command)
    return give(state, number, reply, "", world)


def _advance(state: State, seconds: float) -> State:
    """What is late takes effect at its last moment."""
    world, trace = state.world, state.trace
    for late in world.late:
        if late.until < world.time + seconds:
            world = world.take_effect(late)
            trace = Step(trace, None, "late", late.command)
    world = world.advance(seconds)
    return check(state._replace(world=world, trace=Step(trace, None, f"{seconds:g} s pass")))
