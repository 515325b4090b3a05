"""The decision records are complete and indexed, and every link of the documents has a target."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
RECORDS = sorted(path for path in (DOCS / "adr").glob("*.md") if path.name != "README.md")
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
HEADINGS = ["Context", "Decision", "Consequence"]
STATUS = re.compile(r"^Status: (accepted|replaced by \[.*\]\(.*\)), \d{4}-\d\d-\d\d", re.MULTILINE)
LINK = re.compile(r"\]\(([^()\s]+)\)")


def read_prose(page: Path) -> str:
    """Return the text of a page without its fenced code blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)


def read_title(record: Path) -> str:
    """Return the first line of a record without the `# 12. ` in front of the title."""
    return re.sub(r"^# \d+\. ", "", record.read_text("utf-8").partition("\n")[0])


def read_anchors(page: Path) -> set[str]:
    """Return the fragments by which the headings of a page can be reached, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", read_prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def has_target(page: Path, link: str) -> bool:
    """Tell whether a link to a file of the project, or to a heading in it, has a target."""
    path, _, fragment = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    if not target.exists() or not target.is_relative_to(ROOT):
        return False
    return not fragment or (target.suffix == ".md" and fragment in read_anchors(target))


def test_the_numbers_of_the_records_are_unique_and_have_no_gaps() -> None:
    assert RECORDS
    numbers = [path.name[:5] for path in RECORDS]
    assert numbers == [f"{number:04d}-" for number in range(1, len(RECORDS) + 1)]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.stem[:4])
def test_a_record_has_its_number_a_dated_status_and_the_three_headings(record: Path) -> None:
    text = record.read_text("utf-8")
    assert text.startswith(f"# {int(record.name[:4])}. ")
    assert STATUS.search(text)
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == HEADINGS
    bodies = re.split(r"^## .*$", text, flags=re.MULTILINE)[1:]
    assert all(body.strip() for body in bodies)


def test_the_index_has_one_line_for_each_record_with_its_title() -> None:
    index = (DOCS / "adr" / "README.md").read_text("utf-8")
    lines = re.findall(r"^- \[(\d{4})\]\((\S+)\) (.+)$", index, re.MULTILINE)
    assert sorted(lines) == [(path.name[:4], path.name, read_title(path)) for path in RECORDS]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_document_has_a_target(page: Path) -> None:
    local = [link for link in LINK.findall(read_prose(page)) if "://" not in link]
    assert [link for link in local if not has_target(page, link)] == []


def test_a_link_to_a_file_or_heading_that_is_not_there_is_noticed() -> None:
    page = ROOT / "README.md"
    assert has_target(page, "docs/operations.md#security")
    assert not has_target(page, "docs/operations.md#no-such-heading")
    assert not has_target(page, "docs/no-such-page.md")
