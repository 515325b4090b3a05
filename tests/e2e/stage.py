"""The whole function on localcloud: the real handler, the real adapters, the vendor's SDKs, and a
cloud that holds what an event speaks of.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import builders
from fakes import FakeLog
from opskit.readings import Readings
from opskit.world import INBOX, LOAD_BALANCER, REGION, TOPIC, World, world_of
from provisioner import handler
from provisioner.aliyun.clock import SystemClock
from provisioner.app import App, build_app
from provisioner.groups import naming
from provisioner.mapping import validation
from provisioner.model import Request
from provisioner.ports import Clock
from provisioner.triggers import decode
from worlds import LocalCloud

ROOT = Path(__file__).parents[2]
EVENTS = ROOT / "events"
PYTHONPATH = os.pathsep.join(str(ROOT / name) for name in ("src", "tools"))
ROLE = ("function", "secret-of-the-function")  # the keys of the function's own role
CALLER = "provisioner"  # as the journal knows them
SECONDS = 120  # that the function has: longer than a lease
LEASE = 46  # seconds, after which anybody may delete a claim

HOOKS, ACTIVITIES = "DescribeLifecycleHooks", "DescribeScalingActivities"
HEARTBEAT = "RecordLifecycleActionHeartbeat"
INSTANCES, ACTIONS = "DescribeScalingInstances", "DescribeLifecycleActions"
LIST, READ = "DescribeVServerGroups", "DescribeVServerGroupAttribute"
CREATE, ADD = "CreateVServerGroup", "AddVServerGroupBackendServers"
RENAME, DELETE = "SetVServerGroupAttribute", "DeleteVServerGroup"
REMOVE = "RemoveVServerGroupBackendServers"
PUBLISH, COMPLETE = "PublishMessage", "CompleteLifecycleAction"
LOOKED = [INSTANCES, ACTIONS, HOOKS, ACTIVITIES]  # before the work for a hook
WRITES = {CREATE, ADD, REMOVE, RENAME, DELETE, COMPLETE}


@dataclass
class Cloud(LocalCloud):
    _late: int = 0

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = self._send("GET", "state")
        return found

    def until_it_hangs(self) -> None:
        """Until a call is held back by a fault, or nothing happens for a while."""
        seen = 0
        while entries := self.journal(after=seen, wait=20):
            if entries[-1]["fault"] == "hang_after":
                return
            seen = entries[-1]["seq"]
        raise AssertionError("nothing hangs")

    def change_load_balancer(self, **changes: Any) -> None:
        self._send("POST", "load-balancers", changes)

    def repair(self) -> None:
        """No faults any more; what is under way stays so."""
        self._late += sum(rule["fired"] for rule in self.state()["Faults"] if _is_late(rule))
        self._send("DELETE", "faults")

    def until_all_have_landed(self) -> None:
        """Every call that a fault made late."""
        self.repair()
        self.advance(60)
        seen = landed = 0
        while landed < self._late:
            entries = self.journal(after=seen, wait=20)
            assert entries, "something late never lands"
            seen = entries[-1]["seq"]
            landed += sum(entry["fault"] == "late" for entry in entries)


def _is_late(rule: Mapping[str, Any]) -> bool:
    return bool(rule["kind"] == "late")


class TravellingClock(Clock):
    """Nobody waits: the cloud's clock is moved on instead, and this one with it."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._real = SystemClock()
        self._ahead = 0.0

    def now(self) -> float:
        return self._real.now() + self._ahead

    def wait(self, seconds: float) -> None:
        self._ahead += seconds
        self._cloud.advance(seconds)


