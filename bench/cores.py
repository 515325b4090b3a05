"""Give one core to the process that is measured, as an instance of the function has a share of one
core by default. localcloud and the bench have the others, where there are any.
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
    """Let processes that are started meanwhile run on these cores only, from their beginning."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
