"""What is read by the function: events, HTTP calls, request documents, its configuration."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from itertools import count
from typing import Any

from builders import TOKEN, a_hook_request
from deployments import Deployment, a_binding, context, deployment, servers
from provisioner import error_reporting, handler, http_api
from provisioner.aliyun.log import PowertoolsLog, build_log
from provisioner.app import App
from provisioner.errors import ConfigurationError, Rejected, Retryable
from provisioner.settings import VARIABLES, Settings
from provisioner.triggers import http as calls
from provisioner.triggers import request_document

from .corpus import BINDINGS, ENVIRON, EVENTS, PARSED
from .mutations import CANARY, Mutator

_INPUTS_PER_WORLD = 200
_count = count()


class Function:
    """The whole function on ports in memory, with the log that it writes in the cloud."""

    def __init__(self) -> None:
        self._written = io.StringIO()
        # powertools keeps one configuration per service name.
        self._log = build_log("DEBUG", stream=self._written, service=f"fuzz{next(_count)}")
        self._left = 0
        self._app = self._fresh()

    def event(self, mutator: Mutator) -> str:
        """A delivery, as bytes."""
        if mutator.random.random() < 3 / 4:
            value = mutator.value(mutator.random.choice(PARSED))
            payload = mutator.text(value).encode("utf-8", "surrogatepass")
        else:
            payload = mutator.bytes(mutator.random.choice(EVENTS))
        try:
            answer = json.loads(handler.handle_event(self._next(), payload, context()))
            defect = answer.get("statusCode") == 500
        except Retryable as error:
            defect = error.code == error_reporting.INTERNAL_ERROR
            _search(str(error))
        return self._read(defect=defect)

    def call(self, mutator: Mutator) -> str:
        """An HTTP call, as WSGI has it."""
        body = mutator.text(mutator.value(mutator.random.choice(PARSED))).encode(
            "utf-8", "surrogatepass"
        )
        environ: dict[str, Any] = {
            "REQUEST_METHOD": mutator.random.choice(("POST", "POST", "GET", "PUT", CANARY)),
            "PATH_INFO": mutator.random.choice(("/", "/provision", "/plan", "/health", "/x")),
            "CONTENT_LENGTH": mutator.random.choice((str(len(body)), "", "-1", "x", "9" * 30)),
            "wsgi.input": io.BytesIO(body),
            "fc.context": context(),
        }
        for name, value in mutator.pairs({}):
            environ.setdefault(f"HTTP_{name}", value)
        try:
            call = calls.parse_environ(environ)
        except Rejected as error:
            _search(str(error))
            return self._read(defect=False)
        answer = http_api.handle_call(
            (app := self._next()).deps, call, app.start_invocation(context())
        )
        return self._read(defect=answer.status == 500)

    def document(self, mutator: Mutator) -> str:
        """A request document by itself."""
        value = mutator.value(mutator.random.choice(PARSED))
        try:
            request_document.parse_body(
                mutator.text(value).encode("utf-8", "surrogatepass"), source="fuzz"
            )
        except Rejected as error:
            _search(str(error))
        return ""

    def configuration(self, mutator: Mutator) -> str:
        """The environment, bindings among it."""
        environ = dict(ENVIRON)
        if mutator.random.random() < 2 / 3:
            value = mutator.value(mutator.random.choice(BINDINGS))
            environ["BINDINGS"] = mutator.random.choice((json.dumps(value), mutator.text(value)))
        else:
            name = mutator.random.choice(VARIABLES).name
            environ |= {name: dict(mutator.pairs({name: CANARY})).get(name, CANARY)}
        try:
            Settings.from_environ(environ, _unreadable)
        except ConfigurationError as error:
            _search(str(error))
        return ""

    @property
    def readers(self) -> tuple[tuple[int, Callable[[Mutator], str]], ...]:
        return (10, self.event), (4, self.call), (3, self.document), (4, self.configuration)

    def _next(self) -> App:
        if not self._left:
            self._app = self._fresh()
        self._left -= 1
        return self._app

    def _fresh(self) -> App:
        self._left = _INPUTS_PER_WORLD
        made = deployment(a_binding(metadata_may_override=frozenset({"Weight", "Ports"})))
        made.waits_at_a_hook(a_hook_request())
        made.stands(*servers(3))
        return _logging(made, self._log)

    def _read(self, *, defect: bool) -> str:
        """What was written."""
        text = self._written.getvalue()
        self._written.seek(0)
        self._written.truncate()
        assert not defect, f"a defect: {text.strip().splitlines()[-1]}"
        assert TOKEN not in text
        return text


def _logging(made: Deployment, log: PowertoolsLog) -> App:
    app = made.app
    return App(app.deps, log, app.close, app.role)


def _search(message: str) -> None:
    assert CANARY not in message, "a message holds a part of the payload"


def _unreadable(_path: str) -> str:
    raise FileNotFoundError(2, "No such file or directory")
