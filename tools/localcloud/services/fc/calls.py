"""What an instance is asked, and what its log says of it: to load the function's code and to
initialise, once; to run; to get ready for its end.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from localcloud.services.fc import surroundings
from localcloud.wire.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from localcloud.cloud import Cloud
    from localcloud.services.fc.instance import Instance
    from localcloud.services.fc.outcome import Answer


def new_request_id() -> str:
    return str(uuid.uuid4()).upper()


@dataclass(frozen=True)
class Job:
    payload: bytes
    request_id: str = field(default_factory=new_request_id)
    retries: int = 0
    environ: dict[str, str] | None = None  # of a WSGI handler's call


async def invoke(cloud: Cloud, instance: Instance, job: Job) -> Answer:
    if instance.is_new and instance.function.initializer:
        asked = _load(cloud, instance, job.request_id)
        answer = await _logged("Initialize", instance, job.request_id, asked)
        if answer.error:  # doc: it fails this call, and the next one starts a new instance
            return answer
    return await _logged("Invoke", instance, job.request_id, _run(cloud, instance, job))


async def pre_stop(cloud: Cloud, instance: Instance) -> None:
    function = instance.function
    if not function.pre_stop or instance.is_new:
        return
    job = Job(b"")
    header = _header(cloud, instance, "pre_stop", job) | {"hook": function.pre_stop}
    asked = instance.ask(header, b"", function.pre_stop_timeout)
    await _logged("PreStop", instance, job.request_id, asked)


async def _run(cloud: Cloud, instance: Instance, job: Job) -> Answer:
    if instance.is_new:
        answer = await _load(cloud, instance, job.request_id)
        if answer.error:
            return answer
    kind, request = ("invoke", {}) if job.environ is None else ("wsgi", {"request": job.environ})
    header = _header(cloud, instance, kind, job) | request
    return await instance.ask(header, job.payload, instance.function.timeout)


async def _load(cloud: Cloud, instance: Instance, request_id: str) -> Answer:
    function = instance.function
    header = _header(cloud, instance, "initialize", Job(b"", request_id))
    header |= {"handler": function.handler, "initializer": function.initializer}
    answer = await instance.ask(header, b"", function.initialization_timeout)
    instance.is_new = False
    instance.is_broken = instance.is_broken or bool(answer.error)
    return answer


def stale_instance_error(instance: Instance) -> ApiError:
    """What a call is answered whose world was thrown away under it."""
    message = f"{instance.function.name} was called before a reset, and is gone."
    return ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, "InternalError", message)


def _header(cloud: Cloud, instance: Instance, kind: str, job: Job) -> dict[str, Any]:
    function = instance.function
    if instance.era != cloud.work.era:  # it gets no keys of the new world
        raise stale_instance_error(instance)
    key = cloud.roles.credentials(function.name, instance.instance_id)
    return {
        "kind": kind,
        "context": surroundings.context(function, cloud.world, key, job.request_id, job.retries),
        "environ": surroundings.credentials(function, key),
    }


async def _logged(
    label: str, instance: Instance, request_id: str, asked: Awaitable[Answer]
) -> Answer:
    instance.output.write(f"FC {label} Start RequestId: {request_id}")
    answer = await asked
    instance.output.drain()
    failed = f", Error: {answer.error}" if answer.error else ""
    instance.output.write(f"FC {label} End RequestId: {request_id}{failed}")
    return answer
