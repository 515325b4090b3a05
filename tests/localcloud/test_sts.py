"""Roles of this account and of another one: who may assume them, and what their keys reach."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from localcloud.worlds import ACCOUNT

Refused = Callable[..., tuple[str, int]]
OTHER = "2000000000000002"
OWN = f"acs:ram::{ACCOUNT}:role/own"
THEIRS = f"acs:ram::{OTHER}:role/theirs"
VERSION = "2015-04-01"


@pytest.fixture
def assume(sdk: Any, control: Any) -> Callable[..., Any]:
    roles = [
        {"RoleArn": OWN},
        {"RoleArn": THEIRS},
        {"RoleArn": f"{THEIRS}2", "TrustedAccounts": []},
    ]
    control.seed(Roles=roles)

    def call(arn: str = THEIRS, **changed: str) -> Any:
        parameters = {"RoleArn": arn, "RoleSessionName": "test", **changed}
        return sdk.call(VERSION, "AssumeRole", **parameters)

    return call


def keys_of(answer: Any) -> dict[str, str]:
    given = answer["Credentials"]
    return {
        "access_key_id": given["AccessKeyId"],
        "access_key_secret": given["AccessKeySecret"],
        "security_token": given["SecurityToken"],
    }


def test_an_assumed_role_has_keys_of_its_own_each_time(assume: Any) -> None:
    first, second = assume(), assume()
    assert keys_of(first) != keys_of(second)
    arn = f"acs:ram::{OTHER}:assumed-role/theirs/test"
    assert first["AssumedRoleUser"]["Arn"] == arn


@pytest.mark.parametrize(("arn", "seen"), [(OWN, ["lb-local"]), (THEIRS, ["lb-theirs"])])
def test_load_balancers_are_those_of_the_roles_account(
    assume: Any, control: Any, sdk: Any, arn: str, seen: list[str]
) -> None:
    from alibabacloud_slb20140515 import models  # noqa: PLC0415 - slow

    theirs = {"LoadBalancerId": "lb-theirs", "RegionId": "cn-hangzhou", "Account": OTHER}
    control.seed(LoadBalancers=[theirs])
    client = sdk.slb(**keys_of(assume(arn)))
    request = models.DescribeLoadBalancersRequest(region_id="cn-hangzhou")
    listed = client.describe_load_balancers(request).body.load_balancers.load_balancer
    assert [item.load_balancer_id for item in listed] == seen


@pytest.mark.parametrize(
    ("changed", "code", "status"),
    [
        ({"arn": f"{THEIRS}2"}, "NoPermission", 403),
        ({"arn": f"{THEIRS}3"}, "EntityNotExist.Role", 404),
        ({"RoleSessionName": ""}, "MissingParameter", 400),
        ({"RoleSessionName": "!"}, "InvalidParameter.RoleSessionName", 400),
        ({"DurationSeconds": "899"}, "InvalidParameter.DurationSeconds", 400),
        ({"DurationSeconds": "3601"}, "InvalidParameter.DurationSeconds", 400),
    ],
)
def test_what_cannot_be_assumed_is_refused(
    assume: Any, refused: Refused, changed: dict[str, str], code: str, status: int
) -> None:
    assert refused(lambda: assume(**changed)) == (code, status)


def test_the_caller_is_told_who_it_is(sdk: Any) -> None:
    told = sdk.call(VERSION, "GetCallerIdentity")
    assert (told["AccountId"], told["IdentityType"]) == (ACCOUNT, "RAMUser")
    assert told["Arn"] == f"acs:ram::{ACCOUNT}:user/localcloud"


@pytest.mark.parametrize(
    "rows", [[{"RoleArn": "own"}], [{"RoleArn": OWN}, {"RoleArn": OWN, "TrustedAccounts": []}]]
)
def test_a_seed_of_roles_that_cannot_be_is_refused(control: Any, rows: list[Any]) -> None:
    answer = control.send("POST", "/_cloud/seed", {"Roles": rows})
    assert answer.status == 400
    assert b"RoleArn" in answer.body
