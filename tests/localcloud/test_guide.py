"""docs/localcloud.md is true: its world, program and knobs are used as they stand there, but for
the address, and the runtime, which is this interpreter's."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from localcloud.server import running
from localcloud.state import describe
from localcloud.worlds import read_seed

GUIDE = (Path(__file__).parents[2] / "docs" / "localcloud.md").read_text(encoding="utf-8")
HANDLER = re.findall(r"`(def handler.*)`", GUIDE)


def block(language: str) -> str:
    (text,) = re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)
    return str(text)


def world(folder: Path) -> Any:
    (folder / "hello").mkdir()
    (folder / "hello" / "index.py").write_text("\n".join(HANDLER))
    (folder / "world.yaml").write_text(block("yaml"))
    document = read_seed(folder / "world.yaml")
    (function,) = document["Functions"]
    function |= {"Code": str(folder / function["Code"]), "Interpreter": sys.executable}
    return document


def knobs() -> list[list[str]]:
    """The words of each command after `curl -s`, the address first."""
    lines = [shlex.split(line) for line in GUIDE.splitlines() if line.startswith("$ curl -s ")]
    return [words[5:] + words[3:5] if words[3] == "-X" else words[3:] for words in lines]


def test_the_guides_program_goes_round_in_the_guides_world(tmp_path: Path) -> None:
    with running(world(tmp_path)) as cloud:
        ran = subprocess.run(  # noqa: S603 - this very interpreter
            [sys.executable, "-c", block("python").replace("http://127.0.0.1:8900", cloud.url)],
            env={"PATH": os.environ["PATH"]},
            stdout=subprocess.PIPE,
            check=True,
            timeout=60,
        )
        states = {item["LifecycleState"] for item in describe(cloud.cloud)["ScalingInstances"]}
    assert ran.stdout == b"b'hello world'\n"
    assert states == {"InService"}


def test_every_knob_of_the_guide_answers(tmp_path: Path) -> None:
    with running(world(tmp_path)) as cloud:
        netloc, answers = urlsplit(cloud.url).netloc, []
        for target, *options in knobs():
            method = "POST" if options else "GET"
            connection = HTTPConnection(netloc, timeout=20)
            with closing(connection):
                body = options[1] if options else None
                connection.request(method, target.partition("8900")[2], body)
                answers.append(connection.getresponse().status)
    assert answers == [200] * 8
