"""The lease on a claim: how long it lasts, how long its owner may speak of it, how long to wait.

HOLD + LATE < LEASE: what an owner sent at the last moment has taken effect before anybody else may
delete the claim.
"""

from __future__ import annotations

from . import naming
from .commands import Wait
from .errors import Retryable
from .model import Desired, VServerGroup

RENEW = 10.0  # seconds after its stamp, a claim is renewed
HOLD = 20.0  # its owner sends nothing about it any more
CALL = 8.0  # no call hangs for longer
LATE = 15.0  # after it was sent, a call has taken effect or never will
LEASE = 45.0  # after its stamp, anybody may delete it
SHORTEST_WAIT, LONGEST_WAIT = 0.25, 4.0


def claims_for(
    groups: tuple[VServerGroup, ...], desired: Desired
) -> list[tuple[VServerGroup, naming.Claim]]:
    claims = ((group, naming.read_claim(group.name)) for group in groups)
    return [(g, c) for g, c in claims if c is not None and c.is_for(desired.group.name)]


def expired(claim: naming.Claim, date: float) -> bool:
    return date > claim.stamped + LEASE


def pause_after(failures: int) -> float:
    """Seconds to wait at most after so many failures in a row, doubling."""
    return min(SHORTEST_WAIT * 2.0 ** min(failures, 16), LONGEST_WAIT)


def wait_after(error: Retryable, pause: float) -> Wait:
    """As long as the cloud asked, and the pause on top of it."""
    asked = error.retry_after or 0.0
    return Wait(asked + pause, least=asked)