@dataclass
class Stage:
    """`environ` is what a deployment would set."""

    cloud: Cloud
    world: World
    environ: dict[str, str]
    apps: list[App] = field(default_factory=list)
    _seen: int = 0

    def app(self, *, clock: Clock | None = None, **environ: str) -> App:
        """An instance of the function. Without a clock, its waits take no time."""
        clock = clock or TravellingClock(self.cloud)
        made = build_app({**self.environ, **environ}, clock=clock, log=FakeLog())
        self.apps.append(made)
        return made

    def deliver(self, event: bytes, app: App | None = None, *, seconds: float = SECONDS) -> Any:
        """The function's answer. Without an app, of an instance that lives for this one event."""
        return self.deliver_as(context(seconds), event, app)

    def deliver_as(self, who: SimpleNamespace, event: bytes, app: App | None = None) -> Any:
        lives = app or self.app()
        try:
            return json.loads(handler.handle_event(lives, event, who))
        finally:
            if app is None:
                lives.close()

    def actions(self) -> list[str]:
        """What was called since this was asked last. Reads that are on their way at once arrive as
        they may: neighbours of them are told in the order of `LOOKED`."""
        entries = self.cloud.journal(after=self._seen)
        self._seen = max((entry["seq"] for entry in entries), default=self._seen)
        made = [entry["action"] for entry in entries]
        told: list[str] = []
        for looking, neighbours in groupby(made, LOOKED.__contains__):
            some = list(neighbours)
            told += sorted(some, key=LOOKED.index) if looking else some
        return told

    def groups(self) -> list[dict[str, Any]]:
        """Of all load balancers; claims are among them."""
        found: list[dict[str, Any]] = self.cloud.state()["VServerGroups"]
        return found

    def claims(self) -> list[dict[str, Any]]:
        return [g for g in self.groups() if g["VServerGroupName"].startswith(naming.CLAIM_PREFIX)]

    def the_group(self, name: str = "asg-0001") -> dict[str, Any]:
        (found,) = (g for g in self.groups() if g["VServerGroupName"] == name)
        return found

    def hook(self, activity: str = "asa-0001") -> tuple[str, str]:
        actions = self.cloud.state()["LifecycleActions"]
        (action,) = (a for a in actions if a["ScalingActivityId"] == activity)
        return action["LifecycleActionStatus"], action["LifecycleActionResult"]

    def in_service(self) -> list[str]:
        found = self.cloud.state()["ScalingInstances"]
        return [i["InstanceId"] for i in found if i["LifecycleState"] == "InService"]

    def received(self) -> list[dict[str, Any]]:
        """By a consumer of the result topic, which takes each message once; held to the schema."""
        results = Readings(self.cloud.url).notifications(INBOX)
        assert [validation.validate("result", result) for result in results] == [[]] * len(results)
        return results

    def read(self, vserver_group_id: str) -> dict[str, Any]:
        return Readings(self.cloud.url).group(REGION, vserver_group_id)


def actions_of_the_function(cloud: Cloud) -> set[str]:
    """As policies spell them: what its role called, and the roles that it assumed."""
    return {
        f"{entry['service']}:{entry['action']}"
        for entry in cloud.journal()
        if entry["caller"] == CALLER or ":assumed-role/" in (entry["caller"] or "")
    }


def stage(cloud: Cloud, *events: bytes, **hook: Any) -> Stage:
    """The cloud holds what the events speak of, and the function is bound to it. `hook` changes
    every lifecycle hook."""
    items = [item for event in events for item in decode(event)]
    world = world_of(item for item in items if isinstance(item, Request))
    for group in world.scaling_groups.values():
        group["LifecycleHooks"] = [{**each, **hook} for each in group["LifecycleHooks"]]
    cloud.seed(**world.seed())
    return Stage(cloud, world, environment(cloud.url, list(world.bindings.values())))


def environment(url: str, bindings: Sequence[Mapping[str, Any]] = ()) -> dict[str, str]:
    return {
        "FC_REGION": REGION,
        "RESULT_TOPIC": TOPIC,
        "SLB_ENDPOINT": url,
        "ESS_ENDPOINT": url,
        "MNS_ENDPOINT": url,
        "BINDINGS": json.dumps(bindings),
    }


def context(seconds: float = SECONDS, *, keys: tuple[str, str] = ROLE) -> SimpleNamespace:
    """Function Compute's, on Python 3.10."""
    role = SimpleNamespace(access_key_id=keys[0], access_key_secret=keys[1], security_token=None)
    function = SimpleNamespace(name="provisioner", timeout=seconds)
    return SimpleNamespace(request_id="fc-0001", credentials=role, function=function)


def hook_event(number: int, *, first: int = 1, **content: Any) -> bytes:
    """Of a scaling group that adds so many instances."""
    ids = [f"i-{n:04}" for n in range(first, first + number)]
    return builders.as_bytes(builders.hook_message(instanceIds=ids, **content))


def document(number: int, *, name: str = "web-8080", **changes: Any) -> bytes:
    """A request for a group of so many backends on the load balancer that hooks use too."""
    servers = [{"ServerId": f"i-{n:04}", "Port": 8080} for n in range(1, number + 1)]
    changes = {"LoadBalancerId": LOAD_BALANCER, "BackendServers": servers, **changes}
    return builders.as_bytes(builders.document(VServerGroupName=name, **changes))


def servers_of(group: Mapping[str, Any]) -> list[str]:
    return [backend["ServerId"] for backend in group["BackendServers"]]
