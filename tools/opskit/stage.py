"""What is played on the offline cloud: an event delivered to the function, and once more."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from provisioner.model import Request
from provisioner.triggers import decode

from . import local, story
from .function import Function, deployment
from .world import (
    EVENTS,
    INBOX,
    LOAD_BALANCER,
    REGION,
    SCALING_GROUP,
    SEEN,
    World,
    hook_messages_are_seen,
    world_of,
)

if TYPE_CHECKING:
    from .readings import Readings

_ADJUSTMENT = 45
_SCALED_IN = -5
_OUTCOME = ("outcome", "LoadBalancerId", "VServerGroupId", "VServerGroupName", "error", "reason")


@dataclass(frozen=True, slots=True)
class Delivery:
    outcomes: list[dict[str, Any]]
    notifications: list[dict[str, Any]]
    calls: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class ScaleIn:
    delivery: Delivery
    groups: list[dict[str, Any]]
    lifecycle: list[dict[str, Any]]
    instances: dict[str, int]


class Stage(ABC):
    AGAIN: ClassVar[str]  # how the second delivery is told

    def __init__(self, cloud: local.LocalCloud, teller: story.Teller) -> None:
        self.cloud = cloud
        self.teller = teller
        self._outcomes: list[dict[str, Any]] = []
        self.function = Function(cloud, self._heard)

    @abstractmethod
    def deliver(self) -> Delivery: ...

    @abstractmethod
    def deliver_again(self) -> Delivery: ...

    @abstractmethod
    def region_of(self, load_balancer_id: str) -> str: ...

    @abstractmethod
    def activities(self) -> dict[str, str]:
        """ScalingActivityId to RegionId."""

    def instances(self) -> dict[str, int]:
        """How many of the scaling group's are in which LifecycleState, where one was scaled."""
        return {}

    def shrink(self) -> ScaleIn | None:
        """None where there is nothing to scale in."""
        return None

    def groups(self, delivery: Delivery) -> list[dict[str, Any]]:
        """Each group that an outcome names, once."""
        ids = {
            outcome["VServerGroupId"]: self.region_of(outcome["LoadBalancerId"])
            for outcome in delivery.outcomes
            if outcome["VServerGroupId"]
        }
        return [self.readings.group(region, id_) for id_, region in ids.items()]

    def lifecycle(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for activity, region in self.activities().items():
            found += self.readings.lifecycle(region, activity)
        return found

    @property
    def readings(self) -> Readings:
        # Imported here: the cloud starts while the SDKs are loaded.
        from .readings import Readings  # noqa: PLC0415

        return Readings(self.cloud.url)

    def delivered(self) -> Delivery:
        """What has come of the delivery that just ended."""
        self.function.look()  # its log may have been read before the journal of its last calls
        outcomes, self._outcomes = self._outcomes, []
        calls, self.function.calls = self.function.calls, []
        return Delivery(outcomes, self.readings.notifications(INBOX), calls)

    def _heard(self, name: str, fields: dict[str, Any]) -> None:
        if name == "outcome":
            self._outcomes.append({name: fields.get(name) for name in _OUTCOME})
        self.teller.step(name, fields)


class Invoked(Stage):
    """The function is invoked with the bytes of an event, in a world that holds what they name."""

    AGAIN = "the function is invoked with the same bytes once more"

    def __init__(
        self,
        cloud: local.LocalCloud,
        teller: story.Teller,
        payload: bytes,
        event: str,
        folder: str,
    ) -> None:
        super().__init__(cloud, teller)
        self._payload = payload
        items = decode(payload)
        self._world: World = world_of(item for item in items if isinstance(item, Request))
        teller.begins(cloud.url, event, len(payload), items, self._world.notes)
        bindings = Path(folder, "bindings.json")
        bindings.write_text(json.dumps(list(self._world.bindings.values())), encoding="utf-8")
        function = deployment(str(bindings), self._world.regions())
        cloud.seed({**self._world.seed(), "Functions": [function]})

    def deliver(self) -> Delivery:
        self.function.invoke(self._payload)
        return self.delivered()

    def deliver_again(self) -> Delivery:
        return self.deliver()

    def region_of(self, load_balancer_id: str) -> str:
        return str(self._world.load_balancers[load_balancer_id]["RegionId"])

    def activities(self) -> dict[str, str]:
        groups = self._world.scaling_groups
        return {
            activity: groups[described["ScalingGroupId"]]["RegionId"]
            for activity, described in self._world.activities.items()
        }


class ScaledOut(Stage):
    """A scaling group is scaled out, and in the end a little in; nothing else is asked of the
    cloud."""

    AGAIN = f"the hook message is published to topic {EVENTS} once more, by the MNS SDK"

    def __init__(self, cloud: local.LocalCloud, teller: story.Teller) -> None:
        super().__init__(cloud, teller)
        self._activity = ""
        self._message = ""
        cloud.seed(hook_messages_are_seen())

    def deliver(self) -> Delivery:
        self.teller.scales_out(self.cloud.url, SCALING_GROUP, _ADJUSTMENT, LOAD_BALANCER)
        self._activity = self.readings.scale(SCALING_GROUP, _ADJUSTMENT)
        self.function.follow("outcome")
        self._message = self.readings.one_message(SEEN)
        return self.delivered()

    def deliver_again(self) -> Delivery:
        self.readings.publish(EVENTS, self._message)
        self.function.follow("outcome")
        return self.delivered()

    def shrink(self) -> ScaleIn:
        self.teller.scales_in(SCALING_GROUP, -_SCALED_IN)
        activity = self.readings.scale(SCALING_GROUP, _SCALED_IN)
        self.function.follow("outcome")
        delivery = self.delivered()
        lifecycle = self.readings.lifecycle(REGION, activity)
        return ScaleIn(delivery, self.groups(delivery), lifecycle, self.instances())

    def region_of(self, load_balancer_id: str) -> str:  # noqa: ARG002 - there is one region
        return REGION

    def activities(self) -> dict[str, str]:
        return {self._activity: REGION}

    def instances(self) -> dict[str, int]:
        return self.readings.instances(SCALING_GROUP)
