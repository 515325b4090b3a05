"""The errors of this project, sorted by whose fault they are.

`Rejected`   The event is at fault: a retry cannot help. It is published, answered and acknowledged.
`Retryable`  The moment or the deployment is at fault: it is raised, so that the platform delivers
             the event again.
`Skip`       Nobody is at fault: there is nothing to do. The reason is logged.

A check returns all of its `Problem` values, and its caller raises once. A message names the field,
the type of its value and the remedy. It never contains a value of an event or a credential, because
messages are logged and published. Names of unknown keys, which a sender can choose, are shown to
the sender and not logged.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from .model import EventRef, FailureRecord

# DeleteVServerGroup refuses with these codes while a listener or a rule refers to the group (doc).
IN_USE = frozenset({"RspoolVipExist", "RspoolRuleExist"})

_MAX_PROBLEMS_IN_MESSAGE = 5  # `Rejected.problems` has all of them


class Code(str, Enum):
    """The codes that this project defines. Codes of the cloud are passed on unchanged."""

    UNREADABLE = "Unreadable"
    TOO_LARGE = "TooLarge"
    UNKNOWN_ENVELOPE = "UnknownEnvelope"
    INVALID_REQUEST = "InvalidRequest"
    NOT_FOUND = "NotFound"
    METHOD_NOT_ALLOWED = "MethodNotAllowed"
    NO_BINDING = "NoBinding"
    BINDING_UNFIT = "BindingUnfit"
    VSERVER_GROUP_DIFFERS = "VServerGroupDiffers"
    VSERVER_GROUP_FOREIGN = "VServerGroupForeign"
    VSERVER_GROUP_NAME_NOT_UNIQUE = "VServerGroupNameNotUnique"
    QUOTA_EXCEEDED = "QuotaExceeded"
    INSTANCES_GONE = "InstancesGone"
    INSTANCES_STAY = "InstancesStay"
    LIFECYCLE_ACTION_NOT_FOUND = "LifecycleActionNotFound"
    HOOK_MESSAGE_DIFFERS = "HookMessageDiffers"
    INSTANCES_NOT_READY = "InstancesNotReady"
    HOOK_ENDED_OTHERWISE = "HookEndedOtherwise"
    HOOK_DEADLINE_PASSED = "HookDeadlinePassed"
    HOOK_FAILED = "HookFailed"
    PAUSED = "Paused"
    CONFIGURATION_INVALID = "ConfigurationInvalid"
    PERMISSION_MISSING = "PermissionMissing"
    OUTCOME_UNKNOWN = "OutcomeUnknown"
    UNREACHABLE = "Unreachable"
    NO_ANSWER = "NoAnswer"
    OUT_OF_TIME = "OutOfTime"
    STILL_CHANGING = "StillChanging"
    RETRIES_EXHAUSTED = "RetriesExhausted"


class Fault(Enum):
    """What is wrong with a rejected event. `http_api` has the HTTP status of each."""

    UNREADABLE = "unreadable"
    TOO_LARGE = "too large"
    INVALID = "invalid"
    NOT_FOUND = "not found"
    CONFLICT = "conflict"
    QUOTA = "quota"  # of the cloud: it is used up until others make room


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to correct. `path` is a JSON Pointer (RFC 6901); "" is the whole document.

    `redacted` is the same problem for the log, if the problem shows a key that the sender chose.
    """

    path: str
    message: str
    redacted: Problem | None = field(default=None, compare=False)

    def add_prefix(self, prefix: str) -> Problem:
        """Return the problem of a document as a problem of what contains the document."""
        redacted = self.redacted and self.redacted.add_prefix(prefix)
        return Problem(prefix + self.path, self.message, redacted)


class ProvisionerError(Exception):
    """Base of all errors. `code` is one of `Code` or a code of the cloud. An adapter sets
    `request_id` if the cloud answered with one."""

    problems: tuple[Problem, ...] = ()

    def __init__(self, code: str, message: str, *, path: str = "") -> None:
        super().__init__(f"{_to_plain_text(code)}: {message}")
        self.code = _to_plain_text(code)
        self.message = message
        self.path = path
        self.request_id = ""

    def to_document(self) -> dict[str, Any]:
        """Return the error as a part of a result, with all of its problems."""
        document: dict[str, Any] = {"code": self.code, "message": self.message, "path": self.path}
        if self.problems not in ((), (Problem(self.path, self.message),)):
            document["problems"] = [{"path": p.path, "message": p.message} for p in self.problems]
        return document

    def to_log_fields(self) -> dict[str, Any]:
        """Return the error as a field of a log line."""
        return self.to_document() | ({"request_id": self.request_id} if self.request_id else {})


