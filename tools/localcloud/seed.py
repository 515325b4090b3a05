"""A seed document becomes part of a world, as a whole or not at all.

Its shape is schemas/world.schema.json. What a schema cannot say (ids that must exist, ids that
must not) each service's plant() reports. Planting happens on a copy, so it may stop anywhere.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from localcloud.documents import BadDocument, Problem, pointer
from localcloud.services.ecs import seed as ecs
from localcloud.services.ess import seed as ess
from localcloud.services.fc import seed as fc
from localcloud.services.mns import seed as mns
from localcloud.services.slb import seed as slb
from localcloud.services.sts import seed as sts
from localcloud.services.triggers import seed as triggers
from localcloud.wire.signature import Key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localcloud.cloud import World


def planted(world: World, document: Mapping[str, Any], now: float) -> World:
    """A new world; BadDocument if any part of the document cannot be. Its shape was checked."""
    draft = copy.deepcopy(world)
    draft.settings.change(document.get("Settings", {}))
    draft.buckets.update(row["BucketName"] for row in document.get("Buckets", []))
    problems = [
        *_plant_keys(draft, document),
        *sts.plant(draft, document),
        # Servers before the groups that may refuse them.
        *ecs.plant(draft.compute, document, now),
        *ess.plant(draft.ess, document, now),
        *ecs.plant_interfaces(draft.compute, document, now),
        *slb.plant(draft.slb, document, now),
        *mns.plant(draft.mns, document, now),
        *fc.plant(draft, document),
        *triggers.plant(draft, document, now),
    ]
    if problems:
        raise BadDocument(problems)
    return draft


def filled(document: Any, places: Mapping[str, str]) -> Any:
    """A copy, with what the places stand for: `{endpoint}` is the cloud's own address."""
    if isinstance(document, Mapping):
        return {key: filled(value, places) for key, value in document.items()}
    if isinstance(document, list):
        return [filled(item, places) for item in document]
    if isinstance(document, str):
        for name, value in places.items():
            document = document.replace(f"{{{name}}}", value)
    return document


def _plant_keys(world: World, document: Mapping[str, Any]) -> Iterator[Problem]:
    for index, row in enumerate(document.get("Keys", [])):
        key = Key(
            access_key_id=row["AccessKeyId"],
            access_key_secret=row["AccessKeySecret"],
            caller=row.get("Caller", row["AccessKeyId"]),
            security_token=row.get("SecurityToken", ""),
        )
        if world.keys.setdefault(key.access_key_id, key) != key:
            path = pointer("Keys", index, "AccessKeyId")
            yield Problem(path, f"{key.access_key_id} exists already, otherwise")
