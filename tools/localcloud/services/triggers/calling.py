"""How EventBridge hands events to a function: a call, and on failure further ones by the trigger's
strategy, on the cloud's clock.
"""

from __future__ import annotations

import contextlib
import json
from itertools import chain
from typing import TYPE_CHECKING, Any

from localcloud.retries import pauses
from localcloud.wire.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from localcloud.cloud import Cloud
    from localcloud.services.triggers.model import EventTrigger


async def deliver(cloud: Cloud, trigger: EventTrigger, payload: bytes) -> bool:
    """Whether it succeeded in the end."""
    for pause in chain([0.0], pauses(trigger.strategy)):
        if pause:
            await cloud.elapse(pause)
        if await _call(cloud, trigger, payload):
            return True
    return False


def move_to_dead_letter_queue(
    cloud: Cloud, trigger: EventTrigger, events: Sequence[Mapping[str, Any]]
) -> None:
    """Sends them to the dead-letter queue, one message for each (unknown); without one, or if it
    is gone, they are discarded (doc)."""
    for event in events if trigger.dead_letter_queue else ():
        with contextlib.suppress(ApiError):
            cloud.send(trigger.dead_letter_queue, json.dumps(event, ensure_ascii=False))


async def _call(cloud: Cloud, trigger: EventTrigger, payload: bytes) -> bool:
    """A function's own error fails the call, for all its status of 200 (unknown; likely)."""
    try:
        # unknown: asyncInvocationType is taken by its name.
        if trigger.asynchronous:
            cloud.functions.enqueue(trigger.function, payload)
            code = ""
        else:
            code = (await cloud.functions.invoke(trigger.function, payload)).error_type
    except ApiError as error:
        code = error.code
    trigger.journal(cloud, "PushEvents", code or None)
    return not code
