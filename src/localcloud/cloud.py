"""The whole cloud of one account: its world, and the clock, journal and faults around it.

The world is what seeds write and reset() throws away: plain data, so that a seed is tried on a
copy and a bad one leaves no trace. Everything runs on one event loop; nothing here is locked.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from localcloud import seed, worlds
from localcloud.bell import Bell
from localcloud.clock import Clock
from localcloud.documents import check
from localcloud.faults import Faults
from localcloud.journal import Journal
from localcloud.services.ecs.model import Compute
from localcloud.services.ess.model import AutoScaling
from localcloud.services.mns.messaging import Messaging
from localcloud.services.slb.model import LoadBalancing
from localcloud.wire.signature import Key, Nonces

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.call import Connection


@dataclass
class World:
    account: str = worlds.ACCOUNT
    region: str = worlds.REGION
    keys: dict[str, Key] = field(default_factory=dict)

    def __post_init__(self) -> None:
        own = Key(worlds.ACCESS_KEY_ID, worlds.ACCESS_KEY_SECRET, "localcloud")
        self.keys[own.access_key_id] = own
        self.compute = Compute()
        self.slb = LoadBalancing(self.compute)
        self.ess = AutoScaling(self.compute)
        self.mns = Messaging(self.account, self.region)


class Cloud:
    """`document` is the world to begin with, and the one that reset() returns to."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        if document is not worlds.DEFAULT_WORLD:
            # A test checks the default one, so that a start need not load jsonschema.
            check(document, "world")
        self._document = copy.deepcopy(document)
        self.clock = Clock()
        self.journal = Journal()
        self.faults = Faults()
        self.bell = Bell()  # rings whenever somebody who waits should look again
        self.nonces = Nonces()
        self.world = seed.planted(World(), self._document, self.clock.now())

    def seed(self, document: Any) -> None:
        """Adds to the world; BadDocument, with every problem, if any part of it cannot be."""
        check(document, "world")
        self.world = seed.planted(self.world, document, self.clock.now())
        self.bell.ring()

    def reset(self) -> None:
        self.clock = Clock()
        self.nonces = Nonces()
        self.journal.clear()
        self.faults.clear()
        self.world = seed.planted(World(), self._document, self.clock.now())
        self.bell.ring()

    async def elapse(self, seconds: float, connection: Connection | None = None) -> None:
        """Waits on the cloud's clock, so that moving it ends the wait; or until a connection,
        if one is given, is closed."""
        clock = self.clock  # reset() starts another
        deadline = clock.now() + seconds
        while (left := deadline - clock.now()) > 0 and not (connection and connection.is_closed):
            await self.bell.heard(left, connection.closed() if connection else None)

    def move_clock(self, to: float) -> None:
        self.clock.set(to)
        self.bell.ring()
