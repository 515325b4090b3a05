"""What ESS answers, read into values. What cannot be read raises whatever it raises."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from provisioner.model import (
    ActionState,
    LifecycleAction,
    ScalingActivity,
    ScalingInstance,
    Transition,
)

from .client import parse_date


@dataclass(frozen=True, slots=True)
class Page:
    actions: tuple[ActionState, ...]
    next_token: str
    total: int


def read_page(region_id: str, activity_id: str, response: Any) -> Page:
    body = response.body
    actions = tuple(
        ActionState(
            action=LifecycleAction(
                hook_id=item.lifecycle_hook_id,
                token=item.lifecycle_action_token,
                scaling_group_id="",
                scaling_activity_id=activity_id,
                region_id=region_id,
            ),
            # The result is filled while the action is pending, too: only the status tells.
            pending=item.lifecycle_action_status == "Pending",
            result=item.lifecycle_action_result or "",
            timed_out=item.lifecycle_action_status == "Timeout",
            instance_ids=tuple(item.instance_ids or ()),
        )
        for item in body.lifecycle_actions or ()
    )
    return Page(actions, body.next_token or "", _read_total(body))


def read_instances(response: Any) -> dict[str, ScalingInstance]:
    return {
        item.instance_id: ScalingInstance(
            item.instance_id,
            item.lifecycle_state or "",
            item.private_ip_address or "",
            item.scaling_activity_id or "",
            item.scaling_group_id or "",
        )
        for item in response.body.scaling_instances or ()
    }


def read_activity_ids(response: Any) -> tuple[str, ...]:
    """The newest first, whatever order they come in; of one second, as they come."""
    listed = response.body.scaling_activities or ()
    newest_first = sorted(listed, key=lambda item: item.start_time or "", reverse=True)
    return tuple(item.scaling_activity_id for item in newest_first)


def read_activities(response: Any) -> tuple[int, list[ScalingActivity]]:
    """One page, and how many there are on all."""
    listed = response.body.scaling_activities or ()
    found = [
        ScalingActivity(
            item.scaling_activity_id,
            None
            if item.status_code == "InProgress"
            else _parse_time(item.end_time or item.start_time),
            frozenset(item.created_instances or ()),
            frozenset(item.destroyed_instances or ()),
        )
        for item in listed
    ]
    return _read_total(response.body), found


def read_instances_page(response: Any) -> tuple[int, list[ScalingInstance]]:
    return _read_total(response.body), list(read_instances(response).values())


@dataclass(frozen=True, slots=True)
class Hook:
    heartbeat_timeout: float
    transition: Transition | None
    metadata: str
    target: str


def read_hook(hook_id: str, response: Any) -> Hook | None:
    listed = response.body.lifecycle_hooks or ()
    found = (
        Hook(
            float(item.heartbeat_timeout),
            next((t for t in Transition if t.value == item.lifecycle_transition), None),
            item.notification_metadata or "",
            item.notification_arn or "",
        )
        for item in listed
        if item.lifecycle_hook_id == hook_id and item.heartbeat_timeout is not None
    )
    return next(found, None)


def read_start(activity_id: str, response: Any) -> tuple[float, float, str] | None:
    """Return when the activity began, the Date of the response, and the scaling group.

    The Date is needed because our clock is not the cloud's.
    """
    now = parse_date(response)
    for item in response.body.scaling_activities or ():
        if item.scaling_activity_id == activity_id:
            return _parse_time(item.start_time), now, item.scaling_group_id or ""
    return None


def _read_total(body: Any) -> int:
    return sys.maxsize if body.total_count is None else int(body.total_count)


def _parse_time(text: str) -> float:
    """In UTC, to the second or to the minute: both are met in ESS's answers."""
    return datetime.fromisoformat(f"{text.removesuffix('Z')}+00:00").timestamp()
