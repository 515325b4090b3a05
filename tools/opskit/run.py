"""`opskit run`: the event loop of the cloud on one machine, watched.

Without an event, a scaling group is scaled out over the ESS API, and the cloud does the rest:
hook, topic, function, load balancer, result topic, inbox, hook completed. With one, the function is
invoked with its bytes, in a world that holds what they name. Either way the function runs in its
own process and is never called from here; the same event is then delivered once more. A run without
an event ends by scaling in a little.
"""

from __future__ import annotations

import json
import sys
from tempfile import TemporaryDirectory
from typing import Any
from urllib.error import HTTPError

from provisioner.errors import ConfigurationError

from . import ending, local, story
from .ending import UnusableError
from .events import payload_of
from .function import FunctionFailedError
from .stage import Delivery, Invoked, ScaledOut, ScaleIn, Stage


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
        ending.write_json(report)
    shrunk = report["scaleIn"] or {"outcomes": []}
    return _status([*report["outcomes"], *shrunk["outcomes"]])


def refusal(error: HTTPError) -> str:
    """What localcloud has against a world, in one line."""
    text = error.read().decode("utf-8", "replace")
    try:
        text = json.loads(text)["error"]["message"]
    except (ValueError, LookupError, TypeError):
        text = text or error.reason
    return f"localcloud refused ({error.code}): {' '.join(text.split())}"


def _played(event: str | None, teller: story.Teller) -> dict[str, Any]:
    payload = None if event is None else payload_of(event)
    with TemporaryDirectory() as folder, local.localcloud(empty=payload is not None) as cloud:
        if payload is None:
            return _report(ScaledOut(cloud, teller), teller)
        return _report(Invoked(cloud, teller, payload, event or "", folder), teller)


def _report(stage: Stage, teller: story.Teller) -> dict[str, Any]:
    first = stage.deliver()
    groups, lifecycle, instances = stage.groups(first), stage.lifecycle(), stage.instances()
    teller.ends(groups, first.notifications, lifecycle, instances)
    teller.again(stage.AGAIN)
    second = stage.deliver_again()
    after = _state(stage.groups(second)), stage.lifecycle(), stage.instances()
    unchanged = after == (_state(groups), lifecycle, instances)
    teller.compared(first.notifications, second.notifications, second.calls, unchanged=unchanged)
    shrunk = stage.shrink()
    if shrunk:
        teller.ends(
            shrunk.groups, shrunk.delivery.notifications, shrunk.lifecycle, shrunk.instances
        )
    return {
        "outcomes": first.outcomes,
        "groups": groups,
        "notifications": first.notifications,
        "lifecycle": lifecycle,
        "redelivery": _redelivery(second, unchanged=unchanged),
        "scaleIn": shrunk and _scale_in(shrunk),
    }


def _scale_in(shrunk: ScaleIn) -> dict[str, Any]:
    return {
        "outcomes": shrunk.delivery.outcomes,
        "groups": shrunk.groups,
        "notifications": shrunk.delivery.notifications,
        "lifecycle": shrunk.lifecycle,
        "instances": shrunk.instances,
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
    for outcome in outcomes:
        error = outcome["error"]
        if outcome["outcome"] in ("failed", "refused"):
            where = outcome["VServerGroupName"] or "the event"
            place = f" at {error['path']}" if error["path"] not in error["message"] else ""
            what = f"{outcome['outcome']}: {where}: {error['code']}{place}: {error['message']}"
            sys.stderr.write(what + "\n")
    return ending.of_outcomes(outcome["outcome"] for outcome in outcomes)


def _unusable(why: str) -> int:
    return ending.unusable("run", why)
