"""Map the error codes of the cloud to our errors, by tables of rules.

The operation, the HTTP status and the code decide, never the text: it names no rule, and may repeat
the request. The rules of a service come first, then those of the gateway, then the status alone.
Our error keeps the code; its message is ours, and says what to do.
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


class Operation(NamedTuple):
    name: str
    writes: bool


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


def classify(
    error: ApiError, rules: Iterable[Rule], *, otherwise: ErrorFactory | None = None
) -> ProvisionerError:
    """Make the error of the first rule that matches. Where none does, `otherwise` makes it, or the
    HTTP status decides."""
    for rule in (*rules, *_GATEWAY):
        if rule.matches(error):
            return rule.make_error(error)
    if otherwise:
        return otherwise(error)
    if error.status >= _SERVER_ERROR:
        return _server_error(error)
    if error.retry_after is not None:
        return busy_error(error)
    return _FINAL_REFUSAL(error)


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


_FINAL_REFUSAL = rejection(
    Fault.INVALID, "the cloud refused it for good; the operation's API page explains the code"
)
_PERMISSION = configuration_error("give the function's role this permission; check keys and region")
_CLOCK = configuration_error("the clock of the function's host is off", Code.CONFIGURATION_INVALID)

_GATEWAY = (
    Rule("Throttling*", throttling_error),
    Rule("SignatureNonceUsed", busy_error),  # every attempt is signed anew
    Rule("Forbidden*", _PERMISSION),
    Rule("Forbbiden*", _PERMISSION),  # sic: Forbbiden.SubUser
    Rule("NoPermission*", _PERMISSION),
    Rule("UnauthorizedRegion", _PERMISSION),
    Rule("InvalidAccessKeyId*", _PERMISSION),
    Rule("*SecurityToken*", _PERMISSION),
    Rule("SignatureDoesNotMatch", _PERMISSION),
    Rule("IncompleteSignature", _PERMISSION),
    Rule("IllegalTimestamp", _CLOCK),
    Rule("InvalidTimeStamp*", _CLOCK),
)
