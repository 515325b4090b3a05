"""Timer trigger (doc).

    {"triggerTime": "2026-01-01T00:00:00Z", "triggerName": "t1", "payload": "text"}

Nothing is done on a schedule yet.
"""

from __future__ import annotations

from typing import Any

from provisioner.core.errors import Skip

from .envelope import Delivery


def read(value: dict[str, Any], _: Delivery) -> Skip | None:
    if not value.keys() >= {"triggerTime", "triggerName"}:
        return None
    return Skip("a timer's tick: nothing is done on a schedule")
