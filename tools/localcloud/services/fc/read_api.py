"""What a function is and what calls it: GetFunction and ListTriggers of API 2023-03-30."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from localcloud.services.fc.model import not_found
from localcloud.wire.errors import ApiError
from localcloud.wire.fc import Reply

if TYPE_CHECKING:
    from localcloud.call import Call
    from localcloud.cloud import Cloud
    from localcloud.services.fc.model import Function
    from localcloud.services.triggers.model import Trigger

_JSON = ("content-type", "application/json")


def get_function(cloud: Cloud, call: Call) -> Reply:
    function = _function(cloud, call)
    hooks = {"initializer": function.initializer, "preStop": function.pre_stop}
    return _json(
        {
            "functionName": function.name,
            "functionArn": function.arn(cloud.world.region, cloud.world.account),
            "handler": function.handler,
            "runtime": function.runtime,
            "timeout": function.timeout,
            "memorySize": function.memory_size,
            "environmentVariables": dict(function.variables),
            "instanceLifecycleConfig": {
                name: {"handler": handler} for name, handler in hooks.items() if handler
            },
        }
    )


def list_triggers(cloud: Cloud, call: Call) -> Reply:
    name = _function(cloud, call).name
    found = [item for item in cloud.world.triggers.by_key.values() if item.function == name]
    return _json({"triggers": [_trigger(item) for item in found]})


def _function(cloud: Cloud, call: Call) -> Function:
    if call.identity is None:
        message = "the header Authorization is required"
        raise ApiError(HTTPStatus.BAD_REQUEST, "MissingRequiredHeader", message)
    name = call.parameters.require("FunctionName")
    found = cloud.world.functions.get(name)
    if found is None:
        raise not_found(name)
    return found


def _trigger(item: Trigger) -> dict[str, Any]:
    return {
        "triggerName": item.name,
        "triggerType": item.type,
        "triggerConfig": json.dumps(item.config),
        "sourceArn": item.source_arn or None,
    }


def _json(document: dict[str, Any]) -> Reply:
    return Reply(HTTPStatus.OK, json.dumps(document).encode(), (_JSON,))
