"""Roles of a seed document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localcloud.documents import Problem, pointer
from localcloud.services.sts.model import ARN, Role

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from localcloud.cloud import World


def plant(world: World, document: Mapping[str, Any]) -> Iterator[Problem]:
    """What is there already with the same trust is left as it is."""
    for index, row in enumerate(document.get("Roles", [])):
        path = pointer("Roles", index, "RoleArn")
        role = Role(row["RoleArn"], tuple(row.get("TrustedAccounts", [world.account])))
        if ARN.fullmatch(role.arn) is None:
            yield Problem(path, "is no acs:ram::{account}:role/{name}")
        elif world.ram_roles.setdefault(role.arn, role) != role:
            yield Problem(path, f"{role.arn} exists already, otherwise")
