"""Making a group without claims, for a caller that is alone on the load balancer (CLAIM=off).

The group bears the wanted name from the beginning. A crash leaves it half filled, and the next
delivery finishes it: it knows its own by the request's mark.
"""

from __future__ import annotations

from .claim import GivenUp, Held, Own, Steps, fill, undo
from .commands import CreateGroup, ListGroups, Time, Wait
from .ensured import made, the_one
from .errors import Ambiguous, Rejected
from .lease import LATE, LONGEST_WAIT
from .model import BACKENDS_PER_CALL, Answer, Desired, VServerGroup


def make_alone(desired: Desired, own: Own) -> Steps:
    """Without claims: created under the wanted name with the first backends, then filled."""
    wanted = desired.group.backends
    try:
        created: Answer[str] = yield CreateGroup(
            desired.group.name, desired.group.tags, wanted[:BACKENDS_PER_CALL]
        )
    except Ambiguous:
        yield from _outlast_a_late_create(desired)
        return None
    own.held = Held(created.value, None, created.date)
    try:
        yield from fill(desired, own, wanted[BACKENDS_PER_CALL:])
    except GivenUp:
        return None
    except Rejected:
        yield from undo(own)
        raise
    return made(desired, created.value)


def _outlast_a_late_create(desired: Desired) -> Steps:
    until = (yield Time()) + LATE
    while (yield Time()) <= until:
        listed: Answer[tuple[VServerGroup, ...]] = yield ListGroups()
        if the_one(listed.value, desired):
            return
        yield Wait(LONGEST_WAIT)
