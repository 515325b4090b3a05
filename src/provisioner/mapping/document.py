"""Reads the request document: normalizes it, checks it, and builds a `Request`.

A document is normalized first, so that the schema states only the contract and not the accepted
spellings: keys in any case, Tags for Tag, BackendServers as a list or as the string of the API
page's example (single quotes), whole numbers as strings, an instance as its bare id.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from provisioner.errors import Problem, Rejected
from provisioner.groups import naming
from provisioner.model import DEFAULT_WEIGHT, Backend, EventRef, Instance, OnExisting, Request

from . import validation
from .strict_json import find_structural_problem, parse_json

_API_KEYS = ("Action", "RegionId", "LoadBalancerId", "VServerGroupName", "BackendServers", "Tag")
_OWN_KEYS = ("ScalingGroupId", "Instances", "OnExisting", "DryRun")
_API_NAMES = {name.lower(): name for name in (*_API_KEYS, *_OWN_KEYS)} | {"tags": "Tag"}
_DISTINCTIVE_KEYS = frozenset({"loadbalancerid", "backendservers", "instances", "vservergroupname"})
_ELEMENT_KEYS: Mapping[str, tuple[str, ...]] = {
    "BackendServers": ("ServerId", "Port", "Weight", "Type", "ServerIp", "Description"),
    "Instances": ("InstanceId", "Weight", "ServerIp"),
    "Tag": ("Key", "Value"),
}
_NUMBERS = frozenset({"Port", "Weight"})
_DIGITS = re.compile(r"[0-9]{1,9}\Z")


def is_request_document(value: object) -> bool:
    """Tell whether an object has a key that only a request document has."""
    return isinstance(value, dict) and any(str(key).lower() in _DISTINCTIVE_KEYS for key in value)


def parse_request(value: object, event: EventRef) -> Request:
    """Build the request. Raises `Rejected` with every problem of the document."""
    document, problems = normalize(value)
    problems += validation.validate("request", _add_default_weights(document))
    if not problems:
        problems = _check_rules(document)
    if problems:
        raise Rejected.from_problems(problems, what="the request document")
    return _build_request(document, event)


def normalize(value: object) -> tuple[Any, list[Problem]]:
    """Return the document in the form that the schema describes, and what has no such form."""
    if not isinstance(value, Mapping):
        return value, []
    problems: list[Problem] = []
    document = _normalize_keys(value, _API_NAMES, (), problems)
    if isinstance(document.get("RegionId"), str):
        document["RegionId"] = strip_network(document["RegionId"])
    if isinstance(document.get("BackendServers"), str):
        document["BackendServers"] = _parse_list(document["BackendServers"], problems)
    if isinstance(document.get("Instances"), list):
        document["Instances"] = [
            {"InstanceId": each} if isinstance(each, str) else each
            for each in document["Instances"]
        ]
    for key, names in _ELEMENT_KEYS.items():
        if isinstance(document.get(key), list):
            document[key] = [
                _normalize_element(element, names, (key, index), problems)
                for index, element in enumerate(document[key])
            ]
    if isinstance(document.get("DryRun"), str):
        booleans = {"true": True, "false": False}
        document["DryRun"] = booleans.get(document["DryRun"].lower(), document["DryRun"])
    if isinstance(document.get("OnExisting"), str):
        document["OnExisting"] = document["OnExisting"].lower()
    return document, problems


def render_backend_servers(backends: Iterable[Backend]) -> list[dict[str, Any]]:
    """Return backends in the API's words, as the schema, the API and a result have them."""
    return [_render_backend(backend) for backend in backends]


def parse_whole_number(value: object) -> object:
    """Return an int for a digit string or a number like 80.0, else the value unchanged."""
    if isinstance(value, str) and _DIGITS.match(value.strip()):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def strip_network(region_id: str) -> str:
    """Return a region without the suffix of an endpoint inside a VPC, which is no part of it."""
    return region_id.removesuffix("-vpc")


def _parse_list(text: str, problems: list[Problem]) -> object:
    for candidate in (text, text.replace("'", '"')):
        with suppress(Rejected):
            value = parse_json(candidate, part="BackendServers")
            if not (problem := find_structural_problem(value)):
                return value
            problems.append(Problem("/BackendServers", problem))
            return []
    problems.append(Problem("/BackendServers", "must be a list or a string with a JSON list"))
    return []


def _normalize_keys(
    value: Mapping[str, Any],
    api_names: Mapping[str, str],
    path: tuple[object, ...],
    problems: list[Problem],
) -> dict[str, Any]:
    """Return the object with the API's spelling of keys. A key in two spellings is a problem."""
    result: dict[str, Any] = {}
    for key, element in value.items():
        name = api_names.get(key.lower(), key)
        if name in result:
            pointer = validation.build_pointer(*path, name)
            problems.append(Problem(pointer, f"{name} is given twice"))
        result[name] = element
    return result


def _normalize_element(
    value: Any, names: Iterable[str], path: tuple[object, ...], problems: list[Problem]
) -> Any:
    if not isinstance(value, Mapping):
        return value
    api_names = {name.lower(): name for name in names}
    element = _normalize_keys(value, api_names, path, problems)
    return element | {key: parse_whole_number(element[key]) for key in _NUMBERS & element.keys()}


def _add_default_weights(document: Any) -> Any:
    """Add Weight 100, as later editions of the API page say; earlier ones require a Weight."""
    if not isinstance(document, Mapping) or not isinstance(document.get("BackendServers"), list):
        return document
    backends = [
        {"Weight": DEFAULT_WEIGHT, **element} if isinstance(element, Mapping) else element
        for element in document["BackendServers"]
    ]
    return {**document, "BackendServers": backends}


def _check_rules(document: Mapping[str, Any]) -> list[Problem]:
    """Check the rules that a schema cannot state."""
    problems = naming.check_name(document.get("VServerGroupName", "x"), "/VServerGroupName")
    weights: dict[object, int] = {}
    for index, backend in enumerate(map(_parse_backend, document.get("BackendServers", ()))):
        if weights.setdefault(backend.key, backend.weight) != backend.weight:
            pointer = validation.build_pointer("BackendServers", index, "Weight")
            problems.append(
                Problem(pointer, "differs from the Weight of the same backend before it")
            )
    reserved = {naming.OWNER_TAG, naming.REQUEST_TAG}
    for index, tag in enumerate(document.get("Tag", ())):
        if tag["Key"] in reserved:
            pointer = validation.build_pointer("Tag", index, "Key")
            problems.append(Problem(pointer, "is given before, or reserved; use another Key"))
        reserved.add(tag["Key"])
    return problems


def _render_backend(backend: Backend) -> dict[str, Any]:
    element: dict[str, Any] = {
        "ServerId": backend.server_id,
        "Port": backend.port,
        "Weight": backend.weight,
    }
    if backend.type != "ecs":  # the default; CLB ignores the ServerIp of an ECS instance
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
    servers = document.get("BackendServers", None if "Instances" in document else ())
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
        tags={tag["Key"]: tag["Value"] for tag in document.get("Tag", ())},
        on_existing=OnExisting(on_existing) if on_existing else None,
        dry_run=document.get("DryRun", False),
    )
