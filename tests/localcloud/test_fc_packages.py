"""Functions whose code is a zip file."""

from __future__ import annotations

import os
import threading
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from functions import PATIENCE, Functions

CODE = b'def handler(event, context): return b"unpacked"'
CENTRAL, ENCRYPTED, COMPRESSION = b"PK\x01\x02", 8, 10


@pytest.fixture
def package(tmp_path: Path) -> Path:
    path = tmp_path / "code.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("index.py", CODE)
    return path


def test_code_comes_from_a_zip_file_too(functions: Functions, package: Path) -> None:
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("index.py", "import vendored\ndef handler(e, c): return vendored.NAME")
        archive.writestr("vendored/__init__.py", "NAME = __name__")
    functions.register(Code=str(package))
    assert functions.call().body == b"vendored"


def damaged(archive: bytes) -> bytes:
    return archive.replace(b"unpacked", b"UNPACKED", 1)


def changed(place: int, value: int) -> Callable[[bytes], bytes]:
    """In the directory at the end of the archive."""

    def change(archive: bytes) -> bytes:
        found = archive.index(CENTRAL) + place
        return archive[:found] + bytes([value]) + archive[found + 1 :]

    return change


@pytest.mark.parametrize(
    "broken",
    [damaged, changed(ENCRYPTED, 1), changed(COMPRESSION, 97)],
    ids=["damaged", "encrypted", "compressed in an unknown way"],
)
def test_a_package_that_cannot_be_unpacked_fails_every_call_until_it_is_mended(
    functions: Functions, package: Path, broken: Callable[[bytes], bytes]
) -> None:
    whole, changed_at = package.read_bytes(), package.stat().st_mtime_ns
    package.write_bytes(broken(whole))
    os.utime(package, ns=(changed_at, changed_at))
    functions.register(Code=str(package))
    for _ in range(2):
        answer = functions.call()
        assert (answer.status, answer.json["Code"]) == (500, "InternalError")
        assert "cannot be unpacked" in answer.json["Message"]
    package.write_bytes(whole)
    os.utime(package, ns=(changed_at, changed_at))  # it was not the time that told
    assert functions.call().body == b"unpacked"


def test_others_are_answered_while_a_package_is_unpacked(
    functions: Functions, control: Any, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, go_on, times = threading.Event(), threading.Event(), []

    class Slow(zipfile.ZipFile):
        def extractall(self, *arguments: Any, **more: Any) -> None:
            times.append(1)
            began.set()
            assert go_on.wait(PATIENCE)
            super().extractall(*arguments, **more)

    monkeypatch.setattr(zipfile, "ZipFile", Slow)
    functions.register(Code=str(package))
    with ThreadPoolExecutor() as pool:
        calls = [pool.submit(functions.call) for _ in range(2)]
        assert began.wait(PATIENCE)
        assert control.state()["Functions"][0]["FunctionName"] == "fn"
        go_on.set()
        assert [call.result().body for call in calls] == [b"unpacked"] * 2
    assert len(times) == 1, "once is enough"
