"""`opskit run`: the event loop of the cloud on one machine, watched.

Without an event, a scaling group is scaled out over the ESS API, and the cloud does the rest:
hook, topic, function, load balancer, result topic, inbox, hook completed. With one, the function is
invoked with its bytes, in a world that holds what they name. Either way the function runs in its
own process and is never called from here; the same event is then delivered once more.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.error import HTTPError

from provisioner.core.errors import Code, ConfigurationError, Rejected
from provisioner.triggers import decode

from . import local, story
from .function import FunctionFailedError
from .stage import Delivery, Invoked, ScaledOut, Stage

OK, FAILED, UNUSABLE, REFUSED = 0, 1, 2, 3
_STATUS = {"failed": FAILED, "refused": REFUSED}
_WSGI = {"method", "path", "headers", "body"}


class UnusableError(Exception):
    """There is nothing in it that could be delivered."""


def run(event: str | None, *, as_json: bool) -> int:
    """Answers the exit status."""
    local.without_proxies()
    try:
        report = _played(event, story.Teller(silent=as_json))
    except HTTPError as error:
        return _unusable(refusal(error))
    except (UnusableError, local.LocalCloudFailedError, FunctionFailedError) as error:
        return _unusable(str(error))
    except ConfigurationError as error:
        return _unusable(f"the configuration is at fault: {error.message}")
    if as_json:
        sys.stdout.write(json.dumps(report, indent=2) + "\n")
    return _status(report["outcomes"])


def refusal(error: HTTPError) -> str:
    """What localcloud has against a world, in one line."""
    text = error.read().decode("utf-8", "replace")
    try:
        text = json.loads(text)["error"]["message"]
    except (ValueError, LookupError, TypeError):
        text = text or error.reason
    return f"localcloud refused ({error.code}): {' '.join(text.split())}"


def _played(event: str | None, teller: story.Teller) -> dict[str, Any]:
    payload = None if event is None else _payload(event)
    with TemporaryDirectory() as folder, local.localcloud(empty=payload is not None) as cloud:
        if payload is None:
            return _report(ScaledOut(cloud, teller), teller)
        return _report(Invoked(cloud, teller, payload, event or "", folder), teller)


def _payload(event: str) -> bytes:
    try:
        payload = sys.stdin.buffer.read() if event == "-" else Path(event).read_bytes()
    except OSError as error:
        raise UnusableError(f"{event}: {error.strerror}") from error
    if _is_of_wsgi(payload):
        raise UnusableError(f"{event}: describes a WSGI request; it is for tests")
    return payload


def _is_of_wsgi(payload: bytes) -> bool:
    """By its keys, which are no trigger's."""
    (item, *rest) = decode(payload)
    if rest or not isinstance(item, Rejected) or item.code != Code.UNKNOWN_ENVELOPE.value:
        return False
    try:
        value = json.loads(payload)
    except ValueError:
        return False
    return isinstance(value, dict) and value.keys() >= _WSGI


def _report(stage: Stage, teller: story.Teller) -> dict[str, Any]:
    first = stage.deliver()
    groups, lifecycle, instances = stage.groups(first), stage.lifecycle(), stage.instances()
    teller.ends(groups, first.notifications, lifecycle, instances)
    teller.again(stage.AGAIN)
    second = stage.deliver_again()
    after = _state(stage.groups(second)), stage.lifecycle(), stage.instances()
    unchanged = after == (_state(groups), lifecycle, instances)
    teller.compared(first.notifications, second.notifications, second.calls, unchanged=unchanged)
    return {
        "outcomes": first.outcomes,
        "groups": groups,
        "notifications": first.notifications,
        "lifecycle": lifecycle,
        "redelivery": _redelivery(second, unchanged=unchanged),
    }


def _redelivery(second: Delivery, *, unchanged: bool) -> dict[str, Any]:
    return {
        "unchanged": unchanged,
        "outcomes": second.outcomes,
        "notifications": second.notifications,
    }


def _state(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without what is another one in every answer, and in whatever order it was handled."""
    told = [{k: v for k, v in group.items() if k != "RequestId"} for group in groups]
    return sorted(told, key=lambda group: str(group["VServerGroupId"]))


def _status(outcomes: list[dict[str, Any]]) -> int:
    """Says on standard error what was not provisioned, and why."""
    status = OK
    for outcome in outcomes:
        error = outcome["error"]
        if outcome["outcome"] in _STATUS:
            where = outcome["VServerGroupName"] or "the event"
            place = f" at {error['path']}" if error["path"] not in error["message"] else ""
            what = f"{outcome['outcome']}: {where}: {error['code']}{place}: {error['message']}"
            sys.stderr.write(what + "\n")
            status = FAILED if FAILED in (status, _STATUS[outcome["outcome"]]) else REFUSED
    return status


def _unusable(why: str) -> int:
    sys.stderr.write(f"opskit run: {why}\n")
    return UNUSABLE
