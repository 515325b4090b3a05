"""How the time of one invocation is divided, and how much of it there must be.

Work on load balancers comes first; then there is time to undo, to publish and to answer; the last
moment is the platform's. A delivery that meets the claim of one that crashed has to outlast it in
one invocation (`core.lease`), or every redelivery would begin to wait anew.

What Function Compute's context and environment say, in every shape that its runtimes give them.

Up to Python 3.10 the context has `credentials` and `service`; 3.12's has neither, and the role's
credentials stand in the environment. No runtime tells the time that is left: it follows from the
function's timeout, which may be a string.
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

# Seconds of the function's time, and the share of it that a short one keeps instead.
MARGIN = 6.0  # to undo, to publish and to answer
MARGIN_SHARE = 0.25
PLATFORM_MARGIN = 0.5  # to hand the answer over
PLATFORM_SHARE = 0.1

# A claim, the longest that the call which finds it expired may hang, and the margins.
SHORTEST_TIMEOUT = ceil(LEASE + MAX_CALL_SECONDS + MARGIN + PLATFORM_MARGIN)


def total_seconds(timeout: float) -> float:
    """Seconds until everything has to be said."""
    return timeout - min(PLATFORM_MARGIN, timeout * PLATFORM_SHARE)


def work_seconds(timeout: float) -> float:
    """Seconds for the work on load balancers."""
    return total_seconds(timeout) - min(MARGIN, timeout * MARGIN_SHARE)


def check_timeout(timeout: float, *, claiming: bool) -> list[Problem]:
    """What is wrong with the timeout, in seconds, of a function."""
    if not claiming or timeout >= SHORTEST_TIMEOUT:
        return []
    remedy = (
        f"is {timeout:g} s, which does not outlast the claim of a delivery that crashed: set the "
        f"function's timeout to at least {SHORTEST_TIMEOUT} s, or CLAIM=off with a reserved "
        "concurrency of 1"
    )
    return [Problem("Timeout", remedy)]


DEFAULT_TIMEOUT = 3.0  # seconds: Function Compute's own default


def read_request_id(context: Any) -> str:
    return _as_text(getattr(context, "request_id", ""))


def read_timeout(context: Any) -> float:
    """Seconds that this invocation may take."""
    return timeout_from_context(context) or DEFAULT_TIMEOUT


def timeout_from_context(context: Any) -> float | None:
    """None: the context does not say, or says what is no number of seconds."""
    value = getattr(getattr(context, "function", None), "timeout", None)
    try:
        seconds = float(value) if value else 0.0
    except (TypeError, ValueError):
        return None
    return seconds if 0 < seconds < inf else None


def read_credentials(context: Any, environ: Mapping[str, str]) -> Credentials:
    """The role's, as fresh as this invocation: they rotate under a warm instance."""
    given = getattr(context, "credentials", None)
    key = _as_text(getattr(given, "access_key_id", ""))
    secret = _as_text(getattr(given, "access_key_secret", ""))
    if key and secret:
        return Credentials(key, secret, _as_text(getattr(given, "security_token", "")))
    return Credentials(
        environ.get("ALIBABA_CLOUD_ACCESS_KEY_ID", ""),
        environ.get("ALIBABA_CLOUD_ACCESS_KEY_SECRET", ""),
        environ.get("ALIBABA_CLOUD_SECURITY_TOKEN", ""),
    )


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else ""


_LEAST_SHARE = 5.0  # seconds: less is of no use to anyone


class WorkWindow(NamedTuple):
    """How long work may go on, and when to ask again whether it may; in the clock's seconds."""

    until: float = inf
    ask_again_at: float = inf


def _archive_nothing(_outcomes: Sequence[Outcome], _invocation: Invocation) -> None:
    return


@dataclass(frozen=True, slots=True)
class Invocation:
    """What one call of the function has. In the clock's seconds, work on load balancers stops at
    `deadline`; from then until `ends` there is time to undo, to publish and to answer.

    `hold` is asked before every call and every wait for what else limits the work, such as a hook
    that waits no longer; it may raise, and the protocol is told so in place of an answer. `keep`
    keeps the event of what was given up, where nobody will come for it again; it may raise too."""

    deadline: float
    hard_deadline: float
    log: Log
    fc_request_id: str = ""
    checkpoint: Callable[[], WorkWindow] = WorkWindow
    archive_dead_letter: Callable[[Sequence[Outcome], Invocation], None] = _archive_nothing

    def slice(self, now: float, parts: int) -> Invocation:
        """What one of `parts` may take of the time left, so that one that hangs does not starve
        the others, whatever hangs; what it leaves over, they have."""
        if parts <= 1:
            return self
        left = self.deadline - now
        deadline = now + max(left / parts, min(left, _LEAST_SHARE))
        ends = min(self.hard_deadline, deadline + (self.hard_deadline - self.deadline))
        return replace(self, deadline=deadline, hard_deadline=ends)
