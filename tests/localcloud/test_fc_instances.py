"""Instances are processes: how they start, are shared, time out, crash and end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import localcloud
from functions import ECHO, HERE, Functions, ended, until
from localcloud.server import Running, running
from localcloud.services.fc.instance import Instance
from localcloud.services.fc.logs import Log
from localcloud.services.fc.model import Function

COUNTS = """
    import os
    calls = 0
    def handler(event, context):
        global calls
        calls += 1
        return {"pid": os.getpid(), "calls": calls}
    """
# Says that it runs, and goes on only when it is told to.
BLOCKS = """
    import os
    from pathlib import Path
    def handler(event, context):
        Path("{folder}/began").write_bytes(event)
        Path("{folder}/go-" + event.decode()).read_bytes()
        return str(os.getpid())
    """
# Says that it runs, and never ends by itself.
HANGS = """
    import time
    from pathlib import Path
    def handler(event, context):
        print("hanging")
        Path("{folder}/began").write_bytes(b"!")
        time.sleep(3600)
    """


@pytest.fixture
def pool() -> Any:
    with ThreadPoolExecutor() as threads:
        yield threads


def test_a_warm_instance_is_the_same_process_with_what_it_keeps(functions: Functions) -> None:
    functions.register(COUNTS)
    first, second = functions.call().json, functions.call().json
    assert first["pid"] == second["pid"] == functions.pids()[0]
    assert (first["calls"], second["calls"]) == (1, 2)
    assert first["pid"] != os.getpid()


def test_two_calls_at_once_have_an_instance_each_and_a_third_is_refused(
    functions: Functions, pool: ThreadPoolExecutor
) -> None:
    began = functions.signal("began")
    go_on = [functions.gate("go-1"), functions.gate("go-2")]
    functions.register(BLOCKS, InstanceLimit=2)
    calls = [pool.submit(functions.call, "fn", b"1")]
    assert began() == b"1"
    calls.append(pool.submit(functions.call, "fn", b"2"))
    assert began() == b"2"
    third = functions.call("fn", b"3")
    assert (third.status, third.json["Code"]) == (429, "ResourceExhausted")
    for let_go in go_on:
        let_go()
    pids = {int(call.result().body) for call in calls}
    assert pids == set(functions.pids())
    assert len(pids) == 2


def test_the_initializer_runs_once_for_each_instance(functions: Functions) -> None:
    functions.register(
        """
        made = []
        def initialize(context):
            made.append(context.request_id)
        def handler(event, context):
            return made
        """,
        Initializer="index.initialize",
    )
    first = functions.call()
    assert first.json == functions.call().json == [first.headers["x-fc-request-id"]]
    assert functions.log().count("FC Initialize Start RequestId") == 1


def test_a_failing_initializer_fails_its_call_and_the_next_starts_a_new_instance(
    functions: Functions,
) -> None:
    functions.register(
        """
        from pathlib import Path
        def initialize(context):
            ready = Path("{folder}/ready")
            if not ready.exists():
                ready.touch()
                raise RuntimeError("not yet")
        def handler(event, context):
            return "done"
        """,
        InstanceLimit=1,
        Initializer="index.initialize",
    )
    failed = functions.call()
    assert failed.headers["x-fc-error-type"] == "UnhandledInvocationError"
    assert failed.error == "not yet"
    again = functions.call()
    assert again.body == b"done"
    assert again.headers["x-fc-instance-id"] != failed.headers["x-fc-instance-id"]
    assert "FC Initialize End RequestId" in functions.log()
    assert functions.log().count("FC Invoke Start") == 1, "the failed call never came so far"


def test_a_function_is_ended_at_its_timeout(
    functions: Functions, control: Any, pool: ThreadPoolExecutor
) -> None:
    began = functions.signal("began")
    functions.register(HANGS, Timeout=5)
    call = pool.submit(functions.call)
    began()
    (pid,) = functions.pids()
    control.advance(5)
    answer = call.result()
    assert (answer.status, answer.headers["x-fc-error-type"]) == (200, "UnhandledInvocationError")
    assert answer.json == {"errorMessage": "Function timed out after 5 seconds"}
    assert ended(pid)
    request_id = answer.headers["x-fc-request-id"]
    said = f"FC Invoke End RequestId: {request_id}, Error: Function timed out after 5 seconds"
    assert f"hanging\n{said}" in functions.log()


def test_an_interrupt_from_the_keyboard_reaches_no_function(functions: Functions) -> None:
    """A terminal sends it to every process of its foreground group, which localcloud is in."""
    functions.register(COUNTS)
    functions.call()
    (pid,) = functions.pids()
    assert os.getpgid(pid) != os.getpgid(os.getpid())
    assert os.getsid(pid) != os.getsid(os.getpid()), "nor can it take the terminal"


def test_a_function_is_told_of_its_end_and_ended_if_it_does_not_listen(
    functions: Functions, control: Any, pool: ThreadPoolExecutor
) -> None:
    began = functions.signal("began")
    functions.register(
        """
        import signal, time
        from pathlib import Path
        def handler(event, context):
            signal.signal(signal.SIGTERM, lambda *_: print("told"))
            Path("{folder}/began").write_bytes(b"!")
            while True:
                time.sleep(3600)
        """
    )
    call = pool.submit(functions.call)
    began()
    (pid,) = functions.pids()
    control.advance(3)
    assert call.result().error == "Function timed out after 3 seconds"
    assert ended(pid)
    assert "told\n" in functions.log()


@pytest.mark.parametrize(
    "end", ["os._exit(3)", "sys.exit(0)", "os.kill(os.getpid(), 9)", "os.closerange(3, 64)"]
)
def test_a_process_that_ends_is_an_error_of_its_call_and_the_next_has_another(
    functions: Functions, end: str
) -> None:
    functions.register(f"""
        import os, sys
        def handler(event, context):
            print("last words")
            if event == b"end":
                {end}
            return "fine"
        """)
    answer = functions.call("fn", b"end")
    assert answer.headers["x-fc-error-type"] == "UnhandledInvocationError"
    assert answer.error.startswith("Process exited unexpectedly before completing request (")
    assert functions.log().startswith("FC Invoke Start")
    assert "last words\n" in functions.log()
    assert functions.call().body == b"fine"


def test_an_idle_instance_is_stopped_when_its_time_has_come_on_the_clouds_clock(
    functions: Functions, control: Any
) -> None:
    functions.register(
        """
        from pathlib import Path
        def handler(event, context):
            return "warm"
        def pre_stop(context):
            print("stopping")
            Path("{folder}/stopped").write_text(context.request_id)
        """,
        PreStop="index.pre_stop",
        IdleSeconds=60,
    )
    functions.call()
    control.advance(40)
    functions.call()
    (pid,) = functions.pids()
    control.advance(40)
    assert functions.pids() == [pid], "the second call began its idle time anew"
    control.advance(20)
    assert ended(pid)
    request_id = (functions.folder / "stopped").read_text()
    assert f"FC PreStop Start RequestId: {request_id}\nstopping\nFC PreStop End" in functions.log()
    until(lambda: functions.pids() == [])


def test_a_pre_stop_that_hangs_is_ended(functions: Functions, control: Any) -> None:
    began = functions.signal("began")
    functions.register(
        f"{HANGS}\n    def warm(event, context): return 'warm'",
        Handler="index.warm",
        PreStop="index.handler_of_stop",
        IdleSeconds=1,
    )
    code = Path(functions.send("GET", "/_cloud/state").json["Functions"][0]["Code"])
    with (code / "index.py").open("a") as source:
        source.write("\ndef handler_of_stop(context): handler(b'', context)\n")
    functions.call()
    (pid,) = functions.pids()
    control.advance(1)
    began()
    control.advance(30)
    assert ended(pid)


def test_instances_can_be_killed_as_by_a_crash(
    functions: Functions, pool: ThreadPoolExecutor
) -> None:
    began = functions.signal("began")
    functions.register(HANGS)
    call = pool.submit(functions.call)
    began()
    pids = functions.pids()
    killed = functions.send("DELETE", "/_cloud/functions/fn/instances").json
    assert killed == {"Pids": pids}
    assert call.result().error.startswith("Process exited unexpectedly")
    assert ended(pids[0])


def test_an_instance_that_was_killed_is_not_asked_to_get_ready_for_its_end(
    functions: Functions, control: Any, served: Running
) -> None:
    source = ECHO + "\ndef stop(context): print('ready')"
    functions.register(source, PreStop="index.stop", IdleSeconds=60)
    functions.call()
    functions.send("DELETE", "/_cloud/functions/fn/instances")
    until(lambda: functions.instances() == [])
    control.advance(60)
    until(lambda: len(served.cloud.work) == 0)
    assert "PreStop" not in functions.log()


def test_a_fault_can_crash_the_function_that_makes_a_call(
    functions: Functions, control: Any
) -> None:
    functions.register(
        """
        import os
        from mns.account import Account
        def handler(event, context):
            keys = [os.environ["ALIBABA_CLOUD_" + name]
                    for name in ("ACCESS_KEY_ID", "ACCESS_KEY_SECRET", "SECURITY_TOKEN")]
            account = Account(os.environ["MNS"], *keys)
            account.list_topic()
            return "listed"
        """,
        EnvironmentVariables={"MNS": functions.url},
        Timeout=60,
    )
    control.fault(kind="crash_caller", service="mns", action="ListTopic")
    assert functions.call().error.startswith("Process exited unexpectedly")
    assert functions.call().body == b"listed"
    assert control.journal()[-2]["caller"] == "fn"


def test_a_reset_ends_every_instance_and_forgets_its_function(
    functions: Functions, pool: ThreadPoolExecutor
) -> None:
    began = functions.signal("began")
    functions.register(HANGS)
    functions.register(ECHO, "idle")
    functions.call("idle")
    call = pool.submit(functions.call)
    began()
    pids = functions.pids("fn") + functions.pids("idle")
    functions.send("POST", "/_cloud/reset")
    assert all(ended(pid) for pid in pids)
    assert call.result().error.startswith("Process exited unexpectedly")
    assert functions.call("idle").status == 404


def test_instances_end_with_the_server(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    with running() as cloud, closing(Functions(cloud.url, tmp_path)) as functions:
        began = functions.signal("began")
        functions.register(HANGS)
        functions.register(ECHO, "idle")
        functions.call("idle")
        functions.later()
        began()
        pids = functions.pids("fn") + functions.pids("idle")
        assert len(pids) == 2
    assert all(ended(pid) for pid in pids)
    assert set(threading.enumerate()) - before == set()


def test_instances_end_even_if_localcloud_is_killed_and_whatever_they_are_doing(
    tmp_path: Path,
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "localcloud", "--port", "0"],
        env={**os.environ, "PYTHONPATH": str(Path(localcloud.__file__).parents[1])},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    url = process.stdout.readline().split()[-1]
    with process, closing(Functions(url, tmp_path)) as functions:
        began = functions.signal("began")
        functions.register(
            """
            from pathlib import Path
            def handler(event, context):
                Path("{folder}/began").write_bytes(b"!")
                while True:
                    pass
            """,
            Timeout=600,
        )
        functions.register(ECHO, "idle")
        functions.call("idle")
        functions.later()
        began()
        pids = functions.pids("fn") + functions.pids("idle")
        process.send_signal(signal.SIGKILL)
    assert len(pids) == 2
    assert all(ended(pid) for pid in pids)


def test_a_function_that_changed_is_not_served_by_an_instance_of_before(
    functions: Functions,
) -> None:
    functions.register(COUNTS)
    old = functions.call().json["pid"]
    functions.register(COUNTS, InstanceLimit=1)
    assert functions.call().json["pid"] != old
    assert ended(old)


def test_code_that_is_edited_is_seen_by_new_instances(functions: Functions) -> None:
    functions.register(ECHO)
    functions.call()
    code = Path(functions.send("GET", "/_cloud/state").json["Functions"][0]["Code"])
    (code / "index.py").write_text("def handler(event, context): return 'edited version'\n")
    functions.send("DELETE", "/_cloud/functions/fn/instances")
    assert functions.call().body == b"edited version"


def test_what_a_function_leaves_behind_in_the_background_holds_nobody_up(
    functions: Functions,
) -> None:
    functions.register("""
        import subprocess, sys
        def handler(event, context):
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)"])
            print("left", child.pid)
            return str(child.pid)
        """)
    child = int(functions.call().body)
    (pid,) = functions.pids()
    functions.send("DELETE", "/_cloud/functions/fn/instances")
    assert ended(pid)
    until(lambda: functions.pids() == [])
    os.kill(child, signal.SIGKILL)


def test_packages_come_with_the_code_or_over_pythonpath(functions: Functions) -> None:
    elsewhere = functions.folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "extra.py").write_text("NAME = 'extra'")
    functions.register(
        """
        import json, sys
        import extra
        def handler(event, context):
            return json.dumps([extra.NAME, sys.path[0], sys.argv])
        """,
        EnvironmentVariables={"PYTHONPATH": str(elsewhere)},
    )
    name, first, arguments = json.loads(functions.call().body)
    assert name == "extra"
    assert Path(first, "index.py").exists()
    assert len(arguments) == 1
    assert HERE["Interpreter"] == sys.executable


@pytest.fixture
def looking_late() -> Iterator[None]:
    """Children that have ended are looked for only when the loop has a turn, as from 3.12 on."""
    if sys.version_info >= (3, 12):
        yield
        return
    usual = asyncio.get_child_watcher()
    asyncio.set_child_watcher(asyncio.PidfdChildWatcher())
    yield
    asyncio.set_child_watcher(usual)


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="Linux only")
@pytest.mark.usefixtures("looking_late")
def test_an_instance_that_is_killed_after_its_end_keeps_its_exit_status(tmp_path: Path) -> None:
    async def killed_twice() -> int | None:
        function = Function("fn", str(tmp_path), "index.handler", "python3.10")
        instance = Instance(function, asyncio.sleep, era=0)
        await instance.start(sys.executable, {}, str(tmp_path), Log())
        instance.kill()
        os.waitid(os.P_PID, instance.process.pid, os.WEXITED | os.WNOWAIT)  # noqa: ASYNC222 - on purpose
        instance.kill()
        await instance.gone
        return instance.process.returncode

    assert asyncio.run(killed_twice()) == -signal.SIGKILL
