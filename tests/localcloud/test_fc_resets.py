"""A reset while an instance starts: the function of before never acts in the new world."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from functions import Functions
from localcloud.cloud import Cloud
from localcloud.services.fc import calls, interpreters
from localcloud.services.fc.calls import Job
from localcloud.services.fc.instance import Instance
from localcloud.services.fc.logs import Log, Output
from localcloud.services.fc.model import Function
from localcloud.wire.errors import ApiError
from localcloud.worlds import DEFAULT_WORLD

SAYS = """\
#!/bin/sh
echo asked > {folder}/asked
read word < {folder}/go
echo 3 9 {python}
"""
DESCRIPTORS = Path("/proc/self/fd")
RUNS = 'def handler(event, context): print("ran with", context); return b"old"'


@pytest.fixture
def slow_look_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An interpreter that is asked for its version, and answers when the test lets it."""
    stand_in = tmp_path / "bin" / "python3.9"
    stand_in.parent.mkdir()
    stand_in.write_text(SAYS.format(folder=tmp_path, python=sys.executable), "utf-8")
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", str(stand_in.parent))
    interpreters.find.cache_clear()
    yield
    interpreters.find.cache_clear()


@pytest.mark.usefixtures("slow_look_up")
def test_a_call_that_was_starting_at_a_reset_runs_nothing_and_gets_no_keys(
    functions: Functions, control: Any
) -> None:
    asked, go_on = functions.signal("asked"), functions.gate("go")
    functions.register(RUNS, Runtime="python3.9")
    with ThreadPoolExecutor() as pool:
        call = pool.submit(functions.call)
        asked()
        control.send("POST", "/_cloud/reset")
        functions.register()
        go_on()
        answer = call.result()
    assert (answer.status, answer.json["Code"]) == (500, "InternalError")
    assert functions.instances() == []
    assert functions.log() == ""
    assert control.state()["RoleKeys"] == []
    assert functions.call("fn", b"new").body == b"new"


def test_an_instance_of_before_is_given_no_keys() -> None:
    cloud = Cloud(DEFAULT_WORLD)
    function = Function("fn", code="", handler="", runtime="python3.10")
    instance = Instance(function, cloud.elapse, cloud.work.era)

    async def call() -> None:
        instance.output = Output(Log())
        instance.output.inherited()
        with closing(instance.output):
            cloud.reset()
            await calls.invoke(cloud, instance, Job(b""))

    with pytest.raises(ApiError, match="before a reset"):
        asyncio.run(call())
    assert not cloud.roles.keys


@pytest.mark.skipif(not DESCRIPTORS.is_dir(), reason="Linux only")
@pytest.mark.parametrize("turns", range(6))
def test_a_start_that_a_reset_ends_leaves_nothing_open(tmp_path: Path, turns: int) -> None:
    function = Function("fn", str(tmp_path), "index.handler", "python3.10")

    async def end_while_it_starts() -> None:
        instance = Instance(function, asyncio.sleep, era=0)
        start = asyncio.create_task(instance.start(sys.executable, {}, str(tmp_path), Log()))
        for _ in range(turns):
            await asyncio.sleep(0)
        start.cancel()
        with suppress(asyncio.CancelledError):
            await start  # it may have come to its end in time
            await instance.end()

    before = pipes_and_sockets()
    asyncio.run(end_while_it_starts())
    assert pipes_and_sockets() - before == set()


def pipes_and_sockets() -> set[str]:
    found = set()
    for descriptor in DESCRIPTORS.iterdir():
        with suppress(OSError):  # that of the listing itself
            found.add(str(descriptor.readlink()))
    return {item for item in found if item.startswith(("pipe:", "socket:"))}
