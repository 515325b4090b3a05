"""How strict the cloud is, where the cloud it stands for is stricter than most tests want.

They are part of the settings (settings.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass
class Strictness:
    strict_instances: bool = False
    """A VServer group refuses a server that this world never heard of."""
    processing_seconds: float = 0.0
    """How long a change of a VServer group keeps others off it and off its load balancer."""
    create_rate_limit: bool = False
    """CreateVServerGroup is throttled as documented."""

    def change(self, given: Mapping[str, Any]) -> None:
        """Those given; the document's schema has checked them."""
        self.strict_instances = given.get("StrictInstances", self.strict_instances)
        self.processing_seconds = given.get("ProcessingSeconds", self.processing_seconds)
        self.create_rate_limit = given.get("CreateRateLimit", self.create_rate_limit)

    def describe(self) -> dict[str, Any]:
        return {
            "StrictInstances": self.strict_instances,
            "ProcessingSeconds": self.processing_seconds,
            "CreateRateLimit": self.create_rate_limit,
        }
