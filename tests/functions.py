"""Functions on a localcloud: registered from a source text, and called by each of the clients."""

from __future__ import annotations

import errno
import io
import json
import os
import select
import sys
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone
from http.client import HTTPConnection
from pathlib import Path
from textwrap import dedent
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from localcloud.services.fc import interpreters
from localcloud.wire import acs3
from localcloud.wire.errors import ApiError
from localcloud.wire.message import HttpRequest

KEY, SECRET = "localcloud", "localcloud-secret"
PATIENCE = 60  # seconds; what is waited for takes a fraction of one, on a machine that is idle
PAUSE = 0.01  # seconds between two looks at what is waited for
ECHO = "def handler(event, context): return event"
NEWER = sys.version_info >= (3, 12)
# Whichever of the two this is, the interpreter is there.
HERE = {"Runtime": "python3.12" if NEWER else "python3.10", "Interpreter": sys.executable}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        message: str = self.json["errorMessage"]
        return message


def runtime(name: str) -> dict[str, str]:
    """The settings of a runtime whose interpreter was found; skips the test if it was not."""
    found(name)
    return {"Runtime": name}


def found(name: str) -> str:
    """The path of an interpreter; skips the test, and says why, if it is not there."""
    try:
        return interpreters.find(name)
    except ApiError:
        pytest.skip(f"this machine has no {name}, which the test runs a function on")


@dataclass
class Functions:
    url: str
    folder: Path
    _open: ExitStack = field(default_factory=ExitStack)

    def register(self, source: str = ECHO, name: str = "fn", **settings: Any) -> str:
        """Answers the name. `{folder}` in the source is where the test keeps its files."""
        code = self.folder / name.replace("/", "-") / uuid.uuid4().hex
        code.mkdir(parents=True)
        text = dedent(source).replace("{folder}", str(self.folder))
        (code / "index.py").write_text(text, encoding="utf-8")
        row = {"FunctionName": name, "Code": str(code), "Handler": "index.handler"}
        chosen = settings if "Runtime" in settings else {**HERE, **settings}
        answer = self.send("POST", "/_cloud/functions", {**row, **chosen})
        assert answer.status == 200, answer.body
        return name

    def send(
        self, method: str, target: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Answer:
        raw = body if body is None or isinstance(body, bytes) else json.dumps(body)
        with closing(HTTPConnection(urlsplit(self.url).netloc, timeout=PATIENCE)) as connection:
            connection.request(method, target, raw, headers or {})
            response = connection.getresponse()
            named = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, named, response.read())

    def call(self, name: str = "fn", payload: bytes = b"", **headers: str) -> Answer:
        """InvokeFunction of 2023-03-30, signed by hand."""
        path = f"/2023-03-30/functions/{quote(name.replace('/', '$'))}/invocations"
        signed = {
            "host": urlsplit(self.url).netloc,
            "x-acs-action": "InvokeFunction",
            "x-acs-version": "2023-03-30",
            "x-acs-content-sha256": "unread",
            "x-acs-signature-nonce": uuid.uuid4().hex,
            "x-acs-date": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            **{key.replace("_", "-"): value for key, value in headers.items()},
        }
        names = list(signed)
        signature = acs3.sign(HttpRequest("POST", path, "", signed, payload), names, SECRET)
        parts = f"Credential={KEY},SignedHeaders={';'.join(names)},Signature={signature}"
        return self.send(
            "POST", path, payload, {**signed, "authorization": f"ACS3-HMAC-SHA256 {parts}"}
        )

    def later(self, name: str = "fn", payload: bytes = b"") -> str:
        """An asynchronous call; its request id."""
        answer = self.call(name, payload, x_fc_invocation_type="Async")
        assert (answer.status, answer.body) == (202, b"")
        return answer.headers["x-fc-request-id"]

    def fc2(self) -> Any:
        from fc2 import Client  # noqa: PLC0415 - costs only where it is used

        return Client(endpoint=self.url, accessKeyID=KEY, accessKeySecret=SECRET)

    def fc3_call(self, name: str, payload: bytes, **headers: str) -> Answer:
        from alibabacloud_fc20230330 import models  # noqa: PLC0415 - slow; few tests need it
        from alibabacloud_fc20230330.client import Client  # noqa: PLC0415
        from alibabacloud_tea_openapi.models import Config  # noqa: PLC0415
        from darabonba.runtime import RuntimeOptions  # noqa: PLC0415

        endpoint = urlsplit(self.url).netloc
        config = Config(
            access_key_id=KEY, access_key_secret=SECRET, endpoint=endpoint, protocol="http"
        )
        request = models.InvokeFunctionRequest(body=io.BytesIO(payload))
        options = RuntimeOptions(read_timeout=PATIENCE * 1000)
        sent = models.InvokeFunctionHeaders(**headers)
        found = Client(config).invoke_function_with_options(name, request, sent, options)
        return Answer(found.status_code, found.headers, found.body.read())

    def log(self, name: str = "fn") -> str:
        text: str = self.send("GET", f"/_cloud/functions/{name}/logs").json["log"]
        return text

    def logged(self, text: str, times: int = 1, name: str = "fn") -> None:
        """Waits until it is."""
        until(lambda: self.log(name).count(text) >= times)

    def instances(self, name: str = "fn") -> list[dict[str, Any]]:
        functions = self.send("GET", "/_cloud/state").json["Functions"]
        (found,) = (item for item in functions if item["FunctionName"] == name)
        instances: list[dict[str, Any]] = found["Instances"]
        return instances

    def pids(self, name: str = "fn") -> list[int]:
        return [instance["Pid"] for instance in self.instances(name)]

    def signal(self, name: str) -> Callable[[], bytes]:
        """A pipe for functions to write to, as {folder}/name; answers what waits for a message."""
        os.mkfifo(self.folder / name)
        pipe = os.open(self.folder / name, os.O_RDWR)  # never at its end
        self._open.callback(os.close, pipe)

        def wait() -> bytes:
            assert select.select([pipe], [], [], PATIENCE)[0], self.log()
            return os.read(pipe, 4096)

        return wait

    def gate(self, name: str) -> Callable[[], object]:
        """A pipe for functions to read from, as {folder}/name; answers what lets one go on."""
        path = self.folder / name
        os.mkfifo(path)

        def opened() -> bool:
            """Never blocks: whoever should read may have failed."""
            try:
                os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise
                return False  # nobody reads yet
            return True

        return lambda: until(opened)

    def close(self) -> None:
        self._open.close()


def until(condition: Callable[[], bool], failing: Callable[[], object] = str) -> None:
    """Check until it holds; `failing` says what was there instead."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, failing()
        time.sleep(PAUSE)


def ended(pid: int) -> bool:
    """Waits for the end of a process that may be nobody's child any more."""
    with suppress(ProcessLookupError):
        descriptor = os.pidfd_open(pid)
        try:
            return bool(select.select([descriptor], [], [], PATIENCE)[0])
        finally:
            os.close(descriptor)
    return True
