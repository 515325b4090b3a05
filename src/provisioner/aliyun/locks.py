"""One change at a time per load balancer: the API answers a second one that comes while the first
is being configured with BackendServer.configuring. Across instances that code is what there is;
within one, waiting for one's turn is cheaper.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from provisioner.errors import Code, Retryable


class LoadBalancerLocks:
    def __init__(self) -> None:
        self._locks: dict[str, Lock] = {}

    def acquire(self, load_balancer_id: str, *, within: float) -> Callable[[], None]:
        """Answers what ends the turn. Raises `Retryable` where it does not come in time."""
        lock = self._locks.setdefault(load_balancer_id, Lock())
        if not lock.acquire(timeout=max(within, 0.0)):
            raise Retryable(Code.OUT_OF_TIME, "another change of this load balancer took too long")
        return lock.release
