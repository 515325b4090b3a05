"""Listeners and forwarding rules: a group that one refers to cannot be deleted, and a listener
checks the health of the backends that it sends traffic to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass
class Listener:
    port: int
    protocol: str
    vserver_group_id: str = ""
    is_running: bool = False  # doc: a new listener is stopped
    health_check: bool = True

    @property
    def status(self) -> str:
        return "running" if self.is_running else "stopped"

    @property
    def transport(self) -> str:
        """A port belongs to one listener over TCP and one over UDP."""
        return "udp" if self.protocol == "udp" else "tcp"

    @property
    def has_rules(self) -> bool:
        return self.protocol in ("http", "https")

    def listed(self) -> dict[str, Any]:
        return {"Port": self.port, "Protocol": self.protocol}

    def describe(self) -> dict[str, Any]:
        return {
            **self.listed(),
            "VServerGroupId": self.vserver_group_id,
            "Status": self.status,
            "HealthCheck": "on" if self.health_check else "off",
        }


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
