"""Faults on demand: which call goes wrong, and how.

| kind         | the operation takes effect | the caller sees                           |
| ------------ | -------------------------- | ----------------------------------------- |
| error        | no (yes with `commit`)     | status, code, message, x-acs-retry-after  |
| html         | no (yes with `commit`)     | an HTML page, 503 or `status`             |
| empty        | no (yes with `commit`)     | 200 or `status`, and nothing else         |
| no_effect    | no                         | success (see `answer`)                    |
| reset_before | no                         | the connection reset                      |
| reset_after  | yes                        | the connection reset                      |
| hang_after   | yes                        | nothing for `seconds`, then the answer    |
| trickle      | yes                        | the answer, bit by bit over `seconds`     |
| latency      | after `seconds`            | the answer, after `seconds`               |
| late         | after `seconds`            | the connection reset, at once             |
| crash_caller | no (yes with `commit`)     | nothing any more: its process is killed   |

Seconds are the cloud's: moving its clock forward ends them. An error has any status and any code.
`commit` replaces the answer of a call that succeeds; a refused one is answered as ever.
`answer` of no_effect is `actual` (the answer lists what the group holds in truth) or `claimed` (it
lists what the call asked for). The answer to a creation names a group that does not exist.
crash_caller strikes calls of functions only: it ends the instance that called.

A rule strikes every call, or those of a `service`, an `action`, a `caller` (as the journal names
it), and those that are about what `where` names: {"LoadBalancerId": "lb-1", "ServerId": "i-1"} is
for calls about that load balancer that name that server. It fires for the matching calls after its
first `skip`, `count` times, or each time with `probability`, drawn from its own `seed`: the same
calls in the same order fail in the same way. The first rule that strikes decides.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from localcloud.documents import BadDocument, Problem, check, pointer
from localcloud.wire.errors import ApiError
from localcloud.wire.message import HttpAnswer

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from localcloud.call import Call
    from localcloud.cloud import Cloud

_COMMITTING = ("none", "reset_after", "hang_after", "trickle", "latency", "late")
_UNAVAILABLE = HTTPStatus.SERVICE_UNAVAILABLE
_PAGE = b"<html><head><title>Service Unavailable</title></head><body></body></html>"


@dataclass
class Fault:
    kind: str
    service: str | None = None
    action: str | None = None
    caller: str | None = None
    where: Mapping[str, str] = field(default_factory=dict)
    status: int | None = None
    code: str = ""
    message: str = "A fault that was asked for."
    retry_after: int | None = None
    seconds: float = 0.0
    answer: str = "actual"
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

    def matches(self, cloud: Cloud, call: Call) -> bool:
        name = call.service.name if call.service else None
        return (
            self.service in (None, name)
            and self.action in (None, call.action)
            and (not self.caller or bool(call.identity and call.identity.caller == self.caller))
            and (self.kind != "crash_caller" or bool(call.identity and call.identity.function))
            and (not self.where or self._is_about(cloud, call))
        )

    def fire(self) -> bool:
        """Counts a matching call, and says whether the rule strikes it."""
        if self.skip:
            self.skip -= 1
            return False
        if self.count is not None and self.fired >= self.count:
            return False
        if self.probability is not None and self._chance.random() >= self.probability:
            return False
        self.fired += 1
        return True

    def _is_about(self, cloud: Cloud, call: Call) -> bool:
        found = call.service.subjects(cloud, call) if call.service else {}
        return all(
            value in found.get(name, ()) or call.concerns.get(name) == value
            for name, value in self.where.items()
        )

    @property
    def has_no_effect(self) -> bool:
        return self.kind == "no_effect"

    @property
    def name(self) -> str | None:
        return None if self is NO_FAULT else self.kind

    async def before(self, cloud: Cloud, call: Call) -> None:
        if self.kind == "late":
            call.connection.reset()
        if self.kind in ("late", "latency"):
            await cloud.elapse(self.seconds)

    def alter_response(self, answer: HttpAnswer | None) -> HttpAnswer | None:
        """Returns the answer that takes the place of the given one; ApiError for an error."""
        if self.kind == "error":
            wait = {"x-acs-retry-after": str(self.retry_after)} if self.retry_after else None
            raise ApiError(self.status or _UNAVAILABLE, self.code, self.message, wait)
        if self.kind == "html":
            return HttpAnswer(self.status or _UNAVAILABLE, _PAGE, (("content-type", "text/html"),))
        if self.kind == "empty":
            return HttpAnswer(self.status or HTTPStatus.OK)
        if self.kind == "trickle" and answer is not None:
            return replace(answer, seconds=self.seconds)
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
        """Returns the rule as it was given, with its defaults, and how often it `fired`."""
        return {key: value for key, value in vars(self).items() if not key.startswith("_")}


NO_FAULT = Fault("none")


class Faults:
    def __init__(self, actions: Mapping[str, Collection[str]]) -> None:
        """`actions` are those of each service: a rule for another one would never strike."""
        self._actions = actions
        self._rules: list[Fault] = []

    def add(self, document: Any) -> None:
        """Adds the rules of a document, all or none; BadDocument if one of them is wrong."""
        check(document, "faults")
        problems = [
            Problem(pointer(index, "action"), f"localcloud answers no {row['action']}")
            for index, row in enumerate(document)
            if "action" in row and not self._is_known(row.get("service"), row["action"])
        ]
        if problems:
            raise BadDocument(problems)
        self._rules += [Fault(**row) for row in document]

    def _is_known(self, service: str | None, action: str) -> bool:
        names = self._actions if service is None else [service]
        return any(action in self._actions[name] for name in names)

    def clear(self) -> None:
        self._rules.clear()

    def pick(self, cloud: Cloud, call: Call) -> Fault:
        """Returns the first rule that strikes; the rules after it do not count this call."""
        matching = (rule for rule in self._rules if rule.matches(cloud, call))
        return next((rule for rule in matching if rule.fire()), NO_FAULT)

    def describe(self) -> list[dict[str, Any]]:
        return [rule.describe() for rule in self._rules]
