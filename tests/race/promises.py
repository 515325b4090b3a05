"""What must hold in every state, and what must hold once all have come to their end.

A group stands for a name under that name, or parked: on its way to being deleted or put back. What
a run reported must hold from then on; of servers that another run comes with or takes out, nobody
can report anything that lasts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from provisioner.errors import Code, ProvisionerError
from provisioner.groups import naming
from provisioner.model import EnsureResult, RemovalResult

from .runs import Racer
from .trace import Step, Violation
from .world import REFUSED, Group, World


class Ran(Protocol):
    """What a promise is about: who ran, and what became of it so far."""

    @property
    def racer(self) -> Racer: ...
    @property
    def result(self) -> Any: ...
    @property
    def error(self) -> ProvisionerError | None: ...


def check(world: World, runs: Sequence[Ran], trace: Step | None) -> None:
    leaving = frozenset[str]().union(*(run.racer.leaving for run in runs))
    coming = frozenset(b.server_id for run in runs for b in run.racer.wanted.backends)
    for number, run in enumerate(runs):
        standing = _standing(world, run)
        if len(standing) > 1:
            raise Violation.of("two groups stand for the wanted name", trace)
        if run.error is not None and run.error is not REFUSED.value:
            raise Violation.of(f"run {number} failed: {run.error}", trace)
        if isinstance(run.result, RemovalResult):
            wrong = _not_gone(world, run.racer.leaving - coming)
        elif run.result is not None:
            wrong = _not_there(world, standing, run, leaving)
        else:
            wrong = ""
        if wrong:
            raise Violation.of(f"run {number} reported {wrong}", trace)


def check_end(world: World, runs: Sequence[Ran], trace: Step | None) -> None:
    """All have ended, and nothing is late any more."""
    for run in runs:
        for group in _standing(world, run):
            if group.name != run.racer.wanted.name:
                raise Violation.of("all have ended, and the group is without its name", trace)
            emptied = isinstance(run.result, RemovalResult) and not group.in_use
            if emptied and not group.backends:
                raise Violation.of("all have ended, and the empty group is left", trace)


def contested(racers: Iterable[Racer]) -> bool:
    """Some servers both come and leave: a run may find that its group keeps changing."""
    several = list(racers)
    coming = {b.server_id for racer in several for b in racer.wanted.backends}
    return any(coming & racer.leaving for racer in several)


def still_changing(error: ProvisionerError | None, racers: Iterable[Racer]) -> bool:
    """An error that is no run's fault: the event is delivered again."""
    return error is not None and error.code == Code.STILL_CHANGING and contested(racers)


def _standing(world: World, run: Ran) -> list[Group]:
    wanted = run.racer.wanted.name
    return [
        group
        for group in world.groups
        if group.name in (wanted, naming.pending_delete_name(wanted))
    ]


def _not_gone(world: World, gone: frozenset[str]) -> str:
    done = (group for group in world.groups if not naming.parse_claim(group.name))
    there = any(b.server_id in gone for group in done for b in group.backends)
    return "a server gone that is there" if there else ""


def _not_there(world: World, standing: list[Group], run: Ran, leaving: frozenset[str]) -> str:
    done: EnsureResult = run.result
    out = {left.backend.server_id for left in done.plan.rejected}
    if out != {b.server_id for b in run.racer.wanted.backends} & {*world.refuses}:
        return "other servers refused than those that are"
    lasting = {b.key for b in run.racer.wanted.backends if b.server_id not in leaving | out}
    if not lasting:
        return ""
    if [group.id for group in standing] != [done.group.id]:
        return "a group that is not there"
    missing = lasting - {b.key for b in standing[0].backends}
    return "backends that are not there" if missing else ""
