"""Where a subscription's notifications go.

| kind     | endpoint                                                                     |
| -------- | ---------------------------------------------------------------------------- |
| queue    | acs:mns:{r}:{a}:queues/{name} (doc)                                          |
| http     | http://… or https://… of any host (doc); localcloud reaches no other machine |
| function | acs:fc:{r}:{a}:functions/{name}, …:services/{s}[.{q}]/functions/{name} (unknown) |

Mail and SMS (doc) answer 501. What is not pushed, to other hosts and over HTTPS, is noted in the
journal.
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
_ELSEWHERE = re.compile(r"(mail|sms):.+")  # doc
_WEB = re.compile(r"https?://.+")


class Endpoint(NamedTuple):
    kind: str
    name: str  # of the queue or function, or the URL


def read(text: str, region: str, account: str) -> Endpoint:
    """Reads an endpoint; ApiError if it is of no known form, or not of this region and account."""
    if elsewhere := _ELSEWHERE.fullmatch(text):
        raise not_implemented(f"delivery to {elsewhere[1]} endpoints")
    if _WEB.fullmatch(text):
        return Endpoint(HTTP, _checked_url(text))
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


def is_on_this_machine(url: str) -> bool:
    """Whether it is plain HTTP to a loopback address: localcloud pushes nowhere else."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    return loopback and parts.scheme == "http"


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        known = bool(parts.hostname) and (parts.port or 80) > 0
    except ValueError:
        known = False
    if not known:
        raise invalid_argument("The value of Endpoint is invalid.")
    return url
