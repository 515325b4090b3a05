"""What arrives by ways that the default world does not have: XML notifications, HTTP calls that
nobody waits for, records of successes. The real function runs in its own process.
"""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any
from urllib.parse import urlsplit

import pytest
from mns.account import Account
from mns.topic import Base64TopicMessage, TopicMessage

import builders
from e2e.test_default_world import World
from functions import PATIENCE
from localcloud.server import running
from localcloud.worlds import ACCOUNT, REGION, served_world

REQUEST = builders.document(LoadBalancerId="lb-local", VServerGroupName="asked-for")
TO_THE_QUEUE = "events-to-the-queue"


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[dict[str, Any]], World]]:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    with ExitStack() as stack:
        yield lambda seed: World(stack.enter_context(running(seed)).url)


def world_with_subscription() -> dict[str, Any]:
    """The hooks notify a topic, to which the queue of requests subscribes in the default format."""
    world = served_world()
    world["Topics"].append({"TopicName": TO_THE_QUEUE})
    world["Subscriptions"].append(
        {
            "TopicName": TO_THE_QUEUE,
            "SubscriptionName": "requests",
            "QueueName": "provision-requests",
        }
    )
    for hook in world["ScalingGroups"][0]["LifecycleHooks"]:
        hook["NotificationArn"] = f"acs:mns:{REGION}:{ACCOUNT}:topic/{TO_THE_QUEUE}"
    return world


def publish(world: World, message: TopicMessage) -> None:
    account = Account(world.url, "localcloud", "localcloud-secret")
    account.get_topic(TO_THE_QUEUE).publish_message(message)
    account.mns_client.close_connection()


def read_queue(world: World, name: str) -> list[Any]:
    queues = {queue["QueueName"]: queue for queue in world.ask("state")["Queues"]}
    return [json.loads(message["MessageBody"]) for message in queues[name]["Messages"]]


def test_a_hook_in_an_xml_notification_of_a_queue_is_completed_with_its_servers_in(
    serve: Callable[[dict[str, Any]], World],
) -> None:
    world = serve(world_with_subscription())
    world.scale(2)
    completed = world.until("CompleteLifecycleAction")
    assert (completed["caller"], completed["status"]) == ("provisioner", 200)
    states = world.states()
    assert list(states.values()) == ["InService", "InService"]
    assert world.groups() == {"asg-local": sorted(states)}


@pytest.mark.parametrize("message", [TopicMessage, Base64TopicMessage])
def test_a_request_in_an_xml_notification_of_a_queue_is_provisioned(
    serve: Callable[[dict[str, Any]], World], message: type[TopicMessage]
) -> None:
    world = serve(world_with_subscription())
    publish(world, message(json.dumps(REQUEST)))
    world.ended(1)
    assert world.groups() == {"asked-for": ["i-0001"]}
    assert world.results() == ["vservergroup.provisioned"]


def call_asynchronously(world: World, body: str) -> int:
    headers = {"X-Fc-Invocation-Type": "Async", "Content-Type": "application/json"}
    with closing(
        http.client.HTTPConnection(urlsplit(world.url).netloc, timeout=PATIENCE)
    ) as client:
        client.request("POST", "/_http/provisioner/", body, headers)
        answer = client.getresponse()
        answer.read()
        return answer.status


def world_with_http() -> dict[str, Any]:
    world = served_world()
    world["Functions"][0]["HttpTrigger"] = {
        "authType": "anonymous",
        "methods": ["GET", "HEAD", "POST"],
    }
    return world


def test_an_http_call_that_nobody_waits_for_comes_again_after_a_crash_and_is_provisioned(
    serve: Callable[[dict[str, Any]], World],
) -> None:
    world = serve(world_with_http())
    world.ask("faults", [{"kind": "crash_caller", "action": "CreateVServerGroup", "count": 1}])
    assert call_asynchronously(world, json.dumps(REQUEST)) == 202
    assert world.until("CreateVServerGroup")["fault"] == "crash_caller"
    world.ask("clock", {"advance": 60})
    world.until("SetVServerGroupAttribute")
    world.ended(2)
    assert world.groups() == {"asked-for": ["i-0001"]}
    assert world.results() == ["vservergroup.provisioned"]


def test_an_http_call_that_nobody_waits_for_is_published_and_kept_where_it_is_refused(
    serve: Callable[[dict[str, Any]], World],
) -> None:
    world = serve(world_with_http())
    assert call_asynchronously(world, json.dumps({**REQUEST, "LoadBalancerId": "lb-none"})) == 202
    world.ended(1)
    assert world.results() == ["vservergroup.refused"]
    (letter,) = read_queue(world, "provision-dead-letters")
    assert letter["data"]["reason"]["code"] == "InvalidLoadBalancerId.NotFound"
    assert json.loads(letter["data"]["payload"])["headers"]


def test_a_circle_of_success_records_cannot_arise(
    serve: Callable[[dict[str, Any]], World],
) -> None:
    """The record of each success goes to a queue that calls the function."""
    seed = world_with_http()
    destinations = seed["Functions"][0]["AsyncConfig"]["destinationConfig"]
    queue = f"acs:mns:{REGION}:{ACCOUNT}:/queues/provision-requests/messages"
    destinations["onSuccess"] = {"destination": queue}
    world = serve(seed)
    assert call_asynchronously(world, json.dumps(REQUEST)) == 202
    world.ended(2)  # the request, and the record of its success
    seen = max(entry["seq"] for entry in world.ask("journal")["entries"])
    assert world.ask(f"journal?after={seen}&wait=1")["entries"] == []
    log = world.ask("functions/provisioner/logs")["log"]
    assert log.count("FC Invoke End") == 2
    assert log.count("the platform's record of a success, which asks for nothing") == 1
    assert world.results() == ["vservergroup.provisioned"]
    assert read_queue(world, "provision-dead-letters") == []
    assert read_queue(world, "provision-requests") == []


def test_a_health_check_by_head_is_answered_without_a_body(
    serve: Callable[[dict[str, Any]], World],
) -> None:
    world = serve(world_with_http())
    with closing(
        http.client.HTTPConnection(urlsplit(world.url).netloc, timeout=PATIENCE)
    ) as client:
        client.request("HEAD", "/_http/provisioner/health")
        answer = client.getresponse()
        assert (answer.status, answer.read()) == (200, b"")
