"""docs/events.md describes every source and key, and its examples conform to the schemas."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatch
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from provisioner.mapping import validation
from provisioner.mapping.document import parse_request
from provisioner.model import EventRef
from provisioner.results import dead_letter

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "events.md").read_text("utf-8")
EXAMPLES = re.findall(r"<!-- example: (\S+)(?: (\w+))? -->\n```json\n(.*?)```", PAGE, re.DOTALL)


def read_rows(marker: str) -> list[list[str]]:
    (table,) = re.findall(rf"<!-- {marker} -->\n(.*?)<!-- /{marker} -->", PAGE, re.DOTALL)
    lines = [line for line in table.splitlines() if line.strip()][2:]
    return [[cell.strip() for cell in line.strip()[1:-1].split(" | ")] for line in lines]


def load_schema(name: str) -> dict[str, Any]:
    text = resources.files("provisioner.schemas").joinpath(f"{name}.schema.json").read_text()
    schema: dict[str, Any] = json.loads(text)
    return schema


@pytest.mark.parametrize(("schema", "kind", "text"), EXAMPLES)
def test_every_example_conforms_to_its_schema(schema: str, kind: str, text: str) -> None:
    document = json.loads(text)
    if schema == "request":
        assert parse_request(document, EventRef("direct", "e-1"))
    else:
        assert validation.validate(schema, document) == []
    if schema == "result":
        assert document["type"] == f"vservergroup.{kind}"
    if schema == "dead-letter":
        assert dead_letter.restore_payload(document) is not None


def test_every_type_of_result_has_an_example() -> None:
    types = load_schema("result")["properties"]["type"]["enum"]
    kinds = {f"vservergroup.{kind}" for schema, kind, _ in EXAMPLES if schema == "result"}
    assert kinds == set(types)


def test_every_key_of_a_request_is_explained() -> None:
    keys = {row[0].strip("`") for row in read_rows("request keys")}
    assert keys == load_schema("request")["properties"].keys()


def test_every_source_is_described_with_its_code_and_its_samples() -> None:
    rows = read_rows("sources")
    sources = {path.name for path in (ROOT / "src/provisioner/triggers").glob("*.py")}
    shared = {"__init__.py", "decoder.py", "envelope.py", "item.py"}
    assert {row[3].strip("`") for row in rows} == sources - shared
    patterns = [pattern for row in rows for pattern in re.findall(r"`([^`]+)`", row[4])]
    samples = [path.name for path in (ROOT / "events").iterdir()]
    assert [p for p in patterns if not any(fnmatch(name, p) for name in samples)] == []
    of_no_source = {"unknown", "unreadable"}
    assert [
        name
        for name in samples
        if not any(fnmatch(name, pattern) for pattern in patterns)
        and name.partition(".")[0] not in of_no_source
    ] == []
