"""Keeps the streams and timers of the present world going: starts those that a seed brings, and
those again that something unexpected has ended. The state tells of it, and so does the log.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from localcloud.services.triggers import stream, timer
from localcloud.services.triggers.model import EventStream, Timer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from localcloud.cloud import Cloud
    from localcloud.services.triggers.model import Trigger, TriggerKey

_LONG = 3600.0  # seconds; a change ends every wait
_PAUSE = 1.0  # seconds, on the cloud's clock, before what has failed is started again
_log = logging.getLogger("localcloud")


async def keep_running(cloud: Cloud) -> None:
    while True:
        for key, trigger in cloud.world.triggers.by_key.items():
            if key not in cloud.work.begun:
                cloud.work.begun.add(key)
                _start(cloud, trigger)
        await cloud.changes.wait(_LONG)


def _start(cloud: Cloud, trigger: Trigger) -> None:
    if isinstance(trigger, EventStream):
        work = _again(cloud, trigger, lambda: stream.run(cloud, trigger))
        cloud.work.start(work, _name(trigger.key))
    elif isinstance(trigger, Timer) and trigger.enabled:
        work = _again(cloud, trigger, lambda: timer.run(cloud, trigger))
        cloud.work.start(work, _name(trigger.key))


def stop(cloud: Cloud, key: TriggerKey) -> None:
    """Of a trigger that is no more; one that takes its place starts anew."""
    cloud.work.begun.discard(key)
    cloud.work.end(_name(key))


def _name(key: TriggerKey) -> str:
    return f"trigger {key[0]}/{key[1]}"


async def _again(cloud: Cloud, trigger: Trigger, run: Callable[[], Awaitable[None]]) -> None:
    """Until it ends by a rule of its own."""
    while True:
        try:
            await run()
        except Exception as error:  # noqa: BLE001 - whatever it is, the trigger goes on
            _log.exception("the trigger %s of %s failed", trigger.name, trigger.function)
            cloud.world.triggers.failed(trigger.key, error)
        else:
            return
        await cloud.elapse(_PAUSE)
