"""Functions of Function Compute 2.0 in a stack: each belongs to a service, and its asynchronous
configuration is a property of its own. They are put as generation 3's are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localcloud.services.ros import functions
from localcloud.services.ros.made import Made

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.cloud import Cloud


def put_service(_cloud: Cloud, properties: Mapping[str, Any], _old: Made | None) -> Made:
    name = properties["ServiceName"]
    return Made(name, {"ServiceName": name, "ServiceId": name})


def put_function(cloud: Cloud, properties: Mapping[str, Any], old: Made | None) -> Made:
    made = functions.put_function(cloud, _as_generation_3(properties), old)
    config = properties.get("AsyncConfiguration", {})
    destinations = config.get("Destination", {}).items()
    wanted = {
        **{key: value for key, value in config.items() if key != "Destination"},
        "FunctionName": made.physical_id,
        "DestinationConfig": {name: {"Destination": arn} for name, arn in destinations},
    }
    functions.put_config(cloud, wanted, None)
    names = {key: properties[key] for key in ("ServiceName", "FunctionName")}
    return Made(made.physical_id, {**made.attributes, **names})


def put_trigger(cloud: Cloud, properties: Mapping[str, Any], old: Made | None) -> Made:
    made = functions.put_trigger(cloud, {**properties, "FunctionName": _name(properties)}, old)
    url = f"{cloud.places['endpoint']}/2016-08-15/proxy/{_name(properties)}"
    names = {key: properties[key] for key in ("ServiceName", "FunctionName")}
    urls = {"UrlInternet": url, "UrlIntranet": url}
    return Made(made.physical_id, {**made.attributes, **names, **urls})


def _as_generation_3(properties: Mapping[str, Any]) -> dict[str, Any]:
    initializer = {
        "Handler": properties.get("Initializer"),
        "Timeout": properties.get("InitializationTimeout"),
    }
    cycle = {**properties.get("InstanceLifecycleConfig", {}), "Initializer": initializer}
    return {**properties, "FunctionName": _name(properties), "InstanceLifecycleConfig": cycle}


def _name(properties: Mapping[str, Any]) -> str:
    return f"{properties['ServiceName']}/{properties['FunctionName']}"
