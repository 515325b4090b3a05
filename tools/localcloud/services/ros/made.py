"""What became of a resource of a stack."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Made:
    physical_id: str
    attributes: Mapping[str, Any]
