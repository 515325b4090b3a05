"""What the use case needs from the cloud, as Protocols.

Adapters implement them with the vendor's SDKs, `tests/fakes.py` in memory; one contract suite
checks both against what is written here.

Every method raises only `Rejected` and `Retryable`, of which `Ambiguous` and `ConfigurationError`
are kinds. `Ambiguous` means that a call which writes may have taken effect. `within` is the time in
seconds that is left: no attempt begins after it.
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


@dataclass(frozen=True, slots=True)
class Credentials:
    access_key_id: str
    access_key_secret: str = field(repr=False)
    security_token: str = field(default="", repr=False)


CredentialsSource = Callable[[], Credentials]
"""Called before every call to the cloud, because a role's credentials change."""


class LoadBalancers(Protocol):
    """Classic Load Balancer, API 2014-05-15.

    List, read, add and remove are retried within the time on the codes that allow it; create, set,
    rename and delete are sent once. The SDK drops the headers of an error, so the response for a
    group that is gone has the date 0.0 and the request id "".
    """

    def list_vserver_groups(
        self, region_id: str, load_balancer_id: str, *, references: bool = False, within: float
    ) -> ApiResponse[tuple[VServerGroup, ...]]:
        """Return all groups of the load balancer, without their backends.

        With `references`, each says whether it is `in_use`, as far as the API knows.
        """

    def read_vserver_group(
        self, region_id: str, vserver_group_id: str, *, within: float
    ) -> ApiResponse[VServerGroup | None]:
        """Return the group with its backends, or None if there is no such group."""

    def create_vserver_group(self, wanted: VServerGroup, *, within: float) -> ApiResponse[str]:
        """Create a group with its tags and at most 20 backends. Returns the VServerGroupId."""

    def add_backend_servers(
        self, region_id: str, vserver_group_id: str, backends: Sequence[Backend], *, within: float
    ) -> ApiResponse[None]:
        """Add at most 20 backends that are not in the group."""

    def remove_backend_servers(
        self, region_id: str, vserver_group_id: str, backends: Sequence[Backend], *, within: float
    ) -> ApiResponse[None]:
        """Remove at most 20 backends. One that is not in the group is no error."""

    def set_weights(
        self, region_id: str, vserver_group_id: str, backends: Sequence[Backend], *, within: float
    ) -> ApiResponse[None]:
        """Set the weights of at most 20 backends that are in the group."""

    def rename_vserver_group(
        self, region_id: str, vserver_group_id: str, name: str, *, within: float
    ) -> ApiResponse[None]: ...

    def delete_vserver_group(
        self, region_id: str, vserver_group_id: str, *, within: float
    ) -> ApiResponse[None]:
        """Delete a group. One that is gone is no error; one that a listener or a rule refers to is
        refused with a code of `errors.IN_USE`."""


class Notifications(Protocol):
    def publish(self, document: str, *, tag: str, within: float) -> str:
        """Send a message to the result topic, at least once. Returns its MessageId."""


class DeadLetters(Protocol):
    def send(self, letter: str, *, within: float) -> str:
        """Send a message of at most 64 KB to the dead-letter queue, at least once and unchanged.
        Returns its MessageId."""


class Heartbeat(Enum):
    """The answers of ESS to a heartbeat."""

    RECORDED = "recorded"
    EXHAUSTED = "exhausted"  # no more calls (20) or no more time (6 hours) for this action
    ENDED = "ended"  # the action has ended, or it never was


class ScalingGroups(Protocol):
    """Auto Scaling, API 2022-02-22."""

    def list_lifecycle_actions(
        self, region_id: str, scaling_activity_id: str, *, within: float
    ) -> tuple[ActionState, ...]:
        """Return every action of the activity, whatever its status."""

    def read_instances(
        self, region_id: str, scaling_group_id: str, instance_ids: Sequence[str], *, within: float
    ) -> Mapping[str, ScalingInstance]:
        """Return those of the instances that the scaling group still has, by id.

        Without a scaling group, those that any scaling group of the region has.
        """

    def read_hook_terms(self, action: LifecycleAction, *, within: float) -> HookTerms | None:
        """Return the terms of the action's hook, or None if ESS does not know the activity or the
        hook."""

    def list_recent_activities(
        self, region_id: str, scaling_group_id: str, *, most: int, within: float
    ) -> tuple[str, ...]:
        """Return the ids of the newest scaling activities, at most `most` of 50, newest first."""

    def list_instances(
        self, region_id: str, scaling_group_id: str, *, within: float
    ) -> Mapping[str, ScalingInstance]:
        """Return all instances of the scaling group, in whatever state, by id."""

    def list_activities(
        self, region_id: str, scaling_group_id: str, *, in_progress: bool = False, within: float
    ) -> tuple[ScalingActivity, ...]:
        """Return the 50 newest scaling activities, or all that are in progress."""

    def record_heartbeat(
        self, action: LifecycleAction, seconds: int, *, within: float
    ) -> Heartbeat:
        """Let a pending action wait for 30 to 21,600 seconds from now. Sent once, because each
        attempt may count."""

    def complete_lifecycle_action(
        self, action: LifecycleAction, result: LifecycleResult, *, within: float
    ) -> bool:
        """Send the result of a pending action. Returns False if it has ended, or never was."""


class Clock(Protocol):
    def now(self) -> float:
        """Return seconds that never decrease; their zero has no meaning."""

    def wait(self, seconds: float) -> None: ...


class Log(Protocol):
    """Structured lines. Fields hold identities and counts, never a payload or a credential."""

    def write(self, name: str, /, **fields: object) -> None: ...

    def bind(self, /, **fields: object) -> Log:
        """Return a log that writes these fields into every line."""
