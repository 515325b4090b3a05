"""The lease of a claim: its times in seconds, and what a list says about the claims on a name.

A claim is stamped with a Date of the load balancer's API. Its owner renews it, and stops writing
in time: STOP_WRITING_AFTER + MAX_IN_FLIGHT < LEASE, so that every call of the owner has taken
effect, or never will, before another run may delete the claim.
"""

from __future__ import annotations

from contextlib import suppress

from provisioner.errors import ProvisionerError, Rejected, Retryable
from provisioner.model import VServerGroup

from . import naming
from .commands import DeleteGroup, Execute, ReadGroup, Wait

RENEW_AFTER = 10.0  # from this age on, the owner renews the claim before it writes
STOP_WRITING_AFTER = 20.0  # from this age on, the owner sends nothing about the claim
MAX_CALL_SECONDS = 8.0  # no call waits longer for its answer
MAX_IN_FLIGHT = 15.0  # so long after it was sent, a call has taken effect or never will
LEASE = 45.0  # from this age on, every run may delete the claim

SHORTEST_WAIT, LONGEST_WAIT = 0.25, 4.0


def find_claims(
    groups: tuple[VServerGroup, ...], wanted_name: str
) -> list[tuple[VServerGroup, naming.Claim]]:
    """Return the claims on the wanted name, whether they are live or expired."""
    return [(group, claim) for group, claim in list_claims(groups) if claim.is_for(wanted_name)]


def list_claims(groups: tuple[VServerGroup, ...]) -> list[tuple[VServerGroup, naming.Claim]]:
    """Return the claims on any name, whether they are live or expired."""
    claims = ((group, naming.parse_claim(group.name)) for group in groups)
    return [(group, claim) for group, claim in claims if claim is not None]


def is_expired(claim: naming.Claim, date: float) -> bool:
    """Tell whether a claim is expired at a Date of the load balancer."""
    return date > claim.stamped + LEASE


def delete_expired_claim(claim: VServerGroup, execute: Execute) -> bool:
    """Delete an expired claim, and return whether it is gone.

    A late commit may have given it the wanted name: it is read first, and then it is a claim no
    longer and is left alone.
    """
    if _is_still_claim(claim, execute):
        with suppress(Rejected, Retryable):  # reading again shows what came of it
            execute(DeleteGroup(claim.id, cleanup=True))
    return not _is_still_claim(claim, execute)


def _is_still_claim(claim: VServerGroup, execute: Execute) -> bool:
    group: VServerGroup | None = execute(ReadGroup(claim.id)).value
    return group is not None and group.name == claim.name


def backoff_seconds(failures: int) -> float:
    """Return the longest wait after so many failures in a row: it doubles up to LONGEST_WAIT."""
    return min(SHORTEST_WAIT * 2.0 ** min(failures, 16), LONGEST_WAIT)


def wait_to_retry(error: ProvisionerError | None, pause: float) -> Wait:
    """Return a wait for as long as the cloud asked, and at most `pause` seconds more."""
    asked = (error.retry_after or 0.0) if isinstance(error, Retryable) else 0.0
    return Wait(asked + pause, least=asked)
