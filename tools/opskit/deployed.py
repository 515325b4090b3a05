"""A function of generation 3 as it is deployed: GetFunction and ListTriggers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .cloud import Cloud
from .ending import UnusableError

_MOST = 100  # triggers of a page


@dataclass(frozen=True, slots=True)
class Trigger:
    name: str
    type: str
    source_arn: str
    config: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Deployed:
    name: str
    environment: Mapping[str, str]
    timeout: float
    role: str
    triggers: tuple[Trigger, ...]


def deployed(cloud: Cloud, name: str) -> Deployed:
    from alibabacloud_fc20230330 import models  # noqa: PLC0415 - slow
    from alibabacloud_fc20230330.client import Client  # noqa: PLC0415

    from . import sdk  # noqa: PLC0415

    client = Client(cloud.config("fc"))
    try:
        found = client.get_function(name, models.GetFunctionRequest()).body
        listed = client.list_triggers(name, models.ListTriggersRequest(limit=_MOST)).body
    except sdk.ERRORS as error:
        code = sdk.code_of(error) or "no readable answer"
        raise UnusableError(f"function {name}: {code} from {cloud.endpoint('fc')}") from error
    return Deployed(
        name=name,
        environment=found.environment_variables or {},
        timeout=float(found.timeout or 0),
        role=found.role or "",
        triggers=tuple(map(_trigger, listed.triggers or ())),
    )


def _trigger(item: Any) -> Trigger:
    """The configuration is JSON in a string."""
    try:
        config = json.loads(item.trigger_config or "{}")
    except ValueError:
        config = {}
    given = config if isinstance(config, dict) else {}
    return Trigger(item.trigger_name or "", item.trigger_type or "", item.source_arn or "", given)
