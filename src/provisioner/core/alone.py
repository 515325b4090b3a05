"""Making a group without claims, for a caller that is alone on the load balancer (CLAIM=off).

The group bears the wanted name from the beginning. A crash leaves it half filled, and the next
delivery finishes it: it knows its own by the request's mark.
"""

from __future__ import annotations

from .commands import CreateGroup, ListGroups, Time, Wait
from .ensured import made, the_one
from .errors import Ambiguous, ConfigurationError, Rejected, Retryable
from .fill import fill
from .held import GivenUp, Held, Own, Steps, undo
from .lease import LATE, LONGEST_WAIT, wait_after
from .model import BACKENDS_PER_CALL, Answer, Desired, VServerGroup
from .sieve import Sieve, about_servers


def make_alone(desired: Desired, own: Own) -> Steps:
    """Without claims: created under the wanted name with the first backends, then filled."""
    group, sieve = desired.group, Sieve()
    first = group.backends[:BACKENDS_PER_CALL]
    try:
        try:
            created: Answer[str] = yield CreateGroup(group.name, group.tags, first)
        except Rejected as error:
            if not about_servers(error, desired):
                raise
            first = ()  # which of them are refused, filling finds out
            created = yield CreateGroup(group.name, group.tags)
    except Ambiguous:
        yield from _outlast_a_late_create(desired)
        return None
    except ConfigurationError:
        raise
    except Retryable as error:
        yield wait_after(error, LONGEST_WAIT)
        return None
    own.held = Held(created.value, None, created.date)
    try:
        yield from fill(desired, own, group.backends[len(first) :], sieve)
    except GivenUp:
        return None
    except Rejected:
        yield from undo(own)
        raise
    return sieve.told(made(desired, created.value))


def _outlast_a_late_create(desired: Desired) -> Steps:
    until = (yield Time()) + LATE
    while (yield Time()) <= until:
        listed: Answer[tuple[VServerGroup, ...]] = yield ListGroups()
        if the_one(listed.value, desired):
            return
        yield Wait(LONGEST_WAIT)
