"""What the service needs from the world, as Protocols. Adapters implement them on the vendor's
SDKs, `tests/fakes.py` in memory; one contract suite holds both to what is said here.

Every method raises only `Rejected`, `Retryable` (of which `Ambiguous` and `ConfigurationError` are
kinds) from `core.errors`. `Ambiguous` means that a call which writes may have taken effect.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from .model import (
    ActionState,
    ApiResponse,
    Backend,
    HookTerms,
    LifecycleAction,
    LifecycleResult,
    ScalingActivity,
    ScalingInstance,
    VServerGroup,
)

__all__ = [
    "ActionState",
    "ApiResponse",
    "Clock",
    "Credentials",
    "CredentialsSource",
    "DeadLetters",
    "Heartbeat",
    "HookTerms",
    "LoadBalancers",
    "Log",
    "Notifications",
    "ScalingActivity",
    "ScalingGroups",
    "ScalingInstance",
]


@dataclass(frozen=True, slots=True)
class Credentials:
    access_key_id: str
    access_key_secret: str = field(repr=False)
    security_token: str = field(default="", repr=False)


CredentialsSource = Callable[[], Credentials]
"""Asked before every call: a role's credentials rotate under a warm instance."""


class LoadBalancers(Protocol):
    """Classic Load Balancer, API 2014-05-15. `within` is the time in seconds that is left for
    sending: no attempt begins after it. Reads, `add` and `remove` are tried again inside it on the
    codes that allow it; create, set, rename and delete are sent once.

    That a group is gone is known without a Date and a RequestId (the SDK drops an error's headers):
    such an answer has 0.0 and "", and tells nothing of the time."""

    def list_vserver_groups(
        self, region_id: str, load_balancer_id: str, *, references: bool = False, within: float
    ) -> ApiResponse[tuple[VServerGroup, ...]]:
        """All groups of the load balancer, without their backends. `references`: whether each is
        `in_use`; where the API does not say, it is not, and refuses its deletion."""

    def read_vserver_group(
        self, region_id: str, vserver_group_id: str, *, within: float
    ) -> ApiResponse[VServerGroup | None]:
        """None: there is no such group (any more)."""

    def create_vserver_group(self, wanted: VServerGroup, *, within: float) -> ApiResponse[str]:
        """Creates `wanted` with its tags and at most 20 backends; answers the VServerGroupId."""

    def add_backend_servers(
        self, region_id: str, vserver_group_id: str, backends: Sequence[Backend], *, within: float
    ) -> ApiResponse[None]:
        """At most 20 backends, none of which is in the group."""

    def remove_backend_servers(
        self, region_id: str, vserver_group_id: str, backends: Sequence[Backend], *, within: float
    ) -> ApiResponse[None]:
        """At most 20 backends; those that are not in the group are not missed."""

    def set_weights(
        self, region_id: str, vserver_group_id: str, backends: Sequence[Backend], *, within: float
    ) -> ApiResponse[None]:
        """At most 20 backends, each of which is in the group."""

    def rename_vserver_group(
        self, region_id: str, vserver_group_id: str, name: str, *, within: float
    ) -> ApiResponse[None]: ...

    def delete_vserver_group(
        self, region_id: str, vserver_group_id: str, *, within: float
    ) -> ApiResponse[None]:
        """A group that is already gone is deleted. One that is in use is refused by a code of
        `core.errors.IN_USE`."""


class Notifications(Protocol):
    def publish(self, document: str, *, tag: str, within: float) -> str:
        """Sends one message to the result topic, at least once; answers its MessageId."""


class DeadLetters(Protocol):
    def send(self, letter: str, *, within: float) -> str:
        """Sends one message of at most 64 KB to the dead-letter queue, at least once, as it is;
        answers its MessageId."""


class Heartbeat(Enum):
    """What ESS says to a heartbeat."""

    RECORDED = "recorded"
    EXHAUSTED = "exhausted"  # no more calls (20), or no more time (6 hours), for this action
    ENDED = "ended"  # the action had ended already, or never was


class ScalingGroups(Protocol):
    """Auto Scaling, API 2022-02-22."""

    def list_lifecycle_actions(
        self, region_id: str, scaling_activity_id: str, *, within: float
    ) -> tuple[ActionState, ...]:
        """Every action of the activity, whatever its status."""

    def read_instances(
        self, region_id: str, scaling_group_id: str, instance_ids: Sequence[str], *, within: float
    ) -> Mapping[str, ScalingInstance]:
        """Those of `instance_ids` that the group still has; any group, where none is named."""

    def read_hook_terms(self, action: LifecycleAction, *, within: float) -> HookTerms | None:
        """None: ESS does not know the activity or the hook (any more)."""

    def list_recent_activities(
        self, region_id: str, scaling_group_id: str, *, most: int, within: float
    ) -> tuple[str, ...]:
        """The ids of the group's newest scaling activities, `most` of 50, the newest first."""

    def list_instances(
        self, region_id: str, scaling_group_id: str, *, within: float
    ) -> Mapping[str, ScalingInstance]:
        """All that the group has, in whatever state."""

    def list_activities(
        self, region_id: str, scaling_group_id: str, *, in_progress: bool = False, within: float
    ) -> tuple[ScalingActivity, ...]:
        """The group's newest scaling activities, 50 at most; or all that are in progress."""

    def record_heartbeat(
        self, action: LifecycleAction, seconds: int, *, within: float
    ) -> Heartbeat:
        """Lets a pending action wait so many seconds from now, 30 to 21,600. Sent once: each
        attempt may be counted."""

    def complete_lifecycle_action(
        self, action: LifecycleAction, result: LifecycleResult, *, within: float
    ) -> bool:
        """Sends the one result of a pending action. False: it had ended already, or never was."""


class Clock(Protocol):
    def now(self) -> float:
        """Seconds that only ever grow; their zero means nothing."""

    def wait(self, seconds: float) -> None: ...


class Log(Protocol):
    """Steps as they happen. Fields hold identities and counts, never a payload or a credential."""

    def write(self, name: str, /, **fields: object) -> None: ...

    def bind(self, /, **fields: object) -> Log:
        """A log whose every step has these fields too."""
