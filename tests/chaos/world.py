"""A cloud in which nothing stands in the way of the function but the faults: many scaling groups
behind a few load balancers, quotas far away, and next to them what belongs to somebody else.
"""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SOURCES = Path(__file__).parents[2] / "src"
ACCOUNT, REGION = "1000000000000001", "cn-hangzhou"
FUNCTION = "provisioner"
EVENTS, SEEN = "scaling-events", "scaling-events-seen"
RESULTS, INBOX = "provision-results", "provision-results-inbox"
ENDED, EXHAUSTED = "deliveries-ended", "deliveries-exhausted"
CALIBRATION = "asg-calibration"
PORT = 8080


@dataclass(frozen=True)
class Size:
    events: int
    deliveries: int
    scaling_groups: int
    load_balancers: int
    instances: int  # of the function, at most
    latest: float  # seconds between the first delivery of an event and its last
    timeout: int = 120  # seconds that the function has
    client_timeout: float = 2.0  # seconds, for one call


LARGE = Size(400, 1_000, 20, 5, instances=32, latest=30.0)
SMALL = Size(8, 16, 4, 2, instances=8, latest=3.0)


def load_balancers(size: Size) -> list[str]:
    return [f"lb-{n:02}" for n in range(1, size.load_balancers + 1)]


def scaling_groups(size: Size) -> dict[str, str]:
    """And the load balancer of each."""
    behind = load_balancers(size)
    names = [f"asg-{n:02}" for n in range(1, size.scaling_groups + 1)]
    return {name: behind[n % len(behind)] for n, name in enumerate([*names, CALIBRATION])}


def bindings(size: Size) -> list[dict[str, Any]]:
    """Every second scaling group has one VServer group for good, the others a new one for each
    activity."""
    templates = ("{scaling_group_id}", "{scaling_activity_id}")
    return [
        {
            "ScalingGroupId": name,
            "LoadBalancerId": behind,
            "Ports": [PORT],
            "VServerGroupName": templates[n % 2],
        }
        for n, (name, behind) in enumerate(scaling_groups(size).items())
    ]


def document(size: Size, bindings_file: Path) -> dict[str, Any]:
    return {
        "LoadBalancers": [
            {"LoadBalancerId": name, "RegionId": REGION, "BackendQuota": 100_000}
            for name in load_balancers(size)
        ],
        "VServerGroups": [_of_somebody_else(name) for name in load_balancers(size)],
        "ScalingGroups": [_scaling_group(n, name) for n, name in enumerate(scaling_groups(size))],
        "Topics": [{"TopicName": EVENTS}, {"TopicName": RESULTS}],
        "Queues": [{"QueueName": name} for name in (SEEN, INBOX, ENDED, EXHAUSTED)],
        "Subscriptions": [_subscription(EVENTS, SEEN), _subscription(RESULTS, INBOX)],
        "Functions": [_function(size, bindings_file)],
        "Triggers": [
            {
                "FunctionName": FUNCTION,
                "TriggerName": EVENTS,
                "TriggerType": "mns_topic",
                "SourceArn": f"acs:mns:{REGION}:{ACCOUNT}:/topics/{EVENTS}",
                "TriggerConfig": {
                    "notifyContentFormat": "STREAM",
                    "notifyStrategy": "BACKOFF_RETRY",
                },
            }
        ],
    }


def _of_somebody_else(load_balancer: str) -> dict[str, Any]:
    return {
        "LoadBalancerId": load_balancer,
        "VServerGroupId": f"rsp-foreign-{load_balancer}",
        "VServerGroupName": f"by-hand-{load_balancer}",
        "BackendServers": [{"ServerId": "i-foreign", "Port": 80, "Weight": 7}],
    }


def _scaling_group(number: int, name: str) -> dict[str, Any]:
    hook = {
        "LifecycleHookId": f"hook-of-{name}",
        "LifecycleTransition": "SCALE_OUT",
        "DefaultResult": "ABANDON",
        "HeartbeatTimeout": 1800,
        "NotificationArn": f"acs:mns:{REGION}:{ACCOUNT}:topic/{EVENTS}",
    }
    # With a desired capacity several activities may be under way at once.
    parallel = {"DesiredCapacity": 0} if number % 4 < 2 else {}
    return {
        "ScalingGroupId": name,
        "RegionId": REGION,
        "MaxSize": 1000,
        "LifecycleHooks": [hook],
        **parallel,
    }


def _subscription(topic: str, queue: str) -> dict[str, str]:
    return {
        "TopicName": topic,
        "SubscriptionName": queue,
        "QueueName": queue,
        "NotifyContentFormat": "SIMPLIFIED",
    }


