"""The function in memory: the service and the edge on fakes, and what may be looked at afterwards.

Every result that is published here is held to its schema, and searched for what must not be told.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from random import Random
from types import SimpleNamespace
from typing import Any

from builders import REGION, TOKEN, a_hook_request
from fakes import (
    FakeClock,
    FakeDeadLetters,
    FakeLoadBalancers,
    FakeLog,
    FakeNotifications,
    FakeScalingGroups,
)
from provisioner.app import App, RoleCredentials
from provisioner.executor import CommandExecutor
from provisioner.groups import naming
from provisioner.groups.ensure import EnsureProtocol
from provisioner.hooks import handle_hook
from provisioner.invocation import Invocation
from provisioner.mapping import validation
from provisioner.mapping.config import DeploymentConfig
from provisioner.model import (
    Backend,
    Binding,
    DesiredGroup,
    EnsureResult,
    LifecycleAction,
    LifecycleResult,
    OnExisting,
    Request,
    ScalingInstance,
    VServerGroup,
)
from provisioner.provisioning import Dependencies, ProvisionTask
from provisioner.results.outcome import Outcome

LB = "lb-0001"
NAME = "web-8080"
SECRET = "secret-of-the-role"
LONG = 120.0  # seconds: longer than a lease
HOURS = 10_000.0  # seconds
MOMENT = 0.01  # seconds

_SHORT = {
    "list_vserver_groups": "list",
    "read_vserver_group": "read",
    "create_vserver_group": "create",
    "add_backend_servers": "add",
    "remove_backend_servers": "remove",
    "set_weights": "set",
    "rename_vserver_group": "rename",
    "delete_vserver_group": "delete",
}
WRITES = frozenset({"create", "add", "remove", "set", "rename", "delete"})


def replayable() -> Random:
    return Random(0)  # noqa: S311 - jitter that is the same in every run


def servers(
    number: int, *, first: int = 1, port: int = 8080, weight: int = 100
) -> tuple[Backend, ...]:
    return tuple(Backend(f"i-{n:04}", port, weight) for n in range(first, first + number))


def a_group(*backends: Backend, name: str = NAME, **changes: Any) -> VServerGroup:
    return replace(VServerGroup(REGION, LB, name, backends), **changes)


def wanted(
    *backends: Backend, on_existing: OnExisting = OnExisting.REFUSE, **changes: Any
) -> DesiredGroup:
    """What the event whose fingerprint is "mark" wants of load balancer `LB`."""
    group = a_group(*backends, tags=naming.build_owner_tags("mark"))
    return replace(DesiredGroup(group, on_existing, "mark"), **changes)


def a_binding(**changes: Any) -> Binding:
    return replace(Binding("asg-0001", LB, (8080,)), **changes)


def instance(number: int, state: str = "Pending:Wait", **changes: Any) -> ScalingInstance:
    there = ScalingInstance(f"i-{number:04}", state, f"10.0.0.{number}", "asa-0001")
    return replace(there, **changes)


class EventfulClock(FakeClock):
    """Things happen while somebody waits."""

    def __init__(self) -> None:
        super().__init__()
        self._started = self.now()
        self._due: list[tuple[float, Callable[[], object]]] = []

    def later(self, seconds: float, happen: Callable[[], object]) -> None:
        self._due.append((self.now() + seconds, happen))

    def advance(self, seconds: float) -> None:
        super().advance(seconds)
        assert self.now() < self._started + HOURS, "a run goes round in circles"
        due = [each for each in self._due if each[0] <= self.now()]
        self._due = [each for each in self._due if each[0] > self.now()]
        for _, happen in due:
            happen()


class SlowLoadBalancers(FakeLoadBalancers):
    """`takes` says how many seconds each of the next calls of an operation lasts; the others take
    a moment, so that even a run that never waits comes to its end."""

    def __init__(self, clock: FakeClock, *load_balancer_ids: str) -> None:
        super().__init__(clock, *load_balancer_ids)
        self.takes: dict[str, list[float]] = {}
        self._time = clock

    @contextmanager
    def _call(self, operation: str, *arguments: object, within: float) -> Iterator[None]:
        with super()._call(operation, *arguments, within=within):
            yield
        waiting = self.takes.get(operation)
        self._time.advance(waiting.pop(0) if waiting else MOMENT)


class HeldToTheSchema(FakeNotifications):
    def publish(self, document: str, *, tag: str, within: float) -> str:
        hold_to_the_schema(json.loads(document))
        assert TOKEN not in document
        assert SECRET not in document
        return super().publish(document, tag=tag, within=within)

    @property
    def results(self) -> list[dict[str, Any]]:
        return [json.loads(message.document) for message in self.published]

    @property
    def kinds(self) -> list[str]:
        return [result["type"].removeprefix("vservergroup.") for result in self.results]


class HeldToTheLetterSchema(FakeDeadLetters):
    def send(self, letter: str, *, within: float) -> str:
        assert validation.validate("dead-letter", json.loads(letter)) == []
        return super().send(letter, within=within)

    @property
    def documents(self) -> list[dict[str, Any]]:
        return [json.loads(each) for each in self.letters]


def hold_to_the_schema(result: Any) -> None:
    assert validation.validate("result", result) == []


@dataclass
class Deployment:
    bindings: tuple[Binding, ...] = ()
    policy: dict[str, Any] = field(default_factory=dict)
    clock: EventfulClock = field(default_factory=EventfulClock)
    notifications: HeldToTheSchema = field(default_factory=HeldToTheSchema)
    dead_letters: HeldToTheLetterSchema = field(default_factory=HeldToTheLetterSchema)
    concurrency: int = 8
    log: FakeLog = field(default_factory=FakeLog)
    closed: int = 0
    drive: Any = None

    def __post_init__(self) -> None:
        self.load_balancers = SlowLoadBalancers(self.clock, LB, "lb-0002")
        self.scaling_groups = FakeScalingGroups(self.clock)
        self.role = RoleCredentials()

    @property
    def means(self) -> Dependencies:
        policy = DeploymentConfig(REGION, self.bindings, **self.policy)
        return Dependencies(
            self.load_balancers,
            self.notifications,
            self.scaling_groups,
            self.clock,
            replayable(),
            policy,
            self.dead_letters,
            self.concurrency,
        )

    @property
    def app(self) -> App:
        return App(self.means, self.log, self._close, self.role)

    @property
    def asked_of_ess(self) -> list[str]:
        """A hook's first two calls are on their way at once: they stand in alphabetical order."""
        asked = [call.operation for call in self.scaling_groups.calls]
        return [*sorted(asked[:2]), *asked[2:]]

    def invocation(self, seconds: float = LONG) -> Invocation:
        now = self.clock.now()
        return Invocation(now + seconds, now + seconds + 5, self.log, "fc-0001")

    def ensure(
        self, desired: DesiredGroup, *, seconds: float = LONG, claiming: bool = True
    ) -> EnsureResult:
        self.drive = CommandExecutor(
            desired.group,
            self.invocation(seconds),
            self.load_balancers,
            self.clock,
            replayable(),
        )
        ensured: EnsureResult = self.drive.run(EnsureProtocol(desired, claiming))
        return ensured

    def provision(self, request: Request, *, seconds: float = LONG) -> list[Outcome]:
        return ProvisionTask(self.means, request, self.invocation(seconds)).provision()

    def plan(self, request: Request) -> list[Outcome]:
        return ProvisionTask(self.means, request, self.invocation()).plan()

    def complete(self, request: Request, *, seconds: float = LONG) -> list[Outcome]:
        return handle_hook(self.means, request, self.invocation(seconds))

    def waits_at_a_hook(
        self, request: Request, *instances: ScalingInstance, token: str = TOKEN
    ) -> LifecycleAction:
        """ESS knows the action and its instances; without any named, all that the event names."""
        assert request.action
        self._holds(request, *instances)
        ids = [one.instance_id for one in request.instances]
        return self.scaling_groups.pending(replace(request.action, token=token), ids).action

    def ended_at_a_hook(self, request: Request, result: str, *, timed_out: bool = False) -> None:
        assert request.action
        self._holds(request)
        self.scaling_groups.ended(request.action, result, timed_out=timed_out)

    def addresses_are_unknown(self, request: Request) -> None:
        for one in request.instances:
            there = ScalingInstance(one.instance_id, "Pending:Wait", "", "asa-0001")
            self.scaling_groups.holds(request.scaling_group_id, there)

    def stands(self, *backends: Backend, name: str = NAME, **changes: Any) -> VServerGroup:
        """A group that somebody made before."""
        return self.load_balancers.made_by_others(a_group(*backends, name=name, **changes))

    def claimed_by_another(self, *, age: float = 0.0, nonce: str = "0" * 16) -> VServerGroup:
        claim = naming.make_claim(NAME, self.clock.now() - age, nonce)
        return self.stands(name=claim.name)

    @property
    def operations(self) -> list[str]:
        return [_SHORT[call.operation] for call in self.load_balancers.calls]

    @property
    def writes(self) -> list[str]:
        return [operation for operation in self.operations if operation in WRITES]

    def sizes(self, operation: str) -> list[int]:
        """Of the lists of backends that were sent."""
        calls = self.load_balancers.calls_of(operation)
        return [len(call.arguments[-1]) for call in calls]  # type: ignore[arg-type]

    def held(self, name: str = NAME) -> set[Backend]:
        """By the one group of this name."""
        (group,) = self.load_balancers.named(name)
        return set(group.backends)

    @property
    def names(self) -> list[str]:
        return sorted(group.name for group in self.load_balancers.groups.values())

    def _holds(self, request: Request, *instances: ScalingInstance) -> None:
        numbers = (int(each.instance_id.removeprefix("i-")) for each in request.instances)
        there = instances or tuple(map(instance, numbers))
        self.scaling_groups.holds("asg-0001", *there)

    def _close(self) -> None:
        self.closed += 1


def deployment(*bindings: Binding, **policy: Any) -> Deployment:
    return Deployment(bindings, policy)


def context(timeout: Any = 60, **shape: Any) -> SimpleNamespace:
    """Function Compute's, of any runtime; `shape` adds what only some of them have."""
    return SimpleNamespace(request_id="fc-0001", function=SimpleNamespace(timeout=timeout), **shape)


def waiting(*bindings: Binding, request: Request | None = None, **policy: Any) -> Deployment:
    """At the hook of `a_hook_request`, unless another is given."""
    cloud = deployment(*(bindings or (a_binding(),)), **policy)
    cloud.waits_at_a_hook(request or a_hook_request())
    return cloud


def answers(cloud: Deployment) -> list[LifecycleResult]:
    return [result for _, result in cloud.scaling_groups.completed]


def codes(cloud: Deployment) -> list[str]:
    return [result["data"].get("error", {}).get("code") for result in cloud.notifications.results]


def untouched(cloud: Deployment) -> bool:
    return not (cloud.writes or cloud.scaling_groups.calls_of("complete_lifecycle_action"))
