"""What a list of groups says about the wanted one, and what ensuring it comes to."""

from __future__ import annotations

from .errors import Code, Fault, Rejected
from .model import Desired, Plan, VServerGroup
from .values import dataclass, replace


@dataclass(frozen=True, slots=True)
class Ensured:
    """`plan.add` and `plan.reweigh` have been carried out; `group` holds what it now has."""

    group: VServerGroup
    created: bool
    plan: Plan


def the_one(groups: tuple[VServerGroup, ...], desired: Desired) -> VServerGroup | None:
    named = [group for group in groups if group.name == desired.group.name]
    if len(named) > 1:
        raise Rejected(
            Code.VSERVER_GROUP_NAME_NOT_UNIQUE,
            f"{len(named)} VServer groups bear this name ({', '.join(g.id for g in named)}); "
            "rename or delete all but one, or choose another VServerGroupName",
            path="/VServerGroupName",
            fault=Fault.CONFLICT,
        )
    return named[0] if named else None


def made(desired: Desired, group_id: str) -> Ensured:
    return Ensured(
        replace(desired.group, id=group_id), created=True, plan=Plan(desired.group.backends)
    )
