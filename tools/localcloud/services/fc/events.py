"""An asynchronous invocation, from its acceptance to its end and the record of it.

A function's error is tried again as often as the function's configuration says; what found no
instance, as long as the event's age allows (doc). The platform's own errors are not (doc). Waits
double from half a second, which is documented for the second kind, and inferred for the first.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from localcloud.services.fc import destinations
from localcloud.services.fc.calls import Job
from localcloud.services.fc.outcome import FUNCTION_ERROR, Invocation
from localcloud.wire.errors import ApiError

if TYPE_CHECKING:
    from localcloud.cloud import Cloud

_FIRST_WAIT = 0.5  # doc: seconds
_LONGEST_WAIT = 5 * 3600.0  # doc


@dataclass
class Event:
    function: str
    job: Job
    accepted: float
    calls: int = 0

    @property
    def payload(self) -> bytes:
        return self.job.payload

    @property
    def request_id(self) -> str:
        return self.job.request_id


async def process(cloud: Cloud, event: Event) -> None:
    ended = await _tried(cloud, event)
    function = cloud.world.functions.get(event.function)
    if function is None:  # deleted meanwhile, and with it whom to tell
        return
    config = function.asynchronous
    destination = config.on_failure if ended.error_type else config.on_success
    if destination:
        document = destinations.record(cloud, function, event, ended)
        destinations.deliver(cloud, destination, document, succeeded=not ended.error_type)


async def _tried(cloud: Cloud, event: Event) -> Invocation:
    wait = _FIRST_WAIT
    while True:
        ended = await _once(cloud, event)
        function = cloud.world.functions.get(event.function)
        if function is None:
            return ended
        config = function.asynchronous
        again = {FUNCTION_ERROR: event.calls <= config.retries}
        throttled = ended.status == HTTPStatus.TOO_MANY_REQUESTS
        too_old = cloud.clock.now() + wait > event.accepted + config.longest_age
        if too_old or not (throttled or again.get(ended.error_type)):
            return ended
        await cloud.elapse(wait)
        wait = min(2 * wait, _LONGEST_WAIT)


async def _once(cloud: Cloud, event: Event) -> Invocation:
    try:
        ended = await cloud.functions.run(event.function, replace(event.job, retries=event.calls))
    except ApiError as error:
        body = json.dumps({"errorMessage": error.message}).encode()
        return Invocation(body, error.code, event.request_id, status=error.status)
    event.calls += 1
    return ended
