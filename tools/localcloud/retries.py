"""The two strategies by which MNS and EventBridge try again (doc)."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

BACKOFF, EXPONENTIAL = "BACKOFF_RETRY", "EXPONENTIAL_DECAY_RETRY"
STRATEGIES = (BACKOFF, EXPONENTIAL)


def pauses(strategy: str) -> Iterator[float]:
    """Seconds before each of the further tries."""
    if strategy == EXPONENTIAL:  # doc: 176 tries in about a day
        yield from (2.0**step for step in range(9))
        yield from [512.0] * 167
    else:
        yield from (random.uniform(10, 20) for _ in range(3))  # noqa: S311 - doc: jitter
