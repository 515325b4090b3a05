"""Deliveries at the same time, on real connections and in real time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

import builders
from e2e.stage import COMPLETE, Stage, document, hook_event, servers_of
from provisioner.aliyun.clock import SystemClock
from provisioner.app import App

Staged = Callable[..., Stage]

EVENT = hook_event(25)
IDS = [f"i-{n:04}" for n in range(1, 26)]


def at_once(stage: Stage, deliveries: Sequence[tuple[App, bytes]]) -> list[dict[str, Any]]:
    """The outcome of each delivery; all begin together."""
    start = Barrier(len(deliveries))

    def deliver(app: App, event: bytes) -> dict[str, Any]:
        start.wait(timeout=60)
        (outcome,) = stage.deliver(event, app)["outcomes"]
        found: dict[str, Any] = outcome
        return found

    with ThreadPoolExecutor(len(deliveries)) as threads:
        return list(threads.map(lambda one: deliver(*one), deliveries))


def apps(stage: Stage, number: int) -> list[App]:
    """Instances of the function that really wait."""
    return [stage.app(clock=SystemClock()) for _ in range(number)]


@pytest.mark.parametrize("instances", [2, 1], ids=["two instances", "one instance"])
def test_one_hook_delivered_twice_at_once_makes_one_group_that_both_name(
    staged: Staged, instances: int
) -> None:
    stage = staged(EVENT)
    one, *others = apps(stage, instances)

    outcomes = at_once(stage, [(one, EVENT), ((others or [one])[0], EVENT)])

    group = stage.the_group()
    assert [outcome["outcome"] for outcome in outcomes] == ["provisioned"] * 2
    assert {outcome["VServerGroupId"] for outcome in outcomes} == {group["VServerGroupId"]}
    assert servers_of(group) == IDS
    assert stage.groups() == [group]
    assert stage.hook() == ("Completed", "CONTINUE")
    assert stage.in_service() == IDS
    assert len({result["id"] for result in stage.received()}) == 1


@pytest.mark.parametrize("instances", [4, 1], ids=["four instances", "one instance"])
def test_one_document_delivered_four_times_at_once_makes_one_group(
    staged: Staged, instances: int
) -> None:
    event = document(25)
    stage = staged(event)
    made = apps(stage, instances)

    outcomes = at_once(stage, [(made[n % instances], event) for n in range(4)])

    (group,) = stage.groups()
    assert {outcome["VServerGroupId"] for outcome in outcomes} == {group["VServerGroupId"]}
    assert servers_of(group) == IDS
    assert len({result["id"] for result in stage.received()}) == 1


@pytest.mark.parametrize("instances", [3, 1], ids=["three instances", "one instance"])
def test_different_events_for_one_load_balancer_at_once_each_get_their_group(
    staged: Staged, instances: int
) -> None:
    names = [f"web-{number}" for number in range(6)]
    events = [document(25, name=name) for name in names]
    stage = staged(*events)
    made = apps(stage, instances)

    outcomes = at_once(stage, [(made[n % instances], e) for n, e in enumerate(events)])

    assert [outcome["VServerGroupName"] for outcome in outcomes] == names
    found = {group["VServerGroupName"]: group for group in stage.groups()}
    assert found.keys() == set(names)
    assert [found[o["VServerGroupName"]]["VServerGroupId"] for o in outcomes] == [
        o["VServerGroupId"] for o in outcomes
    ]
    assert [servers_of(found[name]) for name in names] == [IDS] * len(names)


def test_two_hooks_of_one_scaling_group_at_once_fill_one_group(staged: Staged) -> None:
    other = hook_event(
        5, first=26, scalingActivityId="asa-0002", lifecycleActionToken=builders.TOKEN[:-1] + "2"
    )
    stage = staged(EVENT, other)
    one, two = apps(stage, 2)

    outcomes = at_once(stage, [(one, EVENT), (two, other)])

    (group,) = stage.groups()
    assert {outcome["VServerGroupId"] for outcome in outcomes} == {group["VServerGroupId"]}
    assert set(servers_of(group)) == {f"i-{n:04}" for n in range(1, 31)}
    assert stage.hook("asa-0001") == stage.hook("asa-0002") == ("Completed", "CONTINUE")
    assert Counter(stage.actions())[COMPLETE] == 2
