"""The options that opskit's commands share: which cloud, which endpoints, as whom."""

from __future__ import annotations

import os

import pytest

from opskit import local
from opskit.cloud import Cloud, chosen
from opskit.ending import UnusableError, of_outcomes

KEYS = {
    "ALIBABA_CLOUD_ACCESS_KEY_ID": "id",
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "secret",
    "ALIBABA_CLOUD_SECURITY_TOKEN": "token",
}
ACCOUNT = "1000000000000001"


def cloud(region: str = "cn-hangzhou", account: str = ACCOUNT, *endpoints: str) -> Cloud:
    return chosen(None, region, account, endpoints, KEYS)


@pytest.mark.parametrize(
    ("product", "region", "url"),
    [
        ("slb", "cn-hangzhou", "https://slb.aliyuncs.com"),
        ("slb", "eu-central-1", "https://slb.eu-central-1.aliyuncs.com"),
        ("ess", "cn-hangzhou", "https://ess.aliyuncs.com"),
        ("ess", "eu-central-1", "https://ess.eu-central-1.aliyuncs.com"),
        ("mns", "cn-hangzhou", f"https://{ACCOUNT}.mns.cn-hangzhou.aliyuncs.com"),
        ("fc", "cn-hangzhou", f"https://{ACCOUNT}.cn-hangzhou.fc.aliyuncs.com"),
        ("sts", "cn-hangzhou", "https://sts.cn-hangzhou.aliyuncs.com"),
    ],
)
def test_each_product_has_its_documented_endpoint(product: str, region: str, url: str) -> None:
    assert cloud(region).endpoint(product) == url


def test_an_endpoint_that_is_named_comes_first_and_needs_no_scheme() -> None:
    named = cloud("cn-hangzhou", "", "fc=fc.example", "mns=http://mns.example/")
    assert named.endpoint("fc") == "https://fc.example"
    assert named.endpoint("mns") == "http://mns.example"


@pytest.mark.parametrize("product", ["mns", "fc"])
def test_without_an_account_what_needs_one_says_so(product: str) -> None:
    with pytest.raises(UnusableError, match="--account is needed"):
        cloud("cn-hangzhou", "").endpoint(product)


@pytest.mark.parametrize("text", ["ecs=http://x", "slb", "slb=", "slb=http://[", "slb=x:y"])
def test_an_endpoint_is_a_host_of_a_product_that_is_used(text: str) -> None:
    with pytest.raises(UnusableError, match="takes PRODUCT=URL") as caught:
        cloud("cn-hangzhou", "", text)
    assert repr(text) in str(caught.value)


def test_a_localcloud_stands_for_all_and_has_keys_of_its_own() -> None:
    found = chosen("http://127.0.0.1:8900/", "cn-hangzhou", "", ["sts=http://127.0.0.1:1"], {})
    assert {found.endpoint(p) for p in ("slb", "ess", "mns", "fc")} == {"http://127.0.0.1:8900"}
    assert found.endpoint("sts") == "http://127.0.0.1:1"
    assert found.credentials.access_key_id == local.ACCESS_KEY_ID


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8900", "http://[::1", "http://127.0.0.1:port", "http://"]
)
def test_where_a_localcloud_is_takes_a_url(url: str) -> None:
    with pytest.raises(UnusableError, match="--local takes a URL"):
        chosen(url, "cn-hangzhou", "", [], {})


def test_keys_are_those_of_the_environment_and_secrets_are_not_shown() -> None:
    keys = cloud().credentials
    assert (keys.access_key_id, keys.security_token) == ("id", "token")
    assert "secret" not in repr(cloud())


def test_proxies_are_not_for_loopback_and_stay_for_everything_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    cloud("cn-hangzhou", "", "slb=https://slb.example", "ess=10.0.0.1:80")
    assert os.environ["https_proxy"] == "http://proxy.example:3128"
    cloud("cn-hangzhou", "", "slb=http://localhost:8900")
    assert "https_proxy" not in os.environ


@pytest.mark.parametrize(
    ("outcomes", "status"),
    [
        ([], 0),
        (["provisioned", "planned", "skipped"], 0),
        (["provisioned", "refused"], 3),
        (["refused", "failed"], 1),
    ],
)
def test_a_failure_outweighs_a_refusal(outcomes: list[str], status: int) -> None:
    assert of_outcomes(outcomes) == status
