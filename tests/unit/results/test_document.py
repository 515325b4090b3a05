"""The result document. That every published one keeps to its schema is held in `deployments`."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from builders import TOKEN, a_hook_request
from deployments import a_group, hold_to_the_schema, servers
from provisioner.errors import Code, Problem, Rejected, Retryable
from provisioner.model import (
    Backend,
    EventRef,
    GroupRemoval,
    LifecycleResult,
    Plan,
    RejectedBackend,
    RemovalResult,
)
from provisioner.results.document import MAX_BYTES, build_result, build_tag, encode_result
from provisioner.results.outcome import Outcome, Status

EVENT = EventRef("ess_hook", "e-1")
REFUSED = Rejected(Code.NO_BINDING, "no binding", path="/ScalingGroupId")


def outcome(status: Status = Status.PROVISIONED, **changes: Any) -> Outcome:
    made = a_group(*servers(2), id="rsp-0001")
    return replace(Outcome(status, EVENT, group=made, fc_request_id="fc-0001"), **changes)


def test_a_result_tells_what_stands_what_changed_and_what_it_belongs_to() -> None:
    plan = Plan(
        add=servers(1),
        already_present=servers(1, first=2),
        unmanaged=servers(3, first=9),
        rejected=(RejectedBackend(servers(1, first=4)[0], "InvalidServerId.NotExist"),),
    )
    document = build_result(
        outcome(
            created=True,
            plan=plan,
            dropped_instance_ids=("i-0003",),
            action=a_hook_request().action,
            lifecycle_result=LifecycleResult.CONTINUE,
            slb_request_ids=("r-1", "r-2"),
        )
    )
    hold_to_the_schema(document)
    assert document["subject"] == "lb-0001/web-8080"
    assert document["data"] == {
        "RegionId": "cn-hangzhou",
        "LoadBalancerId": "lb-0001",
        "VServerGroupId": "rsp-0001",
        "VServerGroupName": "web-8080",
        "BackendServers": [
            {"ServerId": "i-0001", "Port": 8080, "Weight": 100},
            {"ServerId": "i-0002", "Port": 8080, "Weight": 100},
        ],
        "BackendServerCount": 2,
        "changes": {
            "created": True,
            "added": [{"ServerId": "i-0001", "Port": 8080}],
            "addedCount": 1,
            "reweighed": [],
            "reweighedCount": 0,
            "alreadyPresentCount": 1,
            "foreignCount": 3,
            "leftOut": [{"ServerId": "i-0004", "Port": 8080, "code": "InvalidServerId.NotExist"}],
            "leftOutCount": 1,
            "dropped": ["i-0003"],
            "droppedCount": 1,
        },
        "inUse": False,
        "otherGroupsInUse": [],
        "lifecycle": {"LifecycleHookId": "ash-0001", "LifecycleActionResult": "CONTINUE"},
        "correlation": {
            "eventSource": "ess_hook",
            "eventId": "e-1",
            "ScalingActivityId": "asa-0001",
            "fcRequestId": "fc-0001",
            "slbRequestIds": ["r-1", "r-2"],
        },
    }
    assert TOKEN not in json.dumps(document)


def test_a_failure_tells_code_message_path_and_whether_to_try_again() -> None:
    document = build_result(Outcome(Status.REFUSED, EVENT, error=REFUSED))
    hold_to_the_schema(document)
    assert document["data"]["error"] == {
        "code": "NoBinding",
        "message": "no binding",
        "path": "/ScalingGroupId",
        "retryable": False,
    }
    assert "subject" not in document
    later = Outcome(Status.FAILED, EVENT, error=Retryable("Throttling", "slow down"))
    assert build_result(later)["data"]["error"]["retryable"] is True


MANY = tuple(Problem(f"/Instances/{n}", "must be a string, is a number") for n in range(100))


def test_every_problem_is_told_where_there_are_several() -> None:
    refused = Outcome(Status.REFUSED, EVENT, error=Rejected.from_problems(MANY))
    document = build_result(refused)
    hold_to_the_schema(document)
    problems = document["data"]["error"]["problems"]
    assert [(problem["path"], problem["message"]) for problem in problems] == [
        (problem.path, problem.message) for problem in MANY
    ]


def test_problems_that_no_topic_would_take_are_dropped_and_the_message_stays() -> None:
    long = [Problem(problem.path, "x" * 700) for problem in MANY]
    full = build_result(Outcome(Status.REFUSED, EVENT, error=Rejected.from_problems(long)))
    message = encode_result(full)
    assert len(message) <= MAX_BYTES
    short = json.loads(message)
    hold_to_the_schema(short)
    assert short["data"]["truncated"] is True
    assert short["data"]["error"].keys() == {"code", "message", "path", "retryable"}
    assert short["data"]["error"]["message"].endswith("and 95 more")


def test_the_same_result_has_the_same_id_whoever_found_it_and_whenever() -> None:
    first = build_result(outcome(created=True, fc_request_id="fc-0001"))
    again = build_result(outcome(slb_request_ids=("r-9",), fc_request_id="fc-0002"))
    assert first["id"] == again["id"]


def test_a_result_differs_in_id_by_event_group_load_balancer_and_kind() -> None:
    outcomes = [
        outcome(),
        outcome(Status.FAILED),
        outcome(Status.REFUSED),
        outcome(event=EventRef("ess_hook", "e-2")),
        outcome(group=a_group(name="web-8443")),
        outcome(group=a_group(load_balancer_id="lb-0002")),
        outcome(group=None),
    ]
    assert len({build_result(each)["id"] for each in outcomes}) == 7


def test_backends_that_somebody_else_made_are_told_as_the_api_tells_them() -> None:
    strange = Backend("eni-1", 80, 0, type="eni", description="with spaces, not ours")
    document = build_result(outcome(group=a_group(strange, id="rsp-0001")))
    hold_to_the_schema(document)
    assert document["data"]["BackendServers"][0]["ServerId"] == "eni-1"


def test_what_a_topic_takes_is_sent_whole_and_in_ascii() -> None:
    document = build_result(outcome(group=a_group(name="组一")))
    message = encode_result(document)
    assert message.isascii()
    assert json.loads(message) == document


@pytest.mark.parametrize("number", [400, 700])
def test_a_result_that_no_topic_would_take_keeps_its_counts_and_says_so(number: int) -> None:
    many = tuple(Backend("i-" + "x" * 120, port + 1) for port in range(number))
    full = build_result(
        outcome(
            group=a_group(*many),
            plan=Plan(add=many, update_weight=many[:2]),
            dropped_instance_ids=("i-0009",),
        )
    )
    message = encode_result(full)
    assert len(message) <= MAX_BYTES
    short = json.loads(message)
    hold_to_the_schema(short)
    assert message == json.dumps(short, separators=(",", ":"))
    assert short["data"]["truncated"] is True
    assert short["data"]["BackendServers"] == []
    assert short["data"]["BackendServerCount"] == number
    assert short["data"]["changes"] == {
        "created": False,
        "added": [],
        "addedCount": number,
        "reweighed": [],
        "reweighedCount": 2,
        "alreadyPresentCount": 0,
        "foreignCount": 0,
        "leftOut": [],
        "leftOutCount": 0,
        "dropped": [],
        "droppedCount": 1,
    }
    assert {key: value for key, value in short.items() if key != "data"} == {
        key: value for key, value in full.items() if key != "data"
    }


@pytest.mark.parametrize("status", list(Status))
def test_a_tag_is_short_enough_to_filter_by(status: Status) -> None:
    assert build_tag(outcome(status)) == status.value


def test_what_servers_left_is_told_group_by_group_and_unchanged_groups_are_not() -> None:
    shrunk = GroupRemoval("rsp-0001", "web-8080", servers(2), servers(3, first=3))
    gone = GroupRemoval("rsp-0002", "web-8443", servers(1, port=8443), deleted=True)
    done = RemovalResult(
        (shrunk, gone, GroupRemoval("rsp-0003", "other", remaining=servers(1))), 12.34
    )
    document = build_result(outcome(Status.DEREGISTERED, removal=done))
    hold_to_the_schema(document)
    assert [group["VServerGroupId"] for group in document["data"]["groups"]] == [
        "rsp-0001",
        "rsp-0002",
    ]
    changes = document["data"]["changes"]
    told = ("shrunkCount", "removedCount", "deletedCount", "drainedSeconds")
    assert [changes[key] for key in told] == [2, 3, 1, 12.3]


def test_a_result_without_a_name_is_about_its_load_balancer() -> None:
    document = build_result(outcome(Status.DEREGISTERED, group=a_group(name="")))
    hold_to_the_schema(document)
    assert (document["subject"], document["data"]["VServerGroupName"]) == ("lb-0001", None)


def test_a_long_result_of_servers_that_left_keeps_its_counts() -> None:
    done = RemovalResult((GroupRemoval("rsp-0001", "web-8080", servers(2000)),), 30.0)
    text = encode_result(build_result(outcome(Status.DEREGISTERED, removal=done)))
    assert len(text) <= MAX_BYTES
    told = json.loads(text)
    hold_to_the_schema(told)
    assert (told["data"]["truncated"], told["data"]["groups"]) == (True, [])
    assert told["data"]["changes"]["removedCount"] == 2000
