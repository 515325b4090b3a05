"""Objects over the OSS API: its SDK's signature, and what is refused."""

from __future__ import annotations

from typing import Any

import alibabacloud_oss_v2 as oss
import pytest

from localcloud.server import Running
from localcloud.wire import oss as wire
from localcloud.wire.message import HttpRequest


def client(url: str, key: str = "localcloud-secret", key_id: str = "localcloud") -> Any:
    settings = oss.config.load_default()
    settings.credentials_provider = oss.credentials.StaticCredentialsProvider(key_id, key)
    settings.region, settings.endpoint = "cn-hangzhou", url
    return oss.Client(settings)


def put(served: Running, key: str = "a b/ü.zip", **given: Any) -> Any:
    bucket = given.pop("bucket", "mine")
    request = oss.PutObjectRequest(bucket=bucket, key=key, body=b"content", **given)
    return client(served.url).put_object(request)


@pytest.fixture
def bucket(control: Any) -> None:
    control.seed(Buckets=[{"BucketName": "mine"}])


@pytest.mark.usefixtures("bucket")
def test_an_object_is_put_where_function_compute_finds_it(served: Running) -> None:
    result = put(served, content_type="application/zip")
    assert result.etag == '"9A0364B9E99BB480DD25E1F0284C8555"'
    path = served.cloud.files.path("mine", "a b/ü.zip")
    assert path is not None
    assert path.read_bytes() == b"content"


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize(
    ("key", "key_id", "code"),
    [
        ("another", "localcloud", "SignatureDoesNotMatch"),
        ("localcloud-secret", "nobody", "InvalidAccessKeyId"),
    ],
)
def test_a_wrong_signature_is_refused(served: Running, key: str, key_id: str, code: str) -> None:
    request = oss.PutObjectRequest(bucket="mine", key="k", body=b"")
    with pytest.raises(oss.exceptions.OperationError) as caught:
        client(served.url, key, key_id).put_object(request)
    assert (caught.value.unwrap().code, caught.value.unwrap().status_code) == (code, 403)


@pytest.mark.usefixtures("bucket")
def test_a_signature_without_its_time_is_refused_and_no_object_is_there_afterwards(
    served: Running, control: Any
) -> None:
    scope = "20260101/cn-hangzhou/oss/aliyun_v4_request"
    signed = f"{wire.ALGORITHM} Credential=localcloud/{scope},Signature=00"
    answer = control.send("PUT", "/mine/k", "content", {"authorization": signed})
    assert (answer.status, b"<Code>AccessDenied</Code>" in answer.body) == (403, True)
    assert served.cloud.files.path("mine", "k") is None


def test_a_bucket_that_there_is_not_is_refused(served: Running) -> None:
    with pytest.raises(oss.exceptions.OperationError) as caught:
        put(served)
    assert (caught.value.unwrap().code, caught.value.unwrap().status_code) == ("NoSuchBucket", 404)
    assert served.cloud.files.path("mine", "a b/ü.zip") is None


@pytest.mark.usefixtures("bucket")
def test_what_is_missing_here_says_so(served: Running) -> None:
    request = oss.GetObjectRequest(bucket="mine", key="k")
    with pytest.raises(oss.exceptions.OperationError) as caught:
        client(served.url).get_object(request)
    assert caught.value.unwrap().code == "NotImplemented"


def test_whatever_is_signed_changes_what_is_to_be_signed() -> None:
    headers = {"x-oss-date": "20260101T000000Z", "content-type": "a/b", "host": "h"}
    base = HttpRequest("PUT", "/mine/key", "", headers)
    scope = "20260101/cn-hangzhou/oss/aliyun_v4_request"
    others = [
        HttpRequest("GET", "/mine/key", "", headers),
        HttpRequest("PUT", "/mine/other", "", headers),
        HttpRequest("PUT", "/mine/key", "acl", headers),
        HttpRequest("PUT", "/mine/key", "", {**headers, "content-type": "c/d"}),
        HttpRequest("PUT", "/mine/key", "", {**headers, "x-oss-acl": "private"}),
    ]
    texts = {wire.to_sign(request, scope, set()) for request in (base, *others)}
    assert len(texts) == 1 + len(others)
    assert wire.to_sign(base, scope, {"host"}) not in texts
