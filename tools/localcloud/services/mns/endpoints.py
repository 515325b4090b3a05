"""Where a subscription's notifications go.

| kind     | endpoint                                                                     |
| -------- | ---------------------------------------------------------------------------- |
| queue    | acs:mns:{r}:{a}:queues/{name} (doc)                                          |
| http     | http://127.0.0.1:{port}/path; localcloud reaches out to no other machine     |
| function | acs:fc:{r}:{a}:functions/{name}, …:services/{s}[.{q}]/functions/{name} (unknown) |

Mail and SMS (doc), HTTPS and other hosts answer 501.
"""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple
from urllib.parse import urlsplit

from localcloud.services.mns.model import invalid_argument
from localcloud.wire.errors import not_implemented

QUEUE, HTTP, FUNCTION = "queue", "http", "function"
_ARN = re.compile(
    r"acs:(?:mns:(?P<r1>[^:]+):(?P<a1>[^:]+):queues/(?P<queue>[^/:]+)"
    r"|fc:(?P<r2>[^:]+):(?P<a2>[^:]+):"
    r"(?:services/(?P<service>[^/:.]+)(?:\.[^/:]+)?/)?functions/(?P<function>[^/:]+))"
)
_ELSEWHERE = re.compile(r"(https|mail|sms):.+")  # doc


class Endpoint(NamedTuple):
    kind: str
    name: str  # of the queue or function, or the URL


def read(text: str, region: str, account: str) -> Endpoint:
    """ApiError if nothing can be delivered there."""
    if elsewhere := _ELSEWHERE.fullmatch(text):
        raise not_implemented(f"delivery to {elsewhere[1]} endpoints")
    if text.startswith("http://"):
        return Endpoint(HTTP, _on_this_machine(text))
    match = _ARN.fullmatch(text)
    found = match.groupdict() if match else {}
    place = (found.get("r1") or found.get("r2"), found.get("a1") or found.get("a2"))
    if place != (region, account):
        # doc: of the same region and account
        raise invalid_argument("The value of Endpoint is invalid.")
    if found["queue"]:
        return Endpoint(QUEUE, found["queue"])
    service = f"{found['service']}/" if found["service"] else ""
    return Endpoint(FUNCTION, f"{service}{found['function']}")


def function_arn(function: str, region: str, account: str) -> str:
    service, slash, name = function.rpartition("/")
    path = f"services/{service}/functions/{name}" if slash else f"functions/{name}"
    return f"acs:fc:{region}:{account}:{path}"


def _on_this_machine(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise not_implemented("HTTP push to other machines than this one")
    return url
