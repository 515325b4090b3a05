"""An offline cloud of one's own: started on a free port, seeded, asked, stopped."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, Request, build_opener

TOOLS = Path(__file__).parents[1]
SOURCES = TOOLS.parent / "src"
ACCESS_KEY_ID = "localcloud"
ACCESS_KEY_SECRET = "localcloud-secret"  # noqa: S105 - opens nothing but a cloud on this machine

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_opener = build_opener(ProxyHandler({}))


class LocalCloudFailedError(Exception):
    """It did not start, or it refused the world that it was given."""


@dataclass(frozen=True, slots=True)
class LocalCloud:
    url: str

    def seed(self, world: Mapping[str, Any]) -> None:
        self._ask("seed", json.dumps(world).encode())

    def calls_after(self, seq: int, *, wait: float = 0) -> list[dict[str, Any]]:
        """What was called, from the journal; waits so many seconds for the first."""
        entries: list[dict[str, Any]] = self._ask(f"journal?after={seq}&wait={wait}")["entries"]
        return entries

    def log_of(self, function: str) -> str:
        text: str = self._ask(f"functions/{function}/logs")["log"]
        return text

    def _ask(self, path: str, body: bytes | None = None) -> Any:
        # The address is on loopback: localcloud binds to nothing else.
        with _opener.open(Request(f"{self.url}/_cloud/{path}", body)) as answer:  # noqa: S310
            return json.load(answer)


def without_proxies() -> None:
    """The SDKs send loopback calls to a proxy too, whatever NO_PROXY says."""
    for name in _PROXIES:
        os.environ.pop(name, None)
        os.environ.pop(name.lower(), None)


def host_of(endpoint: str) -> str:
    """Empty where there is none, or the port is none that there can be."""
    try:
        parts = urlsplit(endpoint if "://" in endpoint else f"//{endpoint}")
        host, port = parts.hostname, parts.port
    except ValueError:
        return ""
    return "" if port == 0 else host or ""


def is_loopback(endpoint: str) -> bool:
    host = host_of(endpoint)
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@contextmanager
def localcloud(*, empty: bool) -> Iterator[LocalCloud]:
    """It ends with this block, and with this process however that ends. What is not empty is the
    default world, which has this project's function in it."""
    options = ["--port", "0", "--until-stdin-closes", *(["--empty"] if empty else [])]
    command = [sys.executable, "-m", "localcloud", *options]
    environ = {**os.environ, "PYTHONPATH": str(TOOLS)}
    with subprocess.Popen(  # noqa: S603 - our own interpreter and module
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ, text=True
    ) as process:
        try:
            assert process.stdout is not None
            ready = process.stdout.readline()
            if not ready:
                raise LocalCloudFailedError("localcloud did not start; what it said is above")
            yield LocalCloud(ready.split()[-1])
        finally:
            process.terminate()
