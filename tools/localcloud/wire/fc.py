"""The two dialects of Function Compute, and HTTP triggers: the operation is in method and path.

| path                                                         | action         |
| ------------------------------------------------------------ | -------------- |
| POST /2016-08-15/services/{s}[.{q}]/functions/{f}/invocations| InvokeFunction |
| POST /2023-03-30/functions/{f}/invocations                   | InvokeFunction |
| GET  /2023-03-30/functions/{f}                               | GetFunction    |
| GET  /2023-03-30/functions/{f}/triggers                      | ListTriggers   |
| any  /2016-08-15/proxy/{s}[.{q}]/{f}{path}                   | TriggerByHttp  |
| any  /_http/{f}{path}                                        | TriggerByHttp  |

The last is emulator-only, in the place of a trigger's own domain. 2023-03-30 reaches a function of
generation 2 as `service$function` (inferred).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import unquote

from localcloud.wire import acs3, fc_auth
from localcloud.wire.message import HttpAnswer, HttpRequest
from localcloud.wire.parameters import Parameters
from localcloud.wire.signature import Claim, Refusal, Refusals

if TYPE_CHECKING:
    from localcloud.call import Call
    from localcloud.wire.errors import ApiError

GENERATION_2, GENERATION_3 = "2016-08-15", "2023-03-30"
TRIGGERS = "/_http/"
PREFIXES = (f"/{GENERATION_2}/", f"/{GENERATION_3}/", TRIGGERS)

_REQUEST_ID = "x-fc-request-id"
_FORBIDDEN = HTTPStatus.FORBIDDEN
REFUSALS = Refusals(  # doc: AccessDenied and SignatureNotMatch; which stands for what: inferred
    unknown_key=Refusal(_FORBIDDEN, "AccessDenied", "the access key is not found"),
    wrong_token=Refusal(_FORBIDDEN, "AccessDenied", "the security token is not the access key's"),
    expired_token=Refusal(_FORBIDDEN, "AccessDenied", "the security token has expired"),
    out_of_time=Refusal(_FORBIDDEN, "AccessDenied", "the request is too old, or of the future"),
    wrong_signature=Refusal(
        _FORBIDDEN,
        "SignatureNotMatch",
        "the request signature we calculated does not match the signature you provided",
    ),
    nonce_used=Refusal(_FORBIDDEN, "AccessDenied", "the signature nonce was used already"),
)

_NAME = "([^/]+)"
_ROUTES = (
    (
        "POST",
        f"/{GENERATION_2}/services/{_NAME}/functions/{_NAME}/invocations",
        ("Service", "Function"),
        "InvokeFunction",
    ),
    ("POST", f"/{GENERATION_3}/functions/{_NAME}/invocations", ("Function",), "InvokeFunction"),
    ("GET", f"/{GENERATION_3}/functions/{_NAME}", ("Function",), "GetFunction"),
    ("GET", f"/{GENERATION_3}/functions/{_NAME}/triggers", ("Function",), "ListTriggers"),
    ("", f"/{GENERATION_2}/proxy/{_NAME}/{_NAME}(/.*)?", ("Service", "Function", "Path"), ""),
    ("", f"{TRIGGERS}{_NAME}(/.*)?", ("Function", "Path"), ""),
)


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()  # a name may be repeated: two cookies are two


def route(request: HttpRequest) -> tuple[str, Parameters]:
    """The operation, if there is one, and FunctionName, Qualifier and, as sent, Path."""
    for method, pattern, names, action in _ROUTES:
        match = re.fullmatch(pattern, request.path)
        if match and method in ("", request.method):
            found = dict(zip(names, match.groups(""), strict=True))
            return action or "TriggerByHttp", Parameters(_named(request, found).items())
    return "", Parameters()


def _named(request: HttpRequest, found: Mapping[str, str]) -> dict[str, str]:
    service, _, qualifier = unquote(found.get("Service", "")).partition(".")
    name = unquote(found["Function"])
    if not service:
        service, _, name = name.rpartition("$")
        qualifier = dict(request.query_pairs).get("qualifier", "")
    full_name = f"{service}/{name}" if service else name
    path = {"Path": found["Path"] or "/"} if "Path" in found else {}
    return {"FunctionName": full_name, "Qualifier": qualifier, **path}


def claim(request: HttpRequest) -> Claim | None:
    """None: it is not signed, or not for us. An HTTP trigger may be open to everybody, and what
    its callers send as authorization is then the function's affair."""
    authorization = request.headers.get("authorization", "")
    if authorization.startswith(fc_auth.SCHEME):
        return fc_auth.claim(request)
    return acs3.claim(request) if authorization.startswith(acs3.ALGORITHM) else None


def render(call: Call, result: Reply) -> HttpAnswer:
    own = [(name, value) for name, value in result.headers if name != _REQUEST_ID]
    return HttpAnswer(result.status, result.body, (*own, (_REQUEST_ID, call.request_id)))


def render_error(call: Call, error: ApiError) -> HttpAnswer:
    if call.version == GENERATION_2:
        document = {"ErrorCode": error.code, "ErrorMessage": error.message}
    else:
        told = {"Code": error.code, "Message": error.message}
        document = {"RequestId": call.request_id, **told}
    headers = {"content-type": "application/json", **error.headers}
    body = json.dumps(document).encode()
    return render(call, Reply(error.status, body, tuple(headers.items())))
