"""A world to be refused in, and what a parameter may be there: fine, or not."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck

REGION, ACCOUNT = "cn-hangzhou", "1000000000000001"
WHERE = f"{REGION}:{ACCOUNT}"
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
    "LoadBalancerStatus": (["active", "inactive"], ["locked", ""]),
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
    "NotificationTypes.1": (["AUTOSCALING:SCALE_OUT_START", ""], ["AUTOSCALING:SCALE_UP"]),
    "MessageEncoding": (["", "PlainText"], ["Rot13"]),
    "TimeZone": (["", "UTC-7"], ["UTC+13"]),
    "LifecycleHookStatus": (["", "InActive"], ["Gone"]),
    "LifecycleActionToken": (["token"], ["other", ""]),
    "LifecycleActionResult": (["CONTINUE", "ABANDON", ""], ["RETRY"]),
    "lifecycleHookId": (["ash-busy"], ["ash-9", ""]),
    "lifecycleActionToken": (["token"], ["other", ""]),
    "heartbeatTimeout": (["60", "600"], ["1", "21601"]),
}
ROLE = f"acs:ram::{ACCOUNT}:role/balancers"
VALUES |= {
    "RoleArn": ([ROLE], [f"{ROLE}-gone", ""]),
    "RoleSessionName": (["session"], ["x", ""]),
    "DurationSeconds": (["", "900"], ["899", "x"]),
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
NOTIFICATION = (
    "ScalingGroupId",
    "NotificationArn",
    "NotificationTypes.1",
    "MessageEncoding",
    "TimeZone",
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
    ("slb", "SetLoadBalancerStatus"): (*BALANCER, "LoadBalancerStatus"),
    ("slb", "CreateLoadBalancerTCPListener"): (*LISTENER, "VServerGroupId"),
    ("slb", "CreateLoadBalancerUDPListener"): (*LISTENER, "VServerGroupId"),
    ("slb", "CreateLoadBalancerHTTPListener"): (*LISTENER, "VServerGroupId"),
    ("slb", "StartLoadBalancerListener"): (*LISTENER, "ListenerProtocol"),
    ("slb", "StopLoadBalancerListener"): (*LISTENER, "ListenerProtocol"),
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
    ("ess", "CreateNotificationConfiguration"): NOTIFICATION,
    ("ess", "ModifyNotificationConfiguration"): NOTIFICATION,
    ("ess", "DeleteNotificationConfiguration"): NOTIFICATION[:2],
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
    ("sts", "AssumeRole"): ("RoleArn", "RoleSessionName", "DurationSeconds"),
}
MNS_WRITES = {
    "CreateQueue",
    "SetQueueAttributes",
    "DeleteQueue",
    "SendMessage",
    "BatchSendMessage",
    "ReceiveMessage",
    "BatchReceiveMessage",
    "DeleteMessage",
    "BatchDeleteMessage",
    "ChangeMessageVisibility",
    "CreateTopic",
    "SetTopicAttributes",
    "DeleteTopic",
    "PublishMessage",
    "Subscribe",
    "SetSubscriptionAttributes",
    "Unsubscribe",
}
ROS_WRITES = {"CreateStack", "UpdateStack", "DeleteStack"}
OSS_WRITES = {"PutObject"}
QUIET: dict[str, Any] = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.function_scoped_fixture],
}


def unchanged(control: Any) -> Any:
    """The state, but for what passes by itself."""
    return {**control.state(), "Clock": None}


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
        Roles=[{"RoleArn": ROLE}],
        Subscriptions=[{"TopicName": "t", "SubscriptionName": "s", "QueueName": "q"}],
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
