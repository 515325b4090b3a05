"""Backends and groups as the SLB API spells them. Reading raises on what the API never sends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from provisioner.core import document
from provisioner.core.model import DEFAULT_WEIGHT, Backend, VServerGroup
from provisioner.core.values import replace


def backend_servers(backends: Sequence[Backend]) -> str:
    """Strict JSON in a string: the SDK would flatten a list to parameters that the API ignores."""
    return document.dumped(document.backend_servers(backends))


def identities(backends: Sequence[Backend]) -> str:
    """Without what Set would change unasked and Remove does not know: a Description."""
    return backend_servers([replace(backend, description="") for backend in backends])


def read_group(item: Any, region_id: str, load_balancer_id: str) -> VServerGroup:
    tags = item.tags and item.tags.tag
    return VServerGroup(
        region_id=region_id,
        load_balancer_id=load_balancer_id,
        name=item.vserver_group_name or "",
        tags={tag.tag_key: tag.tag_value or "" for tag in tags or ()},
        id=read_id(item.vserver_group_id),
    )


def read_in_use(item: Any) -> bool:
    """Of a listed group: its listeners and rules, of which an answer may tell nothing at all."""
    known = item.associated_objects
    listeners = known and known.listeners and known.listeners.listener
    rules = known and known.rules and known.rules.rule
    return bool(listeners or rules)


def read_backend(item: Any) -> Backend:
    # The SDK coerces nothing: numbers may be strings, and unset fields are None.
    return Backend(
        server_id=read_id(item.server_id),
        port=int(item.port),
        weight=DEFAULT_WEIGHT if item.weight is None else int(item.weight),
        type=item.type or "ecs",
        server_ip=item.server_ip or "",
        description=item.description or "",
    )


def read_id(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError
    return value
