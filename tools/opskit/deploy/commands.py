"""`opskit deploy`, `opskit destroy`, `opskit plan-deploy`.

Exit status of all: 0 done; 1 the cloud refused or did not answer, or the stack failed; 2 something
is missing, and nothing was made.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opskit import local
from opskit.package import Package, PackageFailedError, build

from .config import FILE, Config, StackFailedError, UnfitConfigError, read

if TYPE_CHECKING:
    from .stack import Stacks

FAILED, UNUSABLE = 1, 2
File = Annotated[Path, typer.Option("--config", help="the configuration file")]
Json = Annotated[bool, typer.Option("--json", help="one JSON document, nothing else")]


def register(app: typer.Typer) -> None:
    app.command()(deploy)
    app.command()(destroy)
    app.command("plan-deploy")(plan_deploy)


def deploy(*, file: File = FILE, as_json: Json = False) -> None:
    """Build and upload the package, create or update the stack, wait, and print its outputs.

    Exit status: 0 it is there; 1 the cloud refused or did not answer, or the stack failed; 2
    something is missing.
    """

    def work(config: Config, package: Package) -> dict[str, Any]:
        stacks, parameters = _prepared(config, package, as_json=as_json)
        stack_id = stacks.find()
        _upload().put(config, package, parameters["CodeKey"])
        size = f"{package.files} files, {package.size / 1e6:.1f} MB"
        _teller(as_json=as_json)(parameters["CodeKey"], "UPLOADED", size)
        stack_id = stacks.put(stack_id, parameters)
        return {"StackId": stack_id, "Outputs": stacks.outputs(stack_id)}

    report = _carried_out(file, work)
    _print(report, as_json, _output_lines)


def destroy(*, file: File = FILE, as_json: Json = False) -> None:
    """Delete the stack and everything that is its own; the packages in the bucket stay.

    Exit status: 0 it is gone; 1 the cloud refused or did not answer, or the stack failed; 2
    something is missing.
    """

    def work(config: Config, _package: Package | None) -> dict[str, Any]:
        stacks = _stacks(config, as_json=as_json)
        stack_id = stacks.find()
        if stack_id:
            stacks.delete(stack_id)
        return {"StackId": stack_id or None, "StackName": config.stack_name}

    report = _carried_out(file, work, packing=False)
    gone = "is gone" if report["StackId"] else "was not there"
    _print(report, as_json, lambda told: [f"the stack {told['StackName']} {gone}"])


def plan_deploy(*, file: File = FILE, as_json: Json = False) -> None:
    """Show what `deploy` would add, change or remove. Nothing is uploaded, nothing is made.

    Exit status: 0 it is shown; 1 the cloud refused or did not answer; 2 something is
    missing.
    """

    def work(config: Config, package: Package) -> dict[str, Any]:
        stacks, parameters = _prepared(config, package, as_json=as_json)
        stack_id = stacks.find()
        changes = stacks.changes(stack_id, parameters)
        return {"StackId": stack_id or None, "Changes": changes}

    _print(_carried_out(file, work), as_json, _change_lines)


def _prepared(config: Config, package: Package, *, as_json: bool) -> tuple[Stacks, dict[str, str]]:
    ours = {
        "CodeBucket": config.code_bucket,
        "CodeKey": _upload().key_of(package, config.stack_name),
        "Runtime": config.runtime,
    }
    return _stacks(config, as_json=as_json), {**config.parameters, **ours}


def _stacks(config: Config, *, as_json: bool) -> Stacks:
    from .stack import Stacks  # noqa: PLC0415 - its SDK is slow to load; no other command needs it

    return Stacks(config, _teller(as_json=as_json))


def _upload() -> ModuleType:
    from . import upload  # noqa: PLC0415 - see above

    return upload


def _carried_out(file: Path, work: Callable[..., dict[str, Any]], *, packing: bool = True) -> Any:
    try:
        config = read(file, os.environ)
        if any(map(local.is_loopback, config.endpoints.values())):
            local.without_proxies()
        return work(config, build(config.runtime) if packing else None)
    except (UnfitConfigError, PackageFailedError) as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(UNUSABLE) from error
    except StackFailedError as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(FAILED) from error


def _teller(*, as_json: bool) -> Callable[[str, str, str], None]:
    def tell(resource: str, status: str, reason: str) -> None:
        if not as_json:
            sys.stdout.write(f"  {status:<20} {resource}{f': {reason}' if reason else ''}\n")
            sys.stdout.flush()

    return tell


def _print(report: Any, as_json: bool, lines: Callable[[Any], list[str]]) -> None:
    text = json.dumps(report, indent=2) if as_json else "\n".join(lines(report))
    sys.stdout.write(f"{text}\n")


def _output_lines(report: Any) -> list[str]:
    rows = [
        f"{item['OutputKey']:<16} {item['OutputValue']}\n{'':<17}{item['Description']}"
        for item in report["Outputs"]
    ]
    return [f"stack {report['StackId']}", *rows]


def _change_lines(report: Any) -> list[str]:
    changed = [item for item in report["Changes"] if item["Action"] != "None"]
    rows = [
        f"{item['Action']:<8} {item['LogicalResourceId']} ({item['ResourceType']})"
        for item in changed
    ]
    return rows or ["nothing would change"]
