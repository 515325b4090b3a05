"""What is to be shown of the shipped protocol, and how each part of it is carried out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from unittest.mock import patch

from provisioner.core import claim, lease, naming
from provisioner.core import ensure as protocol
from provisioner.core.model import BACKENDS_PER_CALL, Backend, Desired, OnExisting, VServerGroup

from .explorer import NOTHING_WRONG, Budget, Found, State, Violation, explore
from .fair import Fair
from .runs import Racer
from .sampler import Chances, Sample
from .teeth import STUCK, Ensure, Tooth
from .world import EMPTY, START, Group, World

NAME = "Group1"
_LEFT = naming.claim(NAME, START - 30, "8" * 16)
WORLDS = {
    "an empty load balancer": EMPTY,
    "the group is there": World((Group("rsp-0", NAME, (Backend("i-0000", 80),)),), created=1),
    "a crashed claim is there": World((Group("rsp-0", _LEFT.name),), created=1),
}


@dataclass(frozen=True)
class Exploration:
    """Racers by what they want: "aab" are two deliveries of one event and one of another."""

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
    racers: int
    number: int
    seed: str

    @property
    def title(self) -> str:
        return f"{self.racers} racers, by chance, seed {self.seed}"


def racers(kinds: str, ensure: Ensure, *, several: bool = False) -> Sequence[Racer]:
    known = {kind: racer(kind, ensure, several=several) for kind in sorted(set(kinds))}
    return [known[kind] for kind in kinds]


def racer(kind: str, ensure: Ensure, *, several: bool = False) -> Racer:
    ids = [f"i-{kind}{number}" for number in range(1 + several)]
    group = VServerGroup("cn-hangzhou", "lb-0001", NAME, tuple(Backend(i, 80) for i in ids))
    desired = Desired(group, OnExisting.EXTEND, f"event {kind}")
    return Racer(kind, lambda: ensure(desired), group)


@contextmanager
def alike() -> Iterator[None]:
    """How long to wait is the driver's affair: one length keeps alike states alike."""
    modules = (claim, lease, protocol)
    patches = [patch.object(m, "SHORTEST_WAIT", lease.LONGEST_WAIT) for m in modules]
    with patches[0], patches[1], patches[2]:
        yield


@contextmanager
def one_backend_a_call(*, wanted: bool = True) -> Iterator[None]:
    size = 1 if wanted else BACKENDS_PER_CALL
    with (
        patch.object(claim, "BACKENDS_PER_CALL", size),
        patch.object(protocol, "BACKENDS_PER_CALL", size),
    ):
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
            explore(racers("aa", ensure), tooth.budget, look=look)
    except Violation as violation:
        return violation
    return None


def sampled_all(what: Sampling) -> int:
    """The most calls that a run needed."""
    most = 0
    with one_backend_a_call():
        for number in range(what.number):
            most = max(most, sample(what.racers, f"{what.seed}/{number}").most)
    return most


def sample(number: int, seed: str, ensure: Ensure = protocol.ensure) -> Sample:
    random = Random(seed)  # noqa: S311 - it is to be told again
    kinds = random.choice(("aaaa", "aaab", "aabb", "abcd"))[-number:]
    world = random.choice(tuple(WORLDS.values()))
    one = Sample(
        racers(kinds, ensure, several=True),
        random,
        Chances(),
        world._replace(time=START + random.random()),
    )
    one.run()
    return one
