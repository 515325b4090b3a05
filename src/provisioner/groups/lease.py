"""The lease on a claim: how long it lasts, how long its owner may speak of it, how long to wait.

HOLD + LATE < LEASE: what an owner sent at the last moment has taken effect before anybody else may
delete the claim.

What a run holds: its claim, kept by renewing it, and undone by deleting it.

The rules of the lease are told at the head of `ensure`. What a run holds is kept in `Own`, so that
whoever ends the run can undo it.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any

from provisioner.errors import Ambiguous, ConfigurationError, Rejected, Retryable
from provisioner.model import ApiResponse, DesiredGroup, VServerGroup

from . import naming
from .commands import Command, DeleteGroup, ReadGroup, RenameGroup, Time, Wait

RENEW_AFTER = 10.0  # seconds after its stamp, a claim is renewed
STOP_WRITING_AFTER = 20.0  # its owner sends nothing about it any more
MAX_CALL_SECONDS = 8.0  # no call hangs for longer
MAX_IN_FLIGHT = 15.0  # after it was sent, a call has taken effect or never will
LEASE = 45.0  # after its stamp, anybody may delete it
SHORTEST_WAIT, LONGEST_WAIT = 0.25, 4.0


def find_claims(
    groups: tuple[VServerGroup, ...], desired: DesiredGroup
) -> list[tuple[VServerGroup, naming.Claim]]:
    claims = ((group, naming.parse_claim(group.name)) for group in groups)
    return [(g, c) for g, c in claims if c is not None and c.is_for(desired.group.name)]


def is_expired(claim: naming.Claim, date: float) -> bool:
    return date > claim.stamped + LEASE


def backoff_seconds(failures: int) -> float:
    """Seconds to wait at most after so many failures in a row, doubling."""
    return min(SHORTEST_WAIT * 2.0 ** min(failures, 16), LONGEST_WAIT)


def wait_to_retry(error: Retryable, pause: float) -> Wait:
    """As long as the cloud asked, and the pause on top of it."""
    asked = error.retry_after or 0.0
    return Wait(asked + pause, least=asked)


Steps = Generator[Command, Any, Any]


@dataclass(frozen=True, slots=True)
class UnfinishedGroup:
    """A group of ours that is not finished. Without a claim it bears the wanted name already.

    `date` is the newest Date heard from the API: what a renewal is stamped with.
    """

    id: str
    claim: naming.Claim | None
    date: float

    @property
    def before(self) -> float:
        return self.claim.stamped + STOP_WRITING_AFTER if self.claim else inf


@dataclass(slots=True)
class RunState:
    """What one run knows to be its own doing. A claim whose commit was sent is not ours to delete:
    it may bear the wanted name by now. Nor is one under which something was sent about the group of
    the name and not answered: until its lease is over, that may still take effect. `seen` is the
    list that showed the claim alone. `beside` the group of the name, a claim is made to take that
    very group away."""

    nonces: set[str] = field(default_factory=set)
    committed: set[str] = field(default_factory=set)
    unfinished: UnfinishedGroup | None = None
    listed: tuple[VServerGroup, ...] = ()
    beside: bool = False

    def may_delete(self, claim: naming.Claim | None) -> bool:
        return claim is None or (claim.nonce in self.nonces and claim.nonce not in self.committed)


class ClaimLost(Exception):
    """Not an error: the claim is lost, look again."""


def renew_if_due(desired: DesiredGroup, own: RunState) -> Steps:
    """What is held, its claim renewed when that is due; given up when it is too late to."""
    held = own.unfinished
    assert held is not None
    if held.claim is None:
        return held
    now: float = yield Time()
    if now > held.before:
        raise ClaimLost
    if now < held.claim.stamped + RENEW_AFTER:
        return held
    if held.date < held.claim.stamped + RENEW_AFTER:
        yield from read_unfinished(own)
    heard = own.unfinished.date if own.unfinished else held.date
    claim = naming.make_claim(desired.group.name, heard, held.claim.nonce)
    try:
        renewed: ApiResponse[None] = yield RenameGroup(held.id, claim.name, held.before)
        own.unfinished = UnfinishedGroup(held.id, claim, renewed.date)
    except ConfigurationError:
        raise
    except Ambiguous:
        raise ClaimLost from None
    except Retryable:
        pass  # refused for the moment; the next step tries again, while the old stamp lasts
    return own.unfinished


def read_unfinished(own: RunState) -> Steps:
    """The unfinished group as it is; the Date of the answer is heard."""
    assert own.unfinished is not None
    read: ApiResponse[VServerGroup | None] = yield ReadGroup(own.unfinished.id)
    if read.value is None:
        raise ClaimLost
    own.unfinished = replace(own.unfinished, date=read.date)
    return read.value


def release(own: RunState) -> Steps:
    if own.unfinished is not None and own.may_delete(own.unfinished.claim):
        yield from _try_delete(own.unfinished.id)
    own.unfinished = None


def delete_expired_claim(group: VServerGroup) -> Steps:
    """Deletes a claim that nobody holds. It is read first: a late commit may have renamed it."""
    read: ApiResponse[VServerGroup | None] = yield ReadGroup(group.id)
    if read.value is not None and read.value.name == group.name:
        yield from _try_delete(group.id)


def _try_delete(group_id: str) -> Steps:
    """Tidying: what cannot be deleted now expires, and is deleted by whoever looks next."""
    try:
        yield DeleteGroup(group_id)
    except (Rejected, Retryable):
        return
