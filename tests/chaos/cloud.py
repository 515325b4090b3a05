"""The control endpoint of the cloud that a campaign runs on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from worlds import LocalCloud


@dataclass
class Cloud(LocalCloud):
    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = self._send("GET", "state")
        return found

    def scale(self, scaling_group: str, adjustment: int) -> str:
        """Answers the ScalingActivityId. Raises HTTPError."""
        order = {"ScalingGroupId": scaling_group, "Adjustment": adjustment}
        return str(self._send("POST", "scale", order)["ScalingActivityId"])

    def plant(self, document: dict[str, Any]) -> None:
        self._send("POST", "seed", document)

    def break_by(self, rules: list[dict[str, Any]]) -> None:
        self._send("POST", "faults", rules)

    def repair(self) -> list[int]:
        """Take all rules away. Returns how often each struck, in the order in which they came."""
        struck = [rule["fired"] for rule in self.state()["Faults"]]
        self._send("DELETE", "faults")
        return struck

    def bodies(self, queue: str) -> list[str]:
        queues = self.state()["Queues"]
        (found,) = (each for each in queues if each["QueueName"] == queue)
        return [message["MessageBody"] for message in found["Messages"]]
