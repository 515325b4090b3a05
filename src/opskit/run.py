"""`opskit run`: one event, delivered twice, to the real function with the real SDKs, on a cloud of
its own. What is told comes from three sides: the function's steps, the cloud's state as its SDKs
read it, and the messages that a subscriber of the result topic received.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from provisioner.core.errors import Retryable
from provisioner.core.model import Request
from provisioner.ports import Log
from provisioner.triggers import decode

from . import local, story
from .world import INBOX, REGION, TOPIC, World, world_of

OK, FAILED, UNUSABLE, REFUSED = 0, 1, 2, 3
_STATUS = {"failed": FAILED, "refused": REFUSED}
_TIMEOUT = 120  # seconds that the function has, as a deployment would set it


@dataclass(slots=True)
class Steps(Log):
    """Keeps the function's steps, and tells each as it happens."""

    teller: story.Teller
    bound: dict[str, object] = field(default_factory=dict)
    kept: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def step(self, name: str, /, **fields: object) -> None:
        self.kept.append((name, {**self.bound, **fields}))
        self.teller.step(name, fields)

    def bind(self, **fields: object) -> Steps:
        return Steps(self.teller, {**self.bound, **fields}, self.kept)

    def outcomes(self) -> list[dict[str, Any]]:
        return [_outcome(fields) for name, fields in self.kept if name == "outcome"]


@dataclass(frozen=True, slots=True)
class Delivery:
    outcomes: list[dict[str, Any]]
    notifications: list[dict[str, Any]]
    calls: list[dict[str, Any]]


def run(event: str, *, as_json: bool) -> int:
    """Answers the exit status."""
    local.without_proxies()
    try:
        payload = sys.stdin.buffer.read() if event == "-" else Path(event).read_bytes()
        with local.localcloud() as cloud:
            report = _delivered_twice(payload, cloud, story.Teller(silent=as_json), event)
    except OSError as error:
        return _unusable(f"{event}: {error.strerror}")
    except local.LocalCloudFailedError as error:
        return _unusable(str(error))
    if as_json:
        sys.stdout.write(json.dumps(report, indent=2) + "\n")
    return _status(report["outcomes"])


def _delivered_twice(
    payload: bytes, cloud: local.LocalCloud, teller: story.Teller, event: str
) -> dict[str, Any]:
    items = decode(payload)
    requests = [item for item in items if isinstance(item, Request)]
    world = world_of(requests)
    teller.begins(event, len(payload), items, cloud.url)
    cloud.seed(world.seed())
    stage = _Stage(payload, cloud, world, teller)
    first = stage.deliver()
    groups = stage.groups(first)
    lifecycle = stage.lifecycle()
    teller.ends(groups, first.notifications, lifecycle)
    teller.again()
    second = stage.deliver()
    unchanged = _state(stage.groups(second)) == _state(groups) and stage.lifecycle() == lifecycle
    teller.compared(first.notifications, second.notifications, second.calls, unchanged=unchanged)
    return {
        "outcomes": first.outcomes,
        "groups": groups,
        "notifications": first.notifications,
        "lifecycle": lifecycle,
        "redelivery": {
            "unchanged": unchanged,
            "outcomes": second.outcomes,
            "notifications": second.notifications,
        },
    }


@dataclass(slots=True)
class _Stage:
    payload: bytes
    cloud: local.LocalCloud
    world: World
    teller: story.Teller
    seen: int = 0

    def deliver(self) -> Delivery:
        # Imported here: starting the cloud and loading the SDKs take their time side by side.
        from provisioner import bootstrap, handler  # noqa: PLC0415

        self.calls()  # those of whoever looked since
        steps = Steps(self.teller)
        app = bootstrap.build(_environment(self.cloud.url, self.world), log=steps)
        try:
            handler.handle(app, self.payload, _context())
        except Retryable:
            pass  # its outcome is among the steps
        finally:
            app.close()
        calls = self.calls()
        return Delivery(steps.outcomes(), self._readings().notifications(INBOX), calls)

    def calls(self) -> list[dict[str, Any]]:
        """What was called since this was asked last."""
        new = self.cloud.calls_after(self.seen)
        self.seen = max((call["seq"] for call in new), default=self.seen)
        return new

    def groups(self, delivery: Delivery) -> list[dict[str, Any]]:
        """Each group that an outcome names, once."""
        ids = {
            outcome["VServerGroupId"]: self.world.load_balancers[outcome["LoadBalancerId"]]
            for outcome in delivery.outcomes
            if outcome["VServerGroupId"]
        }
        readings = self._readings()
        return [readings.group(balancer["RegionId"], id_) for id_, balancer in ids.items()]

    def lifecycle(self) -> list[dict[str, Any]]:
        readings, found = self._readings(), []
        for activity, described in self.world.activities.items():
            group = self.world.scaling_groups[described["ScalingGroupId"]]
            found += readings.lifecycle(group["RegionId"], [activity])
        return found

    def _readings(self) -> Any:
        from .readings import Readings  # noqa: PLC0415 - see `deliver`

        return Readings(self.cloud.url)


def _environment(url: str, world: World) -> dict[str, str]:
    """What a deployment would set, with every endpoint on the local cloud."""
    return {
        "FC_REGION": REGION,
        "RESULT_TOPIC": TOPIC,
        "SLB_ENDPOINT": url,
        "ESS_ENDPOINT": url,
        "MNS_ENDPOINT": url,
        "BINDINGS": json.dumps(list(world.bindings.values())),
    }


def _context() -> SimpleNamespace:
    """As Function Compute gives it on Python 3.10."""
    credentials = SimpleNamespace(
        access_key_id=local.ACCESS_KEY_ID,
        access_key_secret=local.ACCESS_KEY_SECRET,
        security_token="",
    )
    function = SimpleNamespace(name="provisioner", handler="index.handler", timeout=_TIMEOUT)
    return SimpleNamespace(
        request_id=f"run-{os.getpid()}-{time.monotonic_ns()}",
        credentials=credentials,
        function=function,
    )


def _state(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without what is another one in every answer."""
    return [{k: v for k, v in group.items() if k != "RequestId"} for group in groups]


def _outcome(fields: dict[str, Any]) -> dict[str, Any]:
    names = ("outcome", "LoadBalancerId", "VServerGroupId", "VServerGroupName", "error", "reason")
    return {name: fields.get(name) for name in names}


def _status(outcomes: list[dict[str, Any]]) -> int:
    """Says on standard error what was not provisioned, and why."""
    status = OK
    for outcome in outcomes:
        error = outcome["error"]
        if outcome["outcome"] in _STATUS:
            where = outcome["VServerGroupName"] or "the event"
            place = f" at {error['path']}" if error["path"] not in error["message"] else ""
            what = f"{outcome['outcome']}: {where}: {error['code']}{place}: {error['message']}"
            sys.stderr.write(what + "\n")
            status = FAILED if FAILED in (status, _STATUS[outcome["outcome"]]) else REFUSED
    return status


def _unusable(why: str) -> int:
    sys.stderr.write(f"opskit run: {why}\n")
    return UNUSABLE
