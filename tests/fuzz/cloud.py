"""What is read by localcloud: the parameters, bodies, signatures and documents that it is sent.

Calls run through its pipeline as they do when they come over a socket. Most are let in unsigned, or
nothing would get past the signature; the others show what the readers of signatures make of them.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from localcloud import app, control
from localcloud.call import Call, Connection
from localcloud.cloud import Cloud
from localcloud.registry import identify
from localcloud.wire.message import HttpRequest
from localcloud.worlds import default_world

from .corpus import DOCUMENTS, FC, MNS, PLACE, RPC
from .mutations import Mutator

_INPUTS_PER_WORLD = 400


class Gone(Connection):
    """A caller who does not wait."""

    @property
    def is_closed(self) -> bool:
        return True

    def reset(self) -> None: ...

    async def closed(self) -> None: ...


class LetIn:
    """A dialect that takes its callers' word for who they are."""

    def __init__(self, dialect: Any) -> None:
        self._dialect = dialect

    def claim(self, _request: HttpRequest) -> None:
        return None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._dialect, name)


class LocalCloud:
    def __init__(self) -> None:
        self._written = io.StringIO()
        log = logging.getLogger("localcloud")
        log.handlers[:] = [logging.StreamHandler(self._written)]
        log.propagate = False
        self._left = 0
        self._loop = asyncio.new_event_loop()
        self._cloud = self._fresh()

    def close(self) -> None:
        self._loop.close()

    def rpc(self, mutator: Mutator) -> str:
        version, call = mutator.random.choice(RPC)
        pairs = mutator.pairs({**PLACE, **call, "Version": version})
        query = "&".join(f"{_quoted(k)}={_quoted(v)}" for k, v in pairs)
        headers = {"host": "localhost", **self._odd_headers(mutator)}
        return self._sent(HttpRequest("POST", "/", query, headers), mutator)

    def mns(self, mutator: Mutator) -> str:
        method, target, text = mutator.random.choice(MNS)
        path, _, query = target.partition("?")
        body = mutator.bytes(text.encode()) if text or mutator.random.random() < 1 / 4 else b""
        headers = {"host": "localhost", **self._odd_headers(mutator)}
        return self._sent(HttpRequest(method, path, query, headers, body), mutator)

    def fc(self, mutator: Mutator) -> str:
        method, target = mutator.random.choice(FC)
        path, _, query = target.partition("?")
        headers = {
            "x-fc-invocation-type": mutator.random.choice(("Sync", "Async", "x")),
            **self._odd_headers(mutator),
        }
        return self._sent(HttpRequest(method, path, query, headers, mutator.bytes(b"{}")), mutator)

    def document(self, mutator: Mutator) -> str:
        """To the control endpoint."""
        name = mutator.random.choice(list(DOCUMENTS))
        value = mutator.value(DOCUMENTS[name])
        raw = json.dumps(value).encode()
        body = raw if mutator.random.random() < 9 / 10 else mutator.bytes(raw)
        status = self._loop.run_until_complete(_posted(self._next(), f"/{name}", body))
        self._cloud.faults.clear()
        return self._read(defect=status >= 500)

    @property
    def readers(self) -> tuple[tuple[int, Callable[[Mutator], str]], ...]:
        return (6, self.rpc), (4, self.mns), (1, self.fc), (2, self.document)

    def _sent(self, request: HttpRequest, mutator: Mutator) -> str:
        cloud = self._next()
        call: Call = identify(request, Gone())
        if mutator.random.random() < 4 / 5:
            call.dialect = LetIn(call.dialect)
        answer = self._loop.run_until_complete(app.handle(cloud, call))
        return self._read(defect=answer is not None and answer.status == 500)

    def _odd_headers(self, mutator: Mutator) -> dict[str, str]:
        names = ("authorization", "date", "x-acs-date", "content-type", "content-md5")
        odd = dict(mutator.pairs({}))
        return {mutator.random.choice(names): value for value in odd.values()}

    def _next(self) -> Cloud:
        if not self._left:
            self._cloud = self._fresh()
        self._left -= 1
        return self._cloud

    def _fresh(self) -> Cloud:
        self._left = _INPUTS_PER_WORLD
        return Cloud(default_world(), "http://127.0.0.1:1")

    def _read(self, *, defect: bool) -> str:
        text = self._written.getvalue()
        self._written.seek(0)
        self._written.truncate()
        assert not defect, f"a defect: {text.strip()[-2000:]}"
        return text


def _quoted(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


async def _posted(cloud: Cloud, path: str, body: bytes) -> int:
    """The status that the control endpoint answers."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [],
        "state": {},
    }
    await control.build(cloud)(scope, receive, send)
    status: int = sent[0]["status"]
    return status
