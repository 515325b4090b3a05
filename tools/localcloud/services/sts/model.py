"""Roles that may be assumed: of this account, or of another one that has let this account in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

ARN = re.compile(r"acs:ram::([0-9]+):role/([A-Za-z0-9.-]{1,64})")


class Session(NamedTuple):
    role_arn: str
    name: str

    @property
    def arn(self) -> str:
        """As the journal knows the caller."""
        return f"{self.role_arn.replace(':role/', ':assumed-role/')}/{self.name}"


@dataclass(frozen=True)
class Role:
    arn: str
    trusted: tuple[str, ...]  # accounts

    @property
    def account(self) -> str:
        return self.arn.split(":")[3]
