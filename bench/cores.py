"""Which core does what: one is for whoever is measured, as an instance of the function has a share
of one by default; localcloud has the others, where there are any.
"""

from __future__ import annotations

import os

MEASURED, *_OTHERS = sorted(os.sched_getaffinity(0))
CLOUD = frozenset(_OTHERS or [MEASURED])
