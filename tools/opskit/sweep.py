"""`opskit sweep`: the function's own sweep, from the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from rich.console import Console
from rich.markup import escape

from provisioner.app import build
from provisioner.model import EventRef, Sweep, SweepMode
from provisioner.ports import Log
from provisioner.sweep import Swept, swept

from . import ending
from .cloud import Cloud

_SECONDS = 600.0  # a command may take what a function may not


class _Quiet(Log):
    """The findings are what is printed."""

    def step(self, name: str, /, **fields: object) -> None: ...

    def bind(self, /, **fields: object) -> Log:  # noqa: ARG002 - as the port has it
        return self


def sweep(cloud: Cloud, environ: Mapping[str, str], *, apply: bool, as_json: bool) -> int:
    """Answers the exit status."""
    cloud.check_credentials()
    done = _run(cloud, environ, apply=apply)
    if as_json:
        ending.write_json(done.document())
    else:
        _tell(Console(highlight=False), done)
    return _status(done)


def _run(cloud: Cloud, environ: Mapping[str, str], *, apply: bool) -> Swept:
    """What is asked for here is allowed here: SWEEP is about the timer. PAUSE holds."""
    app = build(environ, log=_Quiet())
    try:
        function = SimpleNamespace(timeout=_SECONDS)
        context = SimpleNamespace(
            request_id="sweep", function=function, credentials=cloud.credentials
        )
        mode = SweepMode.APPLY if apply else SweepMode.REPORT
        means = replace(app.means, policy=replace(app.means.policy, sweep=mode))
        return swept(means, Sweep(EventRef("opskit", "sweep")), app.invocation(context))
    finally:
        app.close()


def _status(done: Swept) -> int:
    if done.unread or any(each.error for each in done.treated):
        return ending.FAILED
    return ending.OK if all(each.applied for each in done.treated) else ending.REFUSED


def _tell(console: Console, done: Swept) -> None:
    for each in done.document()["findings"]:
        console.print(escape(_line(each)), soft_wrap=True)
    for name, code in done.unread:
        console.print(escape(f"could not be read: {name} ({code})"), soft_wrap=True)
    applied = sum(each.applied for each in done.treated)
    console.print(f"{done.mode.value}: {len(done.treated)} found, {applied} put right")


def _line(finding: Mapping[str, Any]) -> str:
    place = "/".join(filter(None, (finding["LoadBalancerId"], finding["VServerGroupName"])))
    servers = ", ".join(finding["ServerIds"])
    ended = "done" if finding["applied"] else finding["code"] or f"remedy: {finding['remedy']}"
    where = place or finding["ScalingGroupId"]
    return f"{finding['kind']}  {where}  {finding['what']}{servers and f': {servers}'} ({ended})"
