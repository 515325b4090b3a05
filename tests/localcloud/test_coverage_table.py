"""docs/emulator-coverage.md says what the code does."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import localcloud
from localcloud.coverage import COVERED, SHARED, render
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


SERVICES_OF = Path(localcloud.__file__).parent / "services"
RAISE = {"ApiError", "refused", "_number"}  # what a code is handed to
CODE = re.compile(r"[A-Z][A-Za-z]+(\.[A-Za-z]+)*")


@pytest.mark.parametrize("service", sorted(COVERED))
def test_every_code_that_a_service_raises_is_declared_for_one_of_its_actions(service: str) -> None:
    shared = {code for names, codes in SHARED.items() if service in names for code in codes}
    declared = {code for codes in COVERED[service].codes.values() for code in codes} | shared
    files = sorted((SERVICES_OF / service).glob("*.py"))
    raised = {code for file in files for code in codes_in(file.read_text("utf-8"))}
    assert raised - {"InternalError"} <= declared


def test_codes_are_declared_for_actions_that_are_there() -> None:
    for coverage in COVERED.values():
        assert coverage.codes.keys() <= coverage.actions.keys()


def codes_in(source: str) -> Iterator[str]:
    """Those that are spelt out where they are raised."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in RAISE:
            for argument in node.args:
                if isinstance(argument, ast.Constant) and CODE.fullmatch(str(argument.value)):
                    yield str(argument.value)
