"""Define what one call of the function has: its time, its credentials and its log.

Function Compute passes a context whose shape differs between runtimes: up to Python 3.10 it has
`credentials` and `service`; on 3.12 it has neither, and the role's credentials stand in the
environment. No runtime says how much time is left. It follows from the function's timeout, which
may be a string.

The time is divided: work on load balancers comes first, then there is time to undo, to publish and
to answer, and the last moment belongs to the platform. If an earlier delivery crashed, the next
one must wait until the lease of its claim has expired (`groups.lease`). It has to do so within one
invocation, or every redelivery would begin to wait again; hence the shortest timeout.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, inf
from typing import Any, NamedTuple

from .errors import Problem
from .groups.lease import LEASE, MAX_CALL_SECONDS
from .ports import Credentials, Log
from .results.outcome import Outcome

# Seconds that are kept from the timeout; a short timeout keeps a share of itself instead.
MARGIN = 6.0  # to undo, to publish and to answer
MARGIN_SHARE = 0.25
PLATFORM_MARGIN = 0.5  # to hand the answer over
PLATFORM_SHARE = 0.1

# A lease, the longest call that finds it expired, and the margins.
SHORTEST_TIMEOUT = ceil(LEASE + MAX_CALL_SECONDS + MARGIN + PLATFORM_MARGIN)

DEFAULT_TIMEOUT = 3.0  # seconds: Function Compute's own default
_SHORTEST_SLICE = 5.0  # seconds; work cannot do anything useful in less


class WorkWindow(NamedTuple):
    """Until when work may go on, and when to ask again. Both are times of the function's clock."""

    until: float = inf
    ask_again_at: float = inf


def _archive_nothing(_outcomes: Sequence[Outcome], _invocation: Invocation) -> None:
    return


@dataclass(frozen=True, slots=True)
class Invocation:
    """The time, the log and the limits of one call of the function.

    Times are seconds of the function's clock. Work on load balancers stops at `deadline`; until
    `hard_deadline` there is time to undo, to publish and to answer.

    `checkpoint` is called before every call and every wait, for other limits of the work, such as a
    hook that waits no longer. What it raises reaches the protocol in place of an answer.
    `archive_dead_letter` sends the event to the dead-letter queue before a hook is answered with
    its failure result, because its redelivery finds an action that has ended. It may raise
    `Retryable`.
    """

    deadline: float
    hard_deadline: float
    log: Log
    fc_request_id: str = ""
    checkpoint: Callable[[], WorkWindow] = WorkWindow
    archive_dead_letter: Callable[[Sequence[Outcome], Invocation], None] = _archive_nothing

    def slice(self, now: float, parts: int) -> Invocation:
        """Return the invocation with one of `parts` equal parts of the time that is left.

        One part that hangs cannot take the time of the others; what a part leaves, the others get.
        """
        if parts <= 1:
            return self
        left = self.deadline - now
        deadline = now + max(left / parts, min(left, _SHORTEST_SLICE))
        hard_deadline = min(self.hard_deadline, deadline + (self.hard_deadline - self.deadline))
        return replace(self, deadline=deadline, hard_deadline=hard_deadline)

    def bind_log(self, **fields: object) -> Invocation:
        """Return the invocation with a log that writes `fields` into every line."""
        return replace(self, log=self.log.bind(**fields))


def total_seconds(timeout: float) -> float:
    """Return the seconds until the answer must be given."""
    return timeout - min(PLATFORM_MARGIN, timeout * PLATFORM_SHARE)


def work_seconds(timeout: float) -> float:
    """Return the seconds for work on load balancers."""
    return total_seconds(timeout) - min(MARGIN, timeout * MARGIN_SHARE)


def check_timeout(timeout: float, *, claiming: bool) -> list[Problem]:
    """Return the problems of a function timeout in seconds."""
    if not claiming or timeout >= SHORTEST_TIMEOUT:
        return []
    message = (
        f"is {timeout:g} s, which is shorter than the lease of a delivery that crashed: set the "
        f"function's timeout to at least {SHORTEST_TIMEOUT} s, or CLAIM=off with a reserved "
        "concurrency of 1"
    )
    return [Problem("Timeout", message)]


def read_request_id(context: Any) -> str:
    return _as_text(getattr(context, "request_id", ""))


def read_timeout(context: Any) -> float:
    """Return the seconds that this invocation may take."""
    return timeout_from_context(context) or DEFAULT_TIMEOUT


def timeout_from_context(context: Any) -> float | None:
    """Return the function's timeout in seconds, or None if the context does not have one."""
    value = getattr(getattr(context, "function", None), "timeout", None)
    try:
        seconds = float(value) if value else 0.0
    except (TypeError, ValueError):
        return None
    return seconds if 0 < seconds < inf else None


def read_credentials(context: Any, environ: Mapping[str, str]) -> Credentials:
    """Return the credentials of the function's role, which change while an instance is warm."""
    role = getattr(context, "credentials", None)
    access_key_id = _as_text(getattr(role, "access_key_id", ""))
    secret = _as_text(getattr(role, "access_key_secret", ""))
    if access_key_id and secret:
        return Credentials(access_key_id, secret, _as_text(getattr(role, "security_token", "")))
    return Credentials(
        environ.get("ALIBABA_CLOUD_ACCESS_KEY_ID", ""),
        environ.get("ALIBABA_CLOUD_ACCESS_KEY_SECRET", ""),
        environ.get("ALIBABA_CLOUD_SECURITY_TOKEN", ""),
    )


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else ""
