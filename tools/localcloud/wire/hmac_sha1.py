"""HMAC-SHA1, signature version 1 of the RPC APIs (doc, sdk): all of it travels as parameters,
in the query or in a form body, and everything but `Signature` itself is signed.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable
from http import HTTPStatus

from localcloud.clock import moment
from localcloud.wire.errors import ApiError, missing_parameter
from localcloud.wire.message import HttpRequest
from localcloud.wire.signature import Claim, canonical_query, percent_encode

_REQUIRED = ("AccessKeyId", "Signature", "SignatureMethod", "SignatureVersion", "SignatureNonce")


def claim(request: HttpRequest) -> Claim:
    pairs = request.query_pairs + request.form_pairs
    sent = dict(pairs)
    for name in _REQUIRED:
        if not sent.get(name):
            raise missing_parameter(name)
    if (sent["SignatureMethod"], sent["SignatureVersion"]) != ("HMAC-SHA1", "1.0"):
        message = "The request signature is neither HMAC-SHA1 version 1.0 nor ACS3-HMAC-SHA256."
        raise ApiError(HTTPStatus.BAD_REQUEST, "IncompleteSignature", message)
    signed = [(name, value) for name, value in pairs if name != "Signature"]
    return Claim(
        access_key_id=sent["AccessKeyId"],
        signature=sent["Signature"],
        # sdk: the test vectors know both spellings.
        signed_at=_time(sent.get("Timestamp") or sent.get("TimeStamp")),
        sign=lambda secret: sign(request.method, signed, secret),
        nonce=sent["SignatureNonce"],
        security_token=sent.get("SecurityToken", ""),
    )


def sign(method: str, pairs: Iterable[tuple[str, str]], secret: str) -> str:
    text = f"{method}&%2F&{percent_encode(canonical_query(pairs))}"
    digest = hmac.new(f"{secret}&".encode(), text.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def _time(text: str | None) -> float:
    if not text:
        raise missing_parameter("Timestamp")
    try:
        return moment(text)
    except ValueError as error:
        message = "The specified Timestamp is not of the form YYYY-MM-DDThh:mm:ssZ."
        raise ApiError(HTTPStatus.BAD_REQUEST, "IllegalTimestamp", message) from error
