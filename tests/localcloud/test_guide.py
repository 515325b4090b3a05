"""docs/localcloud.md is true: its world, program and knobs are used as they stand there, but for
the address, and the runtime, which is this interpreter's."""

from __future__ import annotations

import argparse
import json
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

import yaml

import localcloud
from functions import PATIENCE
from localcloud.documents import check
from localcloud.server import running
from localcloud.state import describe
from localcloud.worlds import read_seed

GUIDE = (Path(__file__).parents[2] / "docs" / "localcloud.md").read_text(encoding="utf-8")
SOURCES = str(Path(localcloud.__file__).parents[1])
HANDLER = re.findall(r"`(def handler.*)`", GUIDE)


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)


def run(program: str) -> bytes:
    ran = subprocess.run(  # noqa: S603 - this very interpreter
        [sys.executable, "-c", program],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": SOURCES},
        stdout=subprocess.PIPE,
        check=True,
        timeout=PATIENCE,
    )
    return ran.stdout


def world(folder: Path) -> Any:
    (folder / "hello").mkdir()
    (folder / "hello" / "index.py").write_text("\n".join(HANDLER))
    (folder / "world.yaml").write_text(blocks("yaml")[0])
    document = read_seed(folder / "world.yaml")
    (function,) = document["Functions"]
    function |= {"Code": str(folder / function["Code"]), "Interpreter": sys.executable}
    return document


def knobs() -> list[tuple[str, str, str | None]]:
    """Method, address and body of each command."""
    curl = argparse.ArgumentParser()
    curl.add_argument("-s", action="store_true")
    curl.add_argument("-X")
    curl.add_argument("-d")
    curl.add_argument("address")
    lines = [shlex.split(line)[2:] for line in GUIDE.splitlines() if line.startswith("$ curl ")]
    found = [curl.parse_args(line) for line in lines]
    return [(item.X or ("POST" if item.d else "GET"), item.address, item.d) for item in found]


def test_the_guides_program_goes_round_in_the_guides_world(tmp_path: Path) -> None:
    with running(world(tmp_path)) as cloud:
        said = run(blocks("python")[0].replace("http://127.0.0.1:8900", cloud.url))
        states = {item["LifecycleState"] for item in describe(cloud.cloud)["ScalingInstances"]}
    assert said == b"b'hello world'\n"
    assert states == {"InService"}


def test_the_guides_cloud_for_a_test_has_an_address() -> None:
    assert run(blocks("python")[1]).startswith(b"http://127.0.0.1:")


def test_every_rule_and_setting_of_the_guide_is_taken(tmp_path: Path) -> None:
    rows = [line.split(" | ") for line in GUIDE.splitlines() if line.startswith("| ")]
    rules = [json.loads(row[1].strip("`| ")) for row in rows if row[1].startswith('`{"kind"')]
    texts = [row[0].strip("`| ") for row in rows if re.match(r"\| `[A-Z]\w+: ", row[0])]
    assert (len(rules), len(texts)) == (5, 9)
    with running(world(tmp_path)) as cloud:
        cloud.cloud.faults.add(rules)
        for text in texts:
            document = yaml.safe_load(text)
            check(document, "settings")
            cloud.cloud.settings.change(document)
            shown = cloud.cloud.settings.describe()
            assert shown.keys() >= document.keys()


def test_every_knob_of_the_guide_answers(tmp_path: Path) -> None:
    with running(world(tmp_path)) as cloud:
        netloc, answers = urlsplit(cloud.url).netloc, []
        with closing(HTTPConnection(netloc, timeout=PATIENCE)) as connection:
            connection.request("GET", "/?Action=Journaled")  # what the journal need not wait for
            connection.getresponse()
        for method, target, body in knobs():
            with closing(HTTPConnection(netloc, timeout=PATIENCE)) as connection:
                connection.request(method, target.partition("8900")[2], body)
                answers.append(connection.getresponse().status)
    assert answers == [200] * 13
