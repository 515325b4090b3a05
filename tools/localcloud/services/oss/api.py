"""OSS on the wire: objects are put; nothing reads them but Function Compute."""

from __future__ import annotations

import hashlib
from http import HTTPStatus
from typing import TYPE_CHECKING

from localcloud.call import Service
from localcloud.wire import oss
from localcloud.wire.errors import ApiError

if TYPE_CHECKING:
    from localcloud.call import Call
    from localcloud.cloud import Cloud

VERSION = "2019-05-17"  # doc


def put_object(cloud: Cloud, call: Call) -> oss.Reply:
    bucket, key = call.parameters.require("Bucket"), call.parameters.require("Key")
    if bucket not in cloud.world.buckets:
        message = "The specified bucket does not exist."
        raise ApiError(HTTPStatus.NOT_FOUND, "NoSuchBucket", message)
    content = call.request.body
    cloud.files.put(bucket, key, content)
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return oss.Reply(HTTPStatus.OK, {"etag": f'"{digest.upper()}"'})


SERVICE = Service(
    name="oss", dialect=oss, versions=(VERSION,), operations={"PutObject": put_object}
)
