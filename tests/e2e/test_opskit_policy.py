"""`opskit policy` against what the function calls: no call without a permission, no permission
without a call.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import builders
from e2e.opskit_calls import called, reported
from e2e.stage import (
    LEASE,
    Cloud,
    actions_of_the_function,
    document,
    environment,
    hook_event,
    stage,
)
from opskit import policy
from opskit.world import LOAD_BALANCER, REGION
from provisioner.errors import Retryable
from provisioner.groups import naming

ACCOUNT = "1000000000000001"
DEAD = "dead-letters"
OTHER = "2000000000000002"
ROLE = f"acs:ram::{OTHER}:role/balancers"
LEAVING = {
    "lifecycleTransition": "SCALE_IN",
    "lifecycleHookId": "ash-0002",
    "lifecycleActionToken": "leaving",
}
TICK = {"triggerTime": "2026-01-01T00:00:00Z", "triggerName": "sweep", "payload": ""}
BINDING = {"ScalingGroupId": "asg-0001", "LoadBalancerId": "lb-theirs", "Ports": [8080]}


def test_the_function_calls_all_that_it_is_allowed_and_nothing_else(cloud: Cloud) -> None:
    """Every path that makes another call: new, extended, reweighed, refused and kept, replayed,
    cleared; a hook that needs a heartbeat, as the start of its wait is long past."""
    event = hook_event(45)
    leave = hook_event(
        2, first=101, **LEAVING, scalingGroupId="asg-0002", scalingActivityId="asa-0002"
    )
    staged = stage(cloud, event, leave)
    staged.environ["DEAD_LETTER_QUEUE"] = DEAD
    cloud.seed(Queues=[{"QueueName": DEAD}])
    cloud.advance(400)  # of the hook's 600 seconds
    staged.deliver(event)  # new, prolonged, completed
    staged.deliver(event)  # replayed
    staged.deliver(leave)
    staged.deliver(document(2))
    heavier = [{"ServerId": "i-0001", "Port": 8080, "Weight": 7}]
    staged.deliver(document(1, BackendServers=heavier, OnExisting="merge"))
    staged.deliver(document(3))  # refused
    staged.deliver(b"not an event")
    claim = naming.make_claim("late", cloud.state()["Clock"]["now"] - LEASE, "0" * 16).name
    cloud.seed(VServerGroups=[{"LoadBalancerId": LOAD_BALANCER, "VServerGroupName": claim}])
    staged.deliver(document(1, name="late"))  # somebody's claim is cleared
    (swept,) = staged.deliver(builders.as_bytes(TICK), staged.app(SWEEP="apply"))["sweeps"]
    assert swept["unread"] == []

    allowed = {
        permission.action for permission in policy.needed(assumes_role=False, quarantines=True)
    }
    assert actions_of_the_function(cloud) == allowed


def test_with_a_role_of_another_account_the_function_assumes_it_and_no_more(cloud: Cloud) -> None:
    """Two policies: one for the function's own role, one for the role that it assumes."""
    event = hook_event(2)
    staged = stage(cloud, event)
    cloud.seed(
        LoadBalancers=[{"LoadBalancerId": "lb-theirs", "RegionId": REGION, "Account": OTHER}],
        Roles=[{"RoleArn": ROLE}],
    )
    environ = {**environment(cloud.url, [BINDING]), "SLB_ROLE_ARN": ROLE, "STS_ENDPOINT": cloud.url}
    staged.environ = environ

    (outcome,) = staged.deliver(event)["outcomes"]

    assert outcome["outcome"] == "provisioned"
    assert staged.the_group()["LoadBalancerId"] == "lb-theirs"
    callers: dict[str, set[str]] = {}
    for entry in cloud.journal():
        callers.setdefault(entry["caller"], set()).add(f"{entry['service']}:{entry['action']}")
    own = {p.action for p in policy.needed(assumes_role=True, quarantines=False)}
    assert callers["provisioner"] == own - {"ess:RecordLifecycleActionHeartbeat"}  # in good time
    assumed = callers[f"acs:ram::{OTHER}:assumed-role/balancers/vservergroup-provisioner"]
    assert assumed < {p.action for p in policy.of_others()}


