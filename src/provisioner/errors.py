"""The errors of this project, sorted by whose fault they are.

`Rejected`   The event is at fault: a retry cannot help. It is published, answered and acknowledged.
`Retryable`  The moment or the deployment is at fault: it is raised, so that the platform delivers
             the event again.
`Skip`       Nobody is at fault: there is nothing to do. The reason is logged.

A check returns all of its `Problem` values, and its caller raises once. A message names the field,
the type of its value and the remedy. It never contains a value of an event or a credential, because
messages are logged and published.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
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
    VSERVER_GROUP_NAME_NOT_UNIQUE = "VServerGroupNameNotUnique"
    QUOTA_EXCEEDED = "QuotaExceeded"
    INSTANCES_GONE = "InstancesGone"
    INSTANCES_STAY = "InstancesStay"
    LIFECYCLE_ACTION_NOT_FOUND = "LifecycleActionNotFound"
    INSTANCES_NOT_READY = "InstancesNotReady"
    HOOK_ENDED_OTHERWISE = "HookEndedOtherwise"
    HOOK_DEADLINE_PASSED = "HookDeadlinePassed"
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
    """What is wrong with a rejected event. Each has an HTTP status of its own (`http_api`)."""

    UNREADABLE = "unreadable"
    TOO_LARGE = "too large"
    INVALID = "invalid"
    NOT_FOUND = "not found"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to correct. `path` is a JSON Pointer (RFC 6901); "" is the whole document."""

    path: str
    message: str


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
    """The event is at fault. The decoder sets `event` if an envelope identifies the event."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        path: str = "",
        fault: Fault = Fault.INVALID,
        problems: Iterable[Problem] = (),
    ) -> None:
        super().__init__(code, message, path=path)
        self.fault = fault
        self.event: EventRef | None = None
        self.problems = tuple(problems) or (Problem(path, message),)

    @classmethod
    def from_problems(
        cls, problems: Iterable[Problem], *, code: str = Code.INVALID_REQUEST, what: str = "request"
    ) -> Rejected:
        """Build one error for all `problems`, at least one. `what` names the document."""
        problems = tuple(problems)
        lines = [f"{p.path} {p.message}".strip() for p in problems[:_MAX_PROBLEMS_IN_MESSAGE]]
        if len(problems) > _MAX_PROBLEMS_IN_MESSAGE:
            lines.append(f"and {len(problems) - _MAX_PROBLEMS_IN_MESSAGE} more")
        return cls(code, f"{what}: {'; '.join(lines)}", path=problems[0].path, problems=problems)


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


def _to_plain_text(code: str) -> str:
    return code.value if isinstance(code, Code) else code
