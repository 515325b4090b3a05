"""Faults on demand: which call goes wrong, and how.

| kind         | the operation takes effect | the caller sees                           |
| ------------ | -------------------------- | ----------------------------------------- |
| error        | no (yes with `commit`)     | status, code, message, x-acs-retry-after  |
| html         | no (yes with `commit`)     | an HTML page, 503 or `status`             |
| empty        | no (yes with `commit`)     | 200 or `status`, and nothing else         |
| reset_before | no                         | the connection reset                      |
| reset_after  | yes                        | the connection reset                      |
| hang_after   | yes                        | nothing for `seconds`, then the answer    |
| latency      | after `seconds`            | the answer, after `seconds`               |
| late         | after `seconds`            | the connection reset, at once             |
| crash_caller | no (yes with `commit`)     | nothing any more: its process is killed   |

Seconds are the cloud's: moving its clock forward ends them.
`commit` replaces the answer of a call that succeeds; a refused one is answered as ever.
crash_caller strikes calls of functions only: the instance that called ends, with all that it does.
A rule with a `caller` (as the journal names it) leaves the calls of all others alone.

A rule fires for the matching calls after its first `skip`, `count` times, or each time with
`probability`, drawn from its own `seed`: the same calls in the same order fail in the same way.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from localcloud.documents import check
from localcloud.wire.errors import ApiError
from localcloud.wire.message import HttpAnswer

if TYPE_CHECKING:
    from localcloud.call import Call
    from localcloud.cloud import Cloud

_COMMITTING = ("none", "reset_after", "hang_after", "latency", "late")
_UNAVAILABLE = HTTPStatus.SERVICE_UNAVAILABLE
_PAGE = b"<html><head><title>Service Unavailable</title></head><body></body></html>"


@dataclass
class Fault:
    kind: str
    service: str | None = None
    action: str | None = None
    caller: str | None = None
    status: int | None = None
    code: str = ""
    message: str = "A fault that was asked for."
    retry_after: int | None = None
    seconds: float = 0.0
    commit: bool = False
    count: int | None = None
    skip: int = 0
    probability: float | None = None
    seed: int = 0
    fired: int = 0

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)  # noqa: S311 - a replayable draw, not a secret
        self.commit = self.commit or self.kind in _COMMITTING
        if self.count is None and self.probability is None:
            self.count = 1

    def strikes(self, call: Call) -> bool:
        name = call.service.name if call.service else None
        if self.service not in (None, name) or self.action not in (None, call.action):
            return False
        if self.caller and not (call.identity and call.identity.caller == self.caller):
            return False
        if self.kind == "crash_caller" and not (call.identity and call.identity.function):
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.count is not None and self.fired >= self.count:
            return False
        if self.probability is not None and self._chance.random() >= self.probability:
            return False
        self.fired += 1
        return True

    @property
    def name(self) -> str | None:
        return None if self is NO_FAULT else self.kind

    async def before(self, cloud: Cloud, call: Call) -> None:
        if self.kind == "late":
            call.connection.reset()
        if self.kind in ("late", "latency"):
            await cloud.elapse(self.seconds)

    def disguise(self, answer: HttpAnswer | None) -> HttpAnswer | None:
        """The answer that takes the place of the given one."""
        if self.kind == "error":
            wait = {"x-acs-retry-after": str(self.retry_after)} if self.retry_after else None
            raise ApiError(self.status or _UNAVAILABLE, self.code, self.message, wait)
        if self.kind == "html":
            return HttpAnswer(self.status or _UNAVAILABLE, _PAGE, (("content-type", "text/html"),))
        if self.kind == "empty":
            return HttpAnswer(self.status or HTTPStatus.OK)
        return answer

    async def after(self, cloud: Cloud, call: Call, answer: HttpAnswer | None) -> HttpAnswer | None:
        if self.kind == "crash_caller" and call.identity:
            cloud.functions.kill(call.identity.function, call.identity.instance)
        if self.kind in ("reset_before", "reset_after", "late", "crash_caller"):
            call.connection.reset()
            return None
        if self.kind == "hang_after":
            await cloud.elapse(self.seconds, call.connection)
        return answer

    def describe(self) -> dict[str, Any]:
        return {key: value for key, value in vars(self).items() if not key.startswith("_")}


NO_FAULT = Fault("none")


class Faults:
    def __init__(self) -> None:
        self._rules: list[Fault] = []

    def add(self, document: Any) -> None:
        check(document, "faults")
        self._rules += [Fault(**row) for row in document]

    def clear(self) -> None:
        self._rules.clear()

    def pick(self, call: Call) -> Fault:
        """The first rule that strikes; the ones after it do not count this call."""
        return next((rule for rule in self._rules if rule.strikes(call)), NO_FAULT)

    def describe(self) -> list[dict[str, Any]]:
        return [rule.describe() for rule in self._rules]
