"""The function dies in the middle of its work, and the event comes again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import index
from e2e.stage import (
    ADD,
    COMPLETE,
    CREATE,
    LIST,
    PUBLISH,
    RENAME,
    Stage,
    hook_event,
    servers_of,
)

Staged = Callable[..., Stage]

EVENT = hook_event(25)  # two calls to fill
IDS = [f"i-{n:04}" for n in range(1, 26)]

# As Function Compute would, on Python 3.12: the role's keys stand in the environment.
PROGRAM = """
import sys
from types import SimpleNamespace
import index
context = SimpleNamespace(request_id="fc-0001", function=SimpleNamespace(timeout="120"))
index.handler(sys.stdin.buffer.read(), context)
"""


@pytest.mark.parametrize(
    ("action", "nth", "left_behind"),
    [
        pytest.param(LIST, 2, [("claim", 0)], id="before it knows that it is alone"),
        pytest.param(ADD, 1, [("claim", 20)], id="while it fills its claim"),
        pytest.param(RENAME, 1, [("asg-0001", 25)], id="when the group is committed"),
        pytest.param(PUBLISH, 1, [("asg-0001", 25)], id="when the result is published"),
        pytest.param(COMPLETE, 1, [("asg-0001", 25)], id="when the hook is completed"),
    ],
)
def test_the_next_delivery_goes_on_from_where_a_crash_left_it(
    staged: Staged, action: str, nth: int, left_behind: list[tuple[str, int]]
) -> None:
    stage = staged(EVENT)
    stage.cloud.fault(action=action, skip=nth - 1, kind="hang_after", seconds=3600)
    crash(stage)
    assert [(kind(g["VServerGroupName"]), len(servers_of(g))) for g in stage.groups()] == (
        left_behind
    )
    stage.actions()

    stage.deliver(EVENT)

    group = stage.the_group()
    assert stage.groups() == [group]
    assert servers_of(group) == IDS
    assert stage.hook() == ("Completed", "CONTINUE")
    assert stage.in_service() == IDS
    results = stage.received()
    assert {(r["type"], r["data"]["VServerGroupId"]) for r in results} == {
        ("vservergroup.provisioned", group["VServerGroupId"])
    }
    assert len({result["id"] for result in results}) == 1
    after_a_commit = left_behind[0][0] == "asg-0001"
    assert (CREATE in stage.actions()) is not after_a_commit


def kind(name: str) -> str:
    return "claim" if name.startswith("pending-claim/") else name


def crash(stage: Stage, event: bytes = EVENT) -> None:
    """The function is killed while one of its calls is not answered."""
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path(index.__file__).parent),
        "ALIBABA_CLOUD_ACCESS_KEY_ID": "localcloud",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "localcloud-secret",
        **stage.environ,
    }
    with subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", PROGRAM],
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    ) as function:
        try:
            assert function.stdin
            function.stdin.write(event)
            function.stdin.close()
            stage.cloud.until_it_hangs()
        finally:
            function.kill()
