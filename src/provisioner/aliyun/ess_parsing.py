"""Read the answers of ESS into values.

Any exception means that an answer cannot be read: `SdkClient.call` handles it.
"""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Any, NamedTuple

from provisioner.model import (
    ActionState,
    LifecycleAction,
    ScalingActivity,
    ScalingInstance,
    Transition,
)

from .client import parse_date


class Page(NamedTuple):
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
            # A pending action has a result, too: only the status tells.
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
    """Return the ids, the newest activity first, in whatever order ESS lists them. Activities of
    the same second keep their order."""
    listed = response.body.scaling_activities or ()
    newest_first = sorted(listed, key=lambda item: item.start_time or "", reverse=True)
    return tuple(item.scaling_activity_id for item in newest_first)


def read_activities(response: Any) -> tuple[int, list[ScalingActivity]]:
    """Return the activities of one page, after the number of activities on all pages."""
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


class Hook(NamedTuple):
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

    Both times are by the clock of the cloud. None: ESS does not list the activity.
    """
    now = parse_date(response)
    for item in response.body.scaling_activities or ():
        if item.scaling_activity_id == activity_id:
            return _parse_time(item.start_time), now, item.scaling_group_id or ""
    return None


def _read_total(body: Any) -> int:
    return sys.maxsize if body.total_count is None else int(body.total_count)


def _parse_time(text: str) -> float:
    """Parse a time in UTC, to the second or to the minute: ESS writes both."""
    return datetime.fromisoformat(f"{text.removesuffix('Z')}+00:00").timestamp()
