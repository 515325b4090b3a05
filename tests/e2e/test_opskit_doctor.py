"""`opskit doctor`: each check finds what is well, and what is not, with a remedy."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from e2e.opskit_calls import called, reported
from e2e.stage import WRITES, Cloud
from functions import HERE
from opskit.doctor import CHECKS
from opskit.world import REGION

ACCOUNT = "1000000000000001"
TOPIC = f"acs:mns:{REGION}:{ACCOUNT}:topic"
GROUP = {
    "VServerGroupId": "rsp-1",
    "VServerGroupName": "asg-1",
    "LoadBalancerId": "lb-1",
    "BackendServers": [{"ServerId": "i-1", "Port": 8080, "Weight": 100}],
}
HOOK = {
    "LifecycleHookId": "ash-1",
    "LifecycleTransition": "SCALE_OUT",
    "DefaultResult": "ABANDON",
    "HeartbeatTimeout": 600,
    "NotificationArn": f"{TOPIC}/events",
}
BALANCER = {"LoadBalancerId": "lb-1", "RegionId": REGION}
LISTENER = {"Port": 80, "Protocol": "http", "VServerGroupId": "rsp-1"}
PERMISSIONS = [
    "DescribeVServerGroups",
    "DescribeVServerGroupAttribute",
    "CreateVServerGroup",
    "AddVServerGroupBackendServers",
    "SetVServerGroupAttribute",
    "DescribeScalingInstances",
]


def environment(cloud: Cloud, **changed: str) -> dict[str, str]:
    return {
        "REGION_ID": REGION,
        "RESULT_TOPIC": "results",
        "SLB_ENDPOINT": cloud.url,
        "ESS_ENDPOINT": cloud.url,
        "MNS_ENDPOINT": cloud.url,
        "SCALING_GROUP_ID": "asg-1",
        "LOAD_BALANCER_ID": "lb-1",
        "BACKEND_PORTS": "8080",
        **changed,
    }


@pytest.fixture
def deployment(cloud: Cloud, tmp_path: Path) -> Callable[..., None]:
    """On the cloud, all as it should be but for what is named."""

    def deploy(
        *,
        balancer: dict[str, Any] = {"Listeners": [LISTENER]},  # noqa: B006 - it is read only
        groups: tuple[dict[str, Any], ...] = (GROUP,),
        hooks: tuple[dict[str, Any], ...] = (HOOK,),
        topics: tuple[str, ...] = ("events", "results"),
        trigger: str = "events",
        timeout: int = 120,
        **environ: str,
    ) -> None:
        code = tmp_path / "code"
        code.mkdir()
        (code / "index.py").write_text("def handler(event, context): return event")
        function = {
            "FunctionName": "fn",
            "Code": str(code),
            "Handler": "index.handler",
            "Timeout": timeout,
            "EnvironmentVariables": environment(cloud, **environ),
            **HERE,
        }
        arn = f"acs:mns:{REGION}:{ACCOUNT}:/topics/{trigger}"
        cloud.seed(
            LoadBalancers=[{**BALANCER, **balancer}] if balancer is not None else [],
            VServerGroups=list(groups),
            ScalingGroups=[
                {"ScalingGroupId": "asg-1", "RegionId": REGION, "LifecycleHooks": list(hooks)}
            ],
            Topics=[{"TopicName": name} for name in topics],
            Functions=[function],
            Triggers=[
                {
                    "FunctionName": "fn",
                    "TriggerName": "on-message",
                    "TriggerType": "mns_topic",
                    "SourceArn": arn,
                    "TriggerConfig": {},
                }
            ],
        )

    return deploy


@pytest.fixture
def found(cloud: Cloud) -> Callable[..., dict[str, list[tuple[str, str]]]]:
    """Levels and words, by check."""

    def examine(*options: str, status: int = 0) -> dict[str, list[tuple[str, str]]]:
        options = options or ("--function", "fn")
        rows = reported(cloud, "doctor", *options, status=status)
        assert all(row["remedy"] for row in rows if row["level"] != "ok")
        return {
            name: [(row["level"], row["what"]) for row in rows if row["check"] == name]
            for name in CHECKS
        }

    return examine


def levels(items: list[tuple[str, str]]) -> set[str]:
    return {level for level, _ in items}


def test_of_a_deployment_that_is_well_every_check_says_so_and_nothing_changes(
    cloud: Cloud, deployment: Any, found: Any
) -> None:
    deployment()
    before = cloud.state()

    told = found()

    unwell = [n for n in CHECKS if n != "permissions" and levels(told[n]) != {"ok"}]
    assert unwell == []
    assert levels(told["permissions"]) == {"ok", "unknown"}
    (unchecked,) = (what for level, what in told["permissions"] if level == "unknown")
    assert unchecked.startswith("mns:PublishMessage is not checked")
    after = cloud.state()
    kept = ("VServerGroups", "Topics", "Queues", "LifecycleActions", "ScalingGroups")
    assert {key: after[key] for key in kept} == {key: before[key] for key in kept}
    written = [e for e in cloud.journal() if e["action"] in WRITES and e["status"] == 200]
    assert written == []


def test_a_configuration_that_cannot_work_is_told_problem_by_problem(
    deployment: Any, found: Any
) -> None:
    deployment(RESULT_TOPIC="not a topic", BACKEND_PORTS="0")
    told = found(status=1)["configuration"]
    assert levels(told) == {"failure"}
    assert [what.split()[0] for _, what in told] == ["BACKEND_PORTS", "RESULT_TOPIC"]


def test_a_function_without_bindings_is_warned_of(cloud: Cloud, found: Any, tmp_path: Path) -> None:
    given = environment(cloud)
    rest = {k: v for k, v in given.items() if k not in ("SCALING_GROUP_ID", "LOAD_BALANCER_ID")}
    del rest["BACKEND_PORTS"]
    config = tmp_path / "function.json"
    config.write_text(json.dumps(rest), encoding="utf-8")
    cloud.seed(Topics=[{"TopicName": "results"}])
    assert levels(found("--config", str(config))["configuration"]) == {"ok", "warning"}


def test_without_credentials_all_that_needs_them_is_unknown(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment(cloud).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("ALIBABA_CLOUD_ACCESS_KEY_ID", raising=False)
    status, output, _ = called("doctor", "--json")
    rows = json.loads(output)
    assert status == 1
    assert {row["level"] for row in rows if row["check"] == "credentials"} == {"failure"}
    assert {row["level"] for row in rows if row["check"] == "load balancers"} == {"unknown"}


def test_a_proxy_is_named_and_its_address_is_not(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without --local, proxies stay: they may be the way to the cloud."""
    monkeypatch.setenv("https_proxy", "http://user:secret@127.0.0.1:9")
    for name, value in environment(cloud).items():
        monkeypatch.setenv(name, value)
    _, output, _ = called("doctor", "--json")
    (row,) = (row for row in json.loads(output) if row["check"] == "proxies")
    assert row["level"] == "warning"
    assert row["what"].startswith("https_proxy set")
    assert "secret" not in output