class Rejected(ProvisionerError):
    """The event is at fault. The decoder sets `event` if an envelope identifies the event.

    `redacted_message` is the message for the log, if the message shows keys that the sender chose.
    """

    def __init__(  # noqa: PLR0913 - each is one part of the answer to the sender
        self,
        code: str,
        message: str,
        *,
        path: str = "",
        fault: Fault = Fault.INVALID,
        problems: Iterable[Problem] = (),
        redacted_message: str = "",
    ) -> None:
        super().__init__(code, message, path=path)
        self.fault = fault
        self.event: EventRef | None = None
        self.problems = tuple(problems) or (Problem(path, message),)
        self.redacted_message = redacted_message or message

    @classmethod
    def from_problems(
        cls, problems: Iterable[Problem], *, code: str = Code.INVALID_REQUEST, what: str = "request"
    ) -> Rejected:
        """Build one error for all `problems`, at least one. `what` names the document."""
        problems = tuple(problems)
        return cls(
            code,
            _summarize(problems, what),
            path=problems[0].path,
            problems=problems,
            redacted_message=_summarize(_redact(problems), what),
        )

    def add_prefix(self, prefix: str) -> Rejected:
        """Return the error of a document as an error of what contains the document."""
        error = Rejected(
            self.code,
            self.message,
            path=prefix + self.path,
            fault=self.fault,
            problems=[problem.add_prefix(prefix) for problem in self.problems],
            redacted_message=self.redacted_message,
        )
        error.event = self.event
        return error

    def to_log_fields(self) -> dict[str, Any]:
        problems = _redact(self.problems)
        path = self.path if self.problems[0].redacted is None else problems[0].path
        redacted = ProvisionerError(self.code, self.redacted_message, path=path)
        redacted.request_id = self.request_id
        if self.problems != (Problem(self.path, self.message),):
            redacted.problems = problems
        return redacted.to_log_fields()


class RetriesExhausted(Rejected):
    """The platform stopped retrying an event and delivered its record of that."""

    def __init__(self, record: FailureRecord, event: EventRef) -> None:
        condition = f", the last of which ended with {record.condition}" if record.condition else ""
        super().__init__(
            Code.RETRIES_EXHAUSTED,
            f"the platform stopped after {record.attempts} attempt(s){condition}; find the cause "
            "in the log, correct it, and send the event again",
            fault=Fault.CONFLICT,
        )
        self.record = record
        self.event = event


class Retryable(ProvisionerError):
    """The event is to be delivered again. `retry_after` is in seconds, if the cloud named one."""

    def __init__(
        self, code: str, message: str, *, path: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(code, message, path=path)
        self.retry_after = retry_after


class Ambiguous(Retryable):
    """A call was sent and got no readable answer: it may have taken effect, or still may."""

    def __init__(self, message: str) -> None:
        super().__init__(Code.OUTCOME_UNKNOWN, message)


class ConfigurationError(Retryable):
    """The deployment is at fault: the event is kept until the deployment is corrected."""

    def __init__(
        self,
        message: str,
        *,
        code: str = Code.CONFIGURATION_INVALID,
        problems: Iterable[Problem] = (),
    ) -> None:
        super().__init__(code, message)
        self.problems = tuple(problems)


class Skip(ProvisionerError):
    """The event asks for nothing that this function does. This is not a failure."""

    def __init__(self, reason: str) -> None:
        super().__init__("Skipped", reason)


def _redact(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(problem.redacted or problem for problem in problems)


def _summarize(problems: Sequence[Problem], what: str) -> str:
    lines = [f"{p.path} {p.message}".strip() for p in problems[:_MAX_PROBLEMS_IN_MESSAGE]]
    if len(problems) > _MAX_PROBLEMS_IN_MESSAGE:
        lines.append(f"and {len(problems) - _MAX_PROBLEMS_IN_MESSAGE} more")
    return f"{what}: {'; '.join(lines)}"


def _to_plain_text(code: str) -> str:
    return code.value if isinstance(code, Code) else code
