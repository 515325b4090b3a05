"""STS on the wire: temporary keys for a role, and who is calling."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from localcloud.call import Service
from localcloud.clock import timestamp
from localcloud.services.sts.model import Session
from localcloud.wire import rpc
from localcloud.wire.errors import ApiError

if TYPE_CHECKING:
    from localcloud.call import Call
    from localcloud.cloud import Cloud
    from localcloud.services.sts.model import Role

_SESSION_NAME = re.compile(r"[A-Za-z0-9.@_-]{2,64}")
_SHORTEST, _LONGEST = 900, 3600  # doc: seconds, where the role allows no longer ones


def assume_role(cloud: Cloud, call: Call) -> dict[str, Any]:
    role = _role(cloud, call, call.parameters.require("RoleArn"))
    name = call.parameters.require("RoleSessionName")
    if not _SESSION_NAME.fullmatch(name):
        raise _malformed("RoleSessionName")
    seconds = _seconds(call)
    session = Session(role.arn, name)
    account = "" if role.account == cloud.world.account else role.account
    key = cloud.roles.assume(session.arn, account, seconds)
    return {
        "AssumedRoleUser": {"Arn": session.arn, "AssumedRoleId": f"{key.access_key_id}:{name}"},
        "Credentials": {
            "AccessKeyId": key.access_key_id,
            "AccessKeySecret": key.access_key_secret,
            "SecurityToken": key.security_token,
            "Expiration": timestamp(key.expires),
        },
    }


def get_caller_identity(cloud: Cloud, call: Call) -> dict[str, Any]:
    caller = call.identity.caller if call.identity else ""
    account = call.account or cloud.world.account
    arn = caller if caller.startswith("acs:ram::") else f"acs:ram::{account}:user/{caller}"
    return {
        "AccountId": account,
        "Arn": arn,
        "PrincipalId": caller,
        "IdentityType": "AssumedRoleUser" if ":assumed-role/" in arn else "RAMUser",
    }


def _role(cloud: Cloud, call: Call, arn: str) -> Role:
    role = cloud.world.ram_roles.get(arn)
    if role is None:
        message = "The specified Role does not exist."
        raise ApiError(HTTPStatus.NOT_FOUND, "EntityNotExist.Role", message)
    if (call.account or cloud.world.account) not in role.trusted:
        message = "No permission perform sts:AssumeRole on this Role."  # doc
        raise ApiError(HTTPStatus.FORBIDDEN, "NoPermission", message)
    return role


def _seconds(call: Call) -> int:
    try:
        return call.parameters.integer(
            "DurationSeconds", default=_LONGEST, low=_SHORTEST, high=_LONGEST
        )
    except ApiError as error:
        raise _malformed("DurationSeconds") from error


def _malformed(name: str) -> ApiError:
    message = f"The parameter {name} is wrongly formed."
    return ApiError(HTTPStatus.BAD_REQUEST, f"InvalidParameter.{name}", message)  # doc: the code


SERVICE = Service(
    name="sts",
    dialect=rpc,
    versions=("2015-04-01",),
    operations={"AssumeRole": assume_role, "GetCallerIdentity": get_caller_identity},
)
