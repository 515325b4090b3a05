"""What the documents say is what the code does, and the project keeps its own rules."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from opskit.__main__ import app
from provisioner.errors import Code
from provisioner.settings import VARIABLES

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
OPERATIONS = ROOT / "docs" / "operations.md"
ARCHITECTURE = ROOT / "docs" / "architecture.md"
PROVISIONER = ROOT / "src" / "provisioner"
GENERATED = {"build", "__pycache__", "node_modules"}
HIDDEN_BUT_OURS = {".ci", ".gitignore"}


def rows(marker: str, file: Path = README) -> list[list[str]]:
    """Of the table between two markers, without its head."""
    text = file.read_text("utf-8")
    found = re.findall(rf"<!-- {marker} -->\n(.*?)<!-- /{marker} -->", text, re.DOTALL)
    assert len(found) == 1, f"{file.name} has {len(found)} tables marked {marker}"
    lines = [line for line in found[0].splitlines() if line.strip()][2:]
    return [[cell.strip() for cell in line.strip()[1:-1].split("|")] for line in lines]


def test_the_readme_explains_every_environment_variable_as_the_code_does() -> None:
    told = [(name, default.strip("`"), meaning) for name, default, meaning in rows("settings")]
    assert told == [(f"`{v.name}`", v.default, v.meaning) for v in VARIABLES]


def test_the_readme_has_every_command_of_opskit() -> None:
    told = [row[0].strip("`").split()[0] for row in rows("commands")]
    there = [
        each.name or str(getattr(each.callback, "__name__", "")) for each in app.registered_commands
    ]
    assert sorted(told) == sorted(there)


def test_the_readme_explains_every_code_of_ours() -> None:
    assert [row[0] for row in rows("codes")] == [f"`{code.value}`" for code in Code]
    assert all(row[1] for row in rows("codes"))


def test_the_table_of_modules_has_every_module_of_the_function_and_no_other() -> None:
    named = {name for row in rows("modules", ARCHITECTURE) for name in quoted(row[0])}
    inside = {name for row in rows("modules", ARCHITECTURE) for name in quoted(row[1])}
    folders = {path.name for path in PROVISIONER.iterdir() if (path / "__init__.py").exists()}
    modules = {path.stem for path in PROVISIONER.glob("*.py")} - {"__init__"}
    assert named == modules | {f"{folder}/" for folder in folders}
    listed_one_by_one = {"groups", "hooks", "mapping", "results", "sweep", "aliyun"}
    files = {
        path.stem for folder in listed_one_by_one for path in (PROVISIONER / folder).glob("*.py")
    }
    assert files - inside - {"__init__", "ess_parsing", "slb_parsing"} == set()


def test_the_answers_to_first_day_questions_name_what_is_there() -> None:
    for question, answer in rows("map", ARCHITECTURE):
        path: Path | None = None
        for name in quoted(answer):
            if "/" in name or name.endswith(".py"):
                path = PROVISIONER / name
                assert path.exists(), f"{question} {name} is not there"
            else:
                assert path, f"{question} no file is named"
                symbol = name.rpartition(".")[2]
                pattern = rf"^ *(def|class) {symbol}\b|^{symbol}\b"
                text = path.read_text("utf-8")
                assert re.search(pattern, text, re.MULTILINE), f"{question} {name} is not there"


def test_the_glossary_is_in_order_and_explains_each_term_once() -> None:
    terms = [row[0] for row in rows("glossary", ARCHITECTURE)]
    assert terms == sorted(set(terms))
    assert all(row[1] for row in rows("glossary", ARCHITECTURE))


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def test_every_failure_that_the_operator_is_told_of_is_shown_by_a_test() -> None:
    tests = {
        match
        for path in (ROOT / "tests").rglob("test_*.py")
        for match in re.findall(r"^def (test_\w+)", path.read_text("utf-8"), re.MULTILINE)
    }
    told = rows("failures", OPERATIONS)
    assert told
    assert [row[0] for row in told if row[-1].strip("`") not in tests] == []
    assert all(all(row) for row in told)


def test_the_operator_is_told_of_every_code_of_ours() -> None:
    seen = {word for row in rows("failures", OPERATIONS) for word in re.findall(r"`(\w+)`", row[1])}
    assert {code.value for code in Code} - seen == set()


def project_files() -> Iterator[Path]:
    """What is part of the project, be it tracked yet or not."""

    def below(folder: Path) -> Iterator[Path]:
        for path in sorted(folder.iterdir()):
            if path.name in GENERATED or (path.name[0] == "." and path.name not in HIDDEN_BUT_OURS):
                continue
            if path.is_dir():
                yield from below(path)
            elif path.is_file():
                yield path

    return below(ROOT)


def lines() -> Iterator[tuple[str, str]]:
    for path in project_files():
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            yield f"{path.relative_to(ROOT)}:{number}", line


def test_no_file_says_where_packages_come_from() -> None:
    address = re.compile(
        r"https?://[^\s\"']*(pypi|pythonhosted)|--(extra-)?index-url", re.IGNORECASE
    )
    assert [where for where, line in lines() if address.search(line)] == []


def test_nothing_is_left_to_be_done_later() -> None:
    mark = re.compile(r"\b(TO[D]O|FIX[M]E|X[X]X)\b")
    assert [where for where, line in lines() if mark.search(line)] == []


@pytest.mark.parametrize(
    "name",
    ["requirements.txt"] + [f"requirements-{name}.txt" for name in ("run", "dev", "ros", "build")],
)
def test_every_requirement_is_of_one_version_and_has_hashes(name: str) -> None:
    text = (ROOT / name).read_text("utf-8").replace("\\\n", " ")
    wanted = [
        line for line in text.splitlines() if line.strip() and not line.startswith(("#", " "))
    ]
    assert wanted
    good = re.compile(r"[\w.-]+(\[[\w,-]+\])?==\S+( ; .*?)?\s+--hash=sha256:[0-9a-f]{64}\b")
    assert [line.split(maxsplit=1)[0] for line in wanted if not good.match(line)] == []


def pins(name: str) -> set[str]:
    found = re.findall(r"^([\w.-]+==\S+)", (ROOT / name).read_text("utf-8"), re.MULTILINE)
    assert found
    return set(found)


def test_what_is_shipped_is_locked_as_make_run_and_the_tests_have_it() -> None:
    assert pins("requirements.txt") <= pins("requirements-run.txt") <= pins("requirements-dev.txt")


def test_a_test_that_is_left_out_says_why() -> None:
    silent = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.expr | ast.stmt) and left_out_in_silence(node)
    ]
    assert silent == []


def left_out_in_silence(node: ast.expr | ast.stmt) -> bool:
    """pytest.skip() and .xfail() take a reason first; the marks take `reason`."""
    if isinstance(node, ast.Call):
        reasons = [keyword.arg for keyword in node.keywords]
        name = ast.unparse(node.func)
        if name in {"pytest.skip", "pytest.xfail"}:
            return not (node.args or "reason" in reasons)
        if re.fullmatch(r"pytest\.mark\.(skip|skipif|xfail)", name):
            return "reason" not in reasons
    marks = getattr(node, "decorator_list", [])
    return any(re.fullmatch(r"pytest\.mark\.(skip|xfail)", ast.unparse(mark)) for mark in marks)
