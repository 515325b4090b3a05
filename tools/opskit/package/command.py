"""`opskit package`: what is handed to Function Compute."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from .package import PackageFailedError, build

DONE, FAILED, UNUSABLE = 0, 1, 2
Json = Annotated[bool, typer.Option("--json", help="one JSON document, nothing else")]
Runtime = Annotated[str, typer.Option(help="python3.10 or python3.12")]


def register(app: typer.Typer) -> None:
    app.command()(package)


def package(
    *,
    runtime: Runtime = "python3.10",
    anew: Annotated[
        bool, typer.Option(help="install the libraries again, whatever is there")
    ] = False,
    as_json: Json = False,
) -> None:
    """Build the zip that Function Compute runs, for Linux on x86-64, in build/.

    Exit status: 0 it is there; 2 it could not be built.
    """
    try:
        built = build(runtime, anew=anew)
    except PackageFailedError as error:
        raise typer.Exit(refuse(str(error))) from error
    told = {**asdict(built), "path": str(built.path)}
    text = f"{built.path}: {built.files} files, {built.size / 1e6:.1f} MB, for {built.runtime}"
    sys.stdout.write(f"{json.dumps(told, indent=2) if as_json else text}\n")


def refuse(message: str) -> int:
    sys.stderr.write(f"{message}\n")
    return UNUSABLE
