"""Two of each world: one in memory, and one behind a socket that the vendor's SDKs speak to."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from itertools import count
from random import Random
from typing import Any, Protocol
from urllib.request import ProxyHandler, Request, build_opener

from alibabacloud_slb20140515 import models
from alibabacloud_slb20140515.client import Client
from alibabacloud_tea_openapi.models import Config
from darabonba.core import DaraCore

from fakes import REGION, FakeClock, FakeLoadBalancers, FakeScalingGroups
from provisioner.aliyun.client import Connection
from provisioner.model import LifecycleAction, ScalingActivity, ScalingInstance
from provisioner.ports import Credentials, LoadBalancers, ScalingGroups

_numbers = count(1)
_opener = build_opener(ProxyHandler({}))


def forget_connections() -> None:
    """The Tea SDK keeps its connections for the whole process."""
    for session in DaraCore._sessions.values():
        session.close()
    DaraCore._sessions.clear()


def replayable() -> Random:
    return Random(0)  # noqa: S311 - jitter that is the same in every run


@dataclass
class LocalCloud:
    """The offline cloud, by its control endpoint."""

    url: str
    credentials: Credentials = field(
        default_factory=lambda: Credentials("localcloud", "localcloud-secret")
    )

    def connection(self, seconds: float = 8.0) -> Connection:
        return Connection(lambda: self.credentials, self.url, seconds)

    def seed(self, **document: Sequence[dict[str, Any]]) -> None:
        self._send("POST", "seed", document)

    def fault(self, **rule: Any) -> None:
        self._send("POST", "faults", [rule])

    def reset(self) -> None:
        """Back to the world of the start, without faults."""
        self._send("POST", "reset")

    def sent(self, action: str) -> int:
        """How often the operation was called since the last reset."""
        entries = self._send("GET", "journal")["entries"]
        return sum(entry["action"] == action for entry in entries)

    def journal(self, after: int = 0, wait: float = 0) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._send("GET", f"journal?after={after}&wait={wait}")[
            "entries"
        ]
        return found

    def advance(self, seconds: float) -> float:
        """Moves the clock and answers what it shows then, in seconds since 1970."""
        now: float = self._send("POST", "clock", {"advance": seconds})["now"]
        return now

    def topic(self) -> str:
        """Makes a new one, with a queue of its name that gets every message; answers its name."""
        name = f"topic-{next(_numbers)}"
        inbox = {"TopicName": name, "SubscriptionName": name, "QueueName": name}
        self.seed(
            Topics=[{"TopicName": name}],
            Queues=[{"QueueName": name}],
            Subscriptions=[inbox | {"NotifyContentFormat": "JSON"}],
        )
        return name

    def queue(self) -> str:
        """Makes a new one and answers its name."""
        name = f"queue-{next(_numbers)}"
        self.seed(Queues=[{"QueueName": name}])
        return name

    def bodies(self, queue_name: str) -> list[str]:
        """Of the messages in a queue, as they are there."""
        queues = self._send("GET", "state")["Queues"]
        (queue,) = (queue for queue in queues if queue["QueueName"] == queue_name)
        return [message["MessageBody"] for message in queue["Messages"]]

    def messages(self, topic: str) -> list[dict[str, Any]]:
        """What was published there, as a subscription pushes it."""
        return [json.loads(body) for body in self.bodies(topic)]

    def load_balancer(self, **more: Any) -> str:
        """Makes a new one and answers its id."""
        name = f"lb-{next(_numbers):04}"
        self.seed(LoadBalancers=[{"LoadBalancerId": name, "RegionId": REGION, **more}])
        return name

    def listener(self, load_balancer_id: str, vserver_group_id: str) -> None:
        """Makes one that sends its traffic to the group."""
        config = Config(
            access_key_id=self.credentials.access_key_id,
            access_key_secret=self.credentials.access_key_secret,
            endpoint=self.url.removeprefix("http://"),
            protocol="http",
        )
        request = models.CreateLoadBalancerTCPListenerRequest(
            region_id=REGION,
            load_balancer_id=load_balancer_id,
            listener_port=80,
            bandwidth=-1,
            vserver_group_id=vserver_group_id,
        )
        Client(config).create_load_balancer_tcplistener(request)

    def _send(self, method: str, path: str, document: Any = None) -> Any:
        body = None if document is None else json.dumps(document).encode()
        request = Request(f"{self.url}/_cloud/{path}", body, method=method)  # noqa: S310 - loopback
        with _opener.open(request) as answer:
            return json.load(answer)


@dataclass
class Balancing:
    port: LoadBalancers
    load_balancer: Callable[[], str]
    """Makes a new one and answers its id."""
    refer: Callable[[str, str], object]
    """Makes a listener of the load balancer send its traffic to the group."""


def balancing_in_memory(fake: FakeLoadBalancers) -> Balancing:
    def load_balancer() -> str:
        name = f"lb-{next(_numbers):04}"
        fake.seed(name)
        return name

    return Balancing(fake, load_balancer, lambda _, group_id: fake.referred_to.add(group_id))


class Scaling(Protocol):
    """A scaling group with one hook and one activity; `action` is its action, but for the token."""

    action: LifecycleAction

    @property
    def port(self) -> ScalingGroups: ...

    def holds(self, *instances: ScalingInstance) -> None: ...

    def was(self, activity: ScalingActivity) -> None:
        """One that has ended."""

    def another_activity(self) -> str:
        """Begins a while later; answers its id."""

    def later(self, seconds: float) -> None:
        """Time passes in this world."""

    def now(self) -> float:
        """Of this world, in seconds since 1970."""

    def waits(self, token: str) -> LifecycleAction: ...

    def wait(self, *tokens: str) -> None:
        """Many actions at once."""

    def ended(self, token: str, result: str) -> LifecycleAction: ...


def _some_action() -> LifecycleAction:
    number = next(_numbers)
    return LifecycleAction(
        hook_id=f"ash-{number:04}",
        token="",
        scaling_group_id=f"asg-{number:04}",
        scaling_activity_id=f"asa-{number:04}",
        region_id=REGION,
    )


@dataclass
class ScalingInMemory:
    action: LifecycleAction = field(default_factory=_some_action)
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        self.port = FakeScalingGroups(self.clock)

    def was(self, activity: ScalingActivity) -> None:
        self.port.was(self.action.scaling_group_id, activity)

    def another_activity(self) -> str:
        self.later(2)
        name = f"asa-later-{next(_numbers):04}"
        self.port.ended(replace(self.action, scaling_activity_id=name, token=name), "ABANDON")
        return name

    def later(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def now(self) -> float:
        return self.clock.now()

    def holds(self, *instances: ScalingInstance) -> None:
        self.port.holds(self.action.scaling_group_id, *instances)

    def waits(self, token: str) -> LifecycleAction:
        return self.port.pending(replace(self.action, token=token)).action

    def wait(self, *tokens: str) -> None:
        for token in tokens:
            self.waits(token)

    def ended(self, token: str, result: str) -> LifecycleAction:
        return self.port.ended(replace(self.action, token=token), result).action


@dataclass
class ScalingOnLocalCloud:
    cloud: LocalCloud
    port: ScalingGroups
    action: LifecycleAction = field(default_factory=_some_action)

    def __post_init__(self) -> None:
        group_id, activity_id = self.action.scaling_group_id, self.action.scaling_activity_id
        hook = {
            "LifecycleHookId": self.action.hook_id,
            "LifecycleTransition": "SCALE_OUT",
            "DefaultResult": "ABANDON",
            "HeartbeatTimeout": 600,
        }
        self.cloud.seed(
            ScalingGroups=[
                {"ScalingGroupId": group_id, "RegionId": REGION, "LifecycleHooks": [hook]}
            ],
            ScalingActivities=[{"ScalingActivityId": activity_id, "ScalingGroupId": group_id}],
        )

    def was(self, activity: ScalingActivity) -> None:
        assert activity.ended is not None
        moment = datetime.fromtimestamp(activity.ended, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        row = {
            "ScalingActivityId": activity.scaling_activity_id,
            "ScalingGroupId": self.action.scaling_group_id,
            "StatusCode": "Successful",
            "StartTime": moment,
            "EndTime": moment,
            "CreatedInstances": sorted(activity.created),
            "DestroyedInstances": sorted(activity.destroyed),
        }
        self.cloud.seed(ScalingActivities=[row])

    def another_activity(self) -> str:
        self.later(2)
        name = f"asa-later-{next(_numbers):04}"
        group_id = self.action.scaling_group_id
        self.cloud.seed(ScalingActivities=[{"ScalingActivityId": name, "ScalingGroupId": group_id}])
        return name

    def later(self, seconds: float) -> None:
        self.cloud.advance(seconds)

    def now(self) -> float:
        return self.cloud.advance(0)

    def holds(self, *instances: ScalingInstance) -> None:
        self.cloud.seed(ScalingInstances=[self._instance(instance) for instance in instances])

    def waits(self, token: str) -> LifecycleAction:
        self.cloud.seed(LifecycleActions=[self._action(token)])
        return replace(self.action, token=token)

    def wait(self, *tokens: str) -> None:
        self.cloud.seed(LifecycleActions=[self._action(token) for token in tokens])

    def ended(self, token: str, result: str) -> LifecycleAction:
        outcome = {"LifecycleActionStatus": "Completed", "LifecycleActionResult": result}
        self.cloud.seed(LifecycleActions=[self._action(token, **outcome)])
        return replace(self.action, token=token)

    def _instance(self, instance: ScalingInstance) -> dict[str, Any]:
        return {
            "InstanceId": instance.instance_id,
            "ScalingGroupId": self.action.scaling_group_id,
            "LifecycleState": instance.lifecycle_state,
            "PrivateIpAddress": instance.private_ip,
        }

    def _action(self, token: str, **more: object) -> dict[str, Any]:
        return {
            "LifecycleHookId": self.action.hook_id,
            "LifecycleActionToken": token,
            "ScalingActivityId": self.action.scaling_activity_id,
            **more,
        }
