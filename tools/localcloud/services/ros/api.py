"""ROS on the wire, API 2019-09-10."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from localcloud.call import Service
from localcloud.clock import timestamp
from localcloud.services.ros import parameters as ros_parameters
from localcloud.services.ros import stacks
from localcloud.services.ros.evaluation import Evaluation, in_order, invalid
from localcloud.services.ros.kinds import KINDS
from localcloud.services.ros.model import DONE, Source, Stack, not_found
from localcloud.wire import rpc
from localcloud.wire.errors import ApiError, not_implemented

if TYPE_CHECKING:
    from localcloud.call import Call
    from localcloud.cloud import Cloud

_LARGEST = 524_288  # doc: bytes of a template
_PAGE = 50  # doc


def create_stack(cloud: Cloud, call: Call) -> dict[str, Any]:
    name = call.parameters.require("StackName")
    if any(item.name == name for item in _present(cloud)):
        message = f"The Stack ({name}) already exists."
        raise ApiError(HTTPStatus.CONFLICT, "StackExists", message)  # doc
    stack = Stack(name, cloud.world.region, cloud.clock.now())
    stack.source = _read(cloud, call, stack)
    stack.status = "CREATE_IN_PROGRESS"
    cloud.stacks[stack.stack_id] = stack
    cloud.work.start(stacks.create(cloud, stack))
    return {"StackId": stack.stack_id}


def update_stack(cloud: Cloud, call: Call) -> dict[str, Any]:
    stack = _stack(cloud, call)
    if stack.status not in DONE:
        message = f"The Stack ({stack.name}) is {stack.status}."
        raise ApiError(HTTPStatus.CONFLICT, "ActionInProgress", message)  # doc
    found = _read(cloud, call, stack)
    if found == stack.source:
        message = "Update the completely same stack is not supported."
        raise ApiError(HTTPStatus.BAD_REQUEST, "NotSupported", message)  # seen
    before, stack.source = stack.source, found
    stack.status, stack.updated = "UPDATE_IN_PROGRESS", cloud.clock.now()
    cloud.work.start(stacks.update(cloud, stack, before))
    return {"StackId": stack.stack_id}


def delete_stack(cloud: Cloud, call: Call) -> dict[str, Any]:
    stack = _stack(cloud, call)
    if stack.status != "DELETE_IN_PROGRESS":
        stack.status = "DELETE_IN_PROGRESS"
        cloud.work.start(stacks.delete(cloud, stack))
    return {}


def get_stack(cloud: Cloud, call: Call) -> dict[str, Any]:
    stack = cloud.stacks.get(call.parameters.require("StackId"))
    if stack is None:
        raise not_found(call.parameters.require("StackId"))
    return {
        **_summary(stack),
        "Description": stack.template.get("Description", ""),
        "Outputs": stack.outputs,
        "Parameters": [
            {"ParameterKey": key, "ParameterValue": _text(value)}
            for key, value in stack.values.items()
        ],
        "TimeoutInMinutes": 60,
    }


def list_stacks(cloud: Cloud, call: Call) -> dict[str, Any]:
    names = call.parameters.strings("StackName")
    found = [item for item in _present(cloud) if not names or item.name in names]
    page = {"TotalCount": len(found), "PageNumber": 1, "PageSize": _PAGE}
    return {"Stacks": [_summary(item) for item in found[:_PAGE]], **page}


def list_stack_events(cloud: Cloud, call: Call) -> dict[str, Any]:
    """The newest come first (doc)."""
    stack = cloud.stacks.get(call.parameters.require("StackId"))
    if stack is None:
        raise not_found(call.parameters.require("StackId"))
    size = call.parameters.integer("PageSize", default=10, low=1, high=_PAGE)
    number = call.parameters.integer("PageNumber", default=1, low=1, high=10_000)
    events = stack.events[::-1][(number - 1) * size : number * size]
    total = len(stack.events)
    return {"Events": events, "TotalCount": total, "PageNumber": number, "PageSize": size}


def preview_stack(cloud: Cloud, call: Call) -> dict[str, Any]:
    stack_id = call.parameters.text("StackId")
    stack = _stack(cloud, call) if stack_id else Stack("", cloud.world.region, cloud.clock.now())
    source = _read(cloud, call, stack)
    told = {"StackName": stack.name or call.parameters.text("StackName") or ""}
    return {"Stack": {**told, "Resources": stacks.changes(stack, source)}}


def validate_template(cloud: Cloud, call: Call) -> dict[str, Any]:
    template = _template(call.parameters.require("TemplateBody"))
    rules = template.get("Parameters", {})
    declared = [{"ParameterKey": name, **rule} for name, rule in rules.items()]
    known = dict.fromkeys(rules, "") | _pseudo(cloud, Stack("", cloud.world.region, 0))
    Evaluation(template, known, {}, lenient=True).resolved(template["Resources"])
    return {"Description": template.get("Description", ""), "Parameters": declared}


def _read(cloud: Cloud, call: Call, stack: Stack) -> Source:
    """All of it is checked before anything is made."""
    body = call.parameters.require("TemplateBody")
    template = _template(body)
    given = {
        row["ParameterKey"]: row.get("ParameterValue", "")
        for row in call.parameters.records("Parameters")
    }
    values = ros_parameters.read(template, given) | _pseudo(cloud, stack)
    evaluation = Evaluation(template, values, stack.attributes, lenient=True)
    evaluation.resolved({key: template.get(key, {}) for key in ("Resources", "Outputs")})
    return Source(body, template, values)


def _template(body: str) -> dict[str, Any]:
    import yaml  # noqa: PLC0415 - no other call needs it

    if len(body.encode()) > _LARGEST:
        raise invalid(f"The template has more than {_LARGEST} bytes.")
    # libyaml's, unless PyYAML was built without it: it takes an eighth of the time.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        template = yaml.load(body, loader)  # noqa: S506 - it is a SafeLoader
    except yaml.YAMLError as error:
        raise invalid("The template is neither JSON nor YAML.") from error
    if not isinstance(template, dict) or "ROSTemplateFormatVersion" not in template:
        raise invalid("The template has no ROSTemplateFormatVersion.")
    for resource in template.get("Resources", {}).values():
        if resource.get("Type") not in KINDS:
            raise not_implemented(f"the resource type {resource.get('Type')}")
    in_order(template)
    return {"Resources": {}, **template}


def _pseudo(cloud: Cloud, stack: Stack) -> dict[str, Any]:
    return {
        "ALIYUN::Region": stack.region,
        "ALIYUN::TenantId": cloud.world.account,
        "ALIYUN::AccountId": cloud.world.account,
        "ALIYUN::StackName": stack.name,
        "ALIYUN::StackId": stack.stack_id,
    }


def _present(cloud: Cloud) -> list[Stack]:
    return [item for item in cloud.stacks.values() if item.status != "DELETE_COMPLETE"]


def _stack(cloud: Cloud, call: Call) -> Stack:
    stack_id = call.parameters.require("StackId")
    for stack in _present(cloud):
        if stack.stack_id == stack_id:
            return stack
    raise not_found(stack_id)


def _summary(stack: Stack) -> dict[str, Any]:
    return {
        "StackId": stack.stack_id,
        "StackName": stack.name,
        "RegionId": stack.region,
        "Status": stack.status,
        "StatusReason": stack.reason,
        "CreateTime": timestamp(stack.created),
        "UpdateTime": timestamp(stack.updated) if stack.updated else None,
    }


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


SERVICE = Service(
    name="ros",
    dialect=rpc,
    versions=("2019-09-10",),
    operations={
        "CreateStack": create_stack,
        "UpdateStack": update_stack,
        "DeleteStack": delete_stack,
        "GetStack": get_stack,
        "ListStacks": list_stacks,
        "ListStackEvents": list_stack_events,
        "PreviewStack": preview_stack,
        "ValidateTemplate": validate_template,
    },
)
