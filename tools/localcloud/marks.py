"""How far what localcloud does can be relied upon to be what the cloud does.

documented     follows the API's documentation or its SDK
inferred       the documentation is silent, and this is the likely or the safer choice
emulator-only  exists here and not in the cloud
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Mark = Literal["documented", "inferred", "emulator-only"]
DOCUMENTED: Mark = "documented"
INFERRED: Mark = "inferred"
EMULATOR_ONLY: Mark = "emulator-only"


class Covered(NamedTuple):
    mark: Mark = DOCUMENTED
    inferred: str = ""  # what is, in a documented action


@dataclass(frozen=True)
class Coverage:
    """Of one service; docs/emulator-coverage.md is made of these."""

    actions: Mapping[str, Covered]
    behaviours: Mapping[str, Mark] = field(default_factory=dict)
    codes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # of each action
    missing: tuple[str, ...] = ()  # what answers 501, or is simply not there
