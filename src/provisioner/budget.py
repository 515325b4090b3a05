"""How the time of one invocation is divided, and how much of it there must be.

Work on load balancers comes first; then there is time to undo, to publish and to answer; the last
moment is the platform's. A delivery that meets the claim of one that crashed has to outlast it in
one invocation (`core.lease`), or every redelivery would begin to wait anew.
"""

from __future__ import annotations

from math import ceil

from .core.errors import Problem
from .core.lease import CALL, LEASE

# Seconds of the function's time, and the share of it that a short one keeps instead.
MARGIN = 6.0  # to undo, to publish and to answer
MARGIN_SHARE = 0.25
PLATFORM_MARGIN = 0.5  # to hand the answer over
PLATFORM_SHARE = 0.1

# A claim, the longest that the call which finds it expired may hang, and the margins.
SHORTEST_TIMEOUT = ceil(LEASE + CALL + MARGIN + PLATFORM_MARGIN)


def whole(timeout: float) -> float:
    """Seconds until everything has to be said."""
    return timeout - min(PLATFORM_MARGIN, timeout * PLATFORM_SHARE)


def work(timeout: float) -> float:
    """Seconds for the work on load balancers."""
    return whole(timeout) - min(MARGIN, timeout * MARGIN_SHARE)


def problems(timeout: float, *, claiming: bool) -> list[Problem]:
    """What is wrong with the timeout, in seconds, of a function."""
    if not claiming or timeout >= SHORTEST_TIMEOUT:
        return []
    remedy = (
        f"is {timeout:g} s, which does not outlast the claim of a delivery that crashed: set the "
        f"function's timeout to at least {SHORTEST_TIMEOUT} s, or CLAIM=off with a reserved "
        "concurrency of 1"
    )
    return [Problem("Timeout", remedy)]
