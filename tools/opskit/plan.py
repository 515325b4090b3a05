"""`opskit plan`: what the function would do with an event now, told by the function itself, on
ports that do not write (`rehearsal`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, replace
from types import SimpleNamespace
from typing import Any

from rich.console import Console

from provisioner import handler
from provisioner.app import App, build_app
from provisioner.errors import Retryable
from provisioner.provisioning import Dependencies

from . import ending
from .cloud import Cloud
from .events import payload_of
from .policy import ASSUME_ROLE, PERMISSIONS, QUARANTINE
from .rehearsal import (
    Call,
    RehearsedDeadLetters,
    RehearsedNotifications,
    RehearsedScalingGroups,
    Steps,
    UnwaitedClock,
)
from .rehearsed_balancers import RehearsedLoadBalancers

CREATES_A_MINUTE = 90  # CreateVServerGroup, for an account (doc)
_TIMEOUT = 120.0  # seconds: long enough to outlast a claim, as a deployment should have it
_OUTCOME = (
    "outcome", "LoadBalancerId", "VServerGroupId", "VServerGroupName",
    "group_created", "added", "already_present", "dropped", "reason", "error",
)  # fmt: skip


def plan(cloud: Cloud, environ: Mapping[str, str], event: str, *, as_json: bool) -> int:
    """Answers the exit status."""
    payload = payload_of(event)
    cloud.check_credentials()
    report = rehearse(cloud, environ, payload)
    if as_json:
        ending.write_json(report)
    else:
        _tell(report, Console(highlight=False, soft_wrap=True))
    return ending.of_outcomes(outcome["outcome"] for outcome in report["outcomes"])


def rehearse(cloud: Cloud, environ: Mapping[str, str], payload: bytes) -> dict[str, Any]:
    steps = Steps()
    app = build_app(environ, log=steps)
    clock = UnwaitedClock(app.deps.clock)
    balancers = RehearsedLoadBalancers(
        app.deps.load_balancers, clock, app.deps.config.backend_quota
    )
    means = _rehearsed(app.deps, environ, balancers, clock)
    try:
        _handled(replace(app, deps=means), payload, cloud)
    finally:
        app.close()
    report = _report(balancers, steps, clock)
    if environ.get("SLB_ROLE_ARN"):
        report["permissions"].append(ASSUME_ROLE.action)
    return report


def _rehearsed(
    means: Dependencies,
    environ: Mapping[str, str],
    balancers: RehearsedLoadBalancers,
    clock: UnwaitedClock,
) -> Dependencies:
    """One item after the other: calls are told in their order."""
    calls = balancers.calls
    queue = environ.get("DEAD_LETTER_QUEUE", "")
    return replace(
        means,
        load_balancers=balancers,
        notifications=RehearsedNotifications(environ["RESULT_TOPIC"], calls),
        scaling_groups=RehearsedScalingGroups(means.scaling_groups, calls),
        clock=clock,
        dead_letters=RehearsedDeadLetters(queue, calls) if means.dead_letters else None,
        concurrency=1,
    )


def _handled(app: App, payload: bytes, cloud: Cloud) -> None:
    """What fails is told in the log, like what does not."""
    function = SimpleNamespace(timeout=_TIMEOUT)
    context = SimpleNamespace(request_id="plan", function=function, credentials=cloud.credentials)
    try:
        handler.handle_event(app, payload, context)
    except Retryable:
        return


def _report(
    balancers: RehearsedLoadBalancers, steps: Steps, clock: UnwaitedClock
) -> dict[str, Any]:
    calls = balancers.calls
    counts = Counter(call.action for call in calls)
    actions = {f"{call.service}:{call.action}" for call in calls}
    return {
        "outcomes": [
            {name: fields.get(name) for name in _OUTCOME}
            for step, fields in steps.told
            if step == "outcome"
        ],
        "calls": [asdict(call) for call in calls],
        "limits": {
            "CreateVServerGroup": {
                "calls": counts["CreateVServerGroup"],
                "per_minute": CREATES_A_MINUTE,
            }
        },
        "quota": [
            _quota(id_, held, balancers.added.get(id_, 0), balancers.quota)
            for id_, held in balancers.held.items()
        ],
        "hooks": [
            {"LifecycleHookId": call.on, "LifecycleActionResult": call.result}
            for call in calls
            if call.action == "CompleteLifecycleAction"
        ],
        "seconds_of_waiting": round(clock.waited, 1),
        "permissions": [p.action for p in (*PERMISSIONS, QUARANTINE) if p.action in actions],
    }


def _quota(load_balancer_id: str, held: int, added: int, quota: int) -> dict[str, Any]:
    counts = {"held": held, "added": added, "left": quota - held - added, "quota": quota}
    return {"LoadBalancerId": load_balancer_id, **counts}


def _tell(report: Mapping[str, Any], console: Console) -> None:
    def line(head: str, text: str) -> None:
        console.print(f"{head:12}{text}", markup=False)

    for outcome in report["outcomes"]:
        line("outcome", _outcome(outcome))
    for call in report["calls"]:
        line("would call" if call["writes"] else "reads", _call(Call(**call)))
    creates = report["limits"]["CreateVServerGroup"]
    line("limit", f"{creates['calls']} of {creates['per_minute']} CreateVServerGroup a minute")
    for quota in report["quota"]:
        told = (
            f"{quota['held']} held, {quota['added']} more, {quota['left']} of {quota['quota']} left"
        )
        line("quota", f"{quota['LoadBalancerId']}: {told}")
    for hook in report["hooks"]:
        line("hook", f"{hook['LifecycleHookId']}: {hook['LifecycleActionResult']}")
    if report["seconds_of_waiting"]:
        line("waits", f"up to {report['seconds_of_waiting']} s for another delivery's claim")
    line("needs", ", ".join(report["permissions"]) or "no permission")


def _outcome(outcome: Mapping[str, Any]) -> str:
    error = outcome["error"]
    if error:
        where = outcome["VServerGroupName"] or "the event"
        return f"{outcome['outcome']}: {where}: {error['code']}: {error['message']}"
    if not outcome["VServerGroupName"]:
        return f"{outcome['outcome']}: {outcome['reason'] or 'nothing to do'}"
    group = f"{outcome['VServerGroupName']} of {outcome['LoadBalancerId']}"
    how = "created" if outcome["group_created"] else f"found as {outcome['VServerGroupId']}"
    added = f"{outcome['added']} backends added, {outcome['already_present']} there already"
    return f"{outcome['outcome']}: {group} {how}; {added}"


def _call(call: Call) -> str:
    count = "" if call.backends is None else f" {call.backends} backends"
    result = f" {call.result}" if call.result else ""
    return f"{call.action} {call.on}{count}{result}"
