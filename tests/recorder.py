"""What calls functions, up to the call itself: a recorder stands where Function Compute would."""

from __future__ import annotations

import json
import queue
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from functions import PATIENCE, until
from localcloud.wire.errors import ApiError

REGION, ACCOUNT = "cn-hangzhou", "1000000000000001"
TOPIC, QUEUE, DEAD = "scaling-events", "provision-requests", "provision-results-inbox"


@dataclass
class Ended:
    error_type: str
    body: bytes = b""
    request_id: str = "r"
    log: bytes = b""


@dataclass
class Recorder:
    """Function Compute, as far as triggers know it; `failing` says how many more calls fail."""

    calls: queue.Queue[tuple[str, bytes]] = field(default_factory=queue.Queue)
    failing: int = 0
    breaking: int = 0  # how many more calls end as no call should

    def enqueue(self, function: str, payload: bytes) -> str:
        self.calls.put((function, payload))
        if self._fails():
            raise ApiError(HTTPStatus.TOO_MANY_REQUESTS, "ResourceExhausted", "Later.")
        return "r"

    async def invoke(self, function: str, payload: bytes) -> Ended:
        self.calls.put((function, payload))
        return Ended("UnhandledInvocationError" if self._fails() else "")

    def abandon(self) -> None:
        """Nothing runs here."""

    def _fails(self) -> bool:
        self.breaking -= 1
        if self.breaking >= 0:
            raise RuntimeError("unforeseen")
        self.failing -= 1
        return self.failing >= 0

    def next(self) -> bytes:
        function, payload = self.calls.get(timeout=PATIENCE)
        assert function == "fn"
        return payload

    def next_json(self) -> Any:
        return json.loads(self.next())


def stream(*, decodes: bool = True, schema: str = "CloudEvents", **options: Any) -> dict[str, Any]:
    parameters = {"RegionId": REGION, "QueueName": QUEUE, "IsBase64Decode": decodes}
    return {
        "eventSourceConfig": {
            "eventSourceType": "MNS",
            "eventSourceParameters": {"sourceMNSParameters": parameters},
        },
        "eventSinkConfig": {"deliveryOption": {"eventSchema": schema}},
        "runOptions": options,
    }


def window(count: int, seconds: int) -> dict[str, int]:
    return {"CountBasedWindow": count, "TimeBasedWindow": seconds}


def bodies(events: list[dict[str, Any]]) -> list[str]:
    return [event["data"]["messageBody"] for event in events]


def tried(control: Any, action: str, times: int) -> list[str | None]:
    """The codes of that many tries, once there were as many."""
    seen: list[dict[str, Any]] = []
    while len(seen) < times:
        after = max((entry["seq"] for entry in seen), default=0)
        entries = control.news(after)
        assert entries, f"{len(seen)} of {times}"
        seen += [entry for entry in entries if entry["action"] == action]
    return [entry["code"] for entry in seen]


def held(control: Any, count: int) -> None:
    """Returns when the stream has taken as many messages."""

    def taken() -> Any:
        (found,) = (item for item in control.state()["Queues"] if item["QueueName"] == QUEUE)
        return found["InactiveMessages"]

    until(lambda: taken() == count, lambda: f"{taken()} of {count}")


def told(control: Any, **expected: Any) -> Any:
    """The only trigger, once the state says so of it."""

    def found() -> Any:
        (only,) = control.state()["Triggers"]
        return only

    until(lambda: expected.items() <= found().items(), found)
    return found()
