"""What is to be shown of the shipped protocol, and how each part of it is carried out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from provisioner.groups.ensure import EnsureProtocol

from .explorer import NOTHING_WRONG, Budget, Progress, State, explore
from .liveness import LivenessCheck
from .mutants import STUCK, Mutant
from .racers import WORLDS, Ensure, build_racers
from .sampler import Chances, Sample
from .trace import Violation
from .world import START


@dataclass(frozen=True)
class Exploration:
    """Racers by their kinds: "aab" are two deliveries of one event and one of another."""

    racers: str
    budget: Budget = NOTHING_WRONG
    world: str = "an empty load balancer"
    depth: int | None = None
    one_backend_a_call: bool = False

    @property
    def title(self) -> str:
        about = [self.world] * (self.world != "an empty load balancer")
        about += ["one backend a call"] * self.one_backend_a_call
        return ", ".join((f"{len(self.racers)} racers {self.racers}", *about))


@dataclass(frozen=True)
class Sampling:
    kinds: tuple[str, ...]
    number: int
    seed: str

    @property
    def title(self) -> str:
        return f"racers {' '.join(self.kinds)}, at random, seed {self.seed}"


def run_exploration(
    what: Exploration, report: Callable[[Progress], None] | None = None
) -> tuple[Progress, LivenessCheck]:
    """Explore every state within the budget, and from each of them the way to the end."""
    liveness = LivenessCheck()

    def visit(state: State, progress: Progress) -> None:
        if report is not None:
            report(progress)
        liveness.follow(state)

    racers = build_racers(what.racers, several=what.one_backend_a_call)
    progress = explore(racers, what.budget, world=WORLDS[what.world], depth=what.depth, visit=visit)
    return progress, liveness


def find_violation(mutant: Mutant) -> Violation | None:
    """Return what two racers of a broken protocol come to, by a shortest way."""
    liveness = LivenessCheck()

    def visit(state: State, _: Progress) -> None:
        if mutant.violation == STUCK:
            liveness.follow(state)

    racers = build_racers(mutant.racers, ensure=mutant.ensure, deregister=mutant.deregister)
    try:
        explore(racers, mutant.budget, world=WORLDS[mutant.world], visit=visit)
    except Violation as violation:
        return violation
    return None


def run_sampling(what: Sampling) -> int:
    """Return the most calls that a run needed."""
    return max(run_sample(what.kinds, f"{what.seed}/{n}").most for n in range(what.number))


def run_sample(kinds: Sequence[str], seed: str, ensure: Ensure = EnsureProtocol) -> Sample:
    random = Random(seed)  # noqa: S311 - the same seed gives the same sample
    racers = build_racers(random.choice(kinds), ensure=ensure, several=True)
    world = random.choice(tuple(WORLDS.values()))
    sample = Sample(racers, random, Chances(), world._replace(time=START + random.random()))
    sample.run()
    return sample
