"""Which groups are ours, which of them are in use, and which a request may change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from provisioner.errors import Code, Fault, Rejected
from provisioner.model import DesiredGroup, EnsureResult, VServerGroup

from . import naming


def require_changeable(
    desired: DesiredGroup, listed: VServerGroup, result: EnsureResult
) -> EnsureResult:
    """Return the result of assessing a group that stands.

    Raises `Rejected` if the group would be changed, and it is neither ours nor one that the
    deployment lets requests change.
    """
    is_ours = naming.is_owned(listed) or naming.is_owned(result.group)
    if result.plan.is_empty or is_ours or desired.may_change_foreign:
        return result
    raise Rejected(
        Code.VSERVER_GROUP_FOREIGN,
        f"VServer group {listed.id} was created by somebody else, and no binding names it; choose "
        "another VServerGroupName, or set MERGE_FOREIGN to on",
        path="/VServerGroupName",
        fault=Fault.CONFLICT,
    )


def list_others_in_use(listed: Sequence[VServerGroup], desired: DesiredGroup) -> tuple[str, ...]:
    """Return the ids of the other groups of ours that a listener or a rule refers to."""
    others = (group for group in listed if group.name != desired.group.name)
    return tuple(group.id for group in others if group.in_use and naming.is_owned(group))


def add_references(
    result: EnsureResult, listed: VServerGroup | None, others_in_use: tuple[str, ...]
) -> EnsureResult:
    """Return the result with what the list said about listeners and rules."""
    in_use = listed is not None and listed.in_use
    group = replace(result.group, in_use=in_use)
    return replace(result, group=group, others_in_use=others_in_use)
