r"""`MNS <ak>:<signature>`, signature version 2 of MNS (doc, sdk).

    VERB \n Content-MD5 \n Content-Type \n Date \n x-mns-* headers, each `name:value\n` \n target

The target is the path with its query exactly as sent; x-mns-date takes the Date's place.
"""

import base64
import hashlib
import hmac
import re
from datetime import timezone
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from localcloud.wire.errors import ApiError
from localcloud.wire.message import HttpRequest
from localcloud.wire.signature import Claim

_AUTHORIZATION = re.compile(r"MNS ([^:\s]+):([A-Za-z0-9+/=]+)")


def claim(request: HttpRequest) -> Claim:
    authorization = request.headers.get("authorization")
    if not authorization:
        raise _bad("MissingAuthorizationHeader", "Authorization header is required.")
    match = _AUTHORIZATION.fullmatch(authorization)
    if match is None:
        raise _bad("InvalidAuthorizationHeader", "The Authorization header format is invalid.")
    date = _date(request)
    if not date:
        raise _bad("MissingDateHeader", "Date header is required.")
    _check_digest(request)
    return Claim(
        access_key_id=match[1],
        signature=match[2],
        signed_at=_time(date),
        sign=lambda secret: sign(request, secret),
        security_token=request.headers.get("security-token", ""),  # sdk: sent, not signed
    )


def sign(request: HttpRequest, secret: str) -> str:
    extra = sorted(item for item in request.headers.items() if item[0].startswith("x-mns-"))
    lines = (
        request.method,
        request.headers.get("content-md5", ""),
        request.headers.get("content-type", ""),
        _date(request),
        "".join(f"{name}:{value}\n" for name, value in extra) + request.target,
    )
    digest = hmac.new(secret.encode(), "\n".join(lines).encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def _date(request: HttpRequest) -> str:
    return request.headers.get("x-mns-date") or request.headers.get("date", "")


def _time(date: str) -> float:
    try:
        found = parsedate_to_datetime(date)
    except (TypeError, ValueError, IndexError) as error:
        raise _bad("InvalidDateHeader", "The Date header format is invalid.") from error
    # Without a zone it is GMT, like any HTTP date.
    return found.replace(tzinfo=found.tzinfo or timezone.utc).timestamp()


def _check_digest(request: HttpRequest) -> None:
    # sdk: some clients send the hash of the raw digest, some of its hex text; both are taken.
    sent = request.headers.get("content-md5")
    digest = hashlib.md5(request.body, usedforsecurity=False)
    texts = (digest.digest(), digest.hexdigest().encode(), digest.hexdigest().upper().encode())
    accepted = [base64.b64encode(text).decode() for text in texts]
    if sent and sent not in accepted and sent.lower() != digest.hexdigest():
        # doc: the code is spelt like this.
        raise _bad("InvalidDegist", "The Content-MD5 you specified is invalid.")


def _bad(code: str, message: str) -> ApiError:
    return ApiError(HTTPStatus.BAD_REQUEST, code, message)
