"""Drives several runs of a protocol at once, command by command, through every interleaving.

A run is a generator that yields `core.commands`, just as the service drives it; it is never told
it is explored. The world is a small model of the load balancer: groups, a clock that ticks, and
calls whose effect is still to come. At each state the explorer tries every next step:

  step      a run's command takes effect and is answered
  unheard   it takes effect, and the answer is lost (`Ambiguous`)
  lost      it never takes effect, and that is not told either
  late      it takes effect at some later moment, within `LATE`
  crash     the run ends before its command, and the event is delivered again
  strike    a late call takes effect now
  tick      time passes

Faults and ticks are bounded by a budget, so the search ends; states seen before are not searched
again. A generator cannot be copied: a run is brought to a state by replaying its answers, and what
it may still do is known by its frames (function, instruction, local variables), which is why the
protocol keeps no iterator alive across a `yield`.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any

from provisioner.core import backends, commands, naming
from provisioner.core.ensured import Ensured
from provisioner.core.errors import Ambiguous, Code, Rejected, Retryable
from provisioner.core.lease import LATE
from provisioner.core.model import Answer, Backend, OnExisting, VServerGroup

from .frames import frozen, position

Protocol = Callable[[], Generator[Any, Any, Ensured]]
TICKS = (10, 50)  # seconds: a renewal is due; every lease is over
OURS = naming.owner_tags("mark")
_AMBIGUOUS = Ambiguous("no answer")
_TOO_LATE = Retryable(Code.OUT_OF_TIME, "the claim is too old")


@dataclass(frozen=True)
class Group:
    id: str
    name: str
    backends: tuple[Backend, ...] = ()


@dataclass(frozen=True)
class Late:
    """A call whose effect is still to come, until the given time at the latest."""

    command: Any
    until: int


@dataclass(frozen=True)
class World:
    groups: tuple[Group, ...] = ()
    late: tuple[Late, ...] = ()
    time: int = 100000
    created: int = 0
    nonces: int = 0

    def after(self, command: Any) -> tuple[World, Any]:
        """The world once `command` has taken effect, and the answer's value."""
        match command:
            case commands.CreateGroup(name=name, backends=servers):
                made = Group(f"rsp-{self.created}", name, servers)
                return replace(self, groups=(*self.groups, made), created=self.created + 1), made.id
            case commands.RenameGroup(id=id_, name=name):
                return self._with(id_, name=name), None
            case commands.AddBackends(id=id_, backends=servers):
                group = self.group(id_)
                held = backends.distinct((*group.backends, *servers)) if group else ()
                return self._with(id_, backends=held), None
            case commands.RemoveBackends(id=id_, backends=servers):
                group, gone = self.group(id_), {backend.key for backend in servers}
                kept = tuple(b for b in group.backends if b.key not in gone) if group else ()
                return self._with(id_, backends=kept), None
            case commands.DeleteGroup(id=id_):
                return replace(self, groups=tuple(g for g in self.groups if g.id != id_)), None
        raise AssertionError(command)

    def group(self, id_: str) -> Group | None:
        return next((g for g in self.groups if g.id == id_), None)

    def _with(self, id_: str, **changes: Any) -> World:
        return replace(
            self, groups=tuple(replace(g, **changes) if g.id == id_ else g for g in self.groups)
        )


@dataclass(frozen=True)
class Budget:
    """How much may still go wrong, and how often time may pass."""

    crashes: int = 0
    ambiguous: int = 0
    ticks: int = 0


class Run:
    """A run that has been sent some answers: its next command, or what it ended with."""

    def __init__(self, start: Protocol, told: tuple[Any, ...] = ()) -> None:
        self.start, self.told = start, told
        self.command: Any = None
        self.result: Ensured | None = None
        self.error: Exception | None = None
        generator = start()
        try:
            self.command = next(generator)
            for value in told:
                throws = isinstance(value, Exception)
                self.command = (generator.throw if throws else generator.send)(value)
            self.position = repr((frozen(self.command), position(generator)))
            generator.close()
        except StopIteration as end:
            self.command, self.result = None, end.value
            self.position = repr(frozen(end.value))
        except (Rejected, Retryable) as error:
            self.command, self.error, self.position = None, error, error.code

    def sent(self, value: Any) -> Run:
        return Run(self.start, (*self.told, value))

    def crashed(self) -> Run:
        """The event is delivered again, to somebody who knows nothing."""
        return Run(self.start)


@dataclass(frozen=True)
class State:
    world: World
    runs: tuple[Run, ...]
    budget: Budget
    trace: tuple[str, ...] = ()


class Violation(AssertionError):
    def __init__(self, what: str, trace: tuple[str, ...]) -> None:
        super().__init__("\n".join((what, *trace)))
        self.trace = trace


@dataclass
class Found:
    states: int = 0
    ends: int = 0
    longest: int = 0


def explore(
    protocols: tuple[Protocol, ...],
    wanted: VServerGroup,
    budget: Budget,
    *,
    world: World | None = None,
    check: Callable[[State, VServerGroup], None] | None = None,
) -> Found:
    """Raises `Violation` with the trace that led there. `protocols[i]` starts run i afresh."""
    start = State(world or World(), tuple(map(Run, protocols)), budget)
    waiting, seen, found = deque([start]), set(), Found()
    while waiting:
        state = waiting.popleft()  # breadth first: the trace of a violation is a shortest one
        mark = _mark(state)
        if mark in seen:
            continue
        seen.add(mark)
        (check or _check)(state, wanted)
        following = list(_following(state))
        found.states += 1
        found.ends += all(run.command is None for run in state.runs)
        found.longest = max(found.longest, len(state.trace))
        waiting.extend(following)
    return found


