"""Runs the protocol at random, from a seed, where trying everything would never end.

Here time is continuous. Deliveries begin one after another; a call is sent, takes effect and is
answered at three moments; a Date drops the fraction of its second, and the time that a run is given
is ahead by as much as the executor's is; waits have jitter. Faults, crashes and invocations that
run out of time come at random and are followed by redelivery, until so many have happened; from
then on every run has to end within MAX_CALLS calls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from math import inf
from random import Random
from typing import Any

from provisioner.errors import Code, ProvisionerError, Retryable
from provisioner.groups import commands
from provisioner.groups.lease import MAX_CALL_SECONDS, MAX_IN_FLIGHT

from .invariants import check_end, check_state, is_contested
from .runs import Racer
from .trace import Step, Violation
from .world import AMBIGUOUS, BUSY, EMPTY, REFUSED, TOO_LATE, World

MAX_CALLS = 80  # of one run, once nothing more goes wrong
INVOCATION = 60.0  # seconds that one delivery has


@dataclass(frozen=True)
class Chances:
    """`faults` are shared by all runs of a sample; `fault` is the chance of each call."""

    faults: int = 6
    fault: float = 0.15


@dataclass
class Delivery:
    """A run that is under way."""

    racer: Racer
    protocol: commands.Protocol[Any]
    deadline: float
    calls: int = 0
    command: Any = None
    result: Any = None
    error: ProvisionerError | None = None


@dataclass
class Sample:
    racers: Sequence[Racer]
    random: Random
    chances: Chances
    world: World = EMPTY
    trace: Step | None = None
    deliveries: list[Delivery] = field(default_factory=list)
    most: int = 0

    def __post_init__(self) -> None:
        self._left = self.chances.faults
        self._order = count()
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        for number, racer in enumerate(self.racers):
            self.deliveries.append(Delivery(racer, racer.start(), inf))
            start = self.random.choice((0.0, 0.5, 10.0, 60.0)) * self.random.random()
            self._deliver_after(start, number)

    def run(self) -> None:
        """End when every run has ended and no call is late any more. Raises `Violation`."""
        while self._agenda:
            time, _, act = heappop(self._agenda)
            self.world = self.world._replace(time=time)
            act()
            check_state(self.world, self.deliveries, self.trace)
        check_end(self.world, self.deliveries, self.trace)

    def _deliver_after(self, seconds: float, number: int) -> None:
        self._act_after(seconds, lambda: self._deliver(number))

    def _act_after(self, seconds: float, act: Callable[[], None]) -> None:
        heappush(self._agenda, (self.world.time + seconds, next(self._order), act))

    def _deliver(self, number: int) -> None:
        racer = self.racers[number]
        calls = self.deliveries[number].calls
        deadline = self.world.time + INVOCATION if self._left else inf
        self.deliveries[number] = Delivery(racer, racer.start(), deadline, calls)
        self._go_on(number)

    def _go_on(self, number: int) -> None:
        run = self.deliveries[number]
        run.command, error = run.protocol.next_command(), run.protocol.error
        if run.command is not None:
            self._start(number, run)
        elif isinstance(error, Retryable) and (
            error.code != Code.STILL_CHANGING or is_contested(self.racers)
        ):
            self._redeliver(number, "ends, and is delivered again")
        else:
            run.result, run.error = run.protocol.done, error

    def _redeliver(self, number: int, what: str) -> None:
        self.deliveries[number].command = None
        self.trace = Step(self.trace, number, what)
        self._deliver_after(self.random.choice((0.0, 1.0, 30.0)), number)

    def _start(self, number: int, run: Delivery) -> None:
        random, command, now = self.random, run.command, self.world.time
        match command:
            case commands.DrawNonce():
                self._give(number, f"{random.getrandbits(64):016x}")
            case commands.Wait(seconds=seconds):
                is_over = now + seconds >= run.deadline
                pause = 0.0 if is_over else random.uniform(seconds / 2, seconds)
                self._act_after(pause, lambda: self._give(number, BUSY.value if is_over else None))
            case _ if now >= run.deadline and not getattr(command, "cleanup", False):
                self._give(number, BUSY.value)
            case _ if not self.world.may_send(command):
                self._give(number, TOO_LATE)
            case _:
                self._send(number, run)

    def _give(self, number: int, answer: Any, what: str = "") -> None:
        run = self.deliveries[number]
        self.trace = Step(self.trace, number, what, run.command, answer)
        run.protocol.receive(answer, self.world.time + self.random.random())
        self._go_on(number)

    def _send(self, number: int, run: Delivery) -> None:
        run.calls = run.calls + 1 if not self._left else 0
        self.most = max(self.most, run.calls)
        if run.calls > MAX_CALLS:
            raise Violation.at(f"run {number} made {MAX_CALLS} calls and did not end", self.trace)
        if self._left and self.random.random() < self.chances.fault:
            self._left -= 1
            self._fail(number, run)
        else:
            self._act_after(self._delay(), lambda: self._take_effect(number))

    def _delay(self) -> float:
        """Half of what an answered call takes at most: there, and back."""
        return self.random.choice((0.01, 0.2, MAX_CALL_SECONDS / 2)) * self.random.random()

    def _take_effect(self, number: int) -> None:
        self.world, reply = self.world.call(self.deliveries[number].command)
        self._act_after(self._delay(), lambda: self._give(number, reply.value))

    def _fail(self, number: int, run: Delivery) -> None:
        write = isinstance(run.command, commands.Write)
        kinds = ["crash", "timeout"] + ["late", "lost", "busy"] * write
        kinds += ["refused"] * isinstance(run.command, commands.AddBackends)
        kind, command = self.random.choice(kinds), run.command
        if kind in ("late", "crash") and write and self.random.random() < 0.8:
            after = MAX_IN_FLIGHT * self.random.random()
            self._act_after(after, lambda: self._take_effect_late(command))
        if kind == "crash":
            self._redeliver(number, "crashes, and is delivered again")
        elif kind == "timeout":
            run.deadline = self.world.time
            self._give(number, BUSY.value)
        else:
            error = {"busy": BUSY, "refused": REFUSED}.get(kind, AMBIGUOUS).value
            after = MAX_CALL_SECONDS * self.random.random()
            self._act_after(after, lambda: self._give(number, error, kind))

    def _take_effect_late(self, command: Any) -> None:
        self.trace = Step(self.trace, None, "late", command)
        self.world, _ = self.world.call(command)
