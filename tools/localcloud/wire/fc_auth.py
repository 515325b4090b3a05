r"""`FC <ak>:<signature>`, the signature of Function Compute's API 2016-08-15 (doc, sdk).

    METHOD \n Content-MD5 \n Content-Type \n Date \n x-fc-* headers, each `name:value\n` \n resource

The resource is the decoded path; of an HTTP trigger also a line feed and the sorted query, one pair
to a line. Otherwise the query is not signed, and the body never is.
"""

import base64
import hashlib
import hmac
import re
from datetime import timezone
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from urllib.parse import unquote, unquote_plus

from localcloud.wire.errors import ApiError
from localcloud.wire.message import HttpRequest
from localcloud.wire.signature import Claim

SCHEME = "FC "
PROXY = "/2016-08-15/proxy/"
_AUTHORIZATION = re.compile(SCHEME + r"([^:\s]+):([A-Za-z0-9+/=]+)")


def claim(request: HttpRequest) -> Claim:
    match = _AUTHORIZATION.fullmatch(request.headers["authorization"])
    if match is None:
        raise _bad("InvalidArgument", "The Authorization header is not of the form FC ak:signature")
    return Claim(
        access_key_id=match[1],
        signature=match[2],
        signed_at=_time(request.headers.get("date")),
        sign=lambda secret: sign(request, secret),
        security_token=request.headers.get("x-fc-security-token", ""),
    )


def sign(request: HttpRequest, secret: str) -> str:
    extra = sorted(item for item in request.headers.items() if item[0].startswith("x-fc-"))
    lines = (
        request.method,
        request.headers.get("content-md5", ""),
        request.headers.get("content-type", ""),
        request.headers.get("date", ""),
        "".join(f"{name}:{value}\n" for name, value in extra) + _resource(request),
    )
    digest = hmac.new(secret.encode(), "\n".join(lines).encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def _resource(request: HttpRequest) -> str:
    path = unquote(request.path)
    if not request.path.startswith(PROXY):
        return path
    pairs = sorted(unquote_plus(pair) for pair in request.query.split("&"))
    return "\n".join((path, *pairs))


def _time(date: str | None) -> float:
    if not date:
        raise _bad("MissingRequiredHeader", "The header Date is required")
    try:
        found = parsedate_to_datetime(date)
    except (TypeError, ValueError, IndexError) as error:
        raise _bad("InvalidArgument", "The header Date is not an HTTP date") from error
    # Without a zone it is GMT, like any HTTP date.
    return found.replace(tzinfo=found.tzinfo or timezone.utc).timestamp()


def _bad(code: str, message: str) -> ApiError:
    return ApiError(HTTPStatus.BAD_REQUEST, code, message)
