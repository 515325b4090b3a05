"""docs/emulator-coverage.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from localcloud.registry import SERVICES

TABLE = Path(__file__).parents[2] / "docs" / "emulator-coverage.md"
MARKS = {"documented", "inferred", "emulator-only"}


def test_the_table_names_exactly_the_operations_that_there_are() -> None:
    rows = re.findall(
        r"^\| (\w+) \| `(\w+)` \| ([\w-]+) \|", TABLE.read_text("utf-8"), re.MULTILINE
    )
    named = [(service, action) for service, action, _ in rows]
    implemented = [(item.name, action) for item in SERVICES for action in item.operations]
    assert sorted(named) == sorted(implemented)
    assert {mark for _, _, mark in rows} <= MARKS
