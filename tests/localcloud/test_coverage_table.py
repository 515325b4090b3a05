"""docs/emulator-coverage.md says what the code does."""

from __future__ import annotations

from pathlib import Path

from localcloud.coverage import COVERED, render
from localcloud.registry import SERVICES

PAGE = Path(__file__).parents[2] / "docs" / "emulator-coverage.md"
MARKS = {"documented", "inferred", "emulator-only"}


def test_every_operation_is_marked_and_nothing_else() -> None:
    implemented = {service.name: sorted(service.operations) for service in SERVICES}
    assert {name: sorted(item.actions) for name, item in COVERED.items()} == implemented
    for coverage in COVERED.values():
        assert {item.mark for item in coverage.actions.values()} <= MARKS
        assert set(coverage.behaviours.values()) <= MARKS


def test_the_page_is_what_the_code_says() -> None:
    # When it is not: python -m localcloud.coverage > docs/emulator-coverage.md
    assert PAGE.read_text("utf-8") == render()


def test_the_page_says_what_answers_501() -> None:
    assert "## Not there" in render()