def test_a_role_that_cannot_be_assumed_leaves_the_event_with_the_platform(cloud: Cloud) -> None:
    event = hook_event(2)
    staged = stage(cloud, event)
    environ = {**environment(cloud.url, [BINDING]), "SLB_ROLE_ARN": ROLE, "STS_ENDPOINT": cloud.url}
    staged.environ = environ
    with pytest.raises(Retryable, match=r"AssumeRole was refused with EntityNotExist\.Role"):
        staged.deliver(event)
    assert staged.hook() == ("Pending", "ABANDON")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    environ = {
        "FC_REGION": REGION,
        "FC_ACCOUNT_ID": ACCOUNT,
        "RESULT_TOPIC": "results",
        "BINDINGS": [
            {**BINDING, "LoadBalancerId": "lb-1"},
            {**BINDING, "LoadBalancerId": "lb-2", "RegionId": "cn-beijing"},
        ],
    }
    path = tmp_path / "function.json"
    path.write_text(json.dumps(environ), encoding="utf-8")
    return path


def resources_of(document: Any, action: str) -> list[str]:
    found = [s["Resource"] for s in document["Statement"] if action in s["Action"]]
    assert len(found) == 1
    resources: list[str] = found[0]
    return resources


def test_the_policy_names_each_load_balancer_in_its_region_and_the_topic(
    cloud: Cloud, config: Path
) -> None:
    told = reported(cloud, "policy", "--config", str(config))

    assert told["Version"] == "1"
    assert {s["Effect"] for s in told["Statement"]} == {"Allow"}
    balancers = [
        f"acs:slb:{REGION}:{ACCOUNT}:loadbalancer/lb-1",
        f"acs:slb:cn-beijing:{ACCOUNT}:loadbalancer/lb-2",
    ]
    assert resources_of(told, "slb:DeleteVServerGroup") == balancers
    servers = [f"acs:ecs:{region}:{ACCOUNT}:instance/*" for region in (REGION, "cn-beijing")]
    assert resources_of(told, "slb:AddVServerGroupBackendServers") == balancers + servers
    assert resources_of(told, "mns:PublishMessage") == [
        f"acs:mns:{REGION}:{ACCOUNT}:/topics/results/messages"
    ]
    assert "mns:SendMessage" not in json.dumps(told)


def test_a_dead_letter_queue_may_be_sent_to_where_one_is_configured(
    cloud: Cloud, config: Path
) -> None:
    environ = json.loads(config.read_text("utf-8"))
    config.write_text(json.dumps({**environ, "DEAD_LETTER_QUEUE": DEAD}), encoding="utf-8")

    told = reported(cloud, "policy", "--config", str(config))

    assert resources_of(told, "mns:SendMessage") == [
        f"acs:mns:{REGION}:{ACCOUNT}:/queues/{DEAD}/messages"
    ]


def test_with_a_role_to_assume_there_are_two_policies(cloud: Cloud, config: Path) -> None:
    environ = json.loads(config.read_text("utf-8"))
    config.write_text(json.dumps({**environ, "SLB_ROLE_ARN": ROLE}), encoding="utf-8")

    told = reported(cloud, "policy", "--config", str(config))

    assert told.keys() == {"function", ROLE}
    assert resources_of(told["function"], "sts:AssumeRole") == [ROLE]
    assert "slb:" not in json.dumps(told["function"])
    listed = resources_of(told[ROLE], "slb:DescribeVServerGroups")
    assert listed[0] == f"acs:slb:{REGION}:{OTHER}:loadbalancer/lb-1"


def test_every_action_has_a_reason(cloud: Cloud, config: Path) -> None:
    status, output, _ = called("policy", "--why", "--config", str(config), "--local", cloud.url)
    rows = reported(cloud, "policy", "--why", "--config", str(config))

    assert status == 0
    assert [row["action"] for row in rows] == [p.action for p in policy.PERMISSIONS]
    assert all(f"{row['action']}: {row['why']}" in output for row in rows)


def test_a_template_puts_its_own_references_where_names_are() -> None:
    place = policy.Place("${Region}", "${LoadBalancerId}")
    names = policy.Names("${Region}", "${Account}", "${Topic}", load_balancers=(place,))

    found = policy.statements(names)

    (arn,) = resources_of({"Statement": found}, "slb:DeleteVServerGroup")
    assert arn == "acs:slb:${Region}:${Account}:loadbalancer/${LoadBalancerId}"
    assert builders.as_bytes(found)
