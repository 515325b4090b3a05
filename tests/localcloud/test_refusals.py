"""Whatever is asked for, of whichever service: what is refused has changed nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localcloud.registry import SERVICES

Call = tuple[tuple[str, str], dict[str, str]]

REGION, ACCOUNT = "cn-hangzhou", "1000000000000001"
WHERE = f"{REGION}:{ACCOUNT}"
VERSIONS = {"slb": "2014-05-15", "ess": "2022-02-22"}
QUESTIONS = ("Describe", "List", "Get", "Receive", "Peek")
WEB = {"ServerId": "i-1", "Port": 80}
FINE = [json.dumps([WEB]), json.dumps([{"ServerId": "i-2", "Port": "80", "Weight": 0}])]
BAD = [
    "[",
    json.dumps([WEB, {"ServerId": "i-2", "Port": 0}]),
    json.dumps([WEB, {"ServerId": "i-down", "Port": 80}]),
    json.dumps([WEB, {"ServerId": "i-9", "Port": 80}]),
    json.dumps([{"ServerId": f"i-{number}", "Port": 80} for number in range(9)]),
]
RULE = {"RuleName": "r", "Url": "/a", "VServerGroupId": "rsp-1"}

# What a parameter may be: values that are fine in the world below, and values that are not.
VALUES: dict[str, tuple[list[str], list[str]]] = {
    "RegionId": ([REGION], ["cn-beijing", ""]),
    "LoadBalancerId": (["lb-1"], ["lb-9", ""]),
    "VServerGroupId": (["rsp-1", "rsp-full"], ["rsp-used", "rsp-9", ""]),
    "VServerGroupName": (["renamed", ""], ["two words"]),
    "BackendServers": (FINE, BAD),
    "OldBackendServers": (FINE, BAD),
    "NewBackendServers": (FINE, BAD),
    "Tag.1.Key": (["k"], ["acs:k"]),
    "LoadBalancerName": (["front"], [""]),
    "ListenerPort": (["80", "82"], ["81", "0", ""]),
    "ListenerProtocol": (["", "http"], ["tcp"]),
    "RuleList": ([json.dumps([RULE])], ["[", json.dumps([RULE, {"RuleName": "s"}])]),
    "RuleIds": (['["rule-1"]'], ['["rule-1", "rule-9"]', "[]", ""]),
    "ScalingGroupId": (["asg-1"], ["asg-busy", "asg-9", ""]),
    "AdjustmentType": (["QuantityChangeInCapacity"], ["Doubling", ""]),
    "AdjustmentValue": (["2", "-1", "0"], ["9999", "x", ""]),
    "LifecycleHookContext": (["", '{"DisableLifecycleHook": true}'], ["{", "[]"]),
    "ClientToken": (["", "once"], ["x" * 65]),
    "ScalingRuleAri": (["ari:1"], ["ari:busy", "ari:9", ""]),
    "LifecycleHookId": (["ash-busy"], ["ash-9", ""]),
    "LifecycleHookName": (["three", ""], ["one", "x"]),
    "LifecycleTransition": (["SCALE_OUT", "SCALE_IN"], ["SCALE_UP"]),
    "DefaultResult": (["CONTINUE", "ABANDON"], ["RETRY"]),
    "HeartbeatTimeout": (["60", ""], ["1"]),
    "NotificationArn": ([f"acs:mns:{WHERE}:queue/q"], [f"acs:mns:{WHERE}:queue/gone", "q"]),
    "LifecycleHookStatus": (["", "InActive"], ["Gone"]),
    "LifecycleActionToken": (["token"], ["other", ""]),
    "LifecycleActionResult": (["CONTINUE", "ABANDON", ""], ["RETRY"]),
    "lifecycleHookId": (["ash-busy"], ["ash-9", ""]),
    "lifecycleActionToken": (["token"], ["other", ""]),
    "heartbeatTimeout": (["60", "600"], ["1", "21601"]),
}
BALANCER = ("RegionId", "LoadBalancerId")
LISTENER = (*BALANCER, "ListenerPort")
GROUP = ("RegionId", "VServerGroupId")
HOOK = (
    "ScalingGroupId",
    "LifecycleHookName",
    "LifecycleTransition",
    "DefaultResult",
    "HeartbeatTimeout",
    "NotificationArn",
)
WRITES: dict[tuple[str, str], tuple[str, ...]] = {
    ("slb", "CreateVServerGroup"): (
        *BALANCER,
        "VServerGroupName",
        "BackendServers",
        "Tag.1.Key",
    ),
    ("slb", "AddVServerGroupBackendServers"): (*GROUP, "BackendServers"),
    ("slb", "RemoveVServerGroupBackendServers"): (*GROUP, "BackendServers"),
    ("slb", "ModifyVServerGroupBackendServers"): (
        *GROUP,
        "OldBackendServers",
        "NewBackendServers",
    ),
    ("slb", "SetVServerGroupAttribute"): (*GROUP, "VServerGroupName", "BackendServers"),
    ("slb", "DeleteVServerGroup"): GROUP,
    ("slb", "CreateLoadBalancer"): ("RegionId", "LoadBalancerName", "ClientToken"),
    ("slb", "DeleteLoadBalancer"): BALANCER,
    ("slb", "CreateLoadBalancerTCPListener"): (*LISTENER, "VServerGroupId"),
    ("slb", "CreateLoadBalancerHTTPListener"): (*LISTENER, "VServerGroupId"),
    ("slb", "DeleteLoadBalancerListener"): (*LISTENER, "ListenerProtocol"),
    ("slb", "CreateRules"): (*LISTENER, "RuleList"),
    ("slb", "DeleteRules"): ("RegionId", "RuleIds"),
    ("ess", "ScaleWithAdjustment"): (
        "ScalingGroupId",
        "AdjustmentType",
        "AdjustmentValue",
        "LifecycleHookContext",
        "ClientToken",
    ),
    ("ess", "ExecuteScalingRule"): ("ScalingRuleAri", "ClientToken"),
    ("ess", "CreateLifecycleHook"): HOOK,
    ("ess", "ModifyLifecycleHook"): ("LifecycleHookId", "LifecycleHookStatus", *HOOK),
    ("ess", "DeleteLifecycleHook"): ("LifecycleHookId", "ScalingGroupId", "LifecycleHookName"),
    ("ess", "CompleteLifecycleAction"): (
        "LifecycleHookId",
        "LifecycleActionToken",
        "LifecycleActionResult",
        "ClientToken",
    ),
    ("ess", "RecordLifecycleActionHeartbeat"): (
        "lifecycleHookId",
        "lifecycleActionToken",
        "heartbeatTimeout",
    ),
}
SHORT = {"DelaySeconds": [None, 1, -1], "VisibilityTimeout": [None, 1, 0]}
MESSAGE = "<Message><MessageBody>{}</MessageBody><MessageTag>{}</MessageTag></Message>"
SUBSCRIPTION = "<Subscription><Endpoint>acs:mns:{}:queues/{}</Endpoint></Subscription>"


def queue_body(values: dict[str, int | None]) -> str:
    rows = [f"<{name}>{value}</{name}>" for name, value in values.items() if value is not None]
    return f"<Queue>{''.join(rows)}</Queue>"


@st.composite
def requests(draw: st.DrawFn, target: tuple[str, str]) -> dict[str, str]:
    """One that could be answered, but for as many as two of its parameters."""
    names = WRITES[target]
    wrong = draw(st.sets(st.sampled_from(names), max_size=2))
    return {name: draw(st.sampled_from(VALUES[name][name in wrong])) for name in names}


def named(target: tuple[str, str]) -> st.SearchStrategy[Call]:
    return st.tuples(st.just(target), requests(target))


QUEUE, TOPIC = st.sampled_from(["q", "gone", "under_score"]), st.sampled_from(["t", "gone"])
TEXT = st.sampled_from(["x", "", "x" * 70000])
ATTRIBUTES = st.fixed_dictionaries({name: st.sampled_from(row) for name, row in SHORT.items()})
HANDLE = st.sampled_from(["", "?ReceiptHandle=x", "?ReceiptHandle=x&VisibilityTimeout=1"])
MNS_CALLS = st.one_of(
    st.builds(lambda q, a: ("PUT", f"/queues/{q}", queue_body(a)), QUEUE, ATTRIBUTES),
    st.builds(
        lambda q, a: ("PUT", f"/queues/{q}?metaoverride=true", queue_body(a)), QUEUE, ATTRIBUTES
    ),
    st.builds(lambda q: ("DELETE", f"/queues/{q}", ""), QUEUE),
    st.builds(lambda q, b: ("POST", f"/queues/{q}/messages", MESSAGE.format(b, "")), QUEUE, TEXT),
    st.builds(lambda q, h: ("DELETE", f"/queues/{q}/messages{h}", ""), QUEUE, HANDLE),
    st.builds(lambda q, h: ("PUT", f"/queues/{q}/messages{h}", ""), QUEUE, HANDLE),
    st.builds(lambda t: ("PUT", f"/topics/{t}", "<Topic/>"), TOPIC),
    st.builds(lambda t: ("DELETE", f"/topics/{t}", ""), TOPIC),
    st.builds(
        lambda t, b, tag: ("POST", f"/topics/{t}/messages", MESSAGE.format(b, tag)),
        TOPIC,
        TEXT,
        st.sampled_from(["tag", "x" * 17]),
    ),
    st.builds(
        lambda t, where: ("PUT", f"/topics/{t}/subscriptions/s", SUBSCRIPTION.format(where, "q")),
        TOPIC,
        st.sampled_from([WHERE, "cn-beijing:1"]),
    ),
    st.builds(lambda t: ("DELETE", f"/topics/{t}/subscriptions/s", ""), TOPIC),
    st.just(("PUT", "/queues/q", "<Queue")),
)
STRICTNESS = {"StrictInstances": st.booleans(), "ProcessingSeconds": st.sampled_from([0, 0, 60])}
QUIET: dict[str, Any] = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.function_scoped_fixture],
}


def world(control: Any) -> None:
    listener = {"Port": 80, "Protocol": "http", "VServerGroupId": "rsp-used"}
    rule = {"RuleId": "rule-1", "VServerGroupId": "rsp-used", "ListenerPort": 80}
    balancer = {"LoadBalancerId": "lb-1", "RegionId": REGION, "BackendQuota": 3}
    tcp = {**listener, "Port": 81, "Protocol": "tcp"}
    full = [{"ServerId": f"i-{number}", "Port": 80} for number in (1, 2)]
    held = {"rsp-1": [], "rsp-full": full, "rsp-used": []}
    web = {"LoadBalancerId": "lb-1", "VServerGroupName": "web"}
    control.seed(
        LoadBalancers=[{**balancer, "Listeners": [listener, tcp], "Rules": [rule]}],
        VServerGroups=[
            {**web, "VServerGroupId": name, "BackendServers": rows} for name, rows in held.items()
        ],
        Instances=[{"InstanceId": "i-down", "RegionId": REGION, "Status": "Stopped"}],
        Queues=[{"QueueName": "q"}],
        Topics=[{"TopicName": "t"}],
        **scaling(),
    )


def scaling() -> dict[str, Any]:
    """A group at rest, and one in which a hook waits."""
    hook = {"LifecycleTransition": "SCALE_OUT", "NotificationArn": f"acs:mns:{WHERE}:queue/q"}
    adjustment = {"AdjustmentType": "QuantityChangeInCapacity", "AdjustmentValue": 1}
    names = {"asg-1": ("ash-1", "one", "ari:1"), "asg-busy": ("ash-busy", "two", "ari:busy")}
    rows = [
        {
            "ScalingGroupId": group_id,
            "RegionId": REGION,
            "LifecycleHooks": [{**hook, "LifecycleHookId": hook_id, "LifecycleHookName": name}],
            "ScalingRules": [{**adjustment, "ScalingRuleAri": ari}],
        }
        for group_id, (hook_id, name, ari) in names.items()
    ]
    activity = {"ScalingActivityId": "asa-1", "ScalingGroupId": "asg-busy"}
    token = {"LifecycleHookId": "ash-busy", "LifecycleActionToken": "token"}
    members = [{"InstanceId": f"i-{number}", "ScalingGroupId": "asg-1"} for number in (1, 2)]
    waiting = {"InstanceId": "i-0", **activity, "LifecycleState": "Pending:Wait"}
    return {
        "ScalingGroups": rows,
        "ScalingActivities": [activity],
        "ScalingInstances": [*members, waiting],
        "LifecycleActions": [{**token, "ScalingActivityId": "asa-1", "InstanceIds": ["i-0"]}],
    }


def test_every_write_of_load_balancing_and_scaling_is_tried() -> None:
    writes = {
        (service.name, action)
        for service in SERVICES
        for action in service.operations
        if service.name in VERSIONS and not action.startswith(QUESTIONS)
    }
    assert writes == set(WRITES)


@pytest.mark.parametrize("target", sorted(WRITES), ids="-".join)
@settings(max_examples=12, **QUIET)
@given(data=st.data())
def test_a_refused_write_changes_nothing(control: Any, target: Any, data: st.DataObject) -> None:
    control.send("POST", "/_cloud/reset")
    world(control)
    control.seed(Settings=data.draw(st.fixed_dictionaries(STRICTNESS)))
    earlier = st.lists(st.sampled_from(sorted(WRITES)).flatmap(named), max_size=1)
    for (service, action), parameters in [*data.draw(earlier), data.draw(named(target))]:
        before = {**control.state(), "Clock": None}
        common = {"Action": action, "Version": VERSIONS[service], "Format": "JSON"}
        answer = control.v1("POST", form=True, **common, **parameters)
        assert answer.status < 500, answer.body
        assert answer.status == 200 or {**control.state(), "Clock": None} == before, answer.body


@settings(max_examples=60, **QUIET)
@given(calls=st.lists(MNS_CALLS, min_size=1, max_size=6))
def test_a_refused_write_to_a_queue_or_topic_changes_nothing(
    control: Any, mns_request: Callable[..., Any], calls: list[tuple[str, str, str]]
) -> None:
    control.send("POST", "/_cloud/reset")
    world(control)
    for call in calls:
        before = {**control.state(), "Clock": None}
        answer = mns_request(*call)
        assert answer.status < 500, answer.body
        assert answer.status < 300 or {**control.state(), "Clock": None} == before, answer.body
