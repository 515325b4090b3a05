"""The server itself: starting, announcing, stopping, and being run inside a test."""

from __future__ import annotations

import asyncio
import gc
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import localcloud
from functions import PATIENCE
from localcloud.cloud import Cloud
from localcloud.server import address, listen, running, serve

SOURCES = str(Path(localcloud.__file__).parents[1])


@contextmanager
def command(*options: str, stdin: int | None = subprocess.DEVNULL) -> Iterator[Any]:
    process = subprocess.Popen(  # noqa: S603 - runs this very package
        [sys.executable, "-m", "localcloud", *options],
        env={**os.environ, "PYTHONPATH": SOURCES},
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        yield process
        if process.poll() is None:
            process.kill()


def announced(process: Any) -> str:
    line = process.stdout.readline()
    assert line.startswith("localcloud ready at http://127.0.0.1:")
    url: str = line.split()[-1]
    return url


@contextmanager
def connected(url: str) -> Iterator[http.client.HTTPConnection]:
    with closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE)) as connection:
        yield connection


def get(connection: http.client.HTTPConnection, path: str) -> Any:
    connection.request("GET", path)
    return json.load(connection.getresponse())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_one_line_when_ready_and_stops_cleanly_with_connections_open(
    number: signal.Signals,
) -> None:
    with command("--port", "0") as process, connected(announced(process)) as connection:
        assert get(connection, "/_cloud/health")["status"] == "ready"
        process.send_signal(number)
        rest, errors = process.communicate(timeout=PATIENCE)
        assert (process.returncode, rest, errors) == (0, "", "")


def test_it_stops_while_a_call_hangs() -> None:
    with command("--port", "0") as process, connected(announced(process)) as connection:
        connection.request("GET", "/_cloud/journal?wait=60")
        with connected(f"http://{connection.host}:{connection.port}") as other:
            get(other, "/_cloud/health")
        process.terminate()
        rest, errors = process.communicate(timeout=PATIENCE)
        assert (process.returncode, rest, errors) == (0, "", "")


def test_it_never_outlives_a_parent_that_holds_its_standard_input() -> None:
    with command("--port", "0", "--until-stdin-closes", stdin=subprocess.PIPE) as process:
        announced(process)
        rest, errors = process.communicate(timeout=PATIENCE)
        assert (process.returncode, rest, errors) == (0, "", "")


def test_it_begins_with_the_world_of_a_seed_file(tmp_path: Path) -> None:
    seed = tmp_path / "world.json"
    seed.write_text(json.dumps({"Queues": [{"QueueName": "only"}]}))
    options = ("--port", "0", "--seed-file", str(seed))
    with command(*options) as process, connected(announced(process)) as connection:
        state = get(connection, "/_cloud/state")
        assert [queue["QueueName"] for queue in state["Queues"]] == ["only"]
        assert state["LoadBalancers"] == []
        process.terminate()


def test_it_begins_with_nothing_if_asked_to() -> None:
    options = ("--port", "0", "--empty")
    with command(*options) as process, connected(announced(process)) as connection:
        state = get(connection, "/_cloud/state")
        assert state["Queues"] == state["LoadBalancers"] == []
        process.terminate()


@pytest.mark.parametrize(
    ("text", "said"),
    [('{"Qeues": []}', "Qeues"), ("{", "Expecting property name"), (None, "No such file")],
)
def test_a_seed_file_that_cannot_be_is_refused_before_it_is_ready(
    tmp_path: Path, text: str | None, said: str
) -> None:
    seed = tmp_path / "world.json"
    if text is not None:
        seed.write_text(text)
    with command("--port", "0", "--seed-file", str(seed)) as process:
        output, errors = process.communicate(timeout=PATIENCE)
        assert (process.returncode, output) == (1, "")
        assert said in errors


def test_a_port_that_is_taken_is_said_so() -> None:
    with running() as cloud, command("--port", str(urlsplit(cloud.url).port)) as process:
        output, errors = process.communicate(timeout=PATIENCE)
        assert (process.returncode, output) == (1, "")
        assert f"in use: '127.0.0.1:{urlsplit(cloud.url).port}'" in errors


def test_its_port_is_free_again_as_soon_as_it_has_stopped_though_it_hung_up_first() -> None:
    with ExitStack() as clients, running({}) as cloud:
        get(clients.enter_context(connected(cloud.url)), "/_cloud/health")
    with running({}, port=urlsplit(cloud.url).port or 0) as again, connected(again.url) as client:
        assert again.url == cloud.url
        assert get(client, "/_cloud/health")["status"] == "ready"


def test_several_clouds_run_side_by_side_and_know_nothing_of_each_other() -> None:
    with running() as one, running({}) as other:
        assert one.url != other.url
        with connected(other.url) as connection:
            assert get(connection, "/_cloud/state")["LoadBalancers"] == []


def test_a_world_that_cannot_be_never_starts() -> None:
    with pytest.raises(localcloud.documents.BadDocument, match="Qeues"), running({"Qeues": []}):
        pass


def test_nothing_is_left_behind_when_a_test_fails() -> None:
    before = threading.active_count()
    with pytest.raises(http.client.InvalidURL), running() as cloud, connected(cloud.url) as client:
        get(client, "/_cloud/health and more")
    assert threading.active_count() == before


@pytest.mark.parametrize("turns", range(5))
def test_a_connection_that_is_being_made_while_it_stops_is_closed_too(turns: int) -> None:
    """The turns of the loop are the states of a connection that asyncio has accepted."""
    clients: list[socket.socket] = []

    async def connect_and_stop() -> None:
        listener, stop = listen(0), asyncio.Event()

        async def connect() -> None:
            clients.append(socket.create_connection(listener.getsockname(), timeout=30))
            for _ in range(turns):
                await asyncio.sleep(0)
            stop.set()

        connecting: list[asyncio.Task[None]] = []
        await serve(
            Cloud({}, address(listener)),
            listener,
            stop,
            lambda: connecting.append(asyncio.create_task(connect())),
        )
        await asyncio.gather(*connecting)

    asyncio.run(connect_and_stop())
    gc.collect()  # a transport or a socket that nobody closed fails this test
    for client in clients:
        with client, suppress(ConnectionResetError):
            assert client.recv(1) == b""


def test_a_bug_in_an_operation_is_an_internal_error_and_goes_to_the_log(
    control: Any,
    served: Any,
    mns_request: Callable[..., Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    served.cloud.world.mns.queues["provision-requests"].messages = None
    answer = mns_request("GET", "/queues/provision-requests/messages")
    assert answer.status == 500
    assert b"<Code>InternalError</Code>" in answer.body
    assert "ReceiveMessage failed" in caplog.text
    assert control.journal()[0]["code"] == "InternalError"
