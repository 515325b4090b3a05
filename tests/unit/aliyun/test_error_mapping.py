"""What an error answer means, by operation, status and code."""

from __future__ import annotations

import pytest

from provisioner.aliyun.error_mapping import (
    ApiError,
    Operation,
    Rule,
    busy_error,
    classify,
    no_answer_error,
    rejection,
    unreachable_error,
)
from provisioner.aliyun.slb import ADD, CREATE, DELETE, LIST, READ, RULES, SET
from provisioner.errors import (
    Ambiguous,
    Code,
    ConfigurationError,
    Fault,
    ProvisionerError,
    Rejected,
    Retryable,
)
from provisioner.http_api import from_error

EVERY = (LIST, READ, CREATE, ADD, SET, DELETE)


def slb(operation: Operation, status: int, code: str) -> ProvisionerError:
    return classify(ApiError(operation, status, code), RULES)


def test_a_quota_has_a_kind_of_its_own_and_answers_a_conflict() -> None:
    error = slb(ADD, 400, "InstanceBackendServerNumberOverLimit")

    assert type(error) is Rejected
    assert (error.code, error.fault) == ("InstanceBackendServerNumberOverLimit", Fault.QUOTA)
    assert from_error(error).status == 409


@pytest.mark.parametrize("operation", EVERY)
def test_an_unknown_code_is_passed_on_and_tried_again(operation: Operation) -> None:
    for code in ("Teapot", "throttling", "InvalidParameter.Unheard", "Not.OverLimit.Quite"):
        error = slb(operation, 418, code)
        assert type(error) is Retryable
        assert error.code == code


def test_a_request_that_came_too_slowly_may_have_taken_effect() -> None:
    assert type(slb(CREATE, 408, "RequestTimeout")) is Ambiguous
    assert type(slb(READ, 408, "RequestTimeout")) is Retryable


def test_a_final_code_with_a_server_error_is_ambiguous_for_writes() -> None:
    assert type(slb(ADD, 503, "InvalidParameter")) is Ambiguous
    assert type(slb(READ, 503, "InvalidParameter")) is Retryable


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_error_is_ambiguous_for_writes_and_of_the_moment_for_reads(status: int) -> None:
    for operation in EVERY:
        error = slb(operation, status, "InternalError")
        assert type(error) is (Ambiguous if operation.writes else Retryable)
        assert error.code == ("OutcomeUnknown" if operation.writes else "InternalError")
        assert "InternalError" in str(error)


def test_a_read_without_a_readable_answer_has_a_code_of_its_own() -> None:
    assert no_answer_error(READ, "timed out").code == Code.NO_ANSWER.value
    assert unreachable_error(READ, "no route").code == Code.UNREACHABLE.value


def test_a_code_that_says_nothing_was_done_is_believed_with_any_status() -> None:
    assert type(slb(CREATE, 503, "Throttling.User")) is Retryable
    assert type(slb(CREATE, 500, "SystemBusy")) is Retryable


def test_an_unknown_refusal_with_a_time_to_come_back_is_of_the_moment() -> None:
    error = classify(ApiError(CREATE, 400, "SlowDown", retry_after=2.5), RULES)

    assert type(error) is Retryable
    assert error.retry_after == 2.5


@pytest.mark.parametrize("code", ["IllegalTimestamp", "InvalidTimeStamp.Expired"])
def test_a_clock_that_is_off_is_the_deployments_fault(code: str) -> None:
    error = slb(LIST, 400, code)

    assert type(error) is ConfigurationError
    assert error.code == Code.CONFIGURATION_INVALID.value
    assert "clock" in error.message


def test_the_first_rule_that_covers_a_refusal_decides() -> None:
    rules = (
        Rule("Gone", rejection(Fault.NOT_FOUND, "gone"), operation="Read", status=404),
        Rule("Gone", busy_error),
    )
    read, write = Operation("Read", writes=False), Operation("Write", writes=True)

    assert type(classify(ApiError(read, 404, "Gone"), rules)) is Rejected
    assert type(classify(ApiError(read, 400, "Gone"), rules)) is Retryable
    assert type(classify(ApiError(write, 404, "Gone"), rules)) is Retryable


def test_every_message_names_the_operation_and_a_remedy() -> None:
    for code in ("OverQuota", "Throttling", "Forbidden", "NeverHeardOf", "SystemBusy"):
        error = slb(CREATE, 400, code)
        assert error.message.startswith("CreateVServerGroup")
        assert len(error.message) > len("CreateVServerGroup: ") + 15