def test_an_endpoint_that_cannot_be_reached_fails(deployment: Any, found: Any) -> None:
    deployment()
    nowhere = "ess=http://127.0.0.1:9"  # the port that discards
    told = found("--function", "fn", "--endpoint", nowhere, status=1)
    failures = [what for level, what in told["endpoints"] if level == "failure"]
    assert failures == ["ess cannot be reached at http://127.0.0.1:9 (ConnectionRefusedError)"]
    assert levels(told["hooks"]) == {"unknown"}


@pytest.mark.parametrize(("seconds", "level"), [(120, "warning"), (3600, "failure")])
def test_a_clock_that_differs_is_told(
    cloud: Cloud, deployment: Any, found: Any, seconds: int, level: str
) -> None:
    deployment()
    cloud.advance(seconds)
    told = found(status=level == "failure")["endpoints"]
    (clock,) = (item for item in told if "clock" in item[1])
    assert clock[0] == level
    assert " behind" in clock[1]


def test_a_load_balancer_that_is_not_there_fails(deployment: Any, found: Any) -> None:
    deployment(LOAD_BALANCER_ID="lb-2")
    told = found(status=1)
    assert told["load balancers"] == [
        ("failure", "load balancer lb-2: InvalidLoadBalancerId.NotFound")
    ]
    assert levels(told["quota"]) == {"unknown"}


def test_a_quota_that_is_used_up_fails_and_a_small_rest_is_warned_of(
    deployment: Any, found: Any
) -> None:
    servers = [{"ServerId": f"i-{n}", "Port": 8080, "Weight": 100} for n in range(19)]
    deployment(groups=({**GROUP, "BackendServers": servers},), BACKEND_QUOTA="20")
    assert found()["quota"] == [("warning", "lb-1 holds 19 backends; 1 of 20 are left")]


def test_no_quota_left_fails(deployment: Any, found: Any) -> None:
    deployment(BACKEND_QUOTA="1")
    assert found(status=1)["quota"] == [("failure", "lb-1 holds 1 backends; 0 of 1 are left")]


