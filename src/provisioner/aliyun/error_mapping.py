"""What the cloud's error codes mean to an event, as a table. Decided by operation, HTTP status and
code, never by text: the text names no rule, and may hold what the request held.

A service's own rules come first, then the gateway's, then what the status alone says. The code is
passed on; the message is ours and says what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class ApiError:
    """An error answer, without its text. `retry_after` is in seconds."""

    operation: Operation
    status: int
    code: str
    retry_after: float | None = None


ErrorFactory = Callable[[ApiError], ProvisionerError]


@dataclass(frozen=True, slots=True)
class Rule:
    """`code` and `operation` are shell patterns, case-sensitive."""

    code: str
    make_error: ErrorFactory
    operation: str = "*"
    status: int | None = None

    def matches(self, refusal: ApiError) -> bool:
        return (
            fnmatchcase(refusal.code, self.code)
            and fnmatchcase(refusal.operation.name, self.operation)
            and self.status in (None, refusal.status)
        )


def classify(
    refusal: ApiError, rules: Iterable[Rule], *, otherwise: ErrorFactory | None = None
) -> ProvisionerError:
    for rule in (*rules, *_GATEWAY):
        if rule.matches(refusal):
            return rule.make_error(refusal)
    if otherwise:
        return otherwise(refusal)
    if refusal.status >= _SERVER_ERROR:
        return _server_error(refusal)
    if refusal.retry_after is not None:
        return busy_error(refusal)
    return _REFUSED_FOR_GOOD(refusal)


def busy_error(refusal: ApiError) -> Retryable:
    """The cloud did nothing and says that it would later."""
    message = f"{refusal.operation.name}: the cloud is busy with this resource"
    return Retryable(refusal.code, message, retry_after=refusal.retry_after)


def throttling_error(refusal: ApiError) -> Retryable:
    message = f"{refusal.operation.name}: too many calls; spread them, or ask for a higher quota"
    return Retryable(refusal.code, message, retry_after=refusal.retry_after)


def configuration_error(remedy: str, code: str = Code.PERMISSION_MISSING) -> ErrorFactory:
    def verdict(refusal: ApiError) -> ConfigurationError:
        message = f"{refusal.operation.name} was refused with {refusal.code}: {remedy}"
        return ConfigurationError(message, code=code)

    return verdict


def rejection(fault: Fault, remedy: str) -> ErrorFactory:
    def verdict(refusal: ApiError) -> Rejected:
        return Rejected(refusal.code, f"{refusal.operation.name}: {remedy}", fault=fault)

    return verdict


def no_answer_error(operation: Operation, why: str) -> Retryable:
    """Sent, but no readable answer came: only a call that changes nothing is known to have had no
    effect."""
    if operation.writes:
        return Ambiguous(f"{operation.name} may have taken effect: no readable answer ({why})")
    return Retryable(Code.NO_ANSWER, f"{operation.name}: no readable answer ({why})")


def _server_error(refusal: ApiError) -> Retryable:
    if refusal.operation.writes:
        return no_answer_error(refusal.operation, f"status {refusal.status}, {refusal.code}")
    message = f"{refusal.operation.name}: the cloud failed with status {refusal.status}"
    return Retryable(refusal.code, message, retry_after=refusal.retry_after)


def unreachable_error(operation: Operation, why: str) -> Retryable:
    message = f"{operation.name} was not sent ({why}): check the endpoint and the network"
    return Retryable(Code.UNREACHABLE, message)


_REFUSED_FOR_GOOD = rejection(
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
