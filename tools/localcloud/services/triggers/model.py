"""The triggers of the account's functions, in the words of the API's TriggerConfig."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from localcloud.clock import timestamp
from localcloud.retries import BACKOFF

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.cloud import Cloud
    from localcloud.services.triggers.cron import Schedule

TriggerKey = tuple[str, str]  # function and trigger name


@dataclass(frozen=True)
class Trigger:
    function: str
    name: str
    type: str
    config: Mapping[str, Any]
    source_arn: str = ""

    @property
    def key(self) -> TriggerKey:
        return self.function, self.name

    def journal(self, cloud: Cloud, action: str, code: str | None) -> None:
        concerns = {"FunctionName": self.function, "TriggerName": self.name}
        cloud.journal.note("triggers", action, code, concerns, time=cloud.clock.now())

    def describe(self) -> dict[str, Any]:
        return {
            "FunctionName": self.function,
            "TriggerName": self.name,
            "TriggerType": self.type,
            "SourceArn": self.source_arn or None,
            "TriggerConfig": self.config,
        }


@dataclass(frozen=True)
class TopicTrigger(Trigger):
    """Its work is done by a subscription of the topic."""


@dataclass(frozen=True)
class Timer(Trigger):
    schedule: Schedule = field(kw_only=True)
    payload: str = ""
    enabled: bool = True


@dataclass(frozen=True)
class EventTrigger(Trigger):
    """One that EventBridge runs: how it hands events to the function, and what if that fails."""

    asynchronous: bool = False
    event_schema: str = "CloudEvents"  # or RawData
    strategy: str = BACKOFF
    tolerates_errors: bool = False
    dead_letter_queue: str = ""

    @property
    def bus_name(self) -> str:
        return f"MNS-{self.function.replace('/', '-')}-{self.name}"  # seen


@dataclass(frozen=True)
class Rule(EventTrigger):
    """Events of the default bus, as far as each attribute the pattern names has a listed value."""

    pattern: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def matches(self, event: Mapping[str, Any]) -> bool:
        # doc: acs.x and acs:x are one source
        return all(
            str(event.get(name)).replace("acs:", "acs.", 1)
            in {value.replace("acs:", "acs.", 1) for value in values}
            for name, values in self.pattern.items()
        )


@dataclass(frozen=True)
class EventStream(EventTrigger):
    """The messages of a queue."""

    queue: str = field(kw_only=True)
    decodes: bool = True
    batched: bool = True  # an array of events for each call, even for one (doc)
    count: int = 1
    seconds: float = 0.0

    def body(self, text: str) -> str:
        """doc: IsBase64Decode decodes; inferred: what is no Base64 stays as it is."""
        if not self.decodes:
            return text
        try:
            return base64.b64decode(text, validate=True).decode()
        except ValueError:
            return text

    def payload(self, events: list[dict[str, Any]]) -> bytes:
        items = [event["data"] for event in events] if self.event_schema == "RawData" else events
        return json.dumps(items if self.batched else items[0], ensure_ascii=False).encode()


@dataclass
class Triggers:
    by_key: dict[TriggerKey, Trigger] = field(default_factory=dict)
    # Streams that an error has stopped; inferred: for good.
    stopped: set[TriggerKey] = field(default_factory=set)
    ticks: dict[TriggerKey, float] = field(default_factory=dict)  # each timer's next
    # What ended one that was then started again, and how often that was (emulator-only).
    failures: dict[TriggerKey, tuple[int, str]] = field(default_factory=dict)

    def failed(self, key: TriggerKey, error: Exception) -> None:
        times, _ = self.failures.get(key, (0, ""))
        self.failures[key] = (times + 1, type(error).__name__)

    def rules(self) -> list[Rule]:
        return [item for item in self.by_key.values() if isinstance(item, Rule)]

    def describe(self) -> list[dict[str, Any]]:
        return [self._described(key, item) for key, item in self.by_key.items()]

    def _described(self, key: TriggerKey, trigger: Trigger) -> dict[str, Any]:
        times, error = self.failures.get(key, (0, None))
        tick = self.ticks.get(key)
        return {
            **trigger.describe(),
            "Status": "Stopped" if key in self.stopped else "Running",
            "NextTick": timestamp(tick) if tick is not None else None,
            "Failures": times,
            "LastFailure": error,
        }
