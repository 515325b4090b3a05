"""The time, the credentials and the log of one invocation, from every shape of context."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from deployments import context
from provisioner import invocation
from provisioner.groups import lease
from provisioner.ports import Credentials

ENVIRON = {
    "ALIBABA_CLOUD_ACCESS_KEY_ID": "key-of-environ",
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "secret-of-environ",
    "ALIBABA_CLOUD_SECURITY_TOKEN": "token-of-environ",
}
OF_ENVIRON = Credentials("key-of-environ", "secret-of-environ", "token-of-environ")


def given(key: Any, secret: Any, *token: Any) -> SimpleNamespace:
    return SimpleNamespace(
        access_key_id=key, access_key_secret=secret, security_token=(*token, None)[0]
    )


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (60, 60.0),
        ("60", 60.0),
        (0.5, 0.5),
        (None, 3.0),
        ("", 3.0),
        (0, 3.0),
        ("soon", 3.0),
        ("nan", 3.0),
        ("inf", 3.0),
        (-1, 3.0),
        ([60], 3.0),
    ],
)
def test_a_timeout_is_a_number_or_a_string_or_the_platforms_default(
    value: Any, seconds: float
) -> None:
    assert invocation.read_timeout(context(value)) == seconds


@pytest.mark.parametrize("shape", [None, SimpleNamespace(), SimpleNamespace(function=None)])
def test_a_context_without_a_function_has_the_default_timeout_and_no_request_id(shape: Any) -> None:
    assert invocation.read_timeout(shape) == invocation.DEFAULT_TIMEOUT
    assert invocation.read_request_id(shape) == ""


def test_a_request_id_is_text_or_nothing() -> None:
    assert invocation.read_request_id(context()) == "fc-0001"
    assert invocation.read_request_id(SimpleNamespace(request_id=7)) == ""


def test_the_credentials_of_the_context_come_first() -> None:
    shape = context(credentials=given("key", "secret", "token"))
    assert invocation.read_credentials(shape, ENVIRON) == Credentials("key", "secret", "token")
    shape = context(credentials=given("key", "secret"))
    assert invocation.read_credentials(shape, ENVIRON) == Credentials("key", "secret", "")


@pytest.mark.parametrize(
    "shape",
    [
        context(),
        context(credentials=None),
        context(credentials=given("", "", "")),
        context(credentials=given("key", "")),
        context(credentials=given(None, None)),
        None,
    ],
)
def test_the_environments_credentials_stand_in_where_the_context_has_none(shape: Any) -> None:
    assert invocation.read_credentials(shape, ENVIRON) == OF_ENVIRON
    assert invocation.read_credentials(shape, {}) == Credentials("", "", "")


def test_a_secret_is_no_part_of_a_representation() -> None:
    assert "secret" not in repr(OF_ENVIRON)
    assert "token-of" not in repr(OF_ENVIRON)


@pytest.mark.parametrize(
    ("value", "told"),
    [(60, 60.0), ("3", 3.0), (None, None), ("", None), ("soon", None), (-1, None)],
)
def test_a_timeout_that_is_not_told_is_told_apart_from_the_default(value: Any, told: Any) -> None:
    assert invocation.timeout_from_context(context(value)) == told


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
