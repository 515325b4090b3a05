"""Which module may know which, and what happens when one is imported: nothing."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from provisioner.settings import VARIABLES

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "src"
PROVISIONER = SOURCES / "provisioner"

# What pure packages may import of the standard library: values and text, no world.
PURE = {
    "abc",
    "base64",
    "collections",
    "contextlib",
    "dataclasses",
    "enum",
    "functools",
    "hashlib",
    "importlib",
    "itertools",
    "json",
    "math",
    "operator",
    "re",
    "string",
    "types",
    "typing",
    "xml",
}
SDKS = {"alibabacloud_slb20140515", "alibabacloud_ess20220222", "mns"}

# What the function is configured by, and what the platform tells it.
OURS = {variable.name for variable in VARIABLES} | {
    "FC_REGION",
    "FC_ACCOUNT_ID",
    "FC_FUNC_CODE_PATH",
}

# Imports the modules it is told to, and reports what that did: each with the file of the first
# frame on the stack that is not the standard library's.
PROGRAM = """
import sys, os, json, importlib, sysconfig
modules = json.load(sys.stdin)
done = {"sockets": [], "threads": [], "files": [], "variables": []}
library, packages = sysconfig.get_path("stdlib"), sysconfig.get_path("purelib")

def culprit(frame):
    while frame:
        file = frame.f_code.co_filename
        if file.startswith(packages) or not file.startswith((library, "<frozen")):
            return file
        frame = frame.f_back
    return ""

def audit(event, arguments):
    if event.startswith("socket."):
        done["sockets"].append([event, culprit(sys._getframe(1))])
    if event == "open":
        done["files"].append([str(arguments[0]), culprit(sys._getframe(1))])

class Watched(type(os.environ)):
    def __getitem__(self, name):
        done["variables"].append([name, culprit(sys._getframe(1))])
        return super().__getitem__(name)

os.environ.__class__ = Watched
sys.addaudithook(audit)
for name in modules:
    importlib.import_module(name)
import threading
done["threads"] = [thread.name for thread in threading.enumerate()]
done["loaded"] = sorted({name.partition(".")[0] for name in sys.modules})
sys.stdout.write(json.dumps(done))
"""


def imported(*modules: str) -> Any:
    """In an interpreter of its own, in the environment of a deployment."""
    ran = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-B", "-c", PROGRAM],  # what is compiled is not kept
        input=json.dumps(modules),
        env={**dict.fromkeys(OURS, "1"), "PATH": os.environ["PATH"], "PYTHONPATH": str(SOURCES)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert ran.stderr == ""
    return json.loads(ran.stdout)


def modules_of(folder: Path) -> list[str]:
    found = (path.relative_to(SOURCES).with_suffix("") for path in sorted(folder.rglob("*.py")))
    return [".".join(path.parts).removesuffix(".__init__") for path in found]


def imports_in(path: Path) -> Iterator[tuple[int, str]]:
    """Absolute names, with their lines; those inside functions, too."""
    package = path.relative_to(SOURCES).parent.parts
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            name = ".".join((*base, *filter(None, [node.module])))
            # `from . import x` names a module, `from .x import y` says which.
            names = [f"{name}.{alias.name}" for alias in node.names] if not node.module else [name]
            yield from ((node.lineno, each) for each in names)


def test_every_contract_between_the_packages_is_kept() -> None:
    # In a process of its own: the linter configures logging, which disables other loggers.
    lint = (
        "from importlinter.cli import lint_imports as lint; raise SystemExit(lint(no_cache=True))"
    )
    ran = subprocess.run(  # noqa: S603 - our own interpreter
        (sys.executable, "-c", lint),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{SOURCES}{os.pathsep}{ROOT / 'tools'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout


def test_the_index_knows_the_handler_and_nothing_else() -> None:
    assert {name for _, name in imports_in(SOURCES / "index.py")} == {"provisioner.handler"}


PURE_PACKAGES = ("model.py", "errors.py", "groups", "mapping", "results", "triggers")


@pytest.mark.parametrize("place", PURE_PACKAGES)
def test_pure_packages_reach_for_nothing_but_values(place: str) -> None:
    root = PROVISIONER / place
    foreign = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in (sorted(root.rglob("*.py")) if root.is_dir() else [root])
        for line, name in imports_in(path)
        if not may_import(name)
    ]
    assert foreign == []


def may_import(name: str) -> bool:
    top, *rest = name.split(".")
    if top == "provisioner":
        return rest[0] in {path.removesuffix(".py") for path in PURE_PACKAGES}
    return top in PURE | {"__future__", "jsonschema"}


def test_importing_the_whole_function_touches_nothing() -> None:
    done = imported("index", *modules_of(PROVISIONER))

    assert set(done["loaded"]) >= SDKS, "the SDKs were not part of this"
    assert [event for event, by in done["sockets"] if not is_a_probe(event, by)] == []
    assert done["threads"] == ["MainThread"]
    assert [(name, by) for name, by in done["variables"] if name in OURS] == []
    assert [name for name, by in done["variables"] if is_ours(by)] == []
    assert [name for name, by in done["files"] if is_ours(by) and not is_code(name)] == []


def test_importing_what_knows_no_sdk_opens_nothing_but_code_and_schemas() -> None:
    with_sdks = ("provisioner.aliyun", "provisioner.app", "provisioner.handler")
    names = [name for name in modules_of(PROVISIONER) if not name.startswith(with_sdks)]

    done = imported(*names)

    assert SDKS.isdisjoint(done["loaded"])
    assert done["sockets"] == []
    assert done["threads"] == ["MainThread"]
    assert [name for name, by in done["variables"] if is_ours(by)] == []
    assert [name for name, _ in done["files"] if not (is_code(name) or is_a_part(name))] == []


def is_a_probe(event: str, by: str) -> bool:
    """urllib3 finds out whether the host has IPv6 by binding to a port, and connects to nothing."""
    here = by.endswith("urllib3/util/connection.py")
    return here and event in {"socket.__new__", "socket.bind"}


def is_a_part(file: str) -> bool:
    """Of an installed package: jsonschema reads its own schemas."""
    return Path(file).is_relative_to(sysconfig.get_path("purelib"))


def is_ours(file: str) -> bool:
    return Path(file).is_relative_to(SOURCES)


def is_code(file: str) -> bool:
    path = Path(file)
    is_schema = path.parent == PROVISIONER / "schemas" and path.name.endswith(".schema.json")
    return is_schema or path.suffix in {".py", ".pyc", ".so"}
