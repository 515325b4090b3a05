"""Each scheme against the vectors of its fact sheet, and against tampering."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from hashlib import md5

import pytest

from localcloud.wire import acs3, hmac_sha1, mns_auth
from localcloud.wire.errors import ApiError
from localcloud.wire.message import HttpRequest
from localcloud.wire.signature import canonical_query

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
ACS3 = HttpRequest(
    method="POST",
    path="/",
    query="ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd&RegionId=cn-shanghai",
    headers={
        "host": "ecs.cn-shanghai.aliyuncs.com",
        "x-acs-action": "RunInstances",
        "x-acs-content-sha256": EMPTY,
        "x-acs-date": "2023-10-26T10:22:32Z",
        "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
        "x-acs-version": "2014-05-26",
        "authorization": (
            "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;"
            "x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,"
            "Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
        ),
    },
)
V1 = {
    "AccessKeyId": "testid",
    "Action": "DescribeRegions",
    "Format": "XML",
    "Version": "2014-05-26",
    "SignatureNonce": "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf",
    "SignatureMethod": "HMAC-SHA1",
    "SignatureVersion": "1.0",
}
NEW_YEAR = {"date": "Thu, 01 Jan 2026 00:00:00 GMT", "x-mns-version": "2015-06-06"}
PUBLISH = HttpRequest(
    method="POST",
    path="/topics/my-topic/messages",
    query="",
    headers={
        **NEW_YEAR,
        "content-type": "text/xml;charset=UTF-8",
        "content-md5": "OGVlZmU4ZTI3NTI2Y2RlMWFjZWEwYjg4YTIyMTcyMzc=",
        "authorization": "MNS AKID:1kYmMi+V+s+kOFETLcJQv8Qhn0s=",
    },
    body=(
        b'<?xml version="1.0" encoding="utf-8"?>'
        b'<Message xmlns="http://mns.aliyuncs.com/doc/v1/">'
        b"<MessageBody>{&quot;k&quot;: 1}</MessageBody><MessageTag>tag1</MessageTag></Message>"
    ),
)
# The same message from an XML writer that leaves quotes alone.
QUOTES = PUBLISH.body.replace(b"&quot;", b'"')
PUBLISH_WITH_QUOTES = replace(
    PUBLISH,
    body=QUOTES,
    headers={
        **PUBLISH.headers,
        "content-md5": b64encode(md5(QUOTES).hexdigest().encode()).decode(),  # noqa: S324 - MNS's
        "authorization": "MNS AKID:EetHYJ25eKkXPwGi/wUJpGkFz8k=",
    },
)
RECEIVE = HttpRequest(
    method="GET",
    path="/queues/my-queue/messages",
    query="waitseconds=10",
    headers={**NEW_YEAR, "authorization": "MNS AKID:fvil8v3xQId9eSqglfp57IcnXKU="},
)


def test_the_documented_acs3_signature_is_what_the_request_should_bear() -> None:
    claim = acs3.claim(ACS3)
    assert claim.sign("YourAccessKeySecret") == claim.signature
    assert claim.access_key_id == "YourAccessKeyId"
    assert claim.nonce == "3156853299f313e23d1673dc12e1703d"


@pytest.mark.parametrize(
    "changed",
    [
        replace(ACS3, method="GET"),
        replace(ACS3, path="/other"),
        replace(ACS3, query=f"{ACS3.query}&DryRun=True"),
        replace(ACS3, body=b"{}"),
        replace(ACS3, headers={**ACS3.headers, "x-acs-action": "DeleteInstance"}),
        replace(ACS3, headers={**ACS3.headers, "host": "ecs.cn-shanghai.aliyuncs.com:8900"}),
    ],
)
def test_no_part_of_an_acs3_request_can_be_changed(changed: HttpRequest) -> None:
    claim = acs3.claim(changed)
    assert claim.sign("YourAccessKeySecret") != claim.signature


def test_another_secret_gives_another_acs3_signature() -> None:
    assert acs3.claim(ACS3).sign("other") != acs3.claim(ACS3).signature


def test_acs3_takes_a_plus_in_the_query_for_a_signed_space() -> None:
    plus, percent = replace(ACS3, query="a=b+c&d="), replace(ACS3, query="d=&a=b%20c")
    assert acs3.claim(plus).sign("s") == acs3.claim(percent).sign("s")


def test_an_acs3_header_that_is_not_signed_is_refused() -> None:
    headers = {**ACS3.headers, "x-acs-security-token": "smuggled"}
    with pytest.raises(ApiError, match="IncompleteSignature"):
        acs3.claim(replace(ACS3, headers=headers))


@pytest.mark.parametrize(
    ("spelling", "signature"),
    [
        ("Timestamp", "OLeaidS1JvxuMvnyHOwuJ+uX5qY="),
        ("TimeStamp", "CT9X0VtwR86fNWSnsc6v8YGOjuE="),
    ],
)
def test_the_documented_v1_signatures_are_what_the_request_should_bear(
    spelling: str, signature: str
) -> None:
    pairs = {**V1, spelling: "2016-02-23T12:46:24Z"}
    assert hmac_sha1.sign("GET", pairs.items(), "testsecret") == signature
    assert hmac_sha1.sign("POST", pairs.items(), "testsecret") != signature
    assert hmac_sha1.sign("GET", {**pairs, "Format": "JSON"}.items(), "testsecret") != signature


def test_v1_keeps_a_tilde_and_encodes_a_star_and_a_space() -> None:
    assert canonical_query([("a", "~* +")]) == "a=~%2A%20%2B"


@pytest.mark.parametrize("request_", [PUBLISH, PUBLISH_WITH_QUOTES, RECEIVE], ids=["A", "A2", "B"])
def test_the_mns_vectors_bear_the_signatures_that_they_should(request_: HttpRequest) -> None:
    claim = mns_auth.claim(request_)
    assert claim.sign("AKSECRET") == claim.signature
    assert claim.access_key_id == "AKID"


@pytest.mark.parametrize(
    "changed",
    [
        replace(RECEIVE, method="DELETE"),
        replace(RECEIVE, path="/queues/other/messages"),
        replace(RECEIVE, query="waitseconds=30"),
        replace(RECEIVE, headers={**RECEIVE.headers, "x-mns-prefix": "p"}),
        replace(RECEIVE, headers={**RECEIVE.headers, "date": "Thu, 01 Jan 2026 00:00:01 GMT"}),
    ],
)
def test_no_part_of_an_mns_request_can_be_changed(changed: HttpRequest) -> None:
    claim = mns_auth.claim(changed)
    assert claim.sign("AKSECRET") != claim.signature


def test_x_mns_date_takes_the_place_of_date() -> None:
    moved = {**RECEIVE.headers, "x-mns-date": RECEIVE.headers["date"]}
    without = {name: value for name, value in moved.items() if name != "date"}
    assert mns_auth.claim(replace(RECEIVE, headers=without)).signed_at == 1767225600


def test_a_body_that_is_not_the_one_of_content_md5_is_refused() -> None:
    with pytest.raises(ApiError, match="InvalidDegist"):
        mns_auth.claim(replace(PUBLISH, body=PUBLISH.body + b" "))
