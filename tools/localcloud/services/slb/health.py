"""The health of backends, as a listener's health check finds it.

A backend is `normal`, unless one of these says otherwise, the first before the last: its listener
is stopped or checks nothing (`unavailable`), the control endpoint set its health, its server is
down (`abnormal`), its first check is not completed yet (doc: `unavailable`; settings:
HealthCheckSeconds).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.services.ecs.model import Compute
    from localcloud.services.slb.backends import Backend
    from localcloud.services.slb.groups import VServerGroup
    from localcloud.services.slb.listeners import Listener
    from localcloud.settings import Settings

NORMAL, ABNORMAL, UNAVAILABLE = "normal", "abnormal", "unavailable"  # doc


@dataclass(frozen=True)
class HealthRule:
    """What the control endpoint said of a server: SetBackendHealth."""

    server_id: str
    status: str
    since: float
    port: int | None = None  # None: every port
    load_balancer_id: str | None = None  # None: every load balancer
    seconds: float | None = None  # then the rule ends; None: never
    flap_seconds: float | None = None  # the status alternates with `normal` at this pace

    def matches(self, group: VServerGroup, backend: Backend, now: float) -> bool:
        return (
            self.server_id == backend.server_id
            and self.port in (None, backend.port)
            and self.load_balancer_id in (None, group.load_balancer.load_balancer_id)
            and (self.seconds is None or now < self.since + self.seconds)
        )

    def status_at(self, now: float) -> str:
        if self.flap_seconds is None or int((now - self.since) // self.flap_seconds) % 2 == 0:
            return self.status
        return NORMAL

    def describe(self) -> dict[str, Any]:
        return {
            "ServerId": self.server_id,
            "Port": self.port,
            "LoadBalancerId": self.load_balancer_id,
            "ServerHealthStatus": self.status,
            "ForSeconds": self.seconds,
            "FlapSeconds": self.flap_seconds,
        }


@dataclass
class Health:
    settings: Settings
    compute: Compute
    rules: list[HealthRule] = field(default_factory=list)  # the newest first

    def set(self, given: Mapping[str, Any], now: float) -> HealthRule:
        """Adds the rule of a document that its schema has checked. It takes the place of the rules
        for the same server, port and load balancer."""
        rule = HealthRule(
            server_id=given["ServerId"],
            status=given.get("ServerHealthStatus", ABNORMAL),
            since=now,
            port=given.get("Port"),
            load_balancer_id=given.get("LoadBalancerId"),
            seconds=given.get("ForSeconds"),
            flap_seconds=given.get("FlapSeconds"),
        )
        subject = (rule.server_id, rule.port, rule.load_balancer_id)
        others = [
            item
            for item in self.rules
            if (item.server_id, item.port, item.load_balancer_id) != subject
        ]
        self.rules = [rule, *others]
        return rule

    def status(self, listener: Listener, group: VServerGroup, backend: Backend, now: float) -> str:
        if not listener.is_running or not listener.health_check:
            return UNAVAILABLE
        for rule in self.rules:
            if rule.matches(group, backend, now):
                return rule.status_at(now)
        if self.compute.is_down(backend.server_id):
            return ABNORMAL
        added = group.added.get(backend.key, now)
        if now < added + self.settings.health_check_seconds:
            return UNAVAILABLE
        return NORMAL
