"""The result document: what is published about an outcome, and the answer to an HTTP call.

CloudEvents 1.0 in JSON. Its id depends on the event, the group and the type of the result, and not
on time. So a result that is published twice has one id, and a failure does not hide a later
success.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from provisioner.errors import Retryable
from provisioner.groups import naming
from provisioner.mapping import document
from provisioner.model import Backend, RejectedBackend, RemovalResult

from .outcome import Outcome, Status

TYPE_PREFIX = "vservergroup."
SOURCE = "vservergroup-provisioner"
MAX_BYTES = 64 * 1024  # a message of a topic (doc)
_WITH_REFERENCES = (Status.PROVISIONED, Status.PLANNED)  # the list of groups said what is in use
MAX_TAG_LENGTH = 16  # characters of a message's tag (doc)


def build_result(outcome: Outcome) -> dict[str, Any]:
    group = outcome.group
    names = (group.load_balancer_id, group.name) if group else ()
    event_type = TYPE_PREFIX + outcome.status.value
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": naming.compute_digest([outcome.event.id, *names, event_type])[:32],
        "source": SOURCE,
        "type": event_type,
        "datacontenttype": "application/json",
    }
    if names:
        event["subject"] = "/".join(filter(None, names))
    return event | {"data": _build_data(outcome)}


def encode_result(result: dict[str, Any]) -> str:
    """Return the result in ASCII. A result that is too long for a topic is truncated."""
    text = json.dumps(result, separators=(",", ":"))
    if len(text) <= MAX_BYTES:
        return text
    return json.dumps({**result, "data": _truncate(result["data"])}, separators=(",", ":"))


def build_tag(outcome: Outcome) -> str:
    """Return the message's tag, which a subscription can filter by."""
    return outcome.status.value[:MAX_TAG_LENGTH]


def _truncate(data: dict[str, Any]) -> dict[str, Any]:
    """Return the data with empty lists, all counts, and `truncated`."""
    shorter = _clear_lists(data) | {"changes": _clear_lists(data["changes"]), "truncated": True}
    if "error" in data:
        shorter["error"] = {k: value for k, value in data["error"].items() if k != "problems"}
    return shorter


def _clear_lists(value: dict[str, Any]) -> dict[str, Any]:
    return {key: [] if isinstance(each, list) else each for key, each in value.items()}


def _build_data(outcome: Outcome) -> dict[str, Any]:
    group, plan = outcome.group, outcome.plan
    data: dict[str, Any] = {
        "RegionId": group.region_id if group else None,
        "LoadBalancerId": group.load_balancer_id if group else None,
        "VServerGroupId": (group.id or None) if group else None,
        "VServerGroupName": (group.name or None) if group else None,
        "BackendServers": document.render_backend_servers(group.backends) if group else [],
        "BackendServerCount": len(group.backends) if group else 0,
        "changes": {
            "created": outcome.created,
            "added": _render_keys(plan.add),
            "addedCount": len(plan.add),
            "reweighed": _render_keys(plan.update_weight),
            "reweighedCount": len(plan.update_weight),
            "alreadyPresentCount": len(plan.already_present),
            "foreignCount": len(plan.unmanaged),
            "leftOut": _render_rejected(plan.rejected),
            "leftOutCount": len(plan.rejected),
            "dropped": list(outcome.dropped_instance_ids),
            "droppedCount": len(outcome.dropped_instance_ids),
        },
        "correlation": _build_correlation(outcome),
    }
    if group and outcome.status in _WITH_REFERENCES:
        data["inUse"] = group.in_use
        data["otherGroupsInUse"] = list(outcome.others_in_use)
    if outcome.removal:
        _add_removal(data, outcome.removal)
    if outcome.action:
        data["lifecycle"] = {
            "LifecycleHookId": outcome.action.hook_id,
            "LifecycleActionResult": outcome.lifecycle_result and outcome.lifecycle_result.value,
        }
        if outcome.circuit_breaker:
            data["lifecycle"]["circuitBreaker"] = True
    if outcome.error:
        retryable = isinstance(outcome.error, Retryable)
        data["error"] = {**outcome.error.to_document(), "retryable": retryable}
    return data


def _add_removal(data: dict[str, Any], removal: RemovalResult) -> None:
    """Add the groups that lost backends, and those that keep some because of a refusal."""
    groups = [group for group in removal.groups if group.removed or group.deleted or group.rejected]
    data["changes"] |= {
        "shrunkCount": len(groups),
        "removedCount": sum(len(group.removed) for group in groups),
        "deletedCount": sum(group.deleted for group in groups),
        "drainedSeconds": round(removal.drained_seconds, 1),
        "notRestored": _render_keys(removal.not_restored),
        "notRestoredCount": len(removal.not_restored),
    }
    data["groups"] = [
        {
            "VServerGroupId": group.id,
            "VServerGroupName": group.name,
            "removed": _render_keys(group.removed),
            "removedCount": len(group.removed),
            "leftOut": _render_rejected(group.rejected),
            "leftOutCount": len(group.rejected),
            "BackendServerCount": len(group.remaining),
            "deleted": group.deleted,
        }
        for group in groups
    ]


def _build_correlation(outcome: Outcome) -> dict[str, Any]:
    return {
        "eventSource": outcome.event.source,
        "eventId": outcome.event.id,
        "ScalingActivityId": (outcome.action.scaling_activity_id or None)
        if outcome.action
        else None,
        "fcRequestId": outcome.fc_request_id or None,
        "slbRequestIds": list(outcome.slb_request_ids),
    }


def _render_rejected(rejected: Sequence[RejectedBackend]) -> list[dict[str, Any]]:
    return [{**_render_key(each.backend), "code": each.code} for each in rejected]


def _render_keys(backends: Sequence[Backend]) -> list[dict[str, Any]]:
    return [_render_key(backend) for backend in backends]


def _render_key(backend: Backend) -> dict[str, Any]:
    return {"ServerId": backend.server_id, "Port": backend.port}
