"""OSS on the wire: bucket and object in the path, errors in XML, signature V4 (sdk).

    Authorization: OSS4-HMAC-SHA256 Credential=<ak>/<date>/<region>/oss/aliyun_v4_request,
                   [AdditionalHeaders=a;b,]Signature=<hex>

The string to sign is the algorithm's name, the time, the scope and the hash of the canonical
request; the key is derived from the secret by date, region and product. The body is not signed.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote
from xml.sax.saxutils import escape

from localcloud.wire.errors import ApiError
from localcloud.wire.message import HttpAnswer, HttpRequest
from localcloud.wire.parameters import Parameters
from localcloud.wire.signature import Claim, Refusal, Refusals

if TYPE_CHECKING:
    from localcloud.call import Call

ALGORITHM = "OSS4-HMAC-SHA256"
_AUTHORIZATION = re.compile(
    ALGORITHM + r" Credential=([^/,]+)/((\d{8})/([^/,]*)/([^/,]+)/aliyun_v4_request),"
    r"(?:AdditionalHeaders=([^,]*),)?Signature=([0-9a-f]+)"
)
_PATH = re.compile(r"/([a-z0-9][a-z0-9-]{1,61}[a-z0-9])/(.+)")
_FORBIDDEN = HTTPStatus.FORBIDDEN
REFUSALS = Refusals(
    unknown_key=Refusal(_FORBIDDEN, "InvalidAccessKeyId", "The access key is not found."),
    wrong_token=Refusal(_FORBIDDEN, "InvalidSecurityToken", "The token is not the access key's."),
    expired_token=Refusal(_FORBIDDEN, "SecurityTokenExpired", "The token has expired."),
    out_of_time=Refusal(_FORBIDDEN, "RequestTimeTooSkewed", "The time is too far from now."),
    wrong_signature=Refusal(
        _FORBIDDEN, "SignatureDoesNotMatch", "The signature does not match our calculation."
    ),
    nonce_used=Refusal(_FORBIDDEN, "InvalidArgument", "The request was sent before."),
)


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)


def is_meant(request: HttpRequest) -> bool:
    return request.headers.get("authorization", "").startswith(ALGORITHM)


def route(request: HttpRequest) -> tuple[str, Parameters]:
    match = _PATH.fullmatch(request.path)
    if match is None or request.method != "PUT" or request.query:
        return "", Parameters()
    return "PutObject", Parameters([("Bucket", match[1]), ("Key", unquote(match[2]))])


def claim(request: HttpRequest) -> Claim:
    match = _AUTHORIZATION.fullmatch(request.headers["authorization"])
    if match is None:
        message = "The Authorization header does not conform to OSS4-HMAC-SHA256."
        raise ApiError(HTTPStatus.BAD_REQUEST, "InvalidArgument", message)
    access_key_id, scope, date, region, product, additional, signature = match.groups()
    names = set((additional or "").split(";")) - {""}
    text = to_sign(request, scope, names)
    return Claim(
        access_key_id=access_key_id,
        signature=signature,
        signed_at=_time(request),
        sign=lambda secret: _signed(f"aliyun_v4{secret}", (date, region, product), text),
        security_token=request.headers.get("x-oss-security-token", ""),
    )


def to_sign(request: HttpRequest, scope: str, additional: set[str]) -> str:
    headers = "".join(
        f"{name}:{value.strip()}\n"
        for name, value in sorted(request.headers.items())
        if name.startswith("x-oss-") or name in {"content-type", "content-md5"} | additional
    )
    canonical = (
        request.method,
        quote(unquote(request.path), safe="/"),
        "&".join(sorted(request.query.split("&"))),
        headers,
        ";".join(sorted(additional)),
        request.headers.get("x-oss-content-sha256", "UNSIGNED-PAYLOAD"),
    )
    digest = hashlib.sha256("\n".join(canonical).encode()).hexdigest()
    return "\n".join((ALGORITHM, request.headers.get("x-oss-date", ""), scope, digest))


def render(call: Call, result: Reply) -> HttpAnswer:
    headers = {"x-oss-request-id": call.request_id, **result.headers}
    return HttpAnswer(result.status, b"", tuple(headers.items()))


def render_error(call: Call, error: ApiError) -> HttpAnswer:
    parts = {"Code": error.code, "Message": error.message, "RequestId": call.request_id}
    inner = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in parts.items())
    text = f'<?xml version="1.0" encoding="UTF-8"?><Error>{inner}</Error>'
    headers = {"content-type": "application/xml", "x-oss-request-id": call.request_id}
    return HttpAnswer(error.status, text.encode(), tuple({**headers, **error.headers}.items()))


def _signed(secret: str, scope: tuple[str, ...], text: str) -> str:
    key = secret.encode()
    for part in (*scope, "aliyun_v4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _time(request: HttpRequest) -> float:
    try:
        at = datetime.strptime(request.headers.get("x-oss-date", ""), "%Y%m%dT%H%M%S%z")
    except ValueError as error:
        message = "The header x-oss-date is not of the form YYYYMMDDThhmmssZ."
        raise ApiError(HTTPStatus.FORBIDDEN, "AccessDenied", message) from error
    return at.astimezone(timezone.utc).timestamp()
