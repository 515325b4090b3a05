"""Listeners and forwarding rules, as far as they refer to VServer groups: what they are for here is
that a group in use cannot be deleted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Listener:
    port: int
    protocol: str
    vserver_group_id: str = ""

    def listed(self) -> dict[str, Any]:
        return {"Port": self.port, "Protocol": self.protocol}

    def describe(self) -> dict[str, Any]:
        return {**self.listed(), "VServerGroupId": self.vserver_group_id}


@dataclass(frozen=True)
class Rule:
    rule_id: str
    rule_name: str
    domain: str
    url: str
    vserver_group_id: str
    listener_port: int | None = None  # a seed need not say

    def listed(self) -> dict[str, Any]:
        return {
            "RuleId": self.rule_id,
            "RuleName": self.rule_name,
            "Domain": self.domain,
            "Url": self.url,
        }

    def describe(self) -> dict[str, Any]:
        return {**self.listed(), "VServerGroupId": self.vserver_group_id}
