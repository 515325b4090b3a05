"""Write backends and read groups as the SLB API spells them.

Any exception means that an answer cannot be read: `SdkClient.call` handles it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from provisioner.mapping import document
from provisioner.model import DEFAULT_WEIGHT, Backend, VServerGroup


def encode_backend_servers(backends: Sequence[Backend]) -> str:
    """Encode the backends as strict JSON. The SDK would flatten a list to parameters that the API
    ignores."""
    return json.dumps(document.render_backend_servers(backends), separators=(",", ":"))


def encode_identities(backends: Sequence[Backend]) -> str:
    """Encode the backends without their Description: Set would change it, and Remove does not know
    it."""
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
    name, listed = item.vserver_group_name or "", item.tags and item.tags.tag
    tags = {tag.tag_key: tag.tag_value or "" for tag in listed or ()}
    group_id = read_id(item.vserver_group_id)
    return VServerGroup(region_id, balancer, name, backends, tags, group_id, in_use)


def _is_in_use(item: Any) -> bool:
    """Tell whether a listener or a rule uses the group. An answer may list neither."""
    users = item.associated_objects
    listeners = users and users.listeners and users.listeners.listener
    rules = users and users.rules and users.rules.rule
    return bool(listeners or rules)


def _read_backend(item: Any) -> Backend:
    # The SDK converts nothing: numbers may be strings, and unset fields are None.
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
