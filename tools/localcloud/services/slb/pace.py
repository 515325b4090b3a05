"""How fast VServer groups may be changed, where the settings are strict about it.

With ProcessingSeconds a change goes on for that long after its answer. Meanwhile another one of the
same group is VServerGroupProcessing, and one of another group of the same load balancer is
BackendServer.configuring (seen). With CreateRateLimit, CreateVServerGroup is Throttling.User after
90 calls in 60 seconds (doc), refused ones included (inferred).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

from localcloud.wire.errors import ApiError

if TYPE_CHECKING:
    from localcloud.settings import Settings

CREATIONS, WINDOW = 90, 60  # doc: calls, and seconds
_PENDING = "A previous configuration of the {} is pending; please try again later."  # doc


@dataclass
class Pace:
    settings: Settings
    busy: dict[str, float] = field(default_factory=dict)  # until when, by group or load balancer
    creations: list[float] = field(default_factory=list)

    def count_creation(self, now: float) -> None:
        if not self.settings.create_rate_limit:
            return
        self.creations = [at for at in self.creations if now - WINDOW < at <= now]
        if len(self.creations) >= CREATIONS:
            message = "Request was denied due to user flow control."  # doc
            raise ApiError(HTTPStatus.BAD_REQUEST, "Throttling.User", message)
        self.creations.append(now)

    @contextmanager
    def change(self, load_balancer_id: str, now: float, group_id: str = "") -> Iterator[list[str]]:
        """Refuses a change that comes too soon; a change that is made occupies the ids in the list.
        The caller adds the id of the changed group."""
        # A clock that was set back, or a knob that was turned down, ends the longer wait.
        seconds = self.settings.processing_seconds
        if group_id and now < self.busy.get(group_id, now) <= now + seconds:
            message = _PENDING.format("VServer group")
            raise ApiError(HTTPStatus.BAD_REQUEST, "VServerGroupProcessing", message)
        if now < self.busy.get(load_balancer_id, now) <= now + seconds:
            message = _PENDING.format("load balancer")
            raise ApiError(HTTPStatus.CONFLICT, "BackendServer.configuring", message)
        changed = [load_balancer_id]
        yield changed
        if seconds:
            self.busy.update(dict.fromkeys(changed, now + seconds))
