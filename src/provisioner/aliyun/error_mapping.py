"""Map the error codes of the cloud to our errors, by tables of rules.

The operation, the HTTP status and the code decide, never the text: it names no rule, and may repeat
the request. Our error keeps the code; its message is ours, and says what to do.

A refusal is final (`Rejected`) only if a rule names its code as final: a hook answers it with its
failure result, which may release servers. Everything else is `Retryable`. The order:

1. A status that passes (`_PASSING`), whatever the code.
2. The rules of the service, then those of the gateway. A final rule does not count for a 5xx. It
   does not count for a read either, unless it says that something does not exist.
3. A 5xx: the cloud failed. If the call writes, it may have taken effect.
4. A code that no rule names: the next attempt shows whether it passes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import NamedTuple

from provisioner.errors import (
    Ambiguous,
    Code,
    ConfigurationError,
    Fault,
    ProvisionerError,
    Rejected,
    Retryable,
)

_SERVER_ERROR = 500
_REQUEST_TIMEOUT, _TOO_MANY_REQUESTS = 408, 429
# Whatever the code: the request came too slowly (408), the resource is busy (409, doc:
# BackendServer.configuring; 449, doc: SystemBusy) or locked (423), or there were too many calls
# (429, seen with several codes).
_PASSING = frozenset({_REQUEST_TIMEOUT, 409, 423, _TOO_MANY_REQUESTS, 449})


class Operation(NamedTuple):
    name: str
    writes: bool

    @property
    def is_describe(self) -> bool:
        """Whether the call reads the state of the cloud. The APIs name all such calls Describe."""
        return self.name.startswith("Describe")


class ApiError(NamedTuple):
    """An error answer without its text. `retry_after` is in seconds."""

    operation: Operation
    status: int
    code: str
    retry_after: float | None = None


ErrorFactory = Callable[[ApiError], ProvisionerError]


class Rule(NamedTuple):
    """Says which of our errors a code becomes. `code` and `operation` are shell patterns, and case
    counts."""

    code: str
    make_error: ErrorFactory
    operation: str = "*"
    status: int | None = None

    def matches(self, error: ApiError) -> bool:
        return (
            fnmatchcase(error.code, self.code)
            and fnmatchcase(error.operation.name, self.operation)
            and self.status in (None, error.status)
        )


def rules(make_error: ErrorFactory, *codes: str, operation: str = "*") -> tuple[Rule, ...]:
    """Return one rule for each code, all with the same error."""
    return tuple(Rule(code, make_error, operation) for code in codes)


def classify(error: ApiError, service: Iterable[Rule]) -> ProvisionerError:
    """Make the error for an error answer, by the rules of its service. The head of the module has
    the order."""
    if error.status in _PASSING:
        return _passing_error(error)
    for rule in (*service, *_GATEWAY):
        if rule.matches(error):
            ours = rule.make_error(error)
            if not isinstance(ours, Rejected) or _is_proof(ours, error):
                return ours
            break
    if error.status >= _SERVER_ERROR:
        return _server_error(error)
    return unknown_error(error)


def _is_proof(ours: Rejected, error: ApiError) -> bool:
    """Whether an error that a rule calls final is final with this status and operation."""
    if error.status >= _SERVER_ERROR:
        return False
    return ours.fault is Fault.NOT_FOUND or not error.operation.is_describe


def _passing_error(error: ApiError) -> Retryable:
    if error.status == _TOO_MANY_REQUESTS:
        return throttling_error(error)
    if error.status == _REQUEST_TIMEOUT and error.operation.writes:
        return no_answer_error(error.operation, f"status {error.status}, {error.code}")
    return busy_error(error)


def unknown_error(error: ApiError) -> Retryable:
    """Make the error for a code with an unknown meaning, which does not prove that a retry cannot
    help."""
    message = (
        f"{error.operation.name}: refused with a code that is not known as final; the operation's "
        "API page explains the code"
    )
    return Retryable(error.code, message, retry_after=error.retry_after)


def busy_error(error: ApiError) -> Retryable:
    """Make the error for a code that says: nothing was done, and the call can succeed later."""
    message = f"{error.operation.name}: the cloud is busy with this resource"
    return Retryable(error.code, message, retry_after=error.retry_after)


def throttling_error(error: ApiError) -> Retryable:
    message = f"{error.operation.name}: too many calls; spread them, or ask for a higher quota"
    return Retryable(error.code, message, retry_after=error.retry_after)


def configuration_error(remedy: str, code: str = Code.PERMISSION_MISSING) -> ErrorFactory:
    def make_error(error: ApiError) -> ConfigurationError:
        message = f"{error.operation.name} was refused with {error.code}: {remedy}"
        return ConfigurationError(message, code=code)

    return make_error


def rejection(fault: Fault, remedy: str) -> ErrorFactory:
    def make_error(error: ApiError) -> Rejected:
        return Rejected(error.code, f"{error.operation.name}: {remedy}", fault=fault)

    return make_error


def no_answer_error(operation: Operation, why: str) -> Retryable:
    """Make the error for a call that was sent and got no readable answer. If the call writes, it
    may have taken effect."""
    if operation.writes:
        return Ambiguous(f"{operation.name} may have taken effect: no readable answer ({why})")
    return Retryable(Code.NO_ANSWER, f"{operation.name}: no readable answer ({why})")


def _server_error(error: ApiError) -> Retryable:
    if error.operation.writes:
        return no_answer_error(error.operation, f"status {error.status}, {error.code}")
    message = f"{error.operation.name}: the cloud failed with status {error.status}"
    return Retryable(error.code, message, retry_after=error.retry_after)


def unreachable_error(operation: Operation, why: str) -> Retryable:
    """Make the error for a call that was never sent."""
    message = f"{operation.name} was not sent ({why}): check the endpoint and the network"
    return Retryable(Code.UNREACHABLE, message)


_PERMISSION = configuration_error("give the function's role this permission; check keys and region")
_CLOCK = configuration_error("the clock of the function's host is off", Code.CONFIGURATION_INVALID)
_ENDPOINT = configuration_error(
    "the endpoint or the region is not one of this API's", Code.CONFIGURATION_INVALID
)

# Errors of every API (doc: the gateway's and the services' pages; seen: what peers met).
_GATEWAY = (
    *rules(throttling_error, "*Throttling*", "TooManyRequests"),  # seen: Rejected.Throttling
    *rules(
        busy_error,
        "SignatureNonceUsed",  # every attempt is signed anew
        "OperationConflict",  # seen
    ),
    *rules(
        _PERMISSION,
        "Forbidden*",
        "Forbbiden*",  # sic (doc): Forbbiden.SubUser
        "NoPermission*",
        "AUTH.RAM_AUTH_FAILED",  # seen
        "UnauthorizedRegion",
        "InvalidAccessKeyId*",
        "*SecurityToken*",
        "SignatureDoesNotMatch",
        "IncompleteSignature",
    ),
    *rules(_CLOCK, "IllegalTimestamp", "InvalidTimeStamp*"),
    *rules(_ENDPOINT, "InvalidAction*", "InvalidRegionId*", "InvalidVersion*"),
)
