"""ACS3-HMAC-SHA256, signature version 3 of the RPC APIs (doc, sdk).

    Authorization: ACS3-HMAC-SHA256 Credential=<ak>,SignedHeaders=a;b,Signature=<hex>

The string to sign is the algorithm's name and the hash of the canonical request: method, path,
sorted query, the signed headers, their names, and the hash of the body.
"""

import hashlib
import hmac
import re
from http import HTTPStatus

from localcloud.clock import moment
from localcloud.wire.errors import ApiError, missing_parameter
from localcloud.wire.message import HttpRequest
from localcloud.wire.signature import Claim, canonical_query

ALGORITHM = "ACS3-HMAC-SHA256"
_AUTHORIZATION = re.compile(
    ALGORITHM + r" Credential=([^,\s]+),\s*SignedHeaders=([^,\s]+),\s*Signature=([0-9a-fA-F]+)"
)
_REQUIRED = ("x-acs-date", "x-acs-signature-nonce", "x-acs-content-sha256")


def incomplete(message: str) -> ApiError:
    return ApiError(HTTPStatus.BAD_REQUEST, "IncompleteSignature", message)


def claim(request: HttpRequest) -> Claim:
    match = _AUTHORIZATION.fullmatch(request.headers["authorization"])
    if match is None:
        raise incomplete("The Authorization header does not conform to ACS3-HMAC-SHA256.")
    access_key_id, names, signature = match.groups()
    for name in _REQUIRED:
        if not request.headers.get(name):
            raise missing_parameter(name)
    signed = names.lower().split(";")
    for name in request.headers:
        # inferred: what decides about the call has to be signed.
        if (name == "host" or name.startswith(("x-acs-", "x-fc-"))) and name not in signed:
            raise incomplete(f"The header {name} is not signed.")
    return Claim(
        access_key_id=access_key_id,
        signature=signature.lower(),
        signed_at=_time(request.headers["x-acs-date"]),
        sign=lambda secret: sign(request, signed, secret),
        nonce=request.headers["x-acs-signature-nonce"],
        security_token=request.headers.get("x-acs-security-token", ""),
    )


def sign(request: HttpRequest, signed: list[str], secret: str) -> str:
    names = sorted(signed)
    canonical = (
        request.method,
        request.path,
        canonical_query(request.query_pairs),
        "".join(f"{name}:{request.headers.get(name, '').strip()}\n" for name in names),
        ";".join(names),
        hashlib.sha256(request.body).hexdigest(),
    )
    digest = hashlib.sha256("\n".join(canonical).encode()).hexdigest()
    return hmac.new(secret.encode(), f"{ALGORITHM}\n{digest}".encode(), hashlib.sha256).hexdigest()


def _time(text: str) -> float:
    try:
        return moment(text)
    except ValueError as error:
        message = "The header x-acs-date is not of the form YYYY-MM-DDThh:mm:ssZ."
        raise ApiError(HTTPStatus.BAD_REQUEST, "IllegalTimestamp", message) from error