def test_a_group_that_no_listener_refers_to_fails(deployment: Any, found: Any) -> None:
    deployment(balancer={})
    told = found(status=1)["listeners"]
    assert told == [("failure", "no listener and no rule refers to VServer group asg-1 of lb-1")]


def test_a_rule_is_a_reference_too(deployment: Any, found: Any) -> None:
    rule = {"RuleId": "rule-1", "VServerGroupId": "rsp-1"}
    deployment(balancer={"Rules": [rule]})
    assert found()["listeners"] == [
        ("ok", "VServer group asg-1 of lb-1 is referred to by rule rule-1")
    ]


def test_a_group_that_is_not_there_yet_is_warned_of_and_two_of_one_name_fail(
    cloud: Cloud, deployment: Any, found: Any
) -> None:
    deployment(balancer={}, groups=())
    assert levels(found()["listeners"]) == {"warning"}
    twice = [{**GROUP, "VServerGroupId": id_} for id_ in ("rsp-1", "rsp-2")]
    cloud.seed(VServerGroups=twice)
    assert levels(found(status=1)["listeners"]) == {"failure"}


def test_a_name_that_changes_with_each_event_cannot_be_looked_for(
    deployment: Any, found: Any
) -> None:
    deployment(VSERVER_GROUP_NAME="web-{scaling_activity_id}")
    assert levels(found()["listeners"]) == {"unknown"}


def test_a_result_topic_that_is_not_there_fails(deployment: Any, found: Any) -> None:
    deployment(topics=("events",))
    told = found(status=1)["result topic"]
    assert told == [("failure", "result topic results: TopicNotExist")]


def test_a_dead_letter_queue_that_is_configured_has_to_be_there(
    cloud: Cloud, deployment: Any, found: Any
) -> None:
    deployment(DEAD_LETTER_QUEUE="dead")
    ((level, what),) = found(status=1)["dead letters"]
    assert (level, what) == ("failure", "dead-letter queue dead: QueueNotExist")
    cloud.seed(Queues=[{"QueueName": "dead"}])
    assert found()["dead letters"] == [("ok", "dead-letter queue dead is there")]


def test_without_claims_a_short_timeout_is_well(deployment: Any, found: Any) -> None:
    deployment(timeout=20, CLAIM="off")
    assert levels(found()["timeout"]) == {"ok"}


STREAM = {
    "FunctionName": "fn",
    "TriggerName": "on-request",
    "TriggerType": "eventbridge",
    "TriggerConfig": {
        "eventSourceConfig": {
            "eventSourceType": "MNS",
            "eventSourceParameters": {
                "sourceMNSParameters": {"RegionId": REGION, "QueueName": "requests"}
            },
        },
        "runOptions": {"mode": "event-streaming"},
    },
}


def test_the_topics_that_deliver_to_a_queue_of_the_function_are_told_with_their_format(
    cloud: Cloud, deployment: Any, found: Any
) -> None:
    deployment()
    cloud.seed(Queues=[{"QueueName": "requests"}, {"QueueName": "other"}], Triggers=[STREAM])
    assert found()["subscriptions"] == [("ok", "no topic delivers to requests")]
    cloud.seed(
        Subscriptions=[
            {"TopicName": "events", "SubscriptionName": "a", "QueueName": "requests"},
            {"TopicName": "events", "SubscriptionName": "b", "QueueName": "other"},
            {
                "TopicName": "events",
                "SubscriptionName": "c",
                "QueueName": "requests",
                "NotifyContentFormat": "JSON",
            },
        ]
    )
    assert found()["subscriptions"] == [
        ("ok", "topic events delivers XML to queue requests, by a"),
        ("ok", "topic events delivers JSON to queue requests, by c"),
    ]


def test_a_result_topic_that_delivers_to_a_queue_of_the_function_fails(
    cloud: Cloud, deployment: Any, found: Any
) -> None:
    deployment()
    cloud.seed(
        Queues=[{"QueueName": "requests"}],
        Triggers=[STREAM],
        Subscriptions=[{"TopicName": "results", "SubscriptionName": "a", "QueueName": "requests"}],
    )
    ((level, what),) = found(status=1)["subscriptions"]
    assert level == "failure"
    assert what.endswith("results come back to the function")


def test_subscriptions_that_may_not_be_read_are_unknown(
    cloud: Cloud, deployment: Any, found: Any
) -> None:
    deployment()
    cloud.seed(Queues=[{"QueueName": "requests"}], Triggers=[STREAM])
    cloud.fault(kind="error", action="ListTopic", status=403, code="AccessDenied", count=5)
    assert levels(found()["subscriptions"]) == {"unknown"}


