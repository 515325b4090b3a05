"""Backends and groups as the SLB API spells them. Reading raises on what the API never sends."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from provisioner.mapping import document
from provisioner.model import DEFAULT_WEIGHT, Backend, VServerGroup


def encode_backend_servers(backends: Sequence[Backend]) -> str:
    """Strict JSON in a string: the SDK would flatten a list to parameters that the API ignores."""
    return json.dumps(document.render_backend_servers(backends), separators=(",", ":"))


def encode_identities(backends: Sequence[Backend]) -> str:
    """Without what Set would change unasked and Remove does not know: a Description."""
    return encode_backend_servers([replace(backend, description="") for backend in backends])


def read_listed(item: Any, region_id: str, load_balancer_id: str) -> VServerGroup:
    return _read_group(item, region_id, load_balancer_id, (), in_use=_is_in_use(item))


def read_group(item: Any, region_id: str) -> VServerGroup:
    listed = item.backend_servers and item.backend_servers.backend_server
    backends = tuple(map(_read_backend, listed or ()))
    return _read_group(item, region_id, item.load_balancer_id or "", backends, in_use=False)


def _read_group(
    item: Any, region_id: str, balancer: str, backends: tuple[Backend, ...], *, in_use: bool
) -> VServerGroup:
    name, tags = item.vserver_group_name or "", item.tags and item.tags.tag
    named = {tag.tag_key: tag.tag_value or "" for tag in tags or ()}
    group_id = read_id(item.vserver_group_id)
    return VServerGroup(region_id, balancer, name, backends, named, group_id, in_use)


def _is_in_use(item: Any) -> bool:
    """Its listeners and rules say so, of which an answer may tell nothing at all."""
    known = item.associated_objects
    listeners = known and known.listeners and known.listeners.listener
    rules = known and known.rules and known.rules.rule
    return bool(listeners or rules)


def _read_backend(item: Any) -> Backend:
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
