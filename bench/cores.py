"""Which core does what: one is for whoever is measured, as an instance of the function has a share
of one by default; localcloud and the bench itself have the others, where there are any.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager

_FIRST, *_OTHERS = sorted(os.sched_getaffinity(0))
MEASURED = frozenset([_FIRST])
CLOUD = frozenset(_OTHERS) or MEASURED


@contextmanager
def on(cores: Collection[int]) -> Iterator[None]:
    """Processes that are started meanwhile run there, from their first instruction on."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