def test_a_result_topic_that_calls_the_function_fails(deployment: Any, found: Any) -> None:
    deployment(trigger="results")
    told = found(status=1)["circle"]
    assert told == [
        ("failure", "result topic results calls the function itself, by trigger on-message")
    ]


def test_a_hook_that_tells_the_result_topic_fails(deployment: Any, found: Any) -> None:
    deployment(hooks=({**HOOK, "NotificationArn": f"{TOPIC}/results"},))
    assert levels(found(status=1)["circle"]) == {"failure"}


def test_without_the_deployed_function_its_timeout_and_triggers_are_unknown(
    cloud: Cloud, deployment: Any, found: Any, tmp_path: Path
) -> None:
    deployment()
    config = tmp_path / "function.json"
    config.write_text(json.dumps(environment(cloud)), encoding="utf-8")
    told = found("--config", str(config))
    assert levels(told["timeout"]) == levels(told["circle"]) == {"unknown"}


@pytest.mark.parametrize(("timeout", "level"), [(45, "failure"), (59, "failure"), (60, "ok")])
def test_a_function_has_to_outlast_a_lease(
    deployment: Any, found: Any, timeout: int, level: str
) -> None:
    deployment(timeout=timeout)
    assert levels(found(status=level == "failure")["timeout"]) == {level}


@pytest.mark.parametrize(("waits", "level"), [(120, "failure"), (121, "ok")])
def test_a_hook_has_to_wait_longer_than_a_delivery_takes(
    deployment: Any, found: Any, waits: int, level: str
) -> None:
    deployment(hooks=({**HOOK, "HeartbeatTimeout": waits},))
    assert levels(found(status=level == "failure")["hooks"]) == {level}


def test_a_hook_that_lets_servers_in_that_are_not_ready_is_warned_of(
    deployment: Any, found: Any
) -> None:
    deployment(hooks=({**HOOK, "DefaultResult": "CONTINUE"},))
    assert levels(found()["hooks"]) == {"ok", "warning"}


def test_a_group_without_a_hook_is_warned_of(deployment: Any, found: Any) -> None:
    deployment(hooks=())
    assert levels(found()["hooks"]) == {"warning"}


@pytest.mark.parametrize("action", PERMISSIONS)
def test_a_permission_that_is_missing_fails(
    cloud: Cloud, deployment: Any, found: Any, action: str
) -> None:
    deployment()
    cloud.fault(kind="error", action=action, status=403, code="Forbidden.RAM", count=50)
    told = found(status=1)["permissions"]
    assert any(level == "failure" and f":{action}: Forbidden" in what for level, what in told)


@pytest.mark.parametrize("action", ["DeleteVServerGroup", "CompleteLifecycleAction"])
def test_what_can_be_tried_on_nothing_only_is_unknown_if_it_is_refused(
    cloud: Cloud, deployment: Any, found: Any, action: str
) -> None:
    deployment()
    cloud.fault(kind="error", action=action, status=403, code="Forbidden.RAM", count=50)
    told = found()["permissions"]
    assert any(level == "unknown" and f":{action}: Forbidden" in what for level, what in told)


def test_the_role_of_another_account_is_assumed_and_its_load_balancer_seen(
    cloud: Cloud, deployment: Any, found: Any
) -> None:
    role = "acs:ram::2000000000000002:role/balancers"
    deployment(SLB_ROLE_ARN=role, STS_ENDPOINT=cloud.url, LOAD_BALANCER_ID="lb-2")
    assert levels(found(status=1)["permissions"]) == {"failure"}
    theirs = {"LoadBalancerId": "lb-2", "RegionId": REGION, "Account": "2000000000000002"}
    cloud.seed(Roles=[{"RoleArn": role}], LoadBalancers=[theirs])
    told = found()
    assert levels(told["load balancers"]) == {"ok"}
    assert ("ok", "sts:AssumeRole is allowed") in told["permissions"]


def test_a_person_reads_a_remedy_below_what_is_wrong(cloud: Cloud, deployment: Any) -> None:
    deployment(timeout=3)
    status, output, errors = called("doctor", "--function", "fn", "--local", cloud.url)
    assert (status, errors) == (1, "")
    assert "failure timeout         the function has 3 s" in output
    assert "                        set its timeout to at least 60 s\n" in output


def test_a_function_that_is_not_there_ends_in_status_2(cloud: Cloud) -> None:
    status, output, errors = called("doctor", "--function", "fn", "--local", cloud.url)
    assert (status, output) == (2, "")
    assert errors.startswith("opskit doctor: function fn: FunctionNotFound from http://")
