"""A server that says what it is told to, whatever is asked: answers that no API documents."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

DATE = "Tue, 01 Jul 2025 08:00:00 GMT"
DATE_SECONDS = 1751356800.0


@dataclass(frozen=True)
class Reply:
    body: str
    status: int = 200
    headers: Mapping[str, str] = field(
        default_factory=lambda: {"Date": DATE, "Content-Type": "application/json;charset=utf-8"}
    )
    then_close: bool = False
    """Without saying so: the client finds a dead connection the next time."""
    before: Callable[[], object] = lambda: None
    """Done when the request is there and before it is answered."""


@dataclass
class Canned:
    url: str
    replies: deque[Reply] = field(default_factory=deque)
    asked: list[dict[str, str]] = field(default_factory=list)
    """The query of each request, and x-acs-action as Action."""
    closed: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    """Released for each connection that is closed at this end."""

    def say(self, body: str, status: int = 200, **more: object) -> None:
        self.replies.append(Reply(body, status, **more))  # type: ignore[arg-type]


@contextmanager
def canned() -> Iterator[Canned]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            query = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
            script.asked.append({"Action": self.headers.get("x-acs-action", ""), **query})
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            reply = script.replies.popleft()
            with suppress(BrokenPipeError, ConnectionResetError):  # who is gone needs no answer
                self._answer(reply)

        def _answer(self, reply: Reply) -> None:
            body = reply.body.encode()
            reply.before()
            self.send_response_only(reply.status)
            for name, value in {**reply.headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = reply.then_close

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def shutdown_request(self, request: Any) -> None:
            super().shutdown_request(request)
            script.closed.release()

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    script = Canned(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
