"""A cloud that breaks, on a real socket: whatever goes wrong, it ends well."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

import pytest

import builders
from e2e.stage import (
    ADD,
    COMPLETE,
    CREATE,
    DELETE,
    LEASE,
    LIST,
    PUBLISH,
    RENAME,
    Stage,
    hook_event,
    servers_of,
)
from provisioner.errors import Retryable

Staged = Callable[..., Stage]

EVENT = hook_event(25)  # two calls to fill
IDS = [f"i-{n:04}" for n in range(1, 26)]
NEXT_EVENT = hook_event(
    1, first=26, scalingActivityId="asa-0002", lifecycleActionToken=builders.TOKEN[:-1] + "2"
)

FAULTS: Mapping[str, dict[str, Any]] = {
    "throttled": {"kind": "error", "status": 400, "code": "Throttling.User"},
    "503 in HTML": {"kind": "html"},
    "an empty 200": {"kind": "empty"},
    "an empty 200 that took effect": {"kind": "empty", "commit": True},
    "reset before": {"kind": "reset_before"},
    "reset after": {"kind": "reset_after"},
    "no answer in time": {"kind": "hang_after", "seconds": 3600},
    "late": {"kind": "late", "seconds": 10},
}
BUSY = {"kind": "error", "status": 400, "code": "BackendServer.configuring"}

OUTAGES = ["throttled", "503 in HTML", "reset before", "reset after", "no answer in time", "late"]

each_fault = pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
each_outage = pytest.mark.parametrize("fault", [FAULTS[name] for name in OUTAGES], ids=OUTAGES)
each_call = pytest.mark.parametrize("action", [LIST, CREATE, ADD, RENAME, PUBLISH, COMPLETE])


@each_fault
@each_call
def test_one_call_that_breaks_is_got_over_within_the_delivery(
    staged: Staged, action: str, fault: dict[str, Any]
) -> None:
    stage = staged(EVENT, NEXT_EVENT)
    stage.cloud.fault(action=action, **fault)

    stage.deliver(EVENT, stage.app(REQUEST_TIMEOUT=timeout(fault)))

    (rule,) = stage.cloud.state()["Faults"]
    assert rule["fired"] == 1
    it_ended_well(stage)
    nothing_comes_of_what_is_late(stage)


@pytest.mark.parametrize("action", [CREATE, ADD, RENAME])
def test_a_busy_load_balancer_is_waited_for(staged: Staged, action: str) -> None:
    stage = staged(EVENT)
    stage.cloud.fault(action=action, count=3, **BUSY)

    stage.deliver(EVENT)

    it_ended_well(stage)
    assert stage.claims() == []


def test_a_claim_is_not_taken_for_old_because_an_answer_was_waited_for(staged: Staged) -> None:
    """Twelve seconds of its twenty: what was waited before the call was sent is not part of it."""
    stage = staged(EVENT)
    throttled = {"kind": "error", "status": 400, "code": "Throttling.User", "retry_after": 12_000}
    stage.cloud.fault(action=ADD, count=1, **throttled)

    stage.deliver(EVENT)

    it_ended_well(stage)
    calls = stage.actions()
    assert (calls.count(CREATE), calls.count(DELETE)) == (1, 0)


@each_outage
@each_call
def test_what_stays_broken_for_a_whole_delivery_is_mended_by_the_next(
    staged: Staged, action: str, fault: dict[str, Any]
) -> None:
    stage = staged(EVENT, NEXT_EVENT)
    app = stage.app(REQUEST_TIMEOUT=timeout(fault))
    stage.cloud.fault(action=action, count=1000, **fault)
    with contextlib.suppress(Retryable):  # where it took effect after all, nothing is raised
        stage.deliver(EVENT, app, seconds=0.5)

    stage.cloud.repair()
    stage.deliver(EVENT, app)

    it_ended_well(stage)
    nothing_comes_of_what_is_late(stage)


@pytest.mark.parametrize("action", [CREATE, ADD])
def test_a_load_balancer_that_does_not_answer_is_not_hammered(staged: Staged, action: str) -> None:
    stage = staged(EVENT)
    stage.cloud.fault(action=action, count=1000, kind="reset_before")

    with pytest.raises(Retryable):
        stage.deliver(EVENT, seconds=1)

    assert stage.actions().count(action) < 10


def timeout(fault: dict[str, Any]) -> str:
    return "0.3" if fault["kind"] == "hang_after" else "8"


def it_ended_well(stage: Stage) -> None:
    group = stage.the_group()
    assert servers_of(group) == IDS
    assert stage.hook() == ("Completed", "CONTINUE")
    assert stage.in_service() == IDS
    results = stage.received()
    assert {result["type"] for result in results} == {"vservergroup.provisioned"}
    assert len({result["id"] for result in results}) == 1
    assert {r["data"]["VServerGroupId"] for r in results} == {group["VServerGroupId"]}


def nothing_comes_of_what_is_late(stage: Stage) -> None:
    """A create that lands after all has left a claim, which the next event of the group removes."""
    before = stage.the_group()
    stage.cloud.until_all_have_landed()
    assert stage.the_group() == before
    if not stage.claims():
        return
    assert all(claim["BackendServers"] == [] for claim in stage.claims())
    stage.cloud.advance(LEASE)
    stage.deliver(NEXT_EVENT)

    assert stage.the_group()["VServerGroupId"] == before["VServerGroupId"]
    assert servers_of(stage.the_group()) == [*IDS, "i-0026"]
    assert stage.claims() == []
