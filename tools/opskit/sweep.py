"""`opskit sweep`: the function's own sweep, from the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from rich.console import Console
from rich.markup import escape

from provisioner.app import build_app
from provisioner.model import EventRef, SweepMode, SweepRequest
from provisioner.ports import Log
from provisioner.sweep import SweepReport, run_sweep

from . import ending
from .cloud import Cloud

_SECONDS = 600.0  # a command may take what a function may not


class _Quiet(Log):
    """The findings are what is printed."""

    def write(self, name: str, /, **fields: object) -> None: ...

    def bind(self, /, **fields: object) -> Log:  # noqa: ARG002 - as the port has it
        return self


def sweep(cloud: Cloud, environ: Mapping[str, str], *, apply: bool, as_json: bool) -> int:
    """Answers the exit status."""
    cloud.check_credentials()
    done = _run(cloud, environ, apply=apply)
    if as_json:
        ending.write_json(done.to_document())
    else:
        _tell(Console(highlight=False), done)
    return _status(done)


def _run(cloud: Cloud, environ: Mapping[str, str], *, apply: bool) -> SweepReport:
    """What is asked for here is allowed here: SWEEP is about the timer. PAUSE holds."""
    app = build_app(environ, log=_Quiet())
    try:
        function = SimpleNamespace(timeout=_SECONDS)
        context = SimpleNamespace(
            request_id="sweep", function=function, credentials=cloud.credentials
        )
        mode = SweepMode.APPLY if apply else SweepMode.REPORT
        means = replace(app.deps, config=replace(app.deps.config, sweep=mode))
        return run_sweep(
            means, SweepRequest(EventRef("opskit", "sweep")), app.start_invocation(context)
        )
    finally:
        app.close()


def _status(done: SweepReport) -> int:
    if done.unread or any(each.error for each in done.results):
        return ending.FAILED
    return ending.OK if all(each.applied for each in done.results) else ending.REFUSED


def _tell(console: Console, done: SweepReport) -> None:
    for each in done.to_document()["findings"]:
        console.print(escape(_line(each)), soft_wrap=True)
    for name, code in done.unread:
        console.print(escape(f"could not be read: {name} ({code})"), soft_wrap=True)
    applied = sum(each.applied for each in done.results)
    console.print(f"{done.mode.value}: {len(done.results)} found, {applied} put right")


def _line(finding: Mapping[str, Any]) -> str:
    place = "/".join(filter(None, (finding["LoadBalancerId"], finding["VServerGroupName"])))
    servers = ", ".join(finding["ServerIds"])
    ended = "done" if finding["applied"] else finding["code"] or f"remedy: {finding['remedy']}"
    where = place or finding["ScalingGroupId"]
    return f"{finding['kind']}  {where}  {finding['what']}{servers and f': {servers}'} ({ended})"
