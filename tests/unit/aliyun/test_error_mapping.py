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

EVERY = (LIST, READ, CREATE, ADD, SET, DELETE)


def slb(operation: Operation, status: int, code: str) -> ProvisionerError:
    return classify(ApiError(operation, status, code), RULES)


def fault(operation: Operation, status: int, code: str) -> Fault:
    error = slb(operation, status, code)
    assert type(error) is Rejected
    assert error.code == code
    return error.fault


@pytest.mark.parametrize("operation", EVERY)
@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "InvalidParameter"),
        (400, "ObtainIpFail"),
        (400, "TooManyBackendServers"),
        (400, "BackendServersMalformed"),
        (400, "InvalidWeight.Malformed"),
        (400, "MissingParameter"),
        (404, "InvalidServerId.NotFound"),
        (400, "InvalidServerId.NotExist"),
        (404, "InvalidRegionId.NotFound"),
        (400, "BackendServer.InvalidType"),
        (400, "InvalidParam.TagKey"),
        (400, "throttling"),  # codes have a case
        (400, "XThrottling"),
        (418, "Teapot"),
    ],
)
def test_a_bad_request_is_rejected_as_invalid(operation: Operation, status: int, code: str) -> None:
    assert fault(operation, status, code) is Fault.INVALID


@pytest.mark.parametrize("operation", EVERY)
@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "OverQuota"),
        (400, "InstanceBackendServerNumberOverLimit"),
        (400, "TagCountLimit"),
        (400, "QuotaExceeded.VServerGroup"),
        (400, "RspoolRuleExist"),
        (400, "IncorrectStatus.RSByPassToas"),
        (400, "LbStatusNotSupport"),
    ],
)
def test_a_quota_or_a_state_is_a_conflict(operation: Operation, status: int, code: str) -> None:
    assert fault(operation, status, code) is Fault.CONFLICT


@pytest.mark.parametrize("operation", EVERY)
@pytest.mark.parametrize(
    ("status", "code"),
    [
        (404, "InvalidLoadBalancerId.NotFound"),
        (400, "InvalidLoadBalancerId.NotFound"),
        (404, "InvalidParameter"),
        (404, "InvalidVServerGroupId.NotFound"),
        (400, "InvalidVServerGroupId.NotExist"),
    ],
)
def test_what_is_not_there_is_not_found(operation: Operation, status: int, code: str) -> None:
    assert fault(operation, status, code) is Fault.NOT_FOUND


def test_a_listener_in_the_way_may_go_away_when_a_group_is_deleted_and_not_otherwise() -> None:
    assert type(slb(DELETE, 400, "RspoolVipExist")) is Retryable
    assert fault(SET, 400, "RspoolVipExist") is Fault.CONFLICT


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
