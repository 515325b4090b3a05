"""What must hold in every state, and what must hold once all runs have ended.

What a run reported must hold from then on. About servers that another run brings or takes out,
nobody can report anything that lasts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from provisioner.errors import Code, ProvisionerError, Retryable
from provisioner.groups import naming
from provisioner.model import EnsureResult, RemovalResult

from .runs import Racer
from .trace import Step, Violation
from .world import OVER_QUOTA, REFUSED, Group, World


class HasRun(Protocol):
    """Who ran, and what came of it so far."""

    @property
    def racer(self) -> Racer: ...
    @property
    def result(self) -> Any: ...
    @property
    def error(self) -> ProvisionerError | None: ...


def check_state(world: World, runs: Sequence[HasRun], trace: Step | None) -> None:
    leaving = frozenset[str]().union(*(run.racer.leaving for run in runs))
    coming = frozenset(b.server_id for run in runs for b in run.racer.wanted.backends)
    for number, run in enumerate(runs):
        named = _named(world, run)
        if len(named) > 1:
            raise Violation.at("two groups bear the wanted name", trace)
        if run.error is not None and run.error is not REFUSED.value:
            raise Violation.at(f"run {number} failed: {run.error}", trace)
        if isinstance(run.result, RemovalResult):
            wrong = _find_not_kept(world, run) or _find_not_gone(
                world, run.racer.leaving - coming - {*world.stopped}
            )
        elif run.result is not None:
            wrong = _find_not_there(world, named, run, leaving)
        else:
            wrong = ""
        if wrong:
            raise Violation.at(f"run {number} reported {wrong}", trace)


def check_end(world: World, runs: Sequence[HasRun], trace: Step | None) -> None:
    """All have ended, and no call is late any more."""
    for run in runs:
        if run.racer.deletes_empty and run.result is not None:
            left = [g for g in _named(world, run) if not (g.backends or g.in_use)]
            if left:
                raise Violation.at("all have ended, and the empty group is left", trace)


def is_contested(racers: Iterable[Racer]) -> bool:
    """Some servers both come and leave: a run may find that its group keeps changing."""
    several = list(racers)
    coming = {b.server_id for racer in several for b in racer.wanted.backends}
    return any(coming & racer.leaving for racer in several)


def is_delivered_again(error: ProvisionerError | None, racers: Iterable[Racer]) -> bool:
    """Tell whether an error is no run's fault: something keeps changing, or a quota is used up."""
    if not isinstance(error, Retryable):
        return False
    is_changing = error.code == Code.STILL_CHANGING and is_contested(racers)
    return is_changing or error.code == OVER_QUOTA.code


def _named(world: World, run: HasRun) -> list[Group]:
    return [group for group in world.groups if group.name == run.racer.wanted.name]


def _find_not_kept(world: World, run: HasRun) -> str:
    """A run leaves the stopped servers in their groups, and no other."""
    removed: RemovalResult = run.result
    kept = {each.backend.server_id for group in removed.groups for each in group.rejected}
    if kept == run.racer.leaving & {*world.stopped}:
        return ""
    return "other servers kept than those that are refused"


def _find_not_gone(world: World, gone: frozenset[str]) -> str:
    groups = (group for group in world.groups if not naming.parse_claim(group.name))
    there = any(b.server_id in gone for group in groups for b in group.backends)
    return "a server gone that is there" if there else ""


def _find_not_there(world: World, named: list[Group], run: HasRun, leaving: frozenset[str]) -> str:
    done: EnsureResult = run.result
    out = {left.backend.server_id for left in done.plan.rejected}
    if out != {b.server_id for b in run.racer.wanted.backends} & {*world.refuses}:
        return "other servers refused than those that are"
    lasting = {b.key for b in run.racer.wanted.backends if b.server_id not in leaving | out}
    if not lasting:
        return ""
    if [group.id for group in named] != [done.group.id]:
        return "a group that is not there"
    missing = lasting - {b.key for b in named[0].backends}
    return "backends that are not there" if missing else ""
