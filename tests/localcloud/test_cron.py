"""When a timer fires, by the expressions that a timer trigger takes."""

from __future__ import annotations

import pytest

from localcloud.clock import moment, timestamp
from localcloud.services.triggers.cron import read


@pytest.mark.parametrize(
    ("expression", "following"),
    [
        ("@every 4m", "2026-01-01T00:04:00Z"),
        ("@every 90s", "2026-01-01T00:01:30Z"),
        ("@every 2h", "2026-01-01T02:00:00Z"),
        ("* * * * * *", "2026-01-01T00:00:01Z"),
        ("0 * * * * *", "2026-01-01T00:01:00Z"),
        ("0 0/20 8-10 * * *", "2026-01-01T08:00:00Z"),
        ("30 15,45 9 ? * MON-FRI", "2026-01-01T09:15:30Z"),
        ("0 0 12 ? * SUN", "2026-01-04T12:00:00Z"),
        ("0 0 12 ? * 7", "2026-01-04T12:00:00Z"),
        ("0 0 0 29 FEB ?", "2028-02-29T00:00:00Z"),
        ("0 0 0 13 * FRI", "2026-01-02T00:00:00Z"),
        ("0 0 */12 * * *", "2026-01-01T12:00:00Z"),
    ],
)
def test_the_next_tick_follows_the_expression(expression: str, following: str) -> None:
    assert timestamp(read(expression).after(moment("2026-01-01T00:00:00Z"))) == following


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "@every 4d",
        "@every 0m",
        "@hourly",
        "* * * * *",
        "60 * * * * *",
        "0 0 24 * * *",
        "0 0 0 0 * *",
        "0 0 0 * 13 *",
        "0 0 0 * JANUARY *",
        "0 0 0 31 2 *",
        "0 0 0 5-3 * *",
        "0 0 x * * *",
    ],
)
def test_what_never_fires_or_is_no_expression_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read(expression)
