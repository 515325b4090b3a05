"""Function Compute's signatures: the vectors of the fact sheet, and tampering."""

from __future__ import annotations

from dataclasses import replace

import pytest

from localcloud.wire import acs3, fc_auth
from localcloud.wire.errors import ApiError
from localcloud.wire.message import HttpRequest

NEW_YEAR = {"date": "Thu, 01 Jan 2026 00:00:00 GMT", "content-type": "application/json"}
INVOCATION = HttpRequest(
    method="POST",
    path="/2016-08-15/services/svc/functions/fn/invocations",
    query="",
    headers={
        **NEW_YEAR,
        "x-fc-invocation-type": "Async",
        "x-fc-log-type": "None",
        "authorization": "FC AKID:5I0NwhfuAESlVeyxaQh8LsUYMdU9fTGDssyo09RDSok=",
    },
)
TRIGGER = HttpRequest(
    method="GET",
    path="/2016-08-15/proxy/svc/fn/a%20b",
    query="a=1&b=2&b=1&c",
    headers={
        **NEW_YEAR,
        "authorization": "FC AKID:qcv5jTUTSnyqLKkTrXo06DssfUYdjIdrsBgUEtmESIk=",
    },
)
ACS3 = HttpRequest(
    method="POST",
    path="/2023-03-30/functions/fn/invocations",
    query="qualifier=LATEST",
    headers={
        "host": "fcv3.cn-hangzhou.aliyuncs.com",
        "content-type": "application/octet-stream",
        "x-acs-action": "InvokeFunction",
        "x-acs-content-sha256": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
        "x-acs-date": "2026-01-01T00:00:00Z",
        "x-acs-signature-nonce": "n1",
        "x-acs-version": "2023-03-30",
        "x-fc-invocation-type": "Async",
    },
    body=b"{}",
)


@pytest.mark.parametrize("request_", [INVOCATION, TRIGGER], ids=["invocation", "trigger"])
def test_the_vectors_of_2016_bear_the_signatures_that_they_should(request_: HttpRequest) -> None:
    claim = fc_auth.claim(request_)
    assert claim.sign("AKSECRET") == claim.signature
    assert (claim.access_key_id, claim.signed_at) == ("AKID", 1767225600)


def test_the_vector_of_2023_bears_the_signature_that_it_should() -> None:
    assert acs3.sign(ACS3, list(ACS3.headers), "AKSECRET") == (
        "61f6bc04420e225fee5650030db2f688256bd3ddd49ac593756e9d9ae1f71a0a"
    )


@pytest.mark.parametrize(
    "changed",
    [
        replace(INVOCATION, method="GET"),
        replace(INVOCATION, path="/2016-08-15/services/svc/functions/other/invocations"),
        replace(INVOCATION, headers={**INVOCATION.headers, "x-fc-invocation-type": "Sync"}),
        replace(INVOCATION, headers={**INVOCATION.headers, "x-fc-security-token": "t"}),
        replace(INVOCATION, headers={**INVOCATION.headers, "content-type": "text/plain"}),
        replace(TRIGGER, query="a=1&b=2&b=1"),
        replace(TRIGGER, query="a=1&b=2&b=1&c="),
    ],
)
def test_no_signed_part_of_a_request_can_be_changed(changed: HttpRequest) -> None:
    claim = fc_auth.claim(changed)
    assert claim.sign("AKSECRET") != claim.signature


def test_the_order_of_a_triggers_query_does_not_matter_and_a_plus_is_a_space() -> None:
    one = replace(TRIGGER, query="b=1+2&a=%31")
    other = replace(TRIGGER, query="a=1&b=1%202")
    assert fc_auth.sign(one, "s") == fc_auth.sign(other, "s")


def test_an_fc_header_that_acs3_does_not_sign_is_refused() -> None:
    names = ";".join(name for name in ACS3.headers if name != "x-fc-invocation-type")
    authorization = f"ACS3-HMAC-SHA256 Credential=AKID,SignedHeaders={names},Signature=00"
    with pytest.raises(ApiError, match="x-fc-invocation-type is not signed"):
        acs3.claim(replace(ACS3, headers={**ACS3.headers, "authorization": authorization}))


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"date": ""}, "MissingRequiredHeader"),
        ({"date": "yesterday"}, "InvalidArgument"),
        ({"authorization": "FC AKID"}, "InvalidArgument"),
    ],
)
def test_what_is_wrong_with_a_header_is_said(changed: dict[str, str], code: str) -> None:
    with pytest.raises(ApiError, match=code):
        fc_auth.claim(replace(INVOCATION, headers={**INVOCATION.headers, **changed}))
