"""What mutants are made from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from localcloud.worlds import default_world

EVENTS = [path.read_bytes() for path in sorted((Path(__file__).parents[2] / "events").iterdir())]


def _parsed(payload: bytes) -> list[Any]:
    try:
        return [json.loads(payload)]
    except ValueError:
        return []


PARSED: list[Any] = [value for event in EVENTS for value in _parsed(event)]

ENVIRON = {
    "RESULT_TOPIC": "provision-results",
    "REGION_ID": "cn-hangzhou",
    "FC_ACCOUNT_ID": "1000000000000001",
}
BINDINGS: list[Any] = [
    [{"ScalingGroupId": "asg-0001", "LoadBalancerId": "lb-0001", "Ports": [8080]}],
    [
        {
            "ScalingGroupId": "asg-0001",
            "LoadBalancerId": "lb-0001",
            "RegionId": "cn-hangzhou",
            "Ports": [8080, 8443],
            "Weight": 50,
            "Type": "ecs",
            "Description": "web",
            "VServerGroupName": "{scaling_group_id}-{content_hash}",
            "FailureResult": "ABANDON",
            "MetadataMayOverride": ["Weight"],
        }
    ],
]

# The control endpoint's, by path.
DOCUMENTS: dict[str, Any] = {
    "seed": default_world(),
    "clock": {"advance": 30},
    "scale": {"ScalingGroupId": "asg-local", "Adjustment": 2},
    "settings": {"Strict": True},
    "functions": {"FunctionName": "f", "Code": "/nowhere", "Handler": "index.handler"},
    "faults": [{"Service": "slb", "Action": "CreateVServerGroup", "Count": 1, "Fault": "throttle"}],
}

_BACKENDS = json.dumps([{"ServerId": "i-0001", "Port": 8080, "Weight": 100}])
_SLB, _ESS, _ECS = "2014-05-15", "2022-02-22", "2014-05-26"

# Version, and the parameters of one call.
RPC: list[tuple[str, dict[str, str]]] = [
    (_SLB, {"Action": "CreateVServerGroup", "VServerGroupName": "g", "BackendServers": _BACKENDS}),
    (_SLB, {"Action": "CreateVServerGroup", "Tag.1.Key": "a", "Tag.1.Value": "b", "Format": "XML"}),
    (_SLB, {"Action": "AddVServerGroupBackendServers", "BackendServers": _BACKENDS}),
    (_SLB, {"Action": "RemoveVServerGroupBackendServers", "BackendServers": _BACKENDS}),
    (
        _SLB,
        {
            "Action": "ModifyVServerGroupBackendServers",
            "OldBackendServers": _BACKENDS,
            "NewBackendServers": _BACKENDS.replace('"', "'"),
        },
    ),
    (_SLB, {"Action": "SetVServerGroupAttribute", "BackendServers": _BACKENDS}),
    (_SLB, {"Action": "DescribeVServerGroups", "IncludeListener": "True", "Tag.1.Key": "a"}),
    (_SLB, {"Action": "DescribeVServerGroupAttribute"}),
    (_SLB, {"Action": "DescribeLoadBalancers", "PageSize": "10"}),
    (_SLB, {"Action": "CreateLoadBalancer", "LoadBalancerName": "x"}),
    (_SLB, {"Action": "CreateLoadBalancerHTTPListener", "ListenerPort": "80", "Bandwidth": "-1"}),
    (_SLB, {"Action": "CreateRules", "ListenerPort": "80", "RuleList": '[{"RuleName":"r"}]'}),
    (_ESS, {"Action": "ScaleWithAdjustment", "AdjustmentType": "QuantityChangeInCapacity",
            "AdjustmentValue": "1"}),
    (_ESS, {"Action": "CreateLifecycleHook", "LifecycleTransition": "SCALE_OUT"}),
    (_ESS, {"Action": "ModifyLifecycleHook", "LifecycleHookId": "ash-local"}),
    (_ESS, {"Action": "CompleteLifecycleAction", "LifecycleHookId": "ash-local",
            "LifecycleActionToken": "t", "LifecycleActionResult": "CONTINUE"}),
    (_ESS, {"Action": "RecordLifecycleActionHeartbeat", "lifecycleHookId": "ash-local",
            "lifecycleActionToken": "t", "heartbeatTimeout": "60"}),
    (_ESS, {"Action": "DescribeLifecycleActions", "ScalingActivityId": "a", "MaxResults": "10"}),
    (_ESS, {"Action": "DescribeScalingInstances", "InstanceIds.1": "i-1", "PageSize": "20"}),
    (_ESS, {"Action": "DescribeScalingActivities", "PageNumber": "1"}),
    (_ESS, {"Action": "DescribeScalingGroups", "ScalingGroupIds.1": "asg-local"}),
    (_ECS, {"Action": "DescribeInstances", "InstanceIds": '["i-1"]'}),
]  # fmt: skip
PLACE = {
    "RegionId": "cn-hangzhou",
    "LoadBalancerId": "lb-local",
    "ScalingGroupId": "asg-local",
    "VServerGroupId": "rsp-0001",
}

_MESSAGE = "<Message><MessageBody>hello</MessageBody><DelaySeconds>0</DelaySeconds></Message>"
_ENDPOINT = "<Endpoint>acs:mns:cn-hangzhou:1000000000000001:queues/q1</Endpoint>"
# Method, path with query, body.
MNS: list[tuple[str, str, str]] = [
    ("PUT", "/queues/q1", "<Queue><VisibilityTimeout>30</VisibilityTimeout></Queue>"),
    ("PUT", "/queues/q1?metaoverride=true", "<Queue><DelaySeconds>1</DelaySeconds></Queue>"),
    ("GET", "/queues", ""),
    ("GET", "/queues/provision-requests", ""),
    ("POST", "/queues/provision-requests/messages", _MESSAGE),
    ("POST", "/queues/provision-requests/messages", f"<Messages>{_MESSAGE}{_MESSAGE}</Messages>"),
    ("GET", "/queues/provision-requests/messages?numOfMessages=2", ""),
    ("GET", "/queues/provision-requests/messages?peekonly=true", ""),
    ("DELETE", "/queues/provision-requests/messages?ReceiptHandle=1-x", ""),
    ("DELETE", "/queues/provision-requests/messages",
     "<ReceiptHandles><ReceiptHandle>1-x</ReceiptHandle></ReceiptHandles>"),
    ("PUT", "/queues/provision-requests/messages?ReceiptHandle=x&VisibilityTimeout=5", ""),
    ("PUT", "/topics/t1", "<Topic><MaximumMessageSize>1024</MaximumMessageSize></Topic>"),
    ("POST", "/topics/scaling-events/messages",
     "<Message><MessageBody>hello</MessageBody><MessageTag>t</MessageTag></Message>"),
    ("PUT", "/topics/t1/subscriptions/s1",
     f"<Subscription>{_ENDPOINT}<NotifyStrategy>BACKOFF_RETRY</NotifyStrategy></Subscription>"),
    ("GET", "/topics/provision-results/subscriptions", ""),
]  # fmt: skip

FC: list[tuple[str, str]] = [
    ("POST", "/2023-03-30/functions/f/invocations?qualifier=LATEST"),
    ("POST", "/2016-08-15/services/s.q/functions/f/invocations"),
    ("GET", "/2016-08-15/proxy/s/f/a%20b?x=1"),
]
