"""The run as a person reads it: one line a step, as it happens, with the time since the start."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape

from provisioner.core.errors import Rejected, Skip
from provisioner.core.model import Request
from provisioner.triggers import Decoded

_SLB = {
    "slb.list": "DescribeVServerGroups",
    "slb.read": "DescribeVServerGroupAttribute",
    "slb.create": "CreateVServerGroup",
    "slb.add": "AddVServerGroupBackendServers",
    "slb.set_weights": "SetVServerGroupAttribute",
    "slb.rename": "SetVServerGroupAttribute",
    "slb.delete": "DeleteVServerGroup",
}
_READS = ("Describe", "Receive", "Peek")
_SHOWN = 3  # of a list: the first ones, and the last


class Teller:
    """`silent` tells nothing: the report is then the only output."""

    def __init__(self, *, silent: bool = False) -> None:
        self._console = Console(quiet=silent, highlight=False)
        self._start = time.monotonic()

    def begins(self, name: str, size: int, items: Sequence[Decoded], url: str) -> None:
        self._line("cloud", f"localcloud at {url}; nothing leaves this machine")
        self._line("event", escape(f"{name} ({size:,} bytes)"))
        for item in items:
            self._line("", _asked(item))

    def step(self, name: str, fields: Mapping[str, Any]) -> None:
        if name in _SLB:
            self._line("call", _call(_SLB[name], fields))
        elif name.endswith(".failed"):
            self._line("call", f"[red]{_SLB[name.removesuffix('.failed')]}[/]: {fields['code']}")
        elif name in _STEPS:
            self._line(*_STEPS[name](fields))

    def ends(
        self,
        groups: Sequence[Mapping[str, Any]],
        notifications: Sequence[Mapping[str, Any]],
        lifecycle: Sequence[Mapping[str, Any]],
    ) -> None:
        self._blank()
        for group in groups:
            self._line("group", _group(group))
            for backend in _abridged(group["BackendServers"]["BackendServer"]):
                self._line("", backend)
        for result in notifications:
            self._line("inbox", _notification(result))
        for action in lifecycle:
            self._line("hook", f"{action['token']}: {action['status']}, {action['result']}")

    def again(self) -> None:
        self._blank()
        self._line("again", "the same event is delivered once more")

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
        same = [r["id"] for r in first] == [r["id"] for r in second]
        state = "[green]nothing changed[/]" if unchanged else "[red]the cloud changed[/]"
        ids = "the same notification ids" if same else "[red]other notification ids[/]"
        self._line("", f"{state}; {ids}; calls that write: {said}")

    def _line(self, head: str, text: str) -> None:
        seconds = time.monotonic() - self._start
        clock = f"[dim]{seconds:7.3f} s[/]" if head else " " * 9
        self._console.print(f"{clock}  [bold]{head:9}[/]  {text}", soft_wrap=True)

    def _blank(self) -> None:
        self._console.print()


def _asked(item: Decoded) -> str:
    if isinstance(item, Skip):
        return f"nothing to do: {escape(item.message)}"
    if isinstance(item, Rejected):
        return f"[red]not a request[/]: {escape(item.message)}"
    return escape(_request(item))


def _request(request: Request) -> str:
    names = [instance.instance_id for instance in request.instances]
    if request.action:
        who = f"scaling group {request.scaling_group_id} waits at hook {request.action.hook_id}"
        return f"{who} with {len(names)} new instances: {_few(names)}"
    wanted = f"load balancer {request.load_balancer_id or 'by binding'}"
    name = f"VServer group {request.vserver_group_name or 'by binding'}"
    held = request.backends
    count = f"{len(names)} instances" if held is None else f"{len(held)} backends"
    return f"{wanted} is to have {name} with {count}"


def _few(names: Sequence[str]) -> str:
    if len(names) <= _SHOWN + 1:
        return ", ".join(names)
    return f"{', '.join(names[:_SHOWN])} … {names[-1]}"


def _call(action: str, fields: Mapping[str, Any]) -> str:
    parts = [str(fields[key]) for key in ("VServerGroupId", "VServerGroupName") if key in fields]
    if fields.get("backends"):
        parts.append(f"{fields['backends']} backends")
    return f"{action} [dim]{escape(' '.join(parts))}[/]" if parts else action


def _hook(fields: Mapping[str, Any]) -> tuple[str, str]:
    waits = "waits" if fields["pending"] else "has ended"
    return "ess", f"the lifecycle action {waits}; {fields['instances']} instances are there"


def _mapped(fields: Mapping[str, Any]) -> tuple[str, str]:
    what = f"{fields['backends']} backends"
    if fields["instances"]:
        what = f"{fields['instances']} instances become {what}"
    where = f"{fields['VServerGroupName']} of {fields['LoadBalancerId']}"
    return "mapping", escape(f"{what} of VServer group {where}")


def _outcome(fields: Mapping[str, Any]) -> tuple[str, str]:
    error = fields.get("error")
    if error:
        return "outcome", f"[red]{fields['outcome']}[/]: {escape(error['code'])}"
    if fields["outcome"] == "skipped":
        return "outcome", f"skipped: {escape(str(fields['reason']))}"
    what = "created" if fields["created"] else "found"
    said = f"{what}; {fields['added']} backends added, {fields['already_present']} were there"
    if fields["outcome"] == "planned":
        said = f"would be {said}"
    return "outcome", f"[green]{fields['outcome']}[/]: {fields['VServerGroupId'] or 'group'} {said}"


_STEPS: Mapping[str, Callable[[Mapping[str, Any]], tuple[str, str]]] = {
    "hook": _hook,
    "mapped": _mapped,
    "published": lambda f: ("publish", f"{f['type']} [dim]{f['id']}[/]"),
    "completed": lambda f: (
        "complete",
        f"hook {escape(f['LifecycleHookId'])}: {f['LifecycleActionResult']}",
    ),
    "outcome": _outcome,
}


def _group(group: Mapping[str, Any]) -> str:
    held = len(group["BackendServers"]["BackendServer"])
    where = f"{group['VServerGroupName']} of {group['LoadBalancerId']}"
    return escape(f"{group['VServerGroupId']}, {where}, holds {held} backends")


def _abridged(backends: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = [escape(f"{b['ServerId']}:{b['Port']} weight {b['Weight']}") for b in backends]
    if len(lines) <= _SHOWN + 2:
        return lines
    return [*lines[:_SHOWN], f"… {len(lines) - _SHOWN - 1} more …", lines[-1]]


def _notification(result: Mapping[str, Any]) -> str:
    changes = result["data"]["changes"]
    what = f"{changes['addedCount']} added, {changes['alreadyPresentCount']} already present"
    return escape(f"{result['type']} {result.get('subject', '')} ({what}) id {result['id']}")
