"""The one retry policy, on a clock that waits in no time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes import FakeClock
from provisioner.aliyun.clock import SystemClock
from provisioner.aliyun.retry import Retry
from provisioner.errors import Ambiguous, Code, ConfigurationError, Rejected, Retryable
from worlds import replayable


class Flaky:
    """Fails as it is told to, then answers."""

    def __init__(self, *errors: Exception, takes: float = 0.0) -> None:
        self.clock = FakeClock()
        self.begun: list[float] = []
        self.told: list[float] = []
        self._started = self.clock.now()
        self._errors = list(errors)
        self._takes = takes

    def __call__(self, left: float) -> str:
        self.told.append(left)
        self.begun.append(self.clock.now() - self._started)
        self.clock.advance(self._takes)
        if self._errors:
            raise self._errors.pop(0)
        return "answer"

    @property
    def retry(self) -> Retry:
        return Retry(self.clock, replayable())


def busy(retry_after: float | None = None) -> Retryable:
    return Retryable("ServiceIsConfiguring", "busy", retry_after=retry_after)


def test_an_answer_is_returned_without_waiting() -> None:
    call = Flaky()

    assert call.retry.until_answered(call, within=10) == "answer"
    assert call.clock.waits == []


def test_a_call_that_the_cloud_did_not_take_is_made_again() -> None:
    call = Flaky(busy(), busy(), busy())

    assert call.retry.until_answered(call, within=60) == "answer"
    assert len(call.begun) == 4


def test_each_attempt_is_told_the_time_that_is_left() -> None:
    call = Flaky(busy(retry_after=3.0), takes=2.0)

    call.retry.until_answered(call, within=20)

    first, second = call.told
    assert first == 20
    assert 14.7 < second <= 15.0


def test_the_ceiling_of_the_waits_doubles_up_to_five_seconds() -> None:
    call = Flaky(*[busy() for _ in range(40)])

    call.retry.until_answered(call, within=1000)

    ceilings = [min(5.0, 0.25 * 2**n) for n in range(40)]
    assert all(0 <= w <= top for w, top in zip(call.clock.waits, ceilings, strict=True))
    assert max(call.clock.waits) > 4
    assert min(call.clock.waits[5:]) < 1, "full jitter starts at zero"


def test_what_the_cloud_asks_for_is_waited_and_jitter_on_top() -> None:
    call = Flaky(busy(retry_after=3.0))

    call.retry.until_answered(call, within=60)

    (waited,) = call.clock.waits
    assert 3.0 < waited <= 3.25


def test_no_wait_begins_that_would_end_after_the_time_that_is_left() -> None:
    call = Flaky(busy(retry_after=60.0))

    with pytest.raises(Retryable, match="ServiceIsConfiguring"):
        call.retry.until_answered(call, within=60)

    assert call.clock.waits == []


@settings(deadline=None)  # a slow machine proves nothing here
@given(
    within=st.floats(0.01, 100),
    takes=st.floats(0, 20),
    retry_after=st.none() | st.floats(0, 30),
)
def test_no_attempt_begins_after_the_time_that_is_left(
    within: float, takes: float, retry_after: float | None
) -> None:
    call = Flaky(*[busy(retry_after)] * 2000, takes=takes)

    with suppress(Retryable):
        call.retry.until_answered(call, within=within)

    # A FakeClock counts from far away, in floats.
    assert all(begun < within + 1e-6 for begun in call.begun)


@pytest.mark.parametrize("within", [0.0, -5.0])
def test_no_attempt_is_made_without_time(within: float) -> None:
    call = Flaky()
    attempts: list[Callable[[], str]] = [
        lambda: call.retry.until_answered(call, within=within),
        lambda: call.retry.once(call, within=within),
    ]
    for attempt in attempts:
        with pytest.raises(Retryable) as late:
            attempt()
        assert late.value.code == Code.OUT_OF_TIME.value
    assert call.begun == []


@pytest.mark.parametrize(
    "error",
    [
        Rejected("InvalidParameter", "bad"),
        Ambiguous("lost"),
        ConfigurationError("no permission"),
        KeyError("a bug"),
    ],
)
def test_what_waiting_cannot_mend_is_not_tried_again(error: Exception) -> None:
    call = Flaky(error)

    with pytest.raises(type(error)):
        call.retry.until_answered(call, within=60)

    assert len(call.begun) == 1


def test_what_may_happen_twice_is_tried_again_after_a_lost_answer() -> None:
    call = Flaky(Ambiguous("lost"), busy(), Ambiguous("lost"))

    assert call.retry.until_answered(call, within=60, repeatable=True) == "answer"


def test_a_missing_permission_is_not_tried_again_even_where_repeating_is_harmless() -> None:
    call = Flaky(ConfigurationError("no permission"))

    with pytest.raises(ConfigurationError):
        call.retry.until_answered(call, within=60, repeatable=True)


def test_once_is_once() -> None:
    call = Flaky(busy())

    with pytest.raises(Retryable):
        call.retry.once(call, within=60)

    assert len(call.begun) == 1


def test_the_systems_clock_never_goes_back() -> None:
    clock = SystemClock()
    before = clock.now()

    clock.wait(0)

    assert clock.now() >= before
