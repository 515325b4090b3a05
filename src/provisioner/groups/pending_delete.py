"""Deleting a group that became empty, while others may be about to add to it.

There is no delete on condition, and an adopter may add between a look and a delete. So the group
loses its name first: it is parked under a pending name, looked at once more, and then deleted if it
is still empty, or else put back under its name.

  An adopter reads name and backends back after adding. What it reports stood there under the wanted
  name; if that was before the parking, the second look sees its backends; if not, it reports
  nothing and looks again.
  Parking, the second look and what follows are done by whoever holds the claim on the name, beside
  the group, and by nobody else. A rename is no test-and-set: two that park or put back one group at
  once overwrite each other, and one could delete what the other has just put back. The claim is
  what they cannot both hold, and its lease (`ensure`) outlasts whatever its owner sent.
  Who looks for the name and finds neither it nor a live claim claims it, as always, and settles
  what is parked before filling: a crash leaves nothing behind but a name to put back.
  After an ambiguous answer the claim is left to its lease and not deleted: until then the call may
  still take effect. Then look again.
"""

from __future__ import annotations

from dataclasses import replace

from provisioner.errors import IN_USE, Ambiguous, ConfigurationError, Fault, Rejected, Retryable
from provisioner.model import ApiResponse, DesiredGroup, VServerGroup

from . import naming
from .commands import DeleteGroup, ReadGroup, RenameGroup
from .lease import (
    LONGEST_WAIT,
    ClaimLost,
    RunState,
    Steps,
    UnfinishedGroup,
    renew_if_due,
    wait_to_retry,
)


def find_pending_delete(
    groups: tuple[VServerGroup, ...], desired: DesiredGroup
) -> VServerGroup | None:
    name = naming.pending_delete_name(desired.group.name)
    return next((group for group in groups if group.name == name), None)


def mark_pending_delete(desired: DesiredGroup, own: RunState, group_id: str) -> Steps:
    yield from _send(
        desired, own, RenameGroup(group_id, naming.pending_delete_name(desired.group.name), 0.0)
    )


def restore_or_delete(desired: DesiredGroup, own: RunState, group_id: str) -> Steps:
    """The second look at a parked group. True: it was put back; False: it is gone."""
    read: ApiResponse[VServerGroup | None] = yield ReadGroup(group_id)
    if read.value is None:
        return False
    if not read.value.backends and (yield from _try_delete(desired, own, group_id)):
        return False
    yield from _send(desired, own, RenameGroup(group_id, desired.group.name, 0.0))
    return True


def _try_delete(desired: DesiredGroup, own: RunState, group_id: str) -> Steps:
    """False: the load balancer refuses it; a listener may have come to refer to the group."""
    try:
        yield from _send(desired, own, DeleteGroup(group_id, 0.0))
    except ConfigurationError:
        return False  # without the permission to delete, the group must not stay parked
    except Retryable as error:
        if error.code not in IN_USE:
            raise
        return False
    except Rejected:
        return False
    return True


def _send(desired: DesiredGroup, own: RunState, command: RenameGroup | DeleteGroup) -> Steps:
    """Until it is answered, or refused for good, while the claim lasts."""
    while True:
        held: UnfinishedGroup = yield from renew_if_due(desired, own)
        assert held.claim is not None
        own.committed.add(held.claim.nonce)
        try:
            yield replace(command, before=held.before)
        except ConfigurationError:
            own.committed.discard(held.claim.nonce)
            raise
        except Ambiguous:
            raise ClaimLost from None
        except Retryable as error:
            own.committed.discard(held.claim.nonce)
            if error.code in IN_USE:
                raise
            yield wait_to_retry(error, LONGEST_WAIT)
        except Rejected as error:
            own.committed.discard(held.claim.nonce)
            if error.fault is Fault.NOT_FOUND:
                raise ClaimLost from None
            raise
        else:
            own.committed.discard(held.claim.nonce)
            return
