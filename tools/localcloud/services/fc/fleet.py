"""The instances of all functions: an idle one is used again, another is started as long as the
function's limit allows, and one that was idle for long enough is asked to get ready, and ended.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from http import HTTPStatus
from typing import TYPE_CHECKING

from localcloud.services.fc import calls, interpreters, surroundings
from localcloud.services.fc.instance import Instance
from localcloud.services.fc.logs import Log
from localcloud.services.fc.packages import BadPackage, Packages
from localcloud.wire.errors import ApiError

if TYPE_CHECKING:
    from localcloud.cloud import Cloud
    from localcloud.services.fc.model import Function


class Fleet:
    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._packages = Packages()
        self._outlived: list[Packages] = []  # of worlds that are gone
        self._instances: defaultdict[str, list[Instance]] = defaultdict(list)
        self.logs: defaultdict[str, Log] = defaultdict(Log)

    def of(self, name: str) -> list[Instance]:
        return [instance for instance in self._instances[name] if instance.is_running]

    async def take(self, function: Function) -> Instance:
        """ApiError if there is none, and none can be had."""
        idle = [each for each in self._instances[function.name] if not each.is_busy]
        for instance in reversed(idle):  # the one that was used last, so that others grow old
            if instance.function == function and not instance.is_broken:
                return _occupied(instance)
        for instance in idle:  # of what the function was before
            self._cloud.work.start(self._stop(_occupied(instance)))
        mine = [
            each
            for each in self._instances[function.name]
            if each.function == function and not each.is_broken
        ]
        if len(mine) >= function.instance_limit:
            message = f"All {function.instance_limit} instances of {function.name} are busy."
            # doc: the status; the code is inferred
            raise ApiError(HTTPStatus.TOO_MANY_REQUESTS, "ResourceExhausted", message)
        return await self._started(function)

    def give_back(self, instance: Instance) -> None:
        current = self._cloud.world.functions.get(instance.function.name)
        if instance.is_broken or instance.function != current:
            self._cloud.work.start(instance.end())
            return
        instance.is_busy = False
        mine = self._instances[instance.function.name]
        mine.remove(instance)  # the one that was used last stands last
        mine.append(instance)
        instance.aging = self._cloud.work.start(self._grow_old(instance))

    def kill(self) -> None:
        """All of them, wherever they are."""
        for instance in self._running():
            instance.kill()
        self.logs.clear()
        self._outlived.append(self._packages)
        self._packages = Packages()

    async def ended(self) -> None:
        await asyncio.gather(*(instance.gone for instance in self._running()))
        while self._outlived:
            await self._outlived.pop().clear()

    async def _started(self, function: Function) -> Instance:
        cloud, mine = self._cloud, self._instances[function.name]
        instance = Instance(function, cloud.elapse, cloud.work.era)
        mine.append(instance)
        try:
            await self._launch(instance)
        except (OSError, BadPackage) as error:
            mine.remove(instance)
            message = f"{function.name} cannot be started: {error}"
            raise ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, "InternalError", message) from error
        except BaseException:
            mine.remove(instance)
            raise
        instance.gone.add_done_callback(lambda _: mine.remove(instance))
        if instance.era != cloud.work.era:  # nothing of it may act in the new world
            instance.kill()
            raise calls.stale_instance_error(instance)
        return instance

    async def _launch(self, instance: Instance) -> None:
        function, packages = instance.function, self._packages
        interpreter = function.interpreter or await asyncio.to_thread(
            interpreters.find, function.runtime
        )
        code = await packages.folder(function.code)
        if instance.era != self._cloud.work.era:
            raise calls.stale_instance_error(instance)
        environ = surroundings.variables(function, self._cloud.world, instance.instance_id, code)
        await instance.start(interpreter, environ, code, self.logs[function.name])

    async def _grow_old(self, instance: Instance) -> None:
        await self._cloud.elapse(instance.function.idle_seconds)
        instance.is_busy = True
        await self._stop(instance)

    async def _stop(self, instance: Instance) -> None:
        if not instance.is_broken:  # one that was killed is asked nothing any more
            await calls.pre_stop(self._cloud, instance)
        await instance.end()

    def _running(self) -> list[Instance]:
        return [each for name in self._instances for each in self.of(name)]


def _occupied(instance: Instance) -> Instance:
    instance.is_busy = True
    if instance.aging is not None:
        instance.aging.cancel()
    return instance
