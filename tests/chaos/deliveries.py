"""Scale-outs, and how often and when each of their hook messages is delivered.

The cloud delivers each message once; the campaign publishes it again as often as was drawn, some at
once and some later, as a queue that delivers at least once may.
"""

from __future__ import annotations

import heapq
import json
import time
import warnings
from collections import Counter
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from random import Random
from urllib.error import HTTPError

from mns.account import Account
from mns.mns_exception import MNSServerException
from mns.topic import TopicMessage

from opskit import local

from .cloud import Cloud
from .world import ENDED, EVENTS, EXHAUSTED, SEEN, Size, scaling_groups

_MOST_AT_ONCE = 3  # servers of one scale-out
_IN_PROGRESS = "ScalingActivityInProgress"
_POLL = 1  # seconds


@dataclass(order=True)
class Due:
    at: float
    number: int
    body: str = field(compare=False)


class Deliveries(AbstractContextManager["Deliveries"]):
    def __init__(self, cloud: Cloud, size: Size, random: Random) -> None:
        self.published = 0
        self.activities: list[str] = []
        self._cloud = cloud
        self._instances, self._latest, self._random = size.instances, size.latest, random
        self._waiting = _schedule(size, random)
        self._copies = _copies(size, random)
        self._due: list[Due] = []
        self._seen: Counter[str] = Counter()
        self._account = Account(cloud.url, local.ACCESS_KEY_ID, local.ACCESS_KEY_SECRET)

    def __exit__(self, *_: object) -> None:
        self._account.mns_client.close_connection()

    @property
    def all_are_out(self) -> bool:
        return not self._waiting and not self._due and not self._copies

    def scale_out(self, scaling_group: str, servers: int) -> bool:
        """False: the group has an activity under way."""
        try:
            activity = self._cloud.scale(scaling_group, servers)
        except HTTPError as error:
            with closing(error):
                if json.load(error)["error"]["code"] != _IN_PROGRESS:
                    raise
            return False
        self.activities.append(activity)
        return True

    def go_on(self) -> None:
        """One round: what can be scaled out, what was heard, what is due again."""
        room = self._instances - (self.published - self.ended())
        self._random.shuffle(self._waiting)
        later: list[tuple[str, int]] = []
        for group, servers in self._waiting:
            if room > 0 and self.scale_out(group, servers):
                room -= 1
            else:
                later.append((group, servers))
        self._waiting = later
        for body in self.heard():
            self._plan_copies(body)
        while room > 0 and self._due and self._due[0].at <= time.monotonic():
            self.publish(heapq.heappop(self._due).body)
            room -= 1

    def ended(self) -> int:
        """Deliveries of which the platform has said how they ended. More at once than there are
        instances would only be throttled, with waits that double each time."""
        queues = map(self._account.get_queue, (ENDED, EXHAUSTED))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # the SDK calls its own old methods
            return sum(queue.get_attributes().active_messages for queue in queues)

    def heard(self) -> list[str]:
        """The messages that are out since this was asked last, each once."""
        queue = self._account.get_queue(SEEN)
        queue.set_encoding(False)
        found: list[str] = []
        while True:
            try:
                messages = queue.batch_receive_message(16, _POLL if not found else 0)
            except MNSServerException as error:
                if error.type != "MessageNotExist":
                    raise
                return found
            queue.batch_delete_message([message.receipt_handle for message in messages])
            for message in messages:
                self._seen[message.message_body] += 1
                if self._seen[message.message_body] == 1:
                    self.published += 1
                    found.append(message.message_body)

    def publish(self, body: str) -> None:
        topic = self._account.get_topic(EVENTS)
        topic.publish_message(TopicMessage(body))
        self.published += 1

    def _plan_copies(self, body: str) -> None:
        now = time.monotonic()
        for number in range(self._copies.pop()):
            at_once = self._random.random() < 1 / 2
            later = 0.0 if at_once else self._random.uniform(0, self._latest)
            heapq.heappush(self._due, Due(now + later, self.published * 10 + number, body))


def _schedule(size: Size, random: Random) -> list[tuple[str, int]]:
    groups = [name for name in scaling_groups(size) if not name.endswith("calibration")]
    return [(groups[n % len(groups)], random.randint(1, _MOST_AT_ONCE)) for n in range(size.events)]


def _copies(size: Size, random: Random) -> list[int]:
    """How many more deliveries each event has: none to three, so many in all."""
    copies = [0] * size.events
    while sum(copies) < size.deliveries - size.events:
        chosen = random.randrange(size.events)
        if copies[chosen] < 3:
            copies[chosen] += 1
    return copies
