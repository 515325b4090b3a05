"""`make mutants`: operators make the mutants that they name, and tests kill what is broken."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from mutation.operators import count_mutants, make_mutant
from mutation.workspace import Workspace


def mutants(source: str) -> list[tuple[str, str]]:
    """Operator and new line of each mutant; a mutant that only drops something has no new line."""
    text = dedent(source)
    made = [make_mutant(text, number) for number in range(count_mutants(text))]
    return [(mutant.operator, mutant.diff[-1].removeprefix("+").strip()) for mutant in made]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a == b", [("comparison", "a != b")]),
        ("a < b", [("comparison", "a <= b"), ("comparison", "a >= b")]),
        ("a is not b", [("comparison", "a is b")]),
        ("a in b", [("comparison", "a not in b")]),
        ("not a", [("negation", "a")]),
        ("a if b else c", [("negation", "a if not b else c")]),
        ("while a:\n    b", [("negation", "while not a:")]),
        ("a and b", [("and/or", "a or b")]),
        ("[a for a in b if c if d]", [
            ("filter", "[a for a in b if d]"),
            ("filter", "[a for a in b if c]"),
        ]),
        ("a = True", [("boolean", "a = False")]),
        ("a = 1.5", [("number", "a = 2.5")]),
        ("def f():\n    a()", [("statement", "pass")]),
        ("def f():\n    a += b", [("statement", "pass")]),
        ("def f():\n    a: int = b", [("statement", "pass")]),
        ("try:\n    a\nexcept E:\n    raise", [("raise", "pass")]),
        ("f(a, b=c)", [("keyword", "f(a)")]),
    ],
)  # fmt: skip
def test_an_operator_makes_the_mutants_that_it_names(
    source: str, expected: list[tuple[str, str]]
) -> None:
    assert mutants(source) == expected


def test_what_can_make_no_difference_has_no_mutants() -> None:
    source = '''
        """A docstring."""
        from dataclasses import dataclass
        if TYPE_CHECKING:
            import a as b
        __all__ = [1]
        @dataclass(slots=True)
        class C:
            a: Literal[1]
            def f(self) -> Literal[2]:
                """Another."""
        '''
    assert mutants(source) == []


def test_a_mutant_is_named_by_its_line_in_the_original_file() -> None:
    source = "# a comment\n\nif (\n    a\n    > b\n):\n    pass\n"
    assert [make_mutant(source, n).line for n in range(count_mutants(source))] == [4, 4, 4]


TOY = """
def divide(number, by):
    if by == 0:
        raise ValueError
    return number / by
"""
TESTS = """
import pytest
from toy.division import divide

def test_a_number_is_divided():
    assert divide(6, 2) == 3

def test_zero_divides_nothing():
    with pytest.raises(ValueError):
        divide(6, 0)
"""
FILE = "src/toy/division.py"


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace of one module and its unit tests."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # for a quick start
    for path, text in {FILE: TOY, "tests/unit/test_division.py": TESTS}.items():
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    return Workspace(tmp_path, {"unit": ["tests/unit"]}, {"unit": 600})


def test_a_mutant_that_breaks_a_module_is_killed_by_its_nearest_tests(toy: Workspace) -> None:
    mutant = make_mutant(TOY, 0)
    assert mutant.diff == ("-    if by == 0:", "+    if not by == 0:")
    assert toy.find_killer(FILE, mutant.source) == "nearest"
    assert (toy.root / FILE).read_text("utf-8") == TOY


def test_a_mutant_that_breaks_nothing_survives(toy: Workspace) -> None:
    assert toy.find_killer(FILE, TOY.replace("== 0", "is 0 or by == 0")) == ""


def test_a_mutant_that_never_ends_is_killed(toy: Workspace) -> None:
    toy.limits["unit"] = 1
    assert toy.find_killer(FILE, "while True:\n    pass\n") == "nearest"


def test_tests_that_do_not_name_the_module_kill_it_in_their_stage(toy: Workspace) -> None:
    (toy.root / "src/toy/__init__.py").write_text("from .division import divide\n")
    indirect = TESTS.replace("toy.division", "toy")
    (toy.root / "tests/unit/test_division.py").write_text(indirect)
    assert toy.find_killer(FILE, TOY.replace("/ by", "* by")) == "unit"


def test_a_stage_that_fails_without_a_mutant_or_has_no_test_is_named(toy: Workspace) -> None:
    toy.stages = {**toy.stages, "gone": ["tests/gone"]}
    assert toy.measure() == "gone"
    assert toy.limits["unit"] > 60
    (toy.root / "tests/unit/test_broken.py").write_text("def test_it(): assert False\n")
    assert toy.measure() == "unit"
