"""What is to be shown of the shipped protocol, and how each part of it is carried out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from unittest.mock import patch

from provisioner.groups import bisect_rejected, lease
from provisioner.groups import ensure as protocol
from provisioner.model import BACKENDS_PER_CALL

from .explorer import NOTHING_WRONG, Budget, Found, State, explore
from .fair import Fair
from .racers import WORLDS, Ensure, racers
from .sampler import Chances, Sample
from .teeth import STUCK, Tooth
from .trace import Violation
from .world import START


@dataclass(frozen=True)
class Exploration:
    """Racers by their kinds: "aab" are two deliveries of one event and one of another."""

    racers: str
    budget: Budget = NOTHING_WRONG
    world: str = "an empty load balancer"
    depth: int | None = None
    chunked: bool = False

    @property
    def title(self) -> str:
        about = [self.world] * (self.world != "an empty load balancer")
        about += ["one backend a call"] * self.chunked
        return ", ".join((f"{len(self.racers)} racers {self.racers}", *about))


@dataclass(frozen=True)
class Sampling:
    kinds: tuple[str, ...]
    number: int
    seed: str

    @property
    def title(self) -> str:
        return f"racers {' '.join(self.kinds)}, by chance, seed {self.seed}"


@contextmanager
def alike() -> Iterator[None]:
    """How long to wait is the driver's affair: one length keeps alike states alike."""
    patches = [patch.object(m, "SHORTEST_WAIT", lease.LONGEST_WAIT) for m in (protocol, lease)]
    with patches[0], patches[1]:
        yield


@contextmanager
def one_backend_a_call(*, wanted: bool = True) -> Iterator[None]:
    size = 1 if wanted else BACKENDS_PER_CALL
    with patch.object(bisect_rejected, "BACKENDS_PER_CALL", size):
        yield


def explored(what: Exploration, note: Callable[[Found], None] | None = None) -> tuple[Found, Fair]:
    """Every state within the budget, and from each of them the way to the end."""
    fair = Fair()

    def look(state: State, found: Found) -> None:
        if note is not None:
            note(found)
        fair.follow(state)

    with alike(), one_backend_a_call(wanted=what.chunked):
        runs = racers(what.racers, protocol.ensure, several=what.chunked)
        found = explore(runs, what.budget, world=WORLDS[what.world], depth=what.depth, look=look)
    return found, fair


def bitten(tooth: Tooth) -> Violation | None:
    """What two racers of a broken protocol come to, by a shortest way."""
    fair = Fair()

    def look(state: State, _: Found) -> None:
        if tooth.violation == STUCK:
            fair.follow(state)

    try:
        with alike(), tooth.broken() as ensure:
            runs = racers(tooth.racers, ensure)
            explore(runs, tooth.budget, world=WORLDS[tooth.world], look=look)
    except Violation as violation:
        return violation
    return None


def sampled_all(what: Sampling) -> int:
    """The most calls that a run needed."""
    most = 0
    with one_backend_a_call():
        for number in range(what.number):
            most = max(most, sample(what.kinds, f"{what.seed}/{number}").most)
    return most


def sample(kinds: Sequence[str], seed: str, ensure: Ensure = protocol.ensure) -> Sample:
    random = Random(seed)  # noqa: S311 - it is to be told again
    runs = racers(random.choice(kinds), ensure, several=True)
    world = random.choice(tuple(WORLDS.values()))
    one = Sample(runs, random, Chances(), world._replace(time=START + random.random()))
    one.run()
    return one
