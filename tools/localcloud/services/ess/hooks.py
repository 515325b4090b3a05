"""Lifecycle hooks: what the API takes and refuses in one, and how they come and go."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from localcloud.services.ess.lifecycle import LONGEST_HEARTBEAT, SHORTEST_HEARTBEAT, dismiss
from localcloud.services.ess.model import (
    IN,
    OUT,
    RESULTS,
    AutoScaling,
    LifecycleHook,
    ScalingGroup,
    invalid_value,
    new_id,
    refused,
)
from localcloud.services.ess.targets import check_target, nowhere, target_of
from localcloud.wire.errors import missing_parameter

if TYPE_CHECKING:
    from localcloud.services.mns.messaging import Messaging

# doc: 6 hooks of a group in the older edition, 10 in the newer one
HOOKS = {"2014-08-28": 6, "2022-02-22": 10}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{1,63}")  # sdk
_METADATA = 4096  # sdk: characters
_STATUSES = ("Active", "InActive")  # sdk


@dataclass(frozen=True)
class Wanted:
    """What a request says of a hook; None: nothing."""

    name: str | None = None
    transition: str | None = None
    default_result: str | None = None
    heartbeat_timeout: str | None = None
    notification_arn: str | None = None
    notification_metadata: str | None = None
    status: str | None = None

    def check(self, ess: AutoScaling, mns: Messaging, group: ScalingGroup) -> None:
        choices = (
            (self.transition, (OUT, IN)),
            # seen: ROLLBACK too, though the SDK's text does not name it
            (self.default_result, RESULTS),
            (self.status, _STATUSES),
        )
        if any(value is not None and value not in allowed for value, allowed in choices):
            raise invalid_value()
        if self.heartbeat_timeout is not None and not _is_timeout(self.heartbeat_timeout):
            raise invalid_value()
        if self.name is not None and not _NAME.fullmatch(self.name):
            raise invalid_value()
        if len(self.notification_metadata or "") > _METADATA:
            raise invalid_value()
        if self.notification_arn is not None:
            check_target(mns, target_of(self.notification_arn, group.region_id, ess.account))

    def apply(self, hook: LifecycleHook) -> None:
        hook.name = self.name or hook.name
        hook.transition = self.transition or hook.transition
        hook.default_result = self.default_result or hook.default_result
        hook.heartbeat_timeout = int(self.heartbeat_timeout or hook.heartbeat_timeout)
        hook.notification_arn = self.notification_arn or hook.notification_arn
        hook.notification_metadata = self.notification_metadata or hook.notification_metadata
        hook.status = self.status or hook.status


def create(
    ess: AutoScaling, mns: Messaging, group: ScalingGroup, wanted: Wanted, quota: int
) -> LifecycleHook:
    if wanted.transition is None:
        raise missing_parameter("LifecycleTransition")
    wanted.check(ess, mns, group)
    _check_unique(group, wanted.name)
    if len(group.hooks) >= quota:
        message = f"A scaling group has at most {quota} lifecycle hooks."
        raise refused("QuotaExceeded.LifecycleHook", message)
    hook_id = new_id("ash")
    hook = LifecycleHook(
        lifecycle_hook_id=hook_id,
        name=hook_id,  # sdk: where none is given
        transition=wanted.transition,
        notification_arn=nowhere(group.region_id, ess.account),
    )
    wanted.apply(hook)
    group.hooks[hook_id] = hook
    return hook


def modify(
    ess: AutoScaling, mns: Messaging, group: ScalingGroup, hook: LifecycleHook, wanted: Wanted
) -> None:
    wanted.check(ess, mns, group)
    if wanted.name != hook.name:
        _check_unique(group, wanted.name)
    wanted.apply(hook)


def delete(ess: AutoScaling, group: ScalingGroup, hook: LifecycleHook, now: float) -> None:
    del group.hooks[hook.lifecycle_hook_id]
    dismiss(ess, hook, now)


def find(
    ess: AutoScaling, hook_id: str | None, group_id: str | None, name: str | None
) -> tuple[ScalingGroup, LifecycleHook]:
    """By its id, or by its group and name (sdk)."""
    if hook_id is None and (group_id is None or name is None):
        raise missing_parameter("LifecycleHookId")
    for group in ess.groups.values():
        for hook in group.hooks.values():
            by_name = (group_id, name) == (group.scaling_group_id, hook.name)
            if hook.lifecycle_hook_id == hook_id or (hook_id is None and by_name):
                return group, hook
    # inferred: the code
    raise refused("InvalidLifecycleHookId.NotExist", "The specified lifecycle hook does not exist.")


def _is_timeout(text: str) -> bool:
    digits = re.fullmatch(r"[0-9]{1,9}", text)
    return bool(digits) and SHORTEST_HEARTBEAT <= int(text) <= LONGEST_HEARTBEAT


def _check_unique(group: ScalingGroup, name: str | None) -> None:
    if name is not None and any(hook.name == name for hook in group.hooks.values()):
        message = "The specified lifecycle hook name already exists in the scaling group."
        raise refused("InvalidLifecycleHookName.Duplicate", message)
