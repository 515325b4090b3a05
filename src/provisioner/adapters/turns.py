"""One change at a time per load balancer: the API answers a second one that comes while the first
is being configured with BackendServer.configuring. Across instances that code is what there is;
within one, waiting for one's turn is cheaper.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from provisioner.core.errors import Code, Retryable


class Turns:
    def __init__(self) -> None:
        self._locks: defaultdict[str, Lock] = defaultdict(Lock)
        self._making = Lock()

    @contextmanager
    def of(self, load_balancer_id: str, *, within: float) -> Iterator[None]:
        with self._making:
            lock = self._locks[load_balancer_id]
        if not lock.acquire(timeout=max(within, 0.0)):
            raise Retryable(Code.OUT_OF_TIME, "another change of this load balancer took too long")
        try:
            yield
        finally:
            lock.release()
