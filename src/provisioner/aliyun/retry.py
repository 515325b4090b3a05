"""The one retry policy: full jitter over an exponential ceiling, inside the time that is left.

What is tried again: a call of which the cloud said that it did nothing, or that changes nothing. A
call that may have taken effect (`Ambiguous`) is tried again only where repeating is harmless; one
that the deployment makes fail (`ConfigurationError`) never is, since waiting mends no permission.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from provisioner.errors import Ambiguous, Code, ConfigurationError, Retryable
from provisioner.ports import Clock

T = TypeVar("T")

_FIRST_CEILING = 0.25
_HIGHEST_CEILING = 5.0
_DOUBLINGS = 16  # by then the ceiling is reached; keeps the power small


@dataclass(frozen=True, slots=True)
class Retry:
    clock: Clock
    random: Random

    def once(self, call: Callable[[float], T], *, within: float) -> T:
        """The call is told how many seconds are left."""
        if within <= 0:
            raise _out_of_time_error()
        return call(within)

    def until_answered(
        self, call: Callable[[float], T], *, within: float, repeatable: bool = False
    ) -> T:
        """No attempt begins after `within` seconds, and no wait that would end there begins.

        `repeatable`: the call may take effect twice without harm.
        """
        deadline = self.clock.now() + within
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
            self.clock.wait(pause)
            within = deadline - self.clock.now()
            failures += 1

    def _pause_seconds(self, failures: int, retry_after: float | None) -> float:
        ceiling = min(_HIGHEST_CEILING, _FIRST_CEILING * 2.0 ** min(failures, _DOUBLINGS))
        return (retry_after or 0.0) + self.random.uniform(0.0, ceiling)

    def _fits(self, pause: float, deadline: float) -> bool:
        return self.clock.now() + pause < deadline


def _out_of_time_error() -> Retryable:
    return Retryable(Code.OUT_OF_TIME, "no time is left to call the cloud")


def _is_repeatable(error: Retryable, repeatable: bool) -> bool:
    if isinstance(error, ConfigurationError):
        return False
    return repeatable or not isinstance(error, Ambiguous)
