"""The RPC dialect of SLB, ESS and ECS: action and version in headers (signature v3) or parameters
(v1), parameters in the query or in a form body, answers in JSON or XML.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from localcloud.wire import acs3, hmac_sha1
from localcloud.wire.message import HttpAnswer, HttpRequest
from localcloud.wire.parameters import Parameters
from localcloud.wire.signature import Claim, Refusal, Refusals

if TYPE_CHECKING:
    from localcloud.call import Call
    from localcloud.wire.errors import ApiError

JSON = "application/json;charset=utf-8"
XML = "text/xml;charset=utf-8"  # sdk: errors in XML are parsed with exactly this content type

# doc: parameters of every action, and those of older accounts, which nothing reads.
COMMON = frozenset(
    {
        "AccessKeyId",
        "Action",
        "Format",
        "OwnerAccount",
        "OwnerId",
        "RegionId",
        "ResourceOwnerAccount",
        "ResourceOwnerId",
        "SecurityToken",
        "Signature",
        "SignatureMethod",
        "SignatureNonce",
        "SignatureVersion",
        "TimeStamp",
        "Timestamp",
        "Version",
    }
)
REFUSALS = Refusals(
    # doc: the gateway's codes and their 400; 403 for a wrong signature is ESS's (SLB unknown).
    unknown_key=Refusal(
        HTTPStatus.BAD_REQUEST,
        "InvalidAccessKeyId.NotFound",
        "Specified access key is not found.",
    ),
    # inferred
    wrong_token=Refusal(
        HTTPStatus.BAD_REQUEST,
        "InvalidSecurityToken.Malformed",
        "The specified SecurityToken does not belong to this access key.",
    ),
    expired_token=Refusal(  # inferred
        HTTPStatus.BAD_REQUEST,
        "InvalidSecurityToken.Expired",
        "The specified SecurityToken has expired.",
    ),
    out_of_time=Refusal(
        HTTPStatus.BAD_REQUEST,
        "IllegalTimestamp",
        "The specified timestamp is more than 15 minutes away from now.",
    ),
    wrong_signature=Refusal(
        HTTPStatus.FORBIDDEN,
        "SignatureDoesNotMatch",
        "The specified signature does not match our calculation.",
    ),
    nonce_used=Refusal(
        HTTPStatus.BAD_REQUEST,
        "SignatureNonceUsed",
        "The specified signature nonce was used already.",
    ),
)


def parameters(request: HttpRequest) -> Parameters:
    return Parameters(request.query_pairs + request.form_pairs)


def claim(request: HttpRequest) -> Claim:
    if "authorization" in request.headers:
        return acs3.claim(request)
    return hmac_sha1.claim(request)


def render(call: Call, result: dict[str, Any]) -> HttpAnswer:
    return _answer(call, HTTPStatus.OK, f"{call.action}Response", result)


def render_error(call: Call, error: ApiError) -> HttpAnswer:
    document = {
        "HostId": call.request.headers.get("host", ""),
        "Code": error.code,
        "Message": error.message,
    }
    return _answer(call, error.status, "Error", document, error.headers)


def _answer(
    call: Call,
    status: int,
    root: str,
    document: dict[str, Any],
    headers: dict[str, str] | None = None,
) -> HttpAnswer:
    document = {"RequestId": call.request_id, **document}
    if _wants_xml(call):
        text = f'<?xml version="1.0" encoding="UTF-8"?>{_element(root, document)}'
    else:
        text = json.dumps(document, separators=(",", ":"))
    content_type = XML if _wants_xml(call) else JSON
    told = {"content-type": content_type, **(headers or {})}
    return HttpAnswer(status, text.encode(), tuple(told.items()))


def _wants_xml(call: Call) -> bool:
    stated = call.parameters.text("Format")
    if stated is not None:
        return stated.upper() == "XML"
    accept = call.request.headers.get("accept", "")
    if "json" in accept or "xml" in accept:
        return "json" not in accept
    # inferred: the docs disagree on the default; v1 requests get XML, v3 requests JSON.
    return "authorization" not in call.request.headers and call.parameters.sent("Signature")


def _element(name: str, value: Any) -> str:
    if isinstance(value, list):
        return "".join(_element(name, item) for item in value)
    if isinstance(value, dict):
        inner = "".join(_element(key, item) for key, item in value.items())
    elif isinstance(value, bool):
        inner = str(value).lower()
    else:
        inner = escape("" if value is None else str(value))
    return f"<{name}>{inner}</{name}>"
