"""From any state, without further faults and with every run taking its turn: does it end?

In a round each run carries out its next call, in turn; whoever has to wait first waits, and time
passes once all had their turn. Late calls never take effect, or at their last moment. So the
number of rounds bounds the calls of each run. Alike states have the same way to go, hence a state
that was once seen to end need not be followed again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from provisioner.groups import commands
from provisioner.groups.lease import LONGEST_WAIT

from .explorer import State, answer, checked, tell
from .trace import Step, Violation
from .world import Heard

CALLS = 60  # of one run, from any state to its end: what is promised


@dataclass
class Fair:
    """`most` is the largest number of calls that a run still needed, from any state followed."""

    most: int = 0
    _known: dict[tuple[bool, bytes], int] = field(default_factory=dict)

    def follow(self, state: State) -> None:
        for strikes in (False, True) if state.world.late else (False,):
            self._rounds(state, strikes=strikes)

    def _rounds(self, state: State, *, strikes: bool) -> None:
        if not strikes:
            state = state._replace(world=state.world._replace(late=()))
        passed: list[tuple[bool, bytes]] = []
        begin = state
        while not state.over:
            marked = (strikes, state.mark(()))
            if marked in self._known:
                break
            passed.append(marked)
            if len(passed) > CALLS:
                raise _stuck(begin)
            state = round_(state)
        left = 0 if state.over else self._known[strikes, state.mark(())]
        for marked in reversed(passed):
            left += 1
            self._known[marked] = left
        if left > CALLS:
            raise _stuck(begin)
        self.most = max(self.most, left)


def _stuck(state: State) -> Violation:
    return Violation.of(f"no end within {CALLS} calls of each run", state.trace)


def round_(state: State) -> State:
    waited = False
    for number, run in enumerate(state.runs):
        called = run.command is None
        while not called:
            command = state.runs[number].command
            called = not isinstance(command, commands.Wait | commands.Time | commands.Nonce)
            waited = waited or isinstance(command, commands.Wait)
            state = _told(state, number)
            checked(state)
            called = called or state.runs[number].command is None
    return _passed(state, LONGEST_WAIT) if waited or state.world.late else state


def _told(state: State, number: int) -> State:
    command = state.runs[number].command
    if isinstance(command, commands.Nonce):
        nonce = f"{max((int(n, 16) for n in state.world.drawn), default=2**60) + 1:016x}"
        world = state.world._replace(drawn=(*state.world.drawn, nonce))
        return tell(state, number, Heard(nonce, nonce), f"draws {nonce}", world)
    world, heard = answer(state.world, command)
    return tell(state, number, heard, "", world)


def _passed(state: State, seconds: float) -> State:
    """What is late takes effect at its last moment."""
    world, trace = state.world, state.trace
    for late in world.late:
        if late.until < world.time + seconds:
            world = world.struck(late)
            trace = Step(trace, None, "strikes", late.command)
    world = world.passed(seconds)
    state = state._replace(world=world, trace=Step(trace, None, f"{seconds:g} s pass"))
    return checked(state)
