"""What ESS answers, read into values. What cannot be read raises whatever it raises."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

from provisioner.core.model import LifecycleAction
from provisioner.ports import ActionState, HookTerms, ScalingInstance

_MINUTES, _SECONDS = "%Y-%m-%dT%H:%MZ", "%Y-%m-%dT%H:%M:%SZ"  # both are met in ESS's answers


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
        )
        for item in body.lifecycle_actions or ()
    )
    total = sys.maxsize if body.total_count is None else int(body.total_count)
    return Page(actions, body.next_token or "", total)


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


def read_heartbeat_timeout(hook_id: str, response: Any) -> float | None:
    listed = response.body.lifecycle_hooks or ()
    found = (item.heartbeat_timeout for item in listed if item.lifecycle_hook_id == hook_id)
    timeout = next(found, None)
    return None if timeout is None else float(timeout)


def read_terms(activity_id: str, heartbeat_timeout: float, response: Any) -> HookTerms | None:
    """By the answer's own Date: our clock is not the cloud's."""
    listed = response.body.scaling_activities or ()
    now = parsedate_to_datetime(response.headers["date"]).timestamp()
    started = (_moment(i.start_time) for i in listed if i.scaling_activity_id == activity_id)
    return next((HookTerms(each, now, heartbeat_timeout) for each in started), None)


def _moment(text: str) -> float:
    form = _SECONDS if text.count(":") > 1 else _MINUTES
    return datetime.strptime(text, form).replace(tzinfo=timezone.utc).timestamp()
