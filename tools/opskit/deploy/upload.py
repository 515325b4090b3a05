"""The package on its way into a bucket, over the OSS API, with the vendor's SDK."""

from __future__ import annotations

import hashlib

import alibabacloud_oss_v2 as oss

from opskit.package import Package

from .config import Config, StackFailedError


def key_of(package: Package, name: str) -> str:
    """Another for other bytes: so a stack knows when its code has changed, and what was deployed
    before is still there to go back to."""
    digest = hashlib.sha256(package.path.read_bytes()).hexdigest()
    return f"{name}/{package.runtime}-{digest[:32]}.zip"


def put(config: Config, package: Package, key: str) -> None:
    keys = config.credentials
    given = oss.credentials.StaticCredentialsProvider(
        keys.access_key_id, keys.access_key_secret, keys.security_token or None
    )
    settings = oss.config.load_default()
    settings.credentials_provider = given
    settings.region = config.region_id
    settings.endpoint = config.endpoints.get("OSS")
    with package.path.open("rb") as content:
        request = oss.PutObjectRequest(bucket=config.code_bucket, key=key, body=content)
        try:
            oss.Client(settings).put_object(request)
        except oss.exceptions.OperationError as error:
            code = getattr(error.unwrap(), "code", "")
            where = f"bucket {config.code_bucket} of {config.region_id}"
            if not code:
                raise StackFailedError(
                    f"no readable answer from OSS for {where}: see to RegionId, Endpoints/OSS, "
                    "network and proxy, then do the same again"
                ) from error
            raise StackFailedError(f"OSS refused {key} in {where}: {code}") from error
