"""`make chaos` in small, and that its audit finds what it looks for."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from chaos import campaign
from chaos.audit import Audit
from chaos.world import INBOX, KINDS, SMALL
from provisioner.model import EventRef, LifecycleAction, VServerGroup
from provisioner.results.document import build_result
from provisioner.results.outcome import Outcome, Status

State = dict[str, Any]

GROUP = "asg-01"  # of lb-01, one VServer group for good
NAMED = VServerGroup("cn-hangzhou", "lb-01", GROUP, id="rsp-1")
FOREIGN = {
    "LoadBalancerId": "lb-01",
    "VServerGroupId": "rsp-foreign",
    "VServerGroupName": "by-hand",
    "BackendServers": [{"ServerId": "i-foreign", "Port": 80, "Weight": 7}],
}
STRUCK = dict.fromkeys(KINDS, 1)


def test_what_fails_in_the_storm_is_made_good() -> None:
    report = campaign.run(SMALL, seed=20261123, longest=300, tell=lambda _: None)
    assert report.required["kinds of faults that never struck"] == 0, report
    assert not any(report.required.values()), report


def result(**changes: Any) -> str:
    action = LifecycleAction("hook", "token", GROUP, "asa-1")
    told = Outcome(Status.PROVISIONED, EventRef("ess_hook", "hook:asa-1"), NAMED, action=action)
    return json.dumps({**build_result(told), **changes})


def good() -> State:
    """One event, and all is as it should be."""
    backend = {"ServerId": "i-1", "Port": 8080, "Weight": 100}
    group = {
        "LoadBalancerId": "lb-01",
        "VServerGroupId": "rsp-1",
        "VServerGroupName": GROUP,
        "BackendServers": [backend],
    }
    instance = {"InstanceId": "i-1", "ScalingGroupId": GROUP, "ScalingActivityId": "asa-1"}
    action = {
        "ScalingActivityId": "asa-1",
        "LifecycleActionStatus": "Completed",
        "LifecycleActionResult": "CONTINUE",
    }
    return {
        "VServerGroups": [copy.deepcopy(FOREIGN), group],
        "ScalingInstances": [instance],
        "LifecycleActions": [action],
        "Queues": [{"QueueName": INBOX, "Messages": [{"MessageBody": result()}]}],
    }


def counts(after: State, struck: Mapping[str, int] = STRUCK) -> dict[str, int]:
    return Audit({"VServerGroups": [FOREIGN]}, after, SMALL, ["asa-1"], struck).counts()


def nobody_was_told(state: State) -> None:
    state["Queues"][0]["Messages"].clear()


def a_second_group(state: State) -> None:
    state["VServerGroups"].append({**state["VServerGroups"][1], "VServerGroupId": "rsp-2"})


def a_backend_is_missing(state: State) -> None:
    state["VServerGroups"][1]["BackendServers"].clear()


def a_backend_has_another_weight(state: State) -> None:
    state["VServerGroups"][1]["BackendServers"][0]["Weight"] = 1


def somebody_elses_group_is_changed(state: State) -> None:
    state["VServerGroups"][0]["BackendServers"].clear()


def somebody_elses_group_is_gone(state: State) -> None:
    del state["VServerGroups"][0]


def the_hook_timed_out(state: State) -> None:
    state["LifecycleActions"][0]["LifecycleActionStatus"] = "Timeout"


def a_claim_is_left(state: State) -> None:
    name = "pending-claim/000000000000000000000000/1/0000000000000000"
    claim = {"VServerGroupName": name, "VServerGroupId": "rsp-3", "BackendServers": []}
    state["VServerGroups"].append({"LoadBalancerId": "lb-01", **claim})


def a_result_is_unfit(state: State) -> None:
    state["Queues"][0]["Messages"].append({"MessageBody": result(source=1)})


def two_results_have_two_ids(state: State) -> None:
    state["Queues"][0]["Messages"].append({"MessageBody": result(id="f" * 32)})


def test_a_world_in_which_all_is_well_has_nothing_to_count() -> None:
    assert not any(counts(good()).values())


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (nobody_was_told, "events lost"),
        (a_second_group, "groups more than one per name"),
        (a_backend_is_missing, "wrong or missing backends"),
        (a_backend_has_another_weight, "wrong or missing backends"),
        (somebody_elses_group_is_changed, "foreign groups or backends changed"),
        (somebody_elses_group_is_gone, "foreign groups or backends changed"),
        (the_hook_timed_out, "hooks without exactly one terminal answer"),
        (a_claim_is_left, "stale claims left"),
        (a_result_is_unfit, "results that break their schema"),
        (two_results_have_two_ids, "notification ids of one event that differ"),
    ],
)
def test_the_audit_counts_what_is_wrong(spoil: Callable[[State], None], what: str) -> None:
    state = good()
    spoil(state)
    assert [name for name, number in counts(state).items() if number] == [what]


def test_the_audit_counts_the_kinds_of_faults_that_never_struck() -> None:
    quiet, *others = sorted(KINDS)
    for struck in (dict.fromkeys(others, 1), {**STRUCK, quiet: 0}):
        wrong = {name: number for name, number in counts(good(), struck).items() if number}
        assert wrong == {"kinds of faults that never struck": 1}
