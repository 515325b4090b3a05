"""The MNS dialect: the operation is in the method, the path and the query; bodies are XML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from localcloud.wire import mns_auth, mns_xml
from localcloud.wire.message import HttpAnswer, HttpRequest
from localcloud.wire.parameters import Parameters
from localcloud.wire.signature import Claim, Refusal, Refusals

if TYPE_CHECKING:
    from localcloud.call import Call
    from localcloud.wire.errors import ApiError

VERSION = "2015-06-06"

REFUSALS = Refusals(
    unknown_key=Refusal(
        HTTPStatus.FORBIDDEN,
        "InvalidAccessKeyId",
        "The AccessKey Id you provided is not exist.",
    ),
    wrong_token=Refusal(  # inferred
        HTTPStatus.FORBIDDEN,
        "AccessDenied",
        "The OwnerId that your Access Key Id associated to is forbidden for this operation.",
    ),
    expired_token=Refusal(  # inferred
        HTTPStatus.FORBIDDEN,
        "InvalidSecurityToken.Expired",
        "The specified SecurityToken has expired.",
    ),
    # sdk: the codes; the statuses are unknown.
    out_of_time=Refusal(
        HTTPStatus.FORBIDDEN, "TimeExpired", "The http request you sent is expired."
    ),
    wrong_signature=Refusal(
        HTTPStatus.FORBIDDEN,
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided.",
    ),
    nonce_used=Refusal(HTTPStatus.FORBIDDEN, "AccessDenied", "MNS requests bear no nonce."),
)

_NAME = r"([^/]+)"
_ROUTES = (
    (re.compile("/queues"), (), {"GET": "ListQueue"}),
    (
        re.compile(f"/queues/{_NAME}"),
        ("QueueName",),
        {"PUT": "CreateQueue", "GET": "GetQueueAttributes", "DELETE": "DeleteQueue"},
    ),
    (
        re.compile(f"/queues/{_NAME}/messages"),
        ("QueueName",),
        {
            "POST": "SendMessage",
            "GET": "ReceiveMessage",
            "DELETE": "DeleteMessage",
            "PUT": "ChangeMessageVisibility",
        },
    ),
    (re.compile("/topics"), (), {"GET": "ListTopic"}),
    (
        re.compile(f"/topics/{_NAME}"),
        ("TopicName",),
        {"PUT": "CreateTopic", "GET": "GetTopicAttributes", "DELETE": "DeleteTopic"},
    ),
    (re.compile(f"/topics/{_NAME}/messages"), ("TopicName",), {"POST": "PublishMessage"}),
    (
        re.compile(f"/topics/{_NAME}/subscriptions"),
        ("TopicName",),
        {"GET": "ListSubscriptionByTopic"},
    ),
    (
        re.compile(f"/topics/{_NAME}/subscriptions/{_NAME}"),
        ("TopicName", "SubscriptionName"),
        {"PUT": "Subscribe", "GET": "GetSubscriptionAttributes", "DELETE": "Unsubscribe"},
    ),
)
_OVERRIDES = {
    "CreateQueue": "SetQueueAttributes",
    "CreateTopic": "SetTopicAttributes",
    "Subscribe": "SetSubscriptionAttributes",
}


@dataclass(frozen=True)
class Reply:
    status: int
    body: mns_xml.Element | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def route(request: HttpRequest) -> tuple[str, Parameters] | None:
    """The operation and its parameters: names from the path, the rest from the query."""
    for pattern, names, actions in _ROUTES:
        match = pattern.fullmatch(request.path)
        if match and request.method in actions:
            named = zip(names, map(unquote, match.groups()), strict=True)
            parameters = Parameters([*request.query_pairs, *named])
            return _refine(actions[request.method], request, parameters), parameters
    return None


def _refine(action: str, request: HttpRequest, parameters: Parameters) -> str:
    if action in _OVERRIDES and parameters.flag("metaoverride"):
        return _OVERRIDES[action]
    if action == "ReceiveMessage" and parameters.flag("peekonly"):
        action = "PeekMessage"
    batch = {
        "SendMessage": b"<Messages" in request.body,
        "ReceiveMessage": parameters.sent("numOfMessages"),
        "PeekMessage": parameters.sent("numOfMessages"),
        "DeleteMessage": not parameters.sent("ReceiptHandle") and bool(request.body),
    }
    return f"Batch{action}" if batch.get(action) else action


def claim(request: HttpRequest) -> Claim:
    return mns_auth.claim(request)


def render(call: Call, result: Reply) -> HttpAnswer:
    # sdk: a failed batch is read only beside this header, in lower case.
    headers = {"x-mns-request-id": call.request_id, "x-mns-version": VERSION, **result.headers}
    if result.body is None:
        return HttpAnswer(result.status, headers=tuple(headers.items()))
    headers["content-type"] = "text/xml;charset=utf-8"
    return HttpAnswer(result.status, mns_xml.write(result.body), tuple(headers.items()))


def render_error(call: Call, error: ApiError) -> HttpAnswer:
    fields: dict[str, Any] = {
        # sdk: all four elements, or the client reports damaged data.
        "Code": error.code,
        "Message": error.message,
        "RequestId": call.request_id,
        "HostId": f"http://{call.request.headers.get('host', 'localcloud')}",
    }
    return render(call, Reply(error.status, mns_xml.element("Error", fields), error.headers))
