"""Runs the protocol by chance, from a seed, where trying everything would never end.

Here time is continuous. Deliveries begin one after another; a call is sent, takes effect and is
answered at three moments; a Date drops the fraction of its second, and `Time` is ahead by as much
as the driver's is; waits have jitter. Faults, crashes and invocations that run out of time come by
chance and are followed by redelivery, until so many have happened; from then on every run has to
end within `CALLS` calls.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from math import inf
from random import Random
from typing import Any

from provisioner.errors import Code, ProvisionerError, Rejected, Retryable
from provisioner.groups import commands
from provisioner.groups.lease import MAX_CALL_SECONDS, MAX_IN_FLIGHT

from .promises import check, check_end, still_changing
from .runs import Racer
from .trace import Step, Violation
from .world import AMBIGUOUS, BUSY, EMPTY, REFUSED, TOO_LATE, World

CALLS = 80  # of one run, once nothing more goes wrong
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
    steps: Generator[Any, Any, Any]
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
            self._at(self.random.choice((0.0, 0.5, 10.0, 60.0)) * self.random.random(), number)

    def run(self) -> None:
        """Raises `Violation`. Ends when every run has, and nothing is late any more."""
        while self._agenda:
            time, _, act = heappop(self._agenda)
            self.world = self.world._replace(time=time)
            act()
            check(self.world, self.deliveries, self.trace)
        check_end(self.world, self.deliveries, self.trace)

    def _at(self, seconds: float, number: int) -> None:
        self._after(seconds, lambda: self._delivered(number))

    def _after(self, seconds: float, act: Callable[[], None]) -> None:
        heappush(self._agenda, (self.world.time + seconds, next(self._order), act))

    def _delivered(self, number: int) -> None:
        racer = self.racers[number]
        calls = self.deliveries[number].calls
        deadline = self.world.time + INVOCATION if self._left else inf
        self.deliveries[number] = Delivery(racer, racer.start(), deadline, calls)
        self._tell(number, None)

    def _tell(self, number: int, heard: Any) -> None:
        run = self.deliveries[number]
        thrown = isinstance(heard, ProvisionerError)
        try:
            run.command = (run.steps.throw if thrown else run.steps.send)(heard)
        except StopIteration as end:
            run.command, run.result = None, end.value
        except Retryable as error:
            if error.code == Code.STILL_CHANGING and not still_changing(error, self.racers):
                run.command, run.error = None, error
            else:
                self._again(number, "ends, and is delivered again")
        except Rejected as error:
            run.command, run.error = None, error
        else:
            self._next(number, run)

    def _again(self, number: int, what: str) -> None:
        self.deliveries[number].command = None
        self.trace = Step(self.trace, number, what)
        self._at(self.random.choice((0.0, 1.0, 30.0)), number)

    def _next(self, number: int, run: Delivery) -> None:
        random, command, now = self.random, run.command, self.world.time
        match command:
            case commands.Nonce():
                self._heard(number, f"{random.getrandbits(64):016x}")
            case commands.Time():
                self._heard(number, now + random.random())
            case commands.Wait(seconds=seconds, whole=whole):
                out = now + seconds >= run.deadline
                pause = 0.0 if out else random.uniform(seconds if whole else seconds / 2, seconds)
                self._after(pause, lambda: self._heard(number, BUSY.value if out else None))
            case _ if now >= run.deadline and not isinstance(command, commands.DeleteGroup):
                self._heard(number, BUSY.value)
            case _ if not self.world.sendable(command):
                self._heard(number, TOO_LATE)
            case _:
                self._send(number, run)

    def _heard(self, number: int, heard: Any) -> None:
        self.trace = Step(self.trace, number, "", self.deliveries[number].command, heard)
        self._tell(number, heard)

    def _send(self, number: int, run: Delivery) -> None:
        run.calls = run.calls + 1 if not self._left else 0
        self.most = max(self.most, run.calls)
        if run.calls > CALLS:
            raise Violation.of(f"run {number} made {CALLS} calls and did not end", self.trace)
        if self._left and self.random.random() < self.chances.fault:
            self._left -= 1
            self._fail(number, run)
        else:
            self._after(self._delay(), lambda: self._effect(number))

    def _delay(self) -> float:
        """Half of what an answered call takes at most: there, and back."""
        return self.random.choice((0.01, 0.2, MAX_CALL_SECONDS / 2)) * self.random.random()

    def _effect(self, number: int) -> None:
        self.world, heard = self.world.call(self.deliveries[number].command)
        self._after(self._delay(), lambda: self._heard(number, heard.value))

    def _fail(self, number: int, run: Delivery) -> None:
        write = isinstance(run.command, commands.Write)
        kinds = ["crash", "timeout"] + ["late", "lost", "busy"] * write
        kinds += ["refused"] * isinstance(run.command, commands.AddBackends)
        kind, command = self.random.choice(kinds), run.command
        if kind in ("late", "crash") and write and self.random.random() < 0.8:
            self._after(MAX_IN_FLIGHT * self.random.random(), lambda: self._strike(command))
        if kind == "crash":
            self._again(number, "crashes, and is delivered again")
        elif kind == "timeout":
            run.deadline = self.world.time
            self._heard(number, BUSY.value)
        else:
            self._told_failure(number, kind)

    def _told_failure(self, number: int, kind: str) -> None:
        error = {"busy": BUSY, "refused": REFUSED}.get(kind, AMBIGUOUS).value
        command = self.deliveries[number].command

        def hear() -> None:
            self.trace = Step(self.trace, number, kind, command, error)
            self._tell(number, error)

        self._after(MAX_CALL_SECONDS * self.random.random(), hear)

    def _strike(self, command: Any) -> None:
        self.trace = Step(self.trace, None, "strikes", command)
        self.world, _ = self.world.call(command)
