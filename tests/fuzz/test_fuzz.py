"""`make fuzz` in small, and that it finds what it looks for."""

from __future__ import annotations

import pytest

from fuzz import campaign
from fuzz.mutations import CANARY, Mutator


def test_no_bent_input_breaks_a_promise_of_what_reads_it() -> None:
    report = campaign.run(20261123, range(1_500))
    assert report.violations == []
    assert len(report.inputs) == 8
    assert report.inputs.total() == 1_500
    written = {name for name, characters in report.written.items() if characters}
    assert written == {"Function.event", "Function.call"}, "who writes a log was looked at"


def _raises(_mutator: Mutator) -> str:
    raise KeyError


def _tells(_mutator: Mutator) -> str:
    return f"a log line with {CANARY} in it"


def _prints(_mutator: Mutator) -> str:
    print(CANARY)  # noqa: T201 - the defect
    return ""


def _goes_round(_mutator: Mutator) -> str:
    while True:
        pass


@pytest.mark.parametrize(
    ("reader", "told"),
    [
        (_raises, "untyped KeyError"),
        (_tells, "the payload is in what was written"),
        (_prints, "the payload is in what was written"),
        (_goes_round, "took longer than"),
    ],
)
def test_a_reader_with_a_defect_is_found(reader: campaign.Reader, told: str) -> None:
    report = campaign.held_to([(1, reader)], seed=1, numbers=range(2), longest=0.5)
    assert len(report.violations) == 2
    assert all(told in violation for violation in report.violations)
