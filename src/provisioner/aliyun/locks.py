"""Let one change at a time go to a load balancer.

The API refuses a change that comes while another one is being configured, with the code
BackendServer.configuring. Between instances of the function that code is the only way to take
turns; within one instance, a lock costs no call.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from provisioner.errors import Code, Retryable


class LoadBalancerLocks:
    def __init__(self) -> None:
        self._locks: dict[str, Lock] = {}

    def acquire(self, load_balancer_id: str, *, within: float) -> Callable[[], None]:
        """Wait `within` seconds for the lock of the load balancer, and return its release.

        Raises Retryable where another change holds the lock for longer.
        """
        lock = self._locks.setdefault(load_balancer_id, Lock())
        if not lock.acquire(timeout=max(within, 0.0)):
            raise Retryable(Code.OUT_OF_TIME, "another change of this load balancer took too long")
        return lock.release
