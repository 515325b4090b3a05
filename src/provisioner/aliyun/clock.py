"""Read the time and sleep. Nothing else in the function does either."""

from __future__ import annotations

import time

from provisioner.ports import Clock


class SystemClock(Clock):
    now = staticmethod(time.monotonic)

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)
