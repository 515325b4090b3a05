"""What happens to a request whose signature does not hold, in each dialect."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import pytest
from alibabacloud_slb20140515 import models
from mns.mns_exception import MNSServerException

Refused = Callable[..., tuple[str, int]]

LIST = models.DescribeVServerGroupsRequest(region_id="cn-hangzhou", load_balancer_id="lb-local")
LISTING = {
    "Action": "DescribeVServerGroups",
    "Version": "2014-05-15",
    "Format": "JSON",
    "RegionId": "cn-hangzhou",
    "LoadBalancerId": "lb-local",
}


@pytest.mark.parametrize("algorithm", [None, "v2"], ids=["ACS3", "HMAC-SHA1"])
def test_an_unknown_access_key_is_named_as_such(
    sdk: Any, refused: Refused, algorithm: str | None
) -> None:
    client = sdk.slb(access_key_id="nobody", signature_algorithm=algorithm)
    assert refused(client.describe_vserver_groups, LIST) == ("InvalidAccessKeyId.NotFound", 400)


@pytest.mark.parametrize("algorithm", [None, "v2"], ids=["ACS3", "HMAC-SHA1"])
def test_a_wrong_secret_does_not_match(sdk: Any, refused: Refused, algorithm: str | None) -> None:
    client = sdk.slb(access_key_secret="wrong", signature_algorithm=algorithm)
    assert refused(client.describe_vserver_groups, LIST) == ("SignatureDoesNotMatch", 403)


@pytest.mark.parametrize("algorithm", [None, "v2"], ids=["ACS3", "HMAC-SHA1"])
def test_a_key_of_a_role_works_only_with_its_security_token(
    sdk: Any, control: Any, refused: Refused, algorithm: str | None
) -> None:
    key = {"AccessKeyId": "role", "AccessKeySecret": "s", "SecurityToken": "t", "Caller": "fn"}
    control.seed(Keys=[key])
    config = {"access_key_id": "role", "access_key_secret": "s", "signature_algorithm": algorithm}
    sdk.slb(security_token="t", **config).describe_vserver_groups(LIST)
    assert control.journal()[-1]["caller"] == "fn"
    without = sdk.slb(**config).describe_vserver_groups
    assert refused(without, LIST) == ("InvalidSecurityToken.Malformed", 400)


def test_a_nonce_is_good_for_one_request(control: Any) -> None:
    first = control.v1(**LISTING, SignatureNonce="once")
    again = control.v1(**LISTING, SignatureNonce="once")
    assert (first.status, again.status) == (200, 400)
    assert again.json["Code"] == "SignatureNonceUsed"


def test_a_refused_signature_does_not_use_up_its_nonce(control: Any) -> None:
    assert control.v1(**LISTING, SignatureNonce="once", AccessKeyId="nobody").status == 400
    assert control.v1(**LISTING, SignatureNonce="once").status == 200


@pytest.mark.parametrize("stamp", ["2014-05-26T12:00:00Z", "yesterday"])
def test_an_old_or_unreadable_timestamp_is_illegal(control: Any, stamp: str) -> None:
    answer = control.v1(**LISTING, Timestamp=stamp)
    assert (answer.status, answer.json["Code"]) == (400, "IllegalTimestamp")


def test_signatures_are_checked_against_real_time_even_if_the_clock_was_moved(
    sdk: Any, control: Any
) -> None:
    control.advance(86400)
    sdk.slb().describe_vserver_groups(LIST)


@pytest.mark.parametrize(
    "name", ["AccessKeyId", "Signature", "SignatureNonce", "SignatureMethod", "Timestamp"]
)
def test_a_signing_parameter_that_is_missing_is_named(control: Any, name: str) -> None:
    answer = control.v1(**{**LISTING, name: ""})
    if name == "Signature":
        answer = control.send(
            "GET",
            "/?Action=DescribeVServerGroups&Version=2014-05-15&Format=JSON&AccessKeyId=localcloud",
        )
    assert (answer.status, answer.json["Code"]) == (400, "MissingParameter")
    assert name in answer.json["Message"]


def test_another_signature_method_is_incomplete(control: Any) -> None:
    answer = control.v1(**LISTING, SignatureMethod="HMAC-SHA256")
    assert (answer.status, answer.json["Code"]) == (400, "IncompleteSignature")


def test_an_acs3_header_of_another_form_is_incomplete(control: Any) -> None:
    headers = {
        "x-acs-action": "DescribeVServerGroups",
        "x-acs-version": "2014-05-15",
        "authorization": "ACS3-HMAC-SHA256 Credential=localcloud",
    }
    answer = control.send("POST", "/", headers=headers)
    assert (answer.status, answer.json["Code"]) == (400, "IncompleteSignature")


@pytest.mark.parametrize(
    ("account", "code"),
    [
        ({"access_key_id": "nobody"}, "InvalidAccessKeyId"),
        ({"access_key_secret": "wrong"}, "SignatureDoesNotMatch"),
        ({"security_token": "stray"}, "AccessDenied"),
    ],
)
def test_mns_refuses_a_stranger(sdk: Any, account: dict[str, str], code: str) -> None:
    topic = sdk.mns(**account).get_topic("scaling-events")
    with pytest.raises(MNSServerException) as caught:
        topic.get_attributes()
    assert caught.value.type == code


def test_mns_takes_the_key_of_a_role_with_its_token(sdk: Any, control: Any) -> None:
    key = {"AccessKeyId": "role", "AccessKeySecret": "s", "SecurityToken": "t"}
    control.seed(Keys=[key])
    sdk.mns("role", access_key_secret="s", security_token="t").list_topic()
    assert control.journal()[-1]["caller"] == "role"


@pytest.mark.parametrize(
    ("changed", "code", "status"),
    [
        ({"authorization": ""}, "MissingAuthorizationHeader", 400),
        ({"authorization": "Basic x"}, "InvalidAuthorizationHeader", 400),
        ({"date": ""}, "MissingDateHeader", 400),
        ({"date": "yesterday"}, "InvalidDateHeader", 400),
        ({"date": "Thu, 01 Jan 2026 00:00:00 GMT"}, "TimeExpired", 403),
    ],
)
def test_mns_says_what_is_wrong_with_a_header(
    control: Any, changed: dict[str, str], code: str, status: int
) -> None:
    good = {"authorization": "MNS localcloud:c2lnbmF0dXJl", "date": formatdate(usegmt=True)}
    answer = control.send("GET", "/topics", headers={**good, **changed})
    assert answer.status == status
    assert f"<Code>{code}</Code>".encode() in answer.body


def test_what_is_not_implemented_says_so_before_anything_else(control: Any) -> None:
    answer = control.v1(
        Action="CreateLoadBalancerHTTPSListener",
        Version="2014-05-15",
        Format="JSON",
        AccessKeyId=str(uuid.uuid4()),
    )
    assert answer.status == 501
    assert answer.json["Code"] == "NotImplemented"
    assert "CreateLoadBalancerHTTPSListener" in answer.json["Message"]
    assert {"RequestId", "HostId"} < answer.json.keys()
