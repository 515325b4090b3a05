"""An offline Alibaba Cloud for developing and testing: `python -m localcloud`, or, inside a test,
`localcloud.server.running()`. Never deployed. What it answers: docs/emulator-coverage.md.
"""

from localcloud.worlds import DEFAULT_WORLD, default_world

__all__ = ["DEFAULT_WORLD", "default_world"]
