"""This project's function as the offline cloud runs it: deployed, invoked, followed by its log."""

from __future__ import annotations

import io
import json
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from . import local
from .world import DEAD_LETTERS, REGION, TOPIC

NAME = "provisioner"
TIMEOUT = 120  # seconds that the function has, as a deployment would set it
_PATIENCE = 60.0  # seconds without any step, after which nothing more is to be expected
_GLANCE = 0.1  # seconds that one look waits for a call: a step may come after the last one
_API_VERSION = (3, 12)  # from this runtime on, the context has another shape


class FunctionFailedError(Exception):
    """It said nothing of what became of an event: it did not start, or it fell silent."""


def deployment(bindings_file: str, regions: Sequence[str] = ()) -> dict[str, Any]:
    """As `Functions` of a world: the sources in place, on this interpreter with its packages."""
    return {
        "FunctionName": NAME,
        "Code": str(local.SOURCES),
        "Handler": "index.handler",
        "Initializer": "index.initialize",
        "PreStop": "index.pre_stop",
        "Runtime": "python3.12" if sys.version_info >= _API_VERSION else "python3.10",
        "Interpreter": sys.executable,
        "Timeout": TIMEOUT,
        "EnvironmentVariables": {
            "PYTHONPATH": sysconfig.get_path("purelib"),
            "REGION_ID": REGION,
            "REGIONS": ",".join(regions),
            "RESULT_TOPIC": TOPIC,
            "DEAD_LETTER_QUEUE": DEAD_LETTERS,
            "SLB_ENDPOINT": "{endpoint}",
            "ESS_ENDPOINT": "{endpoint}",
            "MNS_ENDPOINT": "{endpoint}",
            "BINDINGS_FILE": bindings_file,
        },
    }


@dataclass(slots=True)
class Function:
    """`on_step` hears each step of the function once, in order, as it is found in the log."""

    cloud: local.LocalCloud
    on_step: Callable[[str, dict[str, Any]], None]
    _known: str = ""
    _seen: int = 0
    calls: list[dict[str, Any]] = field(default_factory=list)

    def invoke(self, payload: bytes) -> None:
        """Synchronously. A failure that the function tells of is a step like another."""
        heard: list[str] = []
        with ThreadPoolExecutor(1) as pool:
            ending = pool.submit(self._invoked, payload)
            while not ending.done():
                heard += self.look(wait=_GLANCE)
        heard += self.look()
        headers, said = ending.result()
        if "x-fc-error-type" in headers and "outcome" not in heard:
            raise FunctionFailedError(f"the function failed: {_one_line(said)}")

    def follow(self, until: str) -> None:
        """Waits for a step of that name."""
        silent_since = time.monotonic()
        while True:
            names = self.look(wait=_GLANCE)
            if until in names:
                return
            now = time.monotonic()
            silent_since = now if names else silent_since
            if now - silent_since > _PATIENCE:
                last = _one_line(self._known.rstrip().rpartition("\n")[2]) or "nothing"
                raise FunctionFailedError(f"the function fell silent; its log ends with: {last}")

    def look(self, *, wait: float = 0) -> list[str]:
        """The names of the steps since the last look; `wait` is for something to be called."""
        new = self.cloud.calls_after(self._seen, wait=wait)
        steps = list(self._steps())
        self._seen = max((call["seq"] for call in new), default=self._seen)
        self.calls += [call for call in new if call["caller"] == NAME]
        for name, fields in steps:
            self.on_step(name, fields)
        return [name for name, _ in steps]

    def _invoked(self, payload: bytes) -> tuple[dict[str, str], str]:
        from alibabacloud_fc20230330 import models  # noqa: PLC0415 - loads while the cloud starts
        from alibabacloud_fc20230330.client import Client  # noqa: PLC0415
        from darabonba.runtime import RuntimeOptions  # noqa: PLC0415

        from .readings import config  # noqa: PLC0415

        request = models.InvokeFunctionRequest(body=io.BytesIO(payload))
        headers = models.InvokeFunctionHeaders()
        options = RuntimeOptions(read_timeout=TIMEOUT * 1000)
        client = Client(config(self.cloud.url))
        answer = client.invoke_function_with_options(NAME, request, headers, options)
        told = {name.lower(): value for name, value in answer.headers.items()}
        return told, answer.body.read().decode("utf-8", "replace")

    def _steps(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for line in self._new_text().splitlines():
            if line.startswith("{"):
                fields = json.loads(line)
                yield fields.pop("message"), fields

    def _new_text(self) -> str:
        """Whole lines. A long log loses its oldest ones."""
        text = self.cloud.log_of(NAME)
        text = text[: text.rfind("\n") + 1]
        known, self._known = self._known, text
        if text.startswith(known):
            return text[len(known) :]
        last = known.splitlines(keepends=True)[-1]
        return text.rpartition(last)[2]


def _one_line(text: str) -> str:
    """Of an error document the message."""
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if isinstance(document, dict):
        text = str(document.get("errorMessage") or document)
    return " ".join(text.split())
