"""Retry calls: with full jitter below a ceiling that doubles, inside the time that is left.

A call is retried if it changes nothing, or if the cloud said that it did nothing. A call that may
have taken effect (`Ambiguous`) is retried only where repeating is harmless. A call that fails for
the deployment's configuration (`ConfigurationError`) is never retried: to wait does not help.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TypeVar

from provisioner.errors import Ambiguous, Code, ConfigurationError, Retryable
from provisioner.ports import Clock

T = TypeVar("T")

_FIRST_CEILING = 0.25  # seconds
_HIGHEST_CEILING = 5.0  # seconds
_DOUBLINGS = 16  # reaches the highest ceiling, and keeps the power small


class Retry:
    def __init__(self, clock: Clock, random: Random) -> None:
        self._clock = clock
        self._random = random

    def once(self, call: Callable[[float], T], *, within: float) -> T:
        """Make the call once. It gets the seconds that are left. Raises Retryable at 0."""
        if within <= 0:
            raise _out_of_time_error()
        return call(within)

    def until_answered(
        self, call: Callable[[float], T], *, within: float, repeatable: bool = False
    ) -> T:
        """Make the call until it returns. It gets the seconds that are left.

        No attempt begins after `within` seconds, and no wait that would end then. `repeatable`: the
        call may take effect twice without harm. Raises what the last attempt raised.
        """
        deadline = self._clock.now() + within
        failures = 0
        while True:
            if within <= 0:
                raise _out_of_time_error()
            try:
                return call(within)
            except Retryable as error:
                pause = self._pause_seconds(failures, error.retry_after)
                if not _is_repeatable(error, repeatable) or not self._fits(pause, deadline):
                    raise
            self._clock.wait(pause)
            within = deadline - self._clock.now()
            failures += 1

    def _pause_seconds(self, failures: int, retry_after: float | None) -> float:
        ceiling = min(_HIGHEST_CEILING, _FIRST_CEILING * 2.0 ** min(failures, _DOUBLINGS))
        return (retry_after or 0.0) + self._random.uniform(0.0, ceiling)

    def _fits(self, pause: float, deadline: float) -> bool:
        return self._clock.now() + pause < deadline


def _out_of_time_error() -> Retryable:
    return Retryable(Code.OUT_OF_TIME, "no time is left to call the cloud")


def _is_repeatable(error: Retryable, repeatable: bool) -> bool:
    if isinstance(error, ConfigurationError):
        return False
    return repeatable or not isinstance(error, Ambiguous)
