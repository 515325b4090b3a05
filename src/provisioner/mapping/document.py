"""The request document: read, normalised, checked, turned into a `Request`.

Normalising comes first, so that the schema states the contract and nothing of how it was spelt:
keys in any case, BackendServers as a list or as the string of the API page's own example (single
quotes), whole numbers as strings, an instance as its bare id.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from provisioner.errors import Code, Fault, Problem, Rejected
from provisioner.groups import naming
from provisioner.model import DEFAULT_WEIGHT, Backend, EventRef, Instance, OnExisting, Request

from . import validation

_TOP = ("Action", "RegionId", "LoadBalancerId", "VServerGroupName", "BackendServers", "Tags")
KEYS = (*_TOP, "ScalingGroupId", "Instances", "OnExisting", "DryRun")
_BACKEND_KEYS = ("ServerId", "Port", "Weight", "Type", "ServerIp", "Description")
_INSTANCE_KEYS = ("InstanceId", "Weight", "ServerIp")
_TAG_KEYS = ("Key", "Value")
_DIGITS = re.compile(r"[0-9]{1,9}\Z")


def parse_json(text: str, *, what: str) -> Any:
    """`what` names the text in the message, which holds nothing of it. NaN is not JSON here."""
    try:
        return _decoder.decode(text)
    except (ValueError, RecursionError) as error:
        raise Rejected(
            Code.UNREADABLE, f"{what} is not JSON in UTF-8", fault=Fault.UNREADABLE
        ) from error


def is_request_document(value: object) -> bool:
    """Whether an object means to be a request document: one of its telling keys is there."""
    telling = ("loadbalancerid", "backendservers", "instances", "vservergroupname")
    return isinstance(value, dict) and any(str(key).lower() in telling for key in value)


def parse_request(value: object, event: EventRef) -> Request:
    """Raises `Rejected` with every problem of the document."""
    document, found = normalize(value)
    found += validation.validate("request", _add_default_weights(document))
    if not found:
        found = _check_meaning(document)
    if found:
        raise Rejected.from_problems(found, what="the request document")
    return _build_request(document, event)


def normalize(value: object) -> tuple[Any, list[Problem]]:
    """The document as the schema wants it, and what could not be made so."""
    if not isinstance(value, Mapping):
        return value, []
    found: list[Problem] = []
    document = _normalize_keys(value, KEYS, (), found)
    if isinstance(document.get("BackendServers"), str):
        document["BackendServers"] = _parse_list(document["BackendServers"], found)
    _map_elements(document, "BackendServers", _normalize_backend, found)
    _map_elements(document, "Instances", _normalize_instance, found)
    _map_elements(document, "Tags", _normalize_tag, found)
    if isinstance(document.get("DryRun"), str):
        spelt = {"true": True, "false": False}
        document["DryRun"] = spelt.get(document["DryRun"].lower(), document["DryRun"])
    if isinstance(document.get("OnExisting"), str):
        document["OnExisting"] = document["OnExisting"].lower()
    return document, found


def render_backend_servers(backends: Iterable[Backend]) -> list[dict[str, Any]]:
    """Backends in the API's words: what the schema checks, the API is sent and a result shows."""
    return [_render_backend(backend) for backend in backends]


def parse_whole_number(value: object) -> object:
    """An int where the value spells one (a digit string, 80.0); otherwise the value as it was."""
    if isinstance(value, str) and _DIGITS.match(value.strip()):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


_Element = Callable[[Any, tuple[object, ...], list[Problem]], Any]


def _reject_constant(name: str) -> object:
    raise ValueError(name)


_decoder = json.JSONDecoder(
    parse_constant=_reject_constant
)  # json.loads would make one for each text


def _map_elements(document: dict[str, Any], key: str, read: _Element, found: list[Problem]) -> None:
    if isinstance(document.get(key), list):
        document[key] = [read(e, (key, i), found) for i, e in enumerate(document[key])]


def _normalize_keys(
    value: Mapping[str, Any],
    names: Iterable[str],
    path: tuple[object, ...],
    found: list[Problem],
) -> dict[str, Any]:
    """Keys in the API's spelling. One key in two spellings is a problem, not a silent choice."""
    api_name = {name.lower(): name for name in names}
    result: dict[str, Any] = {}
    for key, element in value.items():
        name = api_name.get(key.lower(), key)
        if name in result:
            found.append(Problem(validation.build_pointer(*path, name), f"{name} is given twice"))
        result[name] = element
    return result


