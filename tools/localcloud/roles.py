"""The keys of function roles, as STS issues them: each function, and each of its instances, has its
own, so that the journal knows who called and a fault can strike the very instance that did.

A key is replaced after an hour and holds for 36 hours (doc), both on the cloud's clock.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from localcloud.clock import timestamp
from localcloud.wire.signature import Key

if TYPE_CHECKING:
    from collections.abc import Callable

REFRESHED = 3600  # seconds (emulator-only)
VALID = 36 * 3600  # doc
_FORGOTTEN = 2 * VALID  # until then an old key is told apart from one that never was


class Roles:
    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._current: dict[tuple[str, str], Key] = {}
        self.keys: dict[str, Key] = {}

    def credentials(self, function: str, instance: str = "") -> Key:
        now, current = self._now(), self._current.get((function, instance))
        if current is not None and now < current.expires - VALID + REFRESHED:
            return current
        key = Key(
            access_key_id=f"STS.{uuid.uuid4().hex}",
            access_key_secret=uuid.uuid4().hex,
            caller=function,
            security_token=uuid.uuid4().hex,
            expires=now + VALID,
            function=function,
            instance=instance,
        )
        self._forget(now)
        self._current[function, instance] = self.keys[key.access_key_id] = key
        return key

    def assume(self, session: str, account: str, seconds: int) -> Key:
        """New ones each time, as STS issues them."""
        now = self._now()
        key = Key(
            access_key_id=f"STS.{uuid.uuid4().hex}",
            access_key_secret=uuid.uuid4().hex,
            caller=session,
            security_token=uuid.uuid4().hex,
            expires=now + seconds,
            account=account,
        )
        self._forget(now)
        self.keys[key.access_key_id] = key
        return key

    def clear(self) -> None:
        self._current.clear()
        self.keys.clear()

    def describe(self) -> list[dict[str, Any]]:
        return [
            {
                "AccessKeyId": key.access_key_id,
                "Caller": key.caller,
                "Expiration": timestamp(key.expires),
            }
            for key in self.keys.values()
        ]

    def _forget(self, now: float) -> None:
        old = [key for key in self.keys.values() if key.expires + _FORGOTTEN < now]
        for key in old:
            del self.keys[key.access_key_id]
            self._current.pop((key.function, key.instance), None)
