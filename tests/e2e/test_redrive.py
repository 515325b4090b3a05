"""From poison in a queue to the dead-letter queue, and back: the default world, the real function
in its own process, and `opskit redrive`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from mns.account import Account
from mns.queue import Message

import builders
from e2e.opskit_calls import called
from e2e.stage import PYTHONPATH
from e2e.test_default_world import World
from localcloud.server import running
from localcloud.worlds import served_world
from opskit.cloud import chosen
from opskit.ending import OK, REFUSED, UNUSABLE
from opskit.invocation import Target, generation_3
from opskit.queues import opened
from provisioner.mapping import validation

REQUESTS, DEAD, FAILURES = "provision-requests", "provision-dead-letters", "provision-failures"
NOWHERE = "http://127.0.0.1:9"
LATER = builders.document(LoadBalancerId="lb-later", VServerGroupName="asked-for")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    with running(served_world()) as cloud:
        yield World(cloud.url)


def put(world: World, queue_name: str, body: str) -> None:
    account = Account(world.url, "localcloud", "localcloud-secret")
    queue = account.get_queue(queue_name)
    queue.set_encoding(False)
    queue.send_message(Message(body))
    account.mns_client.close_connection()


def invoke(world: World, payload: bytes) -> None:
    cloud = chosen(world.url, builders.REGION, "", (), {})
    generation_3(cloud, Target("provisioner", asynchronous=True), payload)


def letters(world: World) -> list[dict[str, Any]]:
    found = [json.loads(message["MessageBody"]) for message in letters_left(world)]
    assert [validation.validate("dead-letter", each) for each in found] == [[]] * len(found)
    return found


def letters_left(world: World) -> list[Any]:
    queues = {queue["QueueName"]: queue for queue in world.ask("state")["Queues"]}
    found: list[Any] = queues[DEAD]["Messages"]
    return found


def ran(world: World, *arguments: str) -> tuple[int, str, str]:
    """As an operator does, with a proxy that leads nowhere."""
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": PYTHONPATH}
    command = [sys.executable, "-m", "opskit", "redrive", "--queue", DEAD]
    done = subprocess.run(  # noqa: S603 - our own program
        [*command, "--local", world.url, *arguments],
        env=environ | {"HTTP_PROXY": NOWHERE, "http_proxy": NOWHERE},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout, done.stderr


def ran_here(world: World, *arguments: str, url: str = "") -> tuple[int, str, str]:
    """In this process, which has imported the SDKs already."""
    return called("redrive", "--queue", DEAD, "--local", url or world.url, *arguments)


def reported(world: World, *arguments: str, status: int = OK) -> dict[str, Any]:
    code, output, errors = ran_here(world, "--json", *arguments)
    assert (code, errors) == (status, "")
    found: dict[str, Any] = json.loads(output)
    return found


def poisoned(world: World) -> None:
    """A request for a load balancer that is not there ended as a letter."""
    put(world, REQUESTS, json.dumps(LATER))
    world.until("PushEvents")
    assert world.results() == ["vservergroup.refused"]


def mend(world: World) -> None:
    """The load balancer is there now, and what a look at the queue has hidden is seen again."""
    balancer = {"LoadBalancerId": "lb-later", "RegionId": builders.REGION}
    world.ask("seed", {"LoadBalancers": [balancer]})
    world.ask("clock", {"advance": 2})


def test_what_was_refused_is_provisioned_by_a_redrive_once_its_cause_is_mended(
    world: World,
) -> None:
    poisoned(world)
    (kept,) = letters(world)

    (shown,) = reported(world)["letters"]
    assert (shown["code"], shown["result"]) == ("InvalidLoadBalancerId.NotFound", "kept")
    assert shown["eventId"] == kept["data"]["event"]["id"]
    assert len(letters(world)) == 1

    mend(world)
    (sent,) = reported(world, "--all", "--function", "provisioner")["letters"]
    assert sent["result"] == "sent"
    world.ended(2)
    assert world.groups() == {"asked-for": ["i-0001"]}
    assert world.results() == ["vservergroup.refused", "vservergroup.provisioned"]
    assert letters(world) == []


def test_redriving_twice_is_harmless(world: World) -> None:
    poisoned(world)
    (kept,) = letters(world)
    mend(world)
    put(world, DEAD, json.dumps(kept))

    assert len(reported(world, "--all", "--function", "provisioner")["letters"]) == 2
    world.ended(3)
    assert world.groups() == {"asked-for": ["i-0001"]}
    assert reported(world, "--all", "--function", "provisioner")["letters"] == []


def test_an_event_whose_retries_are_exhausted_ends_as_a_letter_with_its_attempts(
    world: World,
) -> None:
    broken = {"kind": "crash_caller", "action": "CreateVServerGroup", "count": 4}
    world.ask("faults", [broken])
    event = builders.document(LoadBalancerId="lb-local", VServerGroupName="late")
    invoke(world, json.dumps(event).encode())
    for _ in range(3):
        world.until("CreateVServerGroup")
        world.ask("clock", {"advance": 600})
    world.until("CreateVServerGroup")
    # From here on time is left alone: the record is on its way through a queue, and would be
    # delivered a second time.
    world.until("SendMessage")
    while not letters(world):
        world.until("PushEvents")

    (kept,) = letters(world)
    assert kept["data"]["reason"]["code"] == "RetriesExhausted"
    assert kept["data"]["attempts"] == 4
    assert json.loads(kept["data"]["payload"]) == event
    assert world.results() == ["vservergroup.failed"]
    assert world.groups() == {}

    reported(world, "--all", "--function", "provisioner")
    while "late" not in world.groups():
        world.until("SetVServerGroupAttribute")
    assert letters(world) == []


def test_one_of_several_is_chosen_by_its_id_and_the_others_stay(world: World) -> None:
    for name in ("one", "two"):
        put(world, DEAD, name)
    poisoned(world)
    shown = reported(world)["letters"]
    assert sorted(each["code"] for each in shown) == [
        "InvalidLoadBalancerId.NotFound",
        "NotALetter",
        "NotALetter",
    ]
    (letter,) = (each for each in shown if each["sendable"])
    other = next(each["MessageId"] for each in shown if not each["sendable"])
    world.ask("clock", {"advance": 2})

    selected = ("--function", "provisioner", "--id", letter["MessageId"])
    report = reported(world, *selected, "--id", other, "--id", "gone", status=REFUSED)

    results = {each["MessageId"]: each["result"] for each in report["letters"]}
    assert sorted(results.values()) == ["kept", "not sendable", "sent"]
    assert (results[letter["MessageId"]], report["missing"]) == ("sent", ["gone"])


def test_a_look_that_takes_so_long_that_letters_come_back_sees_all_and_each_once(
    world: World,
) -> None:
    bodies = [str(number) for number in range(40)]
    for body in bodies:
        put(world, DEAD, body)
    seen = []
    with opened(chosen(world.url, builders.REGION, "", (), {}), DEAD) as queue:
        for number, held in enumerate(queue.messages()):
            seen.append(held.body)
            if number in (15, 31):
                world.ask("clock", {"advance": 31})  # longer than a message stays hidden
            if held.body == "0":
                first = held
        queue.delete(first)
    assert sorted(seen, key=int) == bodies
    assert len(letters_left(world)) == 39


def test_a_letter_whose_sending_is_not_accepted_stays(world: World) -> None:
    poisoned(world)
    code, output, _ = ran_here(world, "--all", "--function", "nobody")
    assert code == 1
    assert "not accepted: Function Compute refused the call: FunctionNotFound" in output
    assert len(letters(world)) == 1


def test_the_list_is_told_to_a_person(world: World) -> None:
    poisoned(world)
    code, output, errors = ran(world)
    assert (code, errors) == (OK, "")
    assert "1 message(s) in provision-dead-letters" in output
    assert "InvalidLoadBalancerId.NotFound" in output
    assert "event mns_queue" in output


def test_what_cannot_be_carried_out_says_why(world: World) -> None:
    code, _, errors = ran(world, "--all")
    assert (code, "--function" in errors) == (UNUSABLE, True)
    code, _, errors = ran_here(world, url=NOWHERE)
    assert (code, errors.count("\n")) == (UNUSABLE, 1)
