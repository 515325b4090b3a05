"""Functions of a stack, their asynchronous configuration and their triggers: three resources in
ROS, which Function Compute here keeps as one function and what calls it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from localcloud.documents import BadDocument, check
from localcloud.services.fc import seed as fc
from localcloud.services.fc.model import AsyncConfig, Function, HttpTrigger
from localcloud.services.ros.evaluation import invalid
from localcloud.services.ros.made import Made
from localcloud.services.triggers import keeping
from localcloud.services.triggers import seed as triggers
from localcloud.services.triggers.model import TopicTrigger

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.cloud import Cloud


def put_function(cloud: Cloud, properties: Mapping[str, Any], old: Made | None) -> Made:
    name = properties["FunctionName"]
    before = cloud.world.functions.get(name)
    if before and not old:
        raise invalid(f"The function {name} exists already.")
    row = _row(_code(cloud, properties["Code"]), properties)
    try:
        made = fc.register(cloud.world, row)
    except BadDocument as error:
        raise invalid(str(error)) from error
    if before:
        made = replace(made, asynchronous=before.asynchronous, http_trigger=before.http_trigger)
        cloud.world.functions[name] = made
    arn = made.arn(cloud.world.region, cloud.world.account)
    return Made(name, {"FunctionName": name, "FunctionId": name, "ARN": arn})


def _code(cloud: Cloud, code: Mapping[str, Any]) -> str:
    bucket, key = code["OssBucketName"], code["OssObjectName"]
    path = cloud.files.path(bucket, key)
    if path is None:
        raise invalid(f"The object {key} of the bucket {bucket} does not exist.")
    return str(path)


def _row(code: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    """As a seed has it."""
    cycle = properties.get("InstanceLifecycleConfig", {})
    row = {
        "FunctionName": properties["FunctionName"],
        "Code": code,
        "Handler": properties["Handler"],
        "Runtime": properties["Runtime"],
        "Timeout": properties.get("Timeout"),
        "MemorySize": properties.get("MemorySize"),
        "Initializer": cycle.get("Initializer", {}).get("Handler"),
        "InitializationTimeout": cycle.get("Initializer", {}).get("Timeout"),
        "PreStop": cycle.get("PreStop", {}).get("Handler"),
        "PreStopTimeout": cycle.get("PreStop", {}).get("Timeout"),
        "EnvironmentVariables": {
            key: str(value) for key, value in properties.get("EnvironmentVariables", {}).items()
        },
    }
    return {key: value for key, value in row.items() if value is not None}


def delete_function(cloud: Cloud, made: Made) -> None:
    cloud.functions.kill(made.physical_id)
    cloud.world.functions.pop(made.physical_id, None)


def put_config(cloud: Cloud, properties: Mapping[str, Any], _old: Made | None) -> Made:
    name, by_default = properties["FunctionName"], AsyncConfig()
    where = properties.get("DestinationConfig", {})
    config = AsyncConfig(
        retries=properties.get("MaxAsyncRetryAttempts", by_default.retries),
        longest_age=properties.get("MaxAsyncEventAgeInSeconds", by_default.longest_age),
        on_success=where.get("OnSuccess", {}).get("Destination", ""),
        on_failure=where.get("OnFailure", {}).get("Destination", ""),
    )
    changed = replace(cloud.functions.definition(name), asynchronous=config)
    for problem in fc.problems(changed, cloud.world):
        raise invalid(f"{problem.path} {problem.message}")
    cloud.world.functions[name] = changed
    return Made(name, {})


def delete_config(cloud: Cloud, made: Made) -> None:
    _change(cloud, made.physical_id, asynchronous=AsyncConfig())


def put_trigger(cloud: Cloud, properties: Mapping[str, Any], old: Made | None) -> Made:
    function, name = properties["FunctionName"], properties["TriggerName"]
    cloud.functions.definition(function)
    if old:
        delete_trigger(cloud, old)
    config = properties["TriggerConfig"]
    if properties["TriggerType"] == "http":
        trigger = HttpTrigger(config["authType"], tuple(config.get("methods", ())))
        _change(cloud, function, http_trigger=trigger)
    else:
        _plant(cloud, properties)
    url = f"{cloud.places['endpoint']}/_http/{function}"
    ids = {"FunctionName": function, "TriggerName": name, "TriggerId": f"{function}/{name}"}
    return Made(f"{function}/{name}", {**ids, "UrlInternet": url, "UrlIntranet": url})


def _plant(cloud: Cloud, properties: Mapping[str, Any]) -> None:
    names = ("FunctionName", "TriggerName", "TriggerType", "SourceArn", "TriggerConfig")
    document = {"Triggers": [{key: properties[key] for key in names if key in properties}]}
    try:
        check(document, "world")
    except BadDocument as error:
        raise invalid(str(error)) from error
    for problem in triggers.plant(cloud.world, document, cloud.clock.now()):
        raise invalid(f"{problem.path} {problem.message}")


def delete_trigger(cloud: Cloud, made: Made) -> None:
    function, _, name = made.physical_id.rpartition("/")
    trigger = cloud.world.triggers.by_key.pop((function, name), None)
    keeping.stop(cloud, (function, name))
    if trigger is None:
        _change(cloud, function, http_trigger=None)
    elif isinstance(trigger, TopicTrigger):
        topic = cloud.world.mns.topics.get(trigger.source_arn.rpartition("/")[2])
        subscription = triggers.subscription_name(trigger)
        if topic is not None:
            topic.subscriptions.pop(subscription, None)


def _change(cloud: Cloud, function: str, **changes: Any) -> None:
    found: Function | None = cloud.world.functions.get(function)
    if found is not None:
        cloud.world.functions[function] = replace(found, **changes)
