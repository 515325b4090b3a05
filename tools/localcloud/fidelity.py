"""How far a behaviour of localcloud is known to be the cloud's.

documented     follows the API's documentation or its SDK
inferred       the documentation says nothing, and this is the likely or the safer choice
emulator-only  exists in localcloud and not in the cloud
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
    inferred: str = ""  # the inferred part of a documented action


@dataclass(frozen=True)
class Coverage:
    """One service's part of docs/emulator-coverage.md."""

    actions: Mapping[str, Covered]
    behaviours: Mapping[str, Mark] = field(default_factory=dict)
    codes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # by action
    missing: tuple[str, ...] = ()  # answers 501, or does not exist
