"""How the function's time is divided, and how much of it there must be."""

from __future__ import annotations

import pytest

from provisioner import invocation
from provisioner.groups import lease


def test_the_shortest_timeout_outlasts_a_claim_with_a_call_and_all_margins_to_spare() -> None:
    assert (
        invocation.work_seconds(invocation.SHORTEST_TIMEOUT) >= lease.LEASE + lease.MAX_CALL_SECONDS
    )
    assert (
        invocation.work_seconds(invocation.SHORTEST_TIMEOUT - 1)
        < lease.LEASE + lease.MAX_CALL_SECONDS
    )


@pytest.mark.parametrize(
    ("timeout", "claiming", "wrong"),
    [(59.0, True, True), (60.0, True, False), (3.0, True, True), (3.0, False, False)],
)
def test_a_timeout_is_wrong_where_a_claim_would_outlast_it(
    timeout: float, claiming: bool, wrong: bool
) -> None:
    assert bool(invocation.check_timeout(timeout, claiming=claiming)) is wrong


def test_the_problem_names_both_remedies() -> None:
    (problem,) = invocation.check_timeout(3.0, claiming=True)
    assert problem.path == "Timeout"
    assert "is 3 s" in problem.message
    assert "at least 60 s" in problem.message
    assert "CLAIM=off with a reserved concurrency of 1" in problem.message
