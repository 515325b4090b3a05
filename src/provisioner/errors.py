"""The three ways in which an event can fail, told apart by whose fault it is.

`Rejected`   the event's: trying again cannot help. Published, answered, acknowledged.
`Retryable`  the moment's or the deployment's: raised, so that the platform delivers again.
`Skip`       nobody's: there is nothing to do, and the reason is logged.

A check collects `Problem` values and its caller decides to raise; nothing is raised for one
problem while others are still unknown. A message names the field, the type of its value and the
remedy. It never holds a value from an event or a credential: messages are logged and published.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from .model import EventRef, FailureRecord

# A listener (a rule) refers to the VServer group: DeleteVServerGroup refuses it (doc).
IN_USE = frozenset({"RspoolVipExist", "RspoolRuleExist"})

_MOST_TOLD = 5  # problems in one message; all of them are in `Rejected.problems`


class Code(str, Enum):
    """Every code that this project gives by itself; the cloud's own codes are passed on."""

    UNREADABLE = "Unreadable"
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
    HOOK_MESSAGE_DIFFERS = "HookMessageDiffers"
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
    """What was wrong with a rejected event; the HTTP edge answers each with a status of its own."""

    UNREADABLE = "unreadable"
    INVALID = "invalid"
    NOT_FOUND = "not found"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend. `path` is a JSON Pointer (RFC 6901); "" is the whole document."""

    path: str
    message: str


class ProvisionerError(Exception):
    """`code` is one of `Code` or a code of the cloud's; `request_id` is set by the adapter where
    the cloud answered with one."""

    problems: tuple[Problem, ...] = ()

    def __init__(self, code: str, message: str, *, path: str = "") -> None:
        super().__init__(f"{_to_plain_text(code)}: {message}")
        self.code = _to_plain_text(code)
        self.message = message
        self.path = path
        self.request_id = ""

    def to_document(self) -> dict[str, Any]:
        """For a result: the message tells the first few of the problems, `problems` all of them."""
        told: dict[str, Any] = {"code": self.code, "message": self.message, "path": self.path}
        if self.problems not in ((), (Problem(self.path, self.message),)):
            told["problems"] = [{"path": p.path, "message": p.message} for p in self.problems]
        return told

    def to_log_fields(self) -> dict[str, Any]:
        """For the log."""
        return self.to_document() | ({"request_id": self.request_id} if self.request_id else {})


class Rejected(ProvisionerError):
    """`event` is set by whoever read from an envelope which one it is."""

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
        """One error for all `problems`, of which there is at least one; it tells the first few."""
        found = tuple(problems)
        told = [f"{problem.path} {problem.message}".strip() for problem in found[:_MOST_TOLD]]
        if len(found) > _MOST_TOLD:
            told.append(f"and {len(found) - _MOST_TOLD} more")
        return cls(code, f"{what}: {'; '.join(told)}", path=found[0].path, problems=found)


class RetriesExhausted(Rejected):
    """The platform's: it gave an event up, and hands over its record of that."""

    def __init__(self, record: FailureRecord, event: EventRef) -> None:
        said = f", the last with {record.condition}" if record.condition else ""
        super().__init__(
            Code.RETRIES_EXHAUSTED,
            f"the platform gave the event up after {record.attempts} attempt(s){said}; see the log "
            "for what stood against it, mend that, and send the event again",
            fault=Fault.CONFLICT,
        )
        self.record = record
        self.event = event


class Retryable(ProvisionerError):
    """`retry_after` is in seconds, where the cloud said one."""

    def __init__(
        self, code: str, message: str, *, path: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(code, message, path=path)
        self.retry_after = retry_after


class Ambiguous(Retryable):
    """The call was sent and no readable answer came: it may have taken effect, or still may."""

    def __init__(self, message: str) -> None:
        super().__init__(Code.OUTCOME_UNKNOWN, message)


class ConfigurationError(Retryable):
    """The deployment is at fault, not the event: the event is kept until that is mended."""

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
    """Not a failure: the event asks for nothing that this function does."""

    def __init__(self, reason: str) -> None:
        super().__init__("Skipped", reason)


def _to_plain_text(code: str) -> str:
    return code.value if isinstance(code, Code) else code
