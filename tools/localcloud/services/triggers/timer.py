"""A timer calls its function asynchronously at each tick. A move of the clock over several ticks is
one call, for the first of them (emulator-only).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from localcloud.clock import timestamp
from localcloud.wire.errors import ApiError

if TYPE_CHECKING:
    from localcloud.cloud import Cloud
    from localcloud.services.triggers.model import Timer


async def run(cloud: Cloud, timer: Timer) -> None:
    tick = timer.schedule.after(cloud.clock.now())
    while True:
        cloud.world.triggers.ticks[timer.key] = tick
        await cloud.elapse(tick - cloud.clock.now())
        _fire(cloud, timer, tick)
        following = timer.schedule.after(tick)
        now = cloud.clock.now()
        tick = following if following > now else timer.schedule.after(now)


def _fire(cloud: Cloud, timer: Timer, tick: float) -> None:
    event = {  # doc
        "triggerTime": timestamp(tick),
        "triggerName": timer.name,
        "payload": timer.payload,
    }
    code = None
    try:
        cloud.functions.enqueue(timer.function, json.dumps(event, ensure_ascii=False).encode())
    except ApiError as error:
        code = error.code  # inferred: a tick that cannot be delivered is lost
    timer.journal(cloud, "FireTimer", code)
