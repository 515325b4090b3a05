"""Keeps the streams and timers of the present world going: starts those that a seed brings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localcloud.services.triggers import stream, timer
from localcloud.services.triggers.model import EventStream, Timer

if TYPE_CHECKING:
    from localcloud.cloud import Cloud
    from localcloud.services.triggers.model import Trigger, TriggerKey

_LONG = 3600.0  # seconds; the bell ends every wait


async def keep_running(cloud: Cloud) -> None:
    started: set[TriggerKey] = set()
    era = cloud.work.era
    while True:
        if era != cloud.work.era:  # reset() has cancelled all
            started, era = set(), cloud.work.era
        for key, trigger in cloud.world.triggers.by_key.items():
            if key not in started:
                started.add(key)
                _start(cloud, trigger)
        await cloud.bell.heard(_LONG)


def _start(cloud: Cloud, trigger: Trigger) -> None:
    if isinstance(trigger, EventStream):
        cloud.work.start(stream.run(cloud, trigger))
    elif isinstance(trigger, Timer) and trigger.enabled:
        cloud.work.start(timer.run(cloud, trigger))
