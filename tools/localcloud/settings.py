"""How the cloud behaves, where a test may want it otherwise. A seed document has it under
`Settings`, and POST /_cloud/settings changes what it names. A new setting is a line here and one in
settings.schema.json.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.strictness import Strictness


@dataclass
class Duplicates:
    """Which deliveries happen twice: each n-th, or by a chance that replays with its seed."""

    every: int | None = None
    probability: float = 0.0
    seed: int = 0
    deliveries: int = 0

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)  # noqa: S311 - a replayable draw, not a secret

    def strikes(self) -> bool:
        self.deliveries += 1
        if self.every is not None:
            return self.deliveries % self.every == 0
        return self._chance.random() < self.probability

    def describe(self) -> dict[str, Any]:
        if self.every is not None:
            return {"Every": self.every}
        return {"Probability": self.probability, "Seed": self.seed}


@dataclass
class Settings:
    strictness: Strictness
    duplicate_delivery: Duplicates = field(default_factory=Duplicates)

    def change(self, given: Mapping[str, Any]) -> None:
        """Those given; the document's schema has checked them."""
        self.strictness.change(given)
        if "DuplicateDelivery" in given:
            rule = {name.lower(): value for name, value in given["DuplicateDelivery"].items()}
            self.duplicate_delivery = Duplicates(**rule)

    def describe(self) -> dict[str, Any]:
        duplicates = self.duplicate_delivery.describe()
        return {**self.strictness.describe(), "DuplicateDelivery": duplicates}
