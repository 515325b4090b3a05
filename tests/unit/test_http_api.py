"""Answers to HTTP calls."""

from __future__ import annotations

import json

import pytest

from deployments import a_group, servers
from provisioner import http_api
from provisioner.errors import Ambiguous, Code, Fault, Problem, Rejected, Retryable, Skip
from provisioner.model import EventRef
from provisioner.results.outcome import Outcome, Status

EVENT = EventRef("http", "e-1")
DONE = Outcome(Status.PROVISIONED, EVENT, group=a_group(*servers(1), id="rsp-0001"))


def refused(fault: Fault) -> Rejected:
    return Rejected(Code.INVALID_REQUEST, "no", path="/Port", fault=fault)


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Fault.UNREADABLE, 400),
        (Fault.TOO_LARGE, 413),
        (Fault.INVALID, 422),
        (Fault.NOT_FOUND, 404),
        (Fault.CONFLICT, 409),
        (Fault.QUOTA, 409),
    ],
)
def test_whose_fault_it_is_decides_the_status(fault: Fault, status: int) -> None:
    answer = http_api.from_error(refused(fault))
    assert (answer.status, answer.body["status"]) == (status, status)
    assert answer.content_type == "application/problem+json"
    assert answer.body["retryable"] is False


def test_every_fault_has_a_status() -> None:
    statuses = {http_api.from_error(refused(fault)).status for fault in Fault}
    assert statuses == {400, 413, 422, 404, 409}


def test_every_problem_is_answered_with_its_pointer() -> None:
    error = Rejected.from_problems(
        [Problem("/Ports", "is required"), Problem("/Type", "is unknown")]
    )
    assert http_api.from_error(error).body["errors"] == [
        {"pointer": "/Ports", "detail": "is required"},
        {"pointer": "/Type", "detail": "is unknown"},
    ]


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (Ambiguous("no answer"), "5"),
        (Retryable("Throttling", "slow down", retry_after=2.6), "3"),
        (Retryable("Throttling", "slow down", retry_after=0.1), "1"),
    ],
)
def test_what_may_pass_is_503_and_says_when_to_come_again(error: Retryable, seconds: str) -> None:
    answer = http_api.from_error(error)
    assert answer.status == 503
    assert answer.headers == {"Retry-After": seconds}
    assert answer.body["retryable"] is True


def test_a_skip_is_fine_and_says_why() -> None:
    answer = http_api.from_error(Skip("a test event"))
    assert (answer.status, answer.body) == (200, {"outcome": "skipped", "reason": "a test event"})


def test_one_outcome_is_answered_by_its_result_and_several_by_a_list() -> None:
    assert http_api.from_outcomes([DONE]).body["type"] == "vservergroup.provisioned"
    assert len(http_api.from_outcomes([DONE, DONE]).body) == 2


def test_one_outcome_that_failed_makes_a_problem_that_holds_all_results() -> None:
    failed = Outcome(Status.FAILED, EVENT, error=refused(Fault.CONFLICT))
    answer = http_api.from_outcomes([DONE, failed])
    assert answer.status == 409
    assert [result["type"] for result in answer.body["result"]] == [
        "vservergroup.provisioned",
        "vservergroup.failed",
    ]


def test_a_defect_is_500() -> None:
    assert http_api.from_error(Retryable("InternalError", "a defect")).status == 500


def test_an_answer_is_ascii() -> None:
    encoded = http_api.HttpResponse(200, {"name": "组"}).encode()
    assert encoded.isascii()
    assert json.loads(encoded) == {"name": "组"}