def _function(size: Size, bindings_file: Path) -> dict[str, Any]:
    runtime = "python3.12" if sys.version_info >= (3, 12) else "python3.10"
    return {
        "FunctionName": FUNCTION,
        "Code": str(SOURCES),
        "Handler": "index.handler",
        "Initializer": "index.initialize",
        "Runtime": runtime,
        "Interpreter": sys.executable,
        "Timeout": size.timeout,
        "InstanceLimit": size.instances,
        "AsyncConfig": {
            "maxAsyncRetryAttempts": 8,
            "destinationConfig": {
                "onSuccess": {"destination": _messages(ENDED)},
                "onFailure": {"destination": _messages(EXHAUSTED)},
            },
        },
        "EnvironmentVariables": {
            "PYTHONPATH": sysconfig.get_path("purelib"),
            "SLB_ENDPOINT": "{endpoint}",
            "ESS_ENDPOINT": "{endpoint}",
            "MNS_ENDPOINT": "{endpoint}",
            "RESULT_TOPIC": RESULTS,
            "BINDINGS_FILE": str(bindings_file),
            "REQUEST_TIMEOUT": str(size.client_timeout),
            "SWEEP": "apply",
        },
    }


def _messages(queue: str) -> str:
    return f"acs:mns:{REGION}:{ACCOUNT}:/queues/{queue}/messages"


# What happens to a call of the function's, and how often. For each service they come to 30 %; the
# probability of a rule is of the calls that the rules before it have let pass.
_EVERYWHERE: tuple[tuple[float, Mapping[str, Any]], ...] = (
    (0.05, {"kind": "error", "status": 500, "code": "InternalError"}),
    (0.03, {"kind": "html"}),
    (0.04, {"kind": "reset_before"}),
    (0.04, {"kind": "reset_after"}),
    (0.02, {"kind": "hang_after", "seconds": 3}),  # longer than the client waits
)
_THROTTLED = {"kind": "error", "status": 400, "code": "Throttling.User"}
_OF: Mapping[str, tuple[tuple[float, Mapping[str, Any]], ...]] = {
    "slb": (
        (0.03, _THROTTLED),
        (0.02, {**_THROTTLED, "retry_after": 300}),
        (0.03, {"kind": "error", "status": 400, "code": "OperationBusy"}),
        (0.02, {"kind": "error", "status": 400, "code": "VServerGroupProcessing"}),
        (0.02, {"kind": "late", "seconds": 5}),
    ),
    "ess": ((0.07, _THROTTLED), (0.05, {**_THROTTLED, "retry_after": 300})),
    "mns": ((0.12, {"kind": "error", "status": 503, "code": "ServiceUnavailable"}),),
}
# A process that is killed takes its call with it, before or after that took effect.
_CRASHES: tuple[Mapping[str, Any], ...] = (
    {"kind": "crash_caller", "commit": False},
    {"kind": "crash_caller", "commit": True},
)
CALLS_OF_A_DELIVERY = 12  # about
KILLED = 0.05  # of the processes


def faults(seed: int) -> list[dict[str, Any]]:
    """Every kind strikes once, at every other call of its service, and then each by chance."""
    ours = {"caller": FUNCTION}
    crash = KILLED / CALLS_OF_A_DELIVERY / len(_CRASHES)
    once: list[dict[str, Any]] = []
    rules: list[dict[str, Any]] = []
    for number, fault in enumerate(_CRASHES):
        once.append({**ours, **fault, "count": 1, "skip": 10 * (number + 1)})
        rules.append({**ours, **fault, "probability": crash, "seed": seed + number})
    for service, of in _OF.items():
        passed = 1.0
        for number, (share, fault) in enumerate((*_EVERYWHERE, *of)):
            rule = {**ours, **fault, "service": service}
            once.append({**rule, "count": 1, "skip": number})
            chance = round(share / passed, 6)
            rules.append({**rule, "probability": chance, "seed": seed + 100 + number})
            passed -= share
    return [*once, *rules]


def kind_of(rule: Mapping[str, Any]) -> str:
    """What a rule does, whenever it does it."""
    names = ("service", "kind", "code", "retry_after", "commit")
    return " ".join(f"{name}={rule[name]}" for name in names if name in rule)


KINDS = frozenset(
    {
        *map(kind_of, _CRASHES),
        *(
            kind_of({**fault, "service": service})
            for service, of in _OF.items()
            for _, fault in (*_EVERYWHERE, *of)
        ),
    }
)
