"""The whole cloud of one account: its world, and the clock, journal, faults and settings around it.

The world is what seeds write and reset() throws away: plain data, so that a seed is tried on a
copy and a bad one leaves no trace. Everything runs on one event loop; nothing here is locked.
"""

from __future__ import annotations

import copy
from collections import ChainMap
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from localcloud import seed, worlds
from localcloud.changes import Changes
from localcloud.clock import Clock
from localcloud.documents import check
from localcloud.faults import Faults
from localcloud.journal import Journal
from localcloud.registry import SERVICES
from localcloud.roles import Roles
from localcloud.services.ecs.model import Compute
from localcloud.services.ess.model import AutoScaling
from localcloud.services.eventbridge.bus import Bus, SilentBus
from localcloud.services.fc.compute import FunctionCompute
from localcloud.services.fc.model import Function
from localcloud.services.mns.messaging import Messaging
from localcloud.services.mns.queues import Queue
from localcloud.services.oss.files import Files
from localcloud.services.ros.model import Stack
from localcloud.services.slb.model import LoadBalancing
from localcloud.services.sts.model import Role
from localcloud.services.triggers.model import Triggers
from localcloud.settings import Settings
from localcloud.wire.signature import Key, Nonces
from localcloud.work import Work

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from localcloud.call import Connection


@dataclass
class World:
    account: str = worlds.ACCOUNT
    region: str = worlds.REGION
    keys: dict[str, Key] = field(default_factory=dict)
    ram_roles: dict[str, Role] = field(default_factory=dict)

    def __post_init__(self) -> None:
        own = Key(worlds.ACCESS_KEY_ID, worlds.ACCESS_KEY_SECRET, "localcloud")
        self.keys[own.access_key_id] = own
        self.settings: Settings = Settings()
        self.compute: Compute = Compute(self.settings)
        self.slb: LoadBalancing = LoadBalancing(self.compute, self.settings)
        self.ess: AutoScaling = AutoScaling(self.compute, self.account)
        self.mns: Messaging = Messaging(self.account, self.region)
        self.functions: dict[str, Function] = {}
        self.buckets: set[str] = set()
        self.triggers: Triggers = Triggers()


class Cloud:
    """`document` is the world to begin with, and the one that reset() returns to. `endpoint`, where
    the cloud is served, takes the place of {endpoint} in every document, and `ca_file`, which
    certifies it over TLS, that of {ca_file}."""

    def __init__(self, document: Mapping[str, Any], endpoint: str = "", ca_file: str = "") -> None:
        if document is not worlds.DEFAULT_WORLD:
            # A test checks the default one, so that a start need not load jsonschema.
            check(document, "world")
        self.places = {"endpoint": endpoint, "ca_file": ca_file}
        self._document = seed.filled(document, self.places)
        self.clock = Clock()
        self.journal = Journal()
        self.faults = Faults({item.name: item.operations for item in SERVICES})
        self.changes = Changes()  # of the world and the clock
        self.nonces = Nonces()
        self.roles = Roles(lambda: self.clock.now())  # noqa: PLW0108 - reset() starts another
        self.work = Work()
        self.bus: Bus = Bus(self)
        self.files = Files()
        self.stacks: dict[str, Stack] = {}  # by StackId
        self.functions = FunctionCompute(self)
        self.world: World = seed.planted(World(), self._document, self.clock.now())

    @property
    def settings(self) -> Settings:
        return self.world.settings

    @property
    def keys(self) -> Mapping[str, Key]:
        return ChainMap(self.world.keys, self.roles.keys)

    def seed(self, document: Any) -> None:
        """Adds to the world; BadDocument, with every problem, if any part of it cannot be."""
        check(document, "world")
        document = seed.filled(document, self.places)
        self.world = seed.planted(self.world, document, self.clock.now())
        self.changes.notify()

    def reset(self) -> None:
        self.work.cancel()
        self.functions.abandon()
        self.clock = Clock()
        self.nonces = Nonces()
        self.journal.clear()
        self.faults.clear()
        self.roles.clear()
        self.files.clear()
        self.stacks.clear()
        self.world = seed.planted(World(), self._document, self.clock.now())
        self.changes.notify()

    @contextmanager
    def rehearsal(self) -> Iterator[None]:
        """Lets what happens in the block happen to a copy of the world, which is thrown away. The
        block must not await anything."""
        world, bus = self.world, self.bus
        self.world, self.bus = copy.deepcopy(world), SilentBus(self)
        try:
            yield
        finally:
            self.world, self.bus = world, bus

    def send(self, queue: str, body: str) -> None:
        self.world.mns.send(self.world.mns.queue(queue), body, self.clock.now())
        self.changes.notify()

    def publish(self, topic: str, body: str) -> None:
        mns = self.world.mns
        mns.publish(mns.topic(topic), body, "", self.clock.now())
        self.changes.notify()

    def deliver(self, arn: str, body: str) -> None:
        """To the queue or topic that an ARN names, in whichever form; ApiError if there is none."""
        target = self.world.mns.target_of(arn)
        (self.send if isinstance(target, Queue) else self.publish)(target.name, body)

    async def elapse(self, seconds: float, connection: Connection | None = None) -> None:
        """Waits on the cloud's clock, so that moving it ends the wait; or until a reset; or until
        a connection, if one is given, is closed."""
        clock = self.clock  # reset() starts another
        deadline = clock.now() + seconds
        while (left := deadline - clock.now()) > 0 and self.clock is clock:
            if connection and connection.is_closed:
                return
            await self.changes.wait(left, connection.closed() if connection else None)

    def move_clock(self, to: float) -> None:
        self.clock.set(to)
        self.changes.notify()
