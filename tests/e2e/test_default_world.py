"""The default world, from the scaling group to its servers in service: the real function, in its
own process, called as Function Compute calls it.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
from mns.account import Account
from mns.queue import Message

from functions import PATIENCE, until
from localcloud.server import running
from localcloud.worlds import served_world
from opskit import policy


@dataclass
class World:
    url: str
    seen: int = 0

    def ask(self, path: str, document: Any = None) -> Any:
        method, body = ("GET", None) if document is None else ("POST", json.dumps(document))
        with closing(
            http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=PATIENCE)
        ) as client:
            client.request(method, f"/_cloud/{path}", body)
            answer = client.getresponse()
            assert answer.status == 200, answer.read()
            return json.load(answer)

    def scale(self, adjustment: int) -> None:
        self.ask("scale", {"ScalingGroupId": "asg-local", "Adjustment": adjustment})

    def until(self, action: str) -> dict[str, Any]:
        """Follows the journal to the next entry of that action."""
        while True:
            entries = self.ask(f"journal?after={self.seen}&wait=30")["entries"]
            assert entries, f"no {action}"
            for entry in entries:
                self.seen = entry["seq"]
                if entry["action"] == action:
                    found: dict[str, Any] = entry
                    return found

    def ended(self, invocations: int) -> None:
        """Whatever came of them; the log says it, should they be too few."""

        def log() -> str:
            text: str = self.ask("functions/provisioner/logs")["log"]
            return text

        def are_over() -> bool:
            self.ask(f"journal?after={self.seen}&wait=0.1")
            return log().count("FC Invoke End") >= invocations

        until(are_over, log)

    def results(self) -> list[str]:
        """The types of the messages that subscribers of the result topic got."""
        queues = {queue["QueueName"]: queue for queue in self.ask("state")["Queues"]}
        messages = queues["provision-results-inbox"]["Messages"]
        return [json.loads(message["MessageBody"])["type"] for message in messages]

    def groups(self) -> dict[str, list[str]]:
        return {
            group["VServerGroupName"]: sorted(item["ServerId"] for item in group["BackendServers"])
            for group in self.ask("state")["VServerGroups"]
        }

    def states(self) -> dict[str, str]:
        instances = self.ask("state")["ScalingInstances"]
        return {item["InstanceId"]: item["LifecycleState"] for item in instances}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    with running(served_world()) as cloud:
        found = World(cloud.url)
        yield found
        entries = found.ask("journal")["entries"]
        called = {f"{e['service']}:{e['action']}" for e in entries if e["caller"] == "provisioner"}
        assert {action for action in called if not policy.allows(action)} == set()


def test_a_scale_out_ends_with_the_servers_in_the_group_and_in_service(world: World) -> None:
    world.scale(2)
    completed = world.until("CompleteLifecycleAction")
    assert (completed["caller"], completed["status"]) == ("provisioner", 200)
    states = world.states()
    assert list(states.values()) == ["InService", "InService"]
    assert world.groups() == {"asg-local": sorted(states)}
    assert world.results() == ["vservergroup.provisioned"]


def test_a_message_in_the_request_queue_makes_the_group_it_asks_for(world: World) -> None:
    request = {
        "LoadBalancerId": "lb-local",
        "VServerGroupName": "asked-for",
        "BackendServers": [{"ServerId": "i-1", "Port": 8080, "Weight": 100}],
    }
    body = base64.b64encode(json.dumps(request).encode()).decode()
    account = Account(world.url, "localcloud", "localcloud-secret")
    queue = account.get_queue("provision-requests")
    queue.set_encoding(False)
    queue.send_message(Message(body))
    account.mns_client.close_connection()
    world.until("PushEvents")
    assert world.groups() == {"asked-for": ["i-1"]}
    assert world.results() == ["vservergroup.provisioned"]


@pytest.mark.parametrize("commit", [False, True])
@pytest.mark.parametrize(
    "action",
    [
        "CreateVServerGroup",
        "AddVServerGroupBackendServers",
        "SetVServerGroupAttribute",
        "PublishMessage",
        "CompleteLifecycleAction",
    ],
)
def test_a_crash_at_any_call_ends_in_one_group_all_the_same(
    world: World, action: str, commit: bool
) -> None:
    world.ask("faults", [{"kind": "crash_caller", "action": action, "commit": commit}])
    world.scale(2)
    assert world.until(action)["fault"] == "crash_caller"
    # What the dead instance had claimed is free, and the event comes again.
    world.ask("clock", {"advance": 60})
    over = action == "CompleteLifecycleAction" and commit
    world.until("DescribeLifecycleActions" if over else "CompleteLifecycleAction")
    log = world.ask("functions/provisioner/logs")["log"]
    assert "Process exited unexpectedly" in log
    states = world.states()
    assert list(states.values()) == ["InService", "InService"]
    assert world.groups() == {"asg-local": sorted(states)}
    assert set(world.results()) == {"vservergroup.provisioned"}


def test_a_duplicate_of_the_hooks_message_changes_nothing(world: World) -> None:
    world.ask("settings", {"DuplicateDelivery": {"Every": 1}})
    world.scale(2)
    world.ended(2)
    assert list(world.groups()) == ["asg-local"]
    assert list(world.states().values()) == ["InService", "InService"]
    assert set(world.results()) == {"vservergroup.provisioned"}
