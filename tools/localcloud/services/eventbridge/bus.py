"""The default event bus: what is published goes to the function of every rule that matches it, one
object for each call (doc: a rule's mode is event-driven).
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from localcloud.clock import timestamp_ms
from localcloud.services.triggers.calling import deliver, move_to_dead_letter_queue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.cloud import Cloud
    from localcloud.services.triggers.model import Rule


class Bus:
    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def publish(self, event: Mapping[str, Any]) -> None:
        """The parts of the envelope that the event lacks are added."""
        envelope = {**self._envelope(), **event}
        for rule in self._cloud.world.triggers.rules():
            if rule.matches(envelope):
                self._cloud.work.start(self._hand_over(rule, envelope))

    def _envelope(self) -> dict[str, Any]:
        world, now = self._cloud.world, timestamp_ms(self._cloud.clock.now())
        return {  # doc
            "id": str(uuid.uuid4()),
            "specversion": "1.0",
            "datacontenttype": "application/json; charset=utf-8",
            "time": now,
            "aliyunaccountid": world.account,
            "aliyunpublishtime": now,
            "aliyuneventbusname": "default",
            "aliyunregionid": world.region,
        }

    async def _hand_over(self, rule: Rule, event: Mapping[str, Any]) -> None:
        content = event["data"] if rule.event_schema == "RawData" else event
        delivered = await deliver(self._cloud, rule, json.dumps(content).encode())
        if not delivered:
            move_to_dead_letter_queue(self._cloud, rule, [event])


class SilentBus(Bus):
    """Takes every event and calls nobody."""

    def publish(self, event: Mapping[str, Any]) -> None:
        pass
