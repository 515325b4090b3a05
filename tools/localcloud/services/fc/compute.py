"""Function Compute as the rest of the cloud knows it: what runs, beside
the world, which has only the functions' definitions.
"""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from localcloud.services.fc import calls
from localcloud.services.fc.calls import Job, new_request_id
from localcloud.services.fc.events import Event, process
from localcloud.services.fc.fleet import Fleet
from localcloud.services.fc.model import Function, not_found
from localcloud.services.fc.outcome import FUNCTION_ERROR, Invocation
from localcloud.wire.errors import ApiError

if TYPE_CHECKING:
    from localcloud.cloud import Cloud

LARGEST = 32 << 20  # doc: bytes of a synchronous call
LARGEST_EVENT = 128 << 10  # doc: of an asynchronous one


class FunctionCompute:
    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._fleet = Fleet(cloud)

    def definition(self, function: str) -> Function:
        found = self._cloud.world.functions.get(function)
        if found is None:
            raise not_found(function)
        return found

    def enqueue(self, function: str, payload: bytes, request_id: str = "") -> str:
        """Accepts an asynchronous invocation and answers its request id; ApiError if it cannot."""
        return self.enqueue_job(function, Job(payload, request_id or new_request_id()))

    def enqueue_job(self, function: str, job: Job) -> str:
        self.definition(function)
        _check_size(job.payload, LARGEST_EVENT)
        event = Event(function, job, self._cloud.clock.now())
        self._cloud.work.start(process(self._cloud, event))
        return event.request_id

    async def invoke(self, function: str, payload: bytes) -> Invocation:
        """ApiError if the function was not called."""
        return await self.run(function, Job(payload))

    async def run(self, function: str, job: Job) -> Invocation:
        """ApiError if the function was not called."""
        _check_size(job.payload, LARGEST)
        instance = await self._fleet.take(self.definition(function))
        try:
            began = time.monotonic()
            answer = await calls.invoke(self._cloud, instance, job)
            duration = time.monotonic() - began
            log = instance.output.take()
        except BaseException:
            instance.is_broken = True
            raise
        finally:
            self._fleet.give_back(instance)
        return Invocation(
            body=answer.body,
            error_type=FUNCTION_ERROR if answer.error else "",
            request_id=job.request_id,
            log=log,
            instance_id=instance.instance_id,
            duration=duration,
            memory=answer.memory,
            status=answer.status,
            headers=answer.headers,
        )

    def kill(self, function: str, instance: str = "") -> list[int]:
        """Ends the process of an instance, or those of all, as a crash would; answers their ids."""
        found = [
            each
            for each in self._fleet.of(function)
            if not instance or each.instance_id == instance
        ]
        for each in found:
            each.kill()
        return [each.process.pid for each in found]

    def log(self, function: str) -> str:
        return self._fleet.logs[self.definition(function).name].text

    def instances(self, function: str) -> list[dict[str, Any]]:
        return [
            {
                "InstanceId": each.instance_id,
                "Pid": each.process.pid,
                "Status": "busy" if each.is_busy else "idle",
            }
            for each in self._fleet.of(function)
        ]

    def abandon(self) -> None:
        """Nothing of it runs on; ended() is when it is over."""
        self._fleet.kill()

    async def ended(self) -> None:
        await self._fleet.ended()


def _check_size(payload: bytes, largest: int) -> None:
    if len(payload) > largest:
        message = f"payload size exceeds the limit of {largest} bytes"
        raise ApiError(HTTPStatus.BAD_REQUEST, "EntityTooLarge", message)  # doc
