"""Whose fault it is, and what a message says of it."""

from __future__ import annotations

import pytest

from provisioner.errors import (
    Ambiguous,
    Code,
    ConfigurationError,
    Fault,
    Problem,
    Rejected,
    Retryable,
    Skip,
)
from provisioner.model import EventRef

PROBLEMS = (Problem("/Ports", "is required"), Problem("", "must be an object"))


def test_one_error_carries_every_problem_and_tells_the_first() -> None:
    error = Rejected.from_problems(PROBLEMS, code=Code.BINDING_UNFIT, what="the hook")
    assert error.problems == PROBLEMS
    assert (error.code, error.path) == ("BindingUnfit", "/Ports")
    assert error.message == "the hook: /Ports is required; must be an object"
    assert str(error) == f"BindingUnfit: {error.message}"


def test_a_problem_of_the_whole_document_has_no_place_in_the_message() -> None:
    assert Rejected.from_problems(PROBLEMS[1:]).message == "request: must be an object"


def test_of_many_problems_a_message_tells_the_first_few_and_how_many_there_are() -> None:
    error = Rejected.from_problems([Problem(f"/{n}", "is required") for n in range(7)])
    assert error.message.endswith("/4 is required; and 2 more")
    assert len(error.problems) == 7


def test_an_error_without_problems_is_its_own_problem() -> None:
    error = Rejected(Code.NO_BINDING, "no binding", path="/ScalingGroupId", fault=Fault.NOT_FOUND)
    assert error.problems == (Problem("/ScalingGroupId", "no binding"),)


def test_a_code_of_the_clouds_is_passed_on_as_it_is() -> None:
    assert Rejected("ObtainIpFail", "no address").code == "ObtainIpFail"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Ambiguous("no answer"), "OutcomeUnknown"),
        (ConfigurationError("no topic", problems=PROBLEMS), "ConfigurationInvalid"),
        (Retryable(Code.OUT_OF_TIME, "no time"), "OutOfTime"),
    ],
)
def test_what_is_not_the_events_fault_is_retryable(error: Retryable, code: str) -> None:
    assert isinstance(error, Retryable)
    assert (error.code, type(error.code)) == (code, str)


def test_an_error_tells_its_problems_where_they_say_more_than_its_message() -> None:
    assert Rejected.from_problems(PROBLEMS).to_log_fields()["problems"] == [
        {"path": "/Ports", "message": "is required"},
        {"path": "", "message": "must be an object"},
    ]
    alone = Retryable(Code.OUT_OF_TIME, "no time")
    assert alone.to_log_fields() == {"code": "OutOfTime", "message": "no time", "path": ""}


UNKNOWN_KEY = Problem("/a/Wieght", "unknown key 'Wieght'", redacted=Problem("/a", "unknown key"))


def test_a_key_that_the_sender_chose_is_shown_in_a_result_and_not_in_the_log() -> None:
    for error in (
        Rejected.from_problems([UNKNOWN_KEY]),
        Rejected.from_problems([UNKNOWN_KEY, *PROBLEMS]),
        Rejected.from_problems([*PROBLEMS, UNKNOWN_KEY]),
    ):
        assert "/a/Wieght unknown key 'Wieght'" in error.to_document()["message"]
        fields = error.to_log_fields()
        assert "/a unknown key" in fields["message"]
        assert "Wieght" not in str(fields)
        assert "Wieght" not in str(error.add_prefix("/1").to_log_fields())
    unknown = Rejected("UnknownEnvelope", "its keys: 'a'", redacted_message="it has keys")
    assert unknown.to_log_fields() == {
        "code": "UnknownEnvelope",
        "message": "it has keys",
        "path": "",
    }
    assert unknown.to_document()["message"] == "its keys: 'a'"


def test_an_error_of_a_part_is_an_error_of_the_whole_at_its_place() -> None:
    part = Rejected.from_problems([UNKNOWN_KEY, *PROBLEMS])
    part.event = EventRef("mns_queue", "M1")
    whole = part.add_prefix("/3")
    assert (whole.code, whole.fault, whole.event) == (part.code, part.fault, part.event)
    assert (whole.path, whole.message) == ("/3/a/Wieght", part.message)
    assert [problem.path for problem in whole.problems] == ["/3/a/Wieght", "/3/Ports", "/3"]
    assert whole.problems[0].redacted == Problem("/3/a", "unknown key")


def test_the_clouds_request_id_is_for_the_log_and_not_for_a_result() -> None:
    refused = Rejected("OverQuota", "full")
    refused.request_id = "R-1"
    assert refused.to_log_fields()["request_id"] == "R-1"
    assert "request_id" not in refused.to_document()


def test_a_skip_is_neither_rejected_nor_retryable() -> None:
    skip = Skip("a test event")
    assert not isinstance(skip, Rejected | Retryable)
    assert (skip.code, skip.message) == ("Skipped", "a test event")


def test_the_codes_of_this_project_are_distinct() -> None:
    assert len({code.value.lower() for code in Code}) == len(Code)