def _parse_list(text: str, found: list[Problem]) -> object:
    for candidate in (text, text.replace("'", '"')):
        try:
            return json.loads(candidate, parse_constant=_reject_constant)
        except (ValueError, RecursionError):
            continue
    found.append(Problem("/BackendServers", "must be a list or a string that holds a JSON list"))
    return []


def _normalize_backend(value: Any, path: tuple[object, ...], found: list[Problem]) -> Any:
    if not isinstance(value, Mapping):
        return value
    backend = _normalize_keys(value, _BACKEND_KEYS, path, found)
    return backend | {k: parse_whole_number(backend[k]) for k in ("Port", "Weight") if k in backend}


def _add_default_weights(document: Any) -> Any:
    """The API page requires a Weight; its later editions say that it defaults to 100."""
    if not isinstance(document, Mapping) or not isinstance(document.get("BackendServers"), list):
        return document
    return {
        **document,
        "BackendServers": [
            {"Weight": DEFAULT_WEIGHT, **element} if isinstance(element, Mapping) else element
            for element in document["BackendServers"]
        ],
    }


def _normalize_instance(value: Any, path: tuple[object, ...], found: list[Problem]) -> Any:
    if isinstance(value, str):
        return {"InstanceId": value}
    if not isinstance(value, Mapping):
        return value
    instance = _normalize_keys(value, _INSTANCE_KEYS, path, found)
    if "Weight" in instance:
        instance["Weight"] = parse_whole_number(instance["Weight"])
    return instance


def _normalize_tag(value: Any, path: tuple[object, ...], found: list[Problem]) -> Any:
    return _normalize_keys(value, _TAG_KEYS, path, found) if isinstance(value, Mapping) else value


def _check_meaning(document: Mapping[str, Any]) -> list[Problem]:
    """Rules that a schema cannot state."""
    found = naming.check_name(document.get("VServerGroupName", "x"), "/VServerGroupName")
    weights: dict[object, int] = {}
    for index, backend in enumerate(map(_parse_backend, document.get("BackendServers", ()))):
        if weights.setdefault(backend.key, backend.weight) != backend.weight:
            path = validation.build_pointer("BackendServers", index, "Weight")
            found.append(Problem(path, "differs from the Weight given before for this backend"))
    names: set[str] = set()
    for index, tag in enumerate(document.get("Tags", ())):
        if tag["Key"] in names or tag["Key"] in (naming.OWNER_TAG, naming.REQUEST_TAG):
            found.append(
                Problem(validation.build_pointer("Tags", index, "Key"), "is taken already")
            )
        names.add(tag["Key"])
    return found


def _render_backend(backend: Backend) -> dict[str, Any]:
    element: dict[str, Any] = {
        "ServerId": backend.server_id,
        "Port": backend.port,
        "Weight": backend.weight,
    }
    if backend.type != "ecs":  # the default; an ECS instance has no say in its address
        element["Type"] = backend.type
        element |= {"ServerIp": backend.server_ip} if backend.server_ip else {}
    if backend.description:
        element["Description"] = backend.description
    return element


def _parse_backend(element: Mapping[str, Any]) -> Backend:
    return Backend(
        server_id=element["ServerId"],
        port=element["Port"],
        weight=element.get("Weight", DEFAULT_WEIGHT),
        type=element.get("Type", "ecs"),
        server_ip=element.get("ServerIp", ""),
        description=element.get("Description", ""),
        weight_is_explicit="Weight" in element,
    )


def _build_request(document: Mapping[str, Any], event: EventRef) -> Request:
    servers = document.get("BackendServers")
    on_existing = document.get("OnExisting")
    return Request(
        event=event,
        region_id=document.get("RegionId", ""),
        load_balancer_id=document.get("LoadBalancerId", ""),
        vserver_group_name=document.get("VServerGroupName", ""),
        scaling_group_id=document.get("ScalingGroupId", ""),
        backends=None if servers is None else tuple(map(_parse_backend, servers)),
        instances=tuple(
            Instance(i["InstanceId"], i.get("Weight"), i.get("ServerIp", ""))
            for i in document.get("Instances", ())
        ),
        tags={tag["Key"]: tag["Value"] for tag in document.get("Tags", ())},
        on_existing=OnExisting(on_existing) if on_existing else None,
        dry_run=document.get("DryRun", False),
    )
