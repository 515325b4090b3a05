"""Stacks at work, beside the requests: a resource at a time, each after those it needs. What fails
is rolled back (doc): a creation to nothing, an update to the template before.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from typing import TYPE_CHECKING, Any

from localcloud.clock import timestamp
from localcloud.services.ros.evaluation import Evaluation, in_order
from localcloud.services.ros.kinds import KINDS
from localcloud.services.ros.model import Resource, Source, Stack
from localcloud.wire.errors import ApiError

if TYPE_CHECKING:
    from localcloud.cloud import Cloud


async def create(cloud: Cloud, stack: Stack) -> None:
    try:
        await _put_all(cloud, stack, "CREATE")
    except ApiError as error:
        reason = f"{error.code}: {error.message}"
        _tell(cloud, stack, "CREATE_ROLLBACK_IN_PROGRESS", reason=reason)
        await _delete_all(cloud, stack, list(stack.resources))
        _tell(cloud, stack, "CREATE_ROLLBACK_COMPLETE", reason=reason)
    else:
        _tell(cloud, stack, "CREATE_COMPLETE")


async def update(cloud: Cloud, stack: Stack, before: Source) -> None:
    try:
        await _put_all(cloud, stack, "UPDATE")
    except ApiError as error:
        reason = f"{error.code}: {error.message}"
        _tell(cloud, stack, "ROLLBACK_IN_PROGRESS", reason=reason)
        stack.source = before
        await _roll_back(cloud, stack, reason)
    else:
        await _delete_all(cloud, stack, _left_over(stack))
        _tell(cloud, stack, "UPDATE_COMPLETE")


async def _roll_back(cloud: Cloud, stack: Stack, reason: str) -> None:
    try:
        await _put_all(cloud, stack, "ROLLBACK")
    except ApiError:
        _tell(cloud, stack, "ROLLBACK_FAILED", reason=reason)
    else:
        await _delete_all(cloud, stack, _left_over(stack))
        _tell(cloud, stack, "ROLLBACK_COMPLETE", reason=reason)


def _left_over(stack: Stack) -> list[str]:
    return [name for name in stack.resources if name not in stack.template["Resources"]]


async def delete(cloud: Cloud, stack: Stack) -> None:
    await _delete_all(cloud, stack, list(stack.resources))
    _tell(cloud, stack, "DELETE_COMPLETE")


def changes(stack: Stack, source: Source) -> list[dict[str, Any]]:
    """What creating or updating would do; nothing is done."""
    template = source.template
    evaluation = Evaluation(template, source.values, stack.attributes, lenient=True)
    wanted = template["Resources"]
    told = []
    for name in in_order(template):
        properties = evaluation.resolved(wanted[name].get("Properties", {}))
        there = stack.resources.get(name)
        action = "Add" if there is None else "Modify" if there.properties != properties else "None"
        told.append(_change(name, wanted[name]["Type"], action, properties))
    gone = [name for name in stack.resources if name not in wanted]
    return told + [_change(name, stack.resources[name].type, "Remove", {}) for name in gone]


def _change(name: str, type_: str, action: str, properties: Any) -> dict[str, Any]:
    return {
        "LogicalResourceId": name,
        "ResourceType": type_,
        "Action": action,
        "Properties": properties,
    }


async def _put_all(cloud: Cloud, stack: Stack, verb: str) -> None:
    for name in in_order(stack.template):
        await asyncio.sleep(0)  # others have their turn
        _put(cloud, stack, name, verb)
    evaluation = Evaluation(stack.template, stack.values, stack.attributes)
    stack.outputs = [
        {
            "OutputKey": key,
            "OutputValue": evaluation.resolved(output["Value"]),
            "Description": output.get("Description", ""),
        }
        for key, output in stack.template.get("Outputs", {}).items()
    ]


def _put(cloud: Cloud, stack: Stack, name: str, verb: str) -> None:
    resource, old = stack.template["Resources"][name], stack.resources.get(name)
    evaluation = Evaluation(stack.template, stack.values, stack.attributes)
    try:
        properties = evaluation.resolved(resource.get("Properties", {}))
        if old and old.properties == properties:
            return
        kind = KINDS[resource["Type"]]
        made = kind.put(cloud, properties, old.made if old else None)
        if old and old.made.physical_id != made.physical_id:
            kind.delete(cloud, old.made)
    except ApiError as error:
        _tell(cloud, stack, f"{verb}_FAILED", name, error.message)
        raise
    stack.resources[name] = Resource(resource["Type"], properties, made)
    cloud.changes.notify()
    _tell(cloud, stack, f"{verb}_COMPLETE", name)


async def _delete_all(cloud: Cloud, stack: Stack, names: list[str]) -> None:
    for name in reversed(names):
        await asyncio.sleep(0)
        resource = stack.resources[name]
        with contextlib.suppress(ApiError):  # inferred: what is gone already is deleted
            KINDS[resource.type].delete(cloud, resource.made)
        cloud.changes.notify()
        _tell(cloud, stack, "DELETE_COMPLETE", name)
        del stack.resources[name]


def _tell(cloud: Cloud, stack: Stack, status: str, name: str = "", reason: str = "") -> None:
    """Of the stack itself, if no resource is named."""
    resource = stack.resources.get(name)
    declared = stack.template.get("Resources", {}).get(name, {})
    stack.events.append(
        {
            "EventId": str(uuid.uuid4()),
            "StackId": stack.stack_id,
            "StackName": stack.name,
            "LogicalResourceId": name or stack.name,
            "PhysicalResourceId": resource.made.physical_id if resource else stack.stack_id,
            "ResourceType": declared.get("Type", "ALIYUN::ROS::Stack"),
            "Status": status,
            "StatusReason": reason,
            "CreateTime": timestamp(cloud.clock.now()),
        }
    )
    if not name:
        stack.status, stack.reason = status, reason
