"""The settings of a cloud: where a test wants it stricter, slower or less consistent.

A seed document holds them under `Settings`, and POST /_cloud/settings changes those that it names.
A new setting is a field here, a line in `change()` and `describe()`, and one in
settings.schema.json, which checks every document first.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass
class Duplicates:
    """Which deliveries happen twice: each n-th, or by a chance that replays with its seed."""

    every: int | None = None
    probability: float = 0.0
    seed: int = 0
    deliveries: int = 0

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)  # noqa: S311 - a replayable draw, not a secret

    def happens(self) -> bool:
        """Counts a delivery, and says whether it happens twice."""
        self.deliveries += 1
        if self.every is not None:
            return self.deliveries % self.every == 0
        return self._chance.random() < self.probability

    def describe(self) -> dict[str, Any]:
        if self.every is not None:
            return {"Every": self.every}
        return {"Probability": self.probability, "Seed": self.seed}


@dataclass
class ReadLag:
    """How long a write stays hidden from reads.

    `readers` is `all`, or `others`: then an access key sees its own writes at once.
    """

    seconds: float = 0.0
    readers: str = "all"

    def describe(self) -> dict[str, Any]:
        return {"Seconds": self.seconds, "Readers": self.readers}


@dataclass
class DateSkew:
    """By how many seconds the Date header of a service's answers is ahead of the cloud's clock.

    A list gives the answers of the service its values in turn.
    """

    seconds: dict[str, Sequence[float]] = field(default_factory=dict)
    answers: dict[str, int] = field(default_factory=dict)

    def next(self, service: str) -> float:
        values = self.seconds.get(service)
        if not values:
            return 0.0
        answer = self.answers.get(service, 0)
        self.answers[service] = answer + 1
        return values[answer % len(values)]

    def describe(self) -> dict[str, Any]:
        return {name: list(values) for name, values in self.seconds.items()}


@dataclass
class Settings:
    strict_instances: bool = False
    """A VServer group refuses a server that this world does not know."""
    processing_seconds: float = 0.0
    """How long a change of a VServer group blocks others of the group and its load balancer."""
    create_rate_limit: bool = False
    """CreateVServerGroup is throttled as documented."""
    vserver_group_quota: int | None = None
    """VServer groups of each load balancer that has no quota of its own. None: any number."""
    down_server_seconds: float = 0.0
    """How long Remove and Set refuse a server that was stopped or released."""
    health_check_seconds: float = 0.0
    """How long the first health check of a new backend takes."""
    read_lag: ReadLag = field(default_factory=ReadLag)
    date_skew: DateSkew = field(default_factory=DateSkew)
    duplicate_delivery: Duplicates = field(default_factory=Duplicates)

    def change(self, given: Mapping[str, Any]) -> None:
        """Takes the settings of a document that its schema has checked; the others stay."""
        self.strict_instances = given.get("StrictInstances", self.strict_instances)
        self.processing_seconds = given.get("ProcessingSeconds", self.processing_seconds)
        self.create_rate_limit = given.get("CreateRateLimit", self.create_rate_limit)
        self.vserver_group_quota = given.get("VServerGroupQuota", self.vserver_group_quota)
        self.down_server_seconds = given.get("DownServerSeconds", self.down_server_seconds)
        self.health_check_seconds = given.get("HealthCheckSeconds", self.health_check_seconds)
        if "ReadLag" in given:
            self.read_lag = ReadLag(**_lower(given["ReadLag"]))
        if "DateSkew" in given:
            self.date_skew = DateSkew(
                {
                    name: value if isinstance(value, list) else [value]
                    for name, value in given["DateSkew"].items()
                }
            )
        if "DuplicateDelivery" in given:
            self.duplicate_delivery = Duplicates(**_lower(given["DuplicateDelivery"]))

    def describe(self) -> dict[str, Any]:
        return {
            "StrictInstances": self.strict_instances,
            "ProcessingSeconds": self.processing_seconds,
            "CreateRateLimit": self.create_rate_limit,
            "VServerGroupQuota": self.vserver_group_quota,
            "DownServerSeconds": self.down_server_seconds,
            "HealthCheckSeconds": self.health_check_seconds,
            "ReadLag": self.read_lag.describe(),
            "DateSkew": self.date_skew.describe(),
            "DuplicateDelivery": self.duplicate_delivery.describe(),
        }


def _lower(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name.lower(): value for name, value in given.items()}
