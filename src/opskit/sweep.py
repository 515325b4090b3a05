"""`opskit sweep`: the function's own sweep, from the command line."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from rich.console import Console
from rich.markup import escape

from provisioner import bootstrap
from provisioner.core.errors import ConfigurationError
from provisioner.core.model import EventRef, Sweep, SweepMode
from provisioner.ports import Log
from provisioner.sweep import Swept, swept

from . import local

NOTHING_LEFT, FAILED, UNUSABLE, LEFT = 0, 1, 2, 3
_SECONDS = 600.0  # a command may take what a function may not


class _Quiet(Log):
    """The findings are what is printed."""

    def step(self, name: str, /, **fields: object) -> None: ...

    def bind(self, **fields: object) -> Log:  # noqa: ARG002 - as the port has it
        return self


def sweep(*, apply: bool, as_json: bool, environ: Mapping[str, str] | None = None) -> int:
    console = Console(highlight=False)
    try:
        done = run(os.environ if environ is None else environ, apply=apply)
    except ConfigurationError as error:
        told = escape(f"sweep: {error.message}")
        Console(stderr=True, highlight=False).print(told, soft_wrap=True)
        return UNUSABLE
    if as_json:
        console.print_json(json.dumps(done.document()))
    else:
        _tell(console, done)
    return _status(done)


def run(environ: Mapping[str, str], *, apply: bool) -> Swept:
    """What is asked for here is allowed here: SWEEP is about the timer. PAUSE holds.

    Raises `ConfigurationError`."""
    if any("127.0.0.1" in v or "localhost" in v for k, v in environ.items() if "_ENDPOINT" in k):
        local.without_proxies()
    app = bootstrap.build(environ, log=_Quiet())
    try:
        context = SimpleNamespace(function=SimpleNamespace(timeout=_SECONDS))
        mode = SweepMode.APPLY if apply else SweepMode.REPORT
        means = replace(app.means, policy=replace(app.means.policy, sweep=mode))
        return swept(means, Sweep(EventRef("opskit", "sweep")), app.invocation(context))
    finally:
        app.close()


def _status(done: Swept) -> int:
    if done.unread or any(each.error for each in done.treated):
        return FAILED
    return NOTHING_LEFT if all(each.applied for each in done.treated) else LEFT


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
