"""The run as a person reads it: one line a step, as it happens, with the time since the start."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from provisioner.errors import Rejected, Skip
from provisioner.model import Request, SweepRequest, Transition
from provisioner.triggers import Decoded

_SLB = {
    "slb.list": "DescribeVServerGroups",
    "slb.read": "DescribeVServerGroupAttribute",
    "slb.create": "CreateVServerGroup",
    "slb.add": "AddVServerGroupBackendServers",
    "slb.remove": "RemoveVServerGroupBackendServers",
    "slb.set_weights": "SetVServerGroupAttribute",
    "slb.rename": "SetVServerGroupAttribute",
    "slb.delete": "DeleteVServerGroup",
}
_READS = ("Describe", "Receive", "Peek")
# Text, or text in a style: never markup, since names and tokens are anybody's.
Part = str | tuple[str, str]

_SHOWN = 3  # of a list: the first ones, and the last


class Teller:
    """`silent` tells nothing: the report is then the only output."""

    def __init__(self, *, silent: bool = False) -> None:
        self._console = Console(quiet=silent, highlight=False)
        self._start = time.monotonic()

    def scales_out(self, url: str, group: str, adjustment: int, load_balancer: str) -> None:
        self._line("cloud", f"localcloud at {url}; nothing leaves this machine")
        told = f"scaling group {group} scales out by {adjustment}, behind {load_balancer}"
        self._line("ess", f"ScaleWithAdjustment: {told}")

    def scales_in(self, group: str, number: int) -> None:
        self._blank()
        self._line("ess", f"ScaleWithAdjustment: scaling group {group} scales in by {number}")

    def begins(
        self, url: str, name: str, size: int, items: Sequence[Decoded], notes: Sequence[str]
    ) -> None:
        self._line("cloud", f"localcloud at {url}; nothing leaves this machine")
        self._line("event", f"{name} ({size:,} bytes)")
        for item in items:
            self._line("", *_asked(item))
        for note in notes:
            self._line("note", (note, "yellow"))

    def step(self, name: str, fields: Mapping[str, Any]) -> None:
        if name in _SLB:
            self._line("call", *_call(_SLB[name], fields))
        elif name.removesuffix(".failed") in _SLB:
            action = _SLB[name.removesuffix(".failed")]
            self._line("call", (action, "red"), f": {fields['code']}")
        elif name in _STEPS:
            head, tell = _STEPS[name]
            self._line(head, *tell(fields))

    def ends(
        self,
        groups: Sequence[Mapping[str, Any]],
        notifications: Sequence[Mapping[str, Any]],
        lifecycle: Sequence[Mapping[str, Any]],
        instances: Mapping[str, int],
    ) -> None:
        if groups or notifications or lifecycle:
            self._blank()
        for group in groups:
            self._line("group", _group(group))
            for backend in _abridged(group["BackendServers"]["BackendServer"]):
                self._line("", backend)
        for result in notifications:
            self._line("inbox", _notification(result))
        for action in lifecycle:
            self._line("hook", f"{action['hook']}: {action['status']} {action['result']}")
        if instances:
            counted = ", ".join(f"{count} {state}" for state, count in sorted(instances.items()))
            self._line("instances", counted)

    def again(self, how: str) -> None:
        self._blank()
        self._line("again", how)

    def compared(
        self,
        first: Sequence[Mapping[str, Any]],
        second: Sequence[Mapping[str, Any]],
        calls: Sequence[Mapping[str, Any]],
        *,
        unchanged: bool,
    ) -> None:
        writes = [c["action"] for c in calls if not c["action"].startswith(_READS)]
        said = ", ".join(sorted(set(writes))) or "none"
        same = sorted(r["id"] for r in first) == sorted(r["id"] for r in second)
        state = ("nothing changed", "green") if unchanged else ("the cloud changed", "red")
        ids = "the same notification ids" if same else ("other notification ids", "red")
        self._line("", state, "; ", ids, f"; calls that write: {said}")

    def _line(self, head: str, *parts: Part) -> None:
        seconds = time.monotonic() - self._start
        clock = (f"{seconds:7.3f} s" if head else " " * 9, "dim")
        line = Text.assemble(clock, "  ", (f"{head:9}", "bold"), "  ", *parts)
        self._console.print(line, soft_wrap=True)

    def _blank(self) -> None:
        self._console.print()


def _asked(item: Decoded) -> tuple[Part, ...]:
    if isinstance(item, Skip):
        return (f"nothing to do: {item.message}",)
    if isinstance(item, SweepRequest):
        return ("a timer's tick: the sweep looks at everything that is bound",)
    if isinstance(item, Rejected):
        return ("not a request", "red"), f": {item.message}"
    return (_request(item),)


def _request(request: Request) -> str:
    names = [instance.instance_id for instance in request.instances]
    if request.action:
        who = f"scaling group {request.scaling_group_id} waits at hook {request.action.hook_id}"
        which = "new" if request.action.transition is Transition.SCALE_OUT else "leaving"
        return f"{who} with {len(names)} {which} instances: {_few(names)}"
    wanted = f"load balancer {request.load_balancer_id or 'by binding'}"
    name = f"VServer group {request.vserver_group_name or 'by binding'}"
    held = request.backends
    count = f"{len(names)} instances" if held is None else f"{len(held)} backends"
    return f"{wanted} is to have {name} with {count}"


def _few(names: Sequence[str]) -> str:
    if len(names) <= _SHOWN + 1:
        return ", ".join(names)
    return f"{', '.join(names[:_SHOWN])} … {names[-1]}"


def _call(action: str, fields: Mapping[str, Any]) -> tuple[Part, ...]:
    parts = [str(fields[key]) for key in ("VServerGroupId", "VServerGroupName") if key in fields]
    if fields.get("backends"):
        parts.append(f"{fields['backends']} backends")
    return (f"{action} ", (" ".join(parts), "dim")) if parts else (action,)


def _hook(fields: Mapping[str, Any]) -> tuple[Part, ...]:
    waits = "waits" if fields["pending"] else "has ended"
    return (f"the lifecycle action {waits}; {fields['instances']} instances are there",)


def _mapped(fields: Mapping[str, Any]) -> tuple[Part, ...]:
    what = f"{fields['backends']} backends"
    if fields["instances"]:
        what = f"{fields['instances']} instances become {what}"
    where = f"{fields['VServerGroupName']} of {fields['LoadBalancerId']}"
    return (f"{what} of VServer group {where}",)


def _outcome(fields: Mapping[str, Any]) -> tuple[Part, ...]:
    error = fields.get("error")
    if error:
        return (fields["outcome"], "red"), f": {error['code']}"
    if fields["outcome"] == "skipped":
        return (f"skipped: {fields.get('reason', 'an earlier delivery told all about it')}",)
    if fields["outcome"] == "deregistered":
        said = f"{fields['removed']} backends removed, {fields['deleted']} groups deleted"
        return (fields["outcome"], "green"), f": {fields['LoadBalancerId']} {said}"
    what = "created" if fields["group_created"] else "found"
    said = f"{what}; {fields['added']} backends added, {fields['already_present']} were there"
    if fields["outcome"] == "planned":
        said = f"would be {said}"
    return (fields["outcome"], "green"), f": {fields.get('VServerGroupId') or 'group'} {said}"


def _received(fields: Mapping[str, Any]) -> tuple[Part, ...]:
    return (f"received {fields['correlation_id']} by {fields['source']}",)


def _published(fields: Mapping[str, Any]) -> tuple[Part, ...]:
    return f"{fields['type']} ", (fields["id"], "dim")


def _drained(fields: Mapping[str, Any]) -> tuple[Part, ...]:
    return (f"{fields['seconds']:g} of {fields['wanted']:g} seconds at weight 0",)


def _completed(fields: Mapping[str, Any]) -> tuple[Part, ...]:
    return (f"hook {fields['LifecycleHookId']}: {fields['LifecycleActionResult']}",)


def _quarantined(fields: Mapping[str, Any]) -> tuple[Part, ...]:
    return "the original is in the dead-letter queue ", (fields["message_id"], "dim")


_STEPS: Mapping[str, tuple[str, Callable[[Mapping[str, Any]], tuple[Part, ...]]]] = {
    "received": ("function", _received),
    "hook": ("ess", _hook),
    "mapped": ("mapping", _mapped),
    "published": ("publish", _published),
    "drained": ("drain", _drained),
    "completed": ("complete", _completed),
    "outcome": ("outcome", _outcome),
    "dead_letter": ("kept", _quarantined),
}


def _group(group: Mapping[str, Any]) -> str:
    held = len(group["BackendServers"]["BackendServer"])
    where = f"{group['VServerGroupName']} of {group['LoadBalancerId']}"
    return f"{group['VServerGroupId']}, {where}, holds {held} backends"


def _abridged(backends: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = [f"{b['ServerId']}:{b['Port']} weight {b['Weight']}" for b in backends]
    if len(lines) <= _SHOWN + 2:
        return lines
    return [*lines[:_SHOWN], f"… {len(lines) - _SHOWN - 1} more …", lines[-1]]


def _notification(result: Mapping[str, Any]) -> str:
    changes = result["data"]["changes"]
    if "removedCount" in changes:
        what = f"{changes['removedCount']} removed"
        return f"{result['type']} {result.get('subject', '')} ({what}) id {result['id']}"
    what = f"{changes['addedCount']} added, {changes['alreadyPresentCount']} already present"
    return f"{result['type']} {result.get('subject', '')} ({what}) id {result['id']}"