def _mark(state: State) -> str:
    """Two states with the same mark have the same futures. Times count by their age, ids by the
    order in which they appear, nonces by their rank; a nonce that nothing bears counts for nothing;
    runs of one protocol are interchangeable."""
    world = frozen((state.world.groups, state.world.late))
    text = repr((world, state.budget, sorted(run.position for run in state.runs)))
    borne = sorted(set(_NONCE.findall(_SET.sub("", text))))
    text = _SET.sub(lambda m: str(sorted(set(_NONCE.findall(m[0])) & set(borne))), text)
    text = _NONCE.sub(lambda m: f"n{borne.index(m[0])}", text)
    ids: dict[str, str] = {}
    text = _ID.sub(lambda m: ids.setdefault(m[0], f"g{len(ids)}"), text)
    return _TIME.sub(lambda m: f"t{max(int(m[1]) - state.world.time, -_OLD)}", text)


_NONCE = re.compile(r"[0-9a-f]{16}(?![0-9a-f])")
_SET = re.compile(r"frozenset\((?:\{[^}]*\})?\)")
_ID = re.compile(r"rsp-\d+")
_TIME = re.compile(r"\b(1\d{5})(?:\.0)?\b")
_OLD = 60  # seconds: whatever is older than a lease is just old


def _check(state: State, wanted: VServerGroup) -> None:
    named = [g for g in state.world.groups if g.name == wanted.name]
    if len(named) > 1:
        raise Violation("two groups bear the wanted name", state.trace)
    for number, run in enumerate(state.runs):
        if run.error is not None:
            raise Violation(f"run {number} failed: {run.error}", state.trace)
        if run.result is None:
            continue
        if [g.id for g in named] != [run.result.group.id]:
            raise Violation(f"run {number} reported a group that is not there", state.trace)
        if backends.plan(named[0].backends, wanted.backends, OnExisting.EXTEND).add:
            raise Violation(f"run {number} reported backends that are not there", state.trace)


def _following(state: State) -> Iterator[State]:
    world, budget = state.world, state.budget
    for number, run in enumerate(state.runs):
        if isinstance(run.command, commands.Wait | commands.Nonce):
            # Neither sees the others nor is seen by them: their order is no choice.
            yield from _answers(state, number, run.command)
            return
    for number, run in enumerate(state.runs):
        if run.command is not None:
            yield from _steps(state, number, run.command)
    for late in world.late:
        rest = tuple(other for other in world.late if other is not late)
        struck, _ = replace(world, late=rest).after(late.command)
        yield replace(state, world=struck, trace=(*state.trace, f"strike {late.command}"))
    for seconds in TICKS if budget.ticks else ():
        # A call takes effect in time or never: what is too late by then is gone.
        now = world.time + seconds
        kept = tuple(late for late in world.late if now <= late.until)
        yield replace(
            state,
            world=replace(world, time=now, late=kept),
            budget=replace(budget, ticks=budget.ticks - 1),
            trace=(*state.trace, f"{seconds} s pass"),
        )


def _steps(state: State, number: int, command: Any) -> Iterator[State]:
    world, budget = state.world, state.budget
    yield from _answers(state, number, command)
    if budget.crashes:
        yield _told(state, number, None, budget=replace(budget, crashes=budget.crashes - 1))
    sent = world.time <= getattr(command, "before", world.time)
    if not (budget.ambiguous and sent and isinstance(command, commands.Write)):
        return
    less = replace(budget, ambiguous=budget.ambiguous - 1)
    unheard, _ = world.after(command)
    yield _told(state, number, _AMBIGUOUS, f"unheard {command}", world=unheard, budget=less)
    yield _told(state, number, _AMBIGUOUS, f"lost {command}", budget=less)
    late = replace(world, late=(*world.late, Late(command, world.time + int(LATE))))
    yield _told(state, number, _AMBIGUOUS, f"late {command}", world=late, budget=less)


def _answers(state: State, number: int, command: Any) -> Iterator[State]:
    world = state.world
    match command:
        case commands.Time():
            yield _told(state, number, float(world.time), "time")
        case commands.Wait():
            yield _told(state, number, None, "wait")
        case commands.Nonce():
            # A nonce is drawn by chance: below all others, or above them.
            drawn = replace(world, nonces=world.nonces + 1)
            for rank in (2**60 - drawn.nonces, 2**60 + drawn.nonces):
                yield _told(state, number, f"{rank:016x}", f"nonce {rank:x}", world=drawn)
        case commands.ListGroups():
            listed = tuple(VServerGroup("r", "lb", g.name, (), OURS, g.id) for g in world.groups)
            yield _told(state, number, _answer(world, listed), "list")
        case commands.ReadGroup(id=id_):
            group = world.group(id_)
            read = group and VServerGroup("r", "lb", group.name, group.backends, OURS, id_)
            yield _told(state, number, _answer(world, read), f"read {id_}")
        case (
            commands.AddBackends(before=before)
            | commands.RenameGroup(before=before)
            | commands.DeleteGroup(before=before)
        ) if world.time > before:
            yield _told(state, number, _TOO_LATE, f"not sent any more: {command}")
        case _:
            after, value = world.after(command)
            yield _told(state, number, _answer(after, value), f"{command}", world=after)


def _answer(world: World, value: Any) -> Answer[Any]:
    return Answer(value, float(world.time), "")


def _told(state: State, number: int, value: Any, what: str = "crash", **changes: Any) -> State:
    run = state.runs[number]
    runs = list(state.runs)
    runs[number] = run.crashed() if what == "crash" else run.sent(value)
    return replace(
        state, runs=tuple(runs), trace=(*state.trace, f"run {number}: {what}"), **changes
    )
