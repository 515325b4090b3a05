"""`opskit package`: builds the zip that Function Compute runs."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from opskit import options

from .building import build
from .runtimes import PackageFailedError

_UNUSABLE = 2
Runtime = Annotated[str, typer.Option(help="python3.10 or python3.12")]


def register(app: typer.Typer) -> None:
    app.command()(package)


def package(
    *,
    runtime: Runtime = "python3.10",
    anew: Annotated[
        bool, typer.Option(help="install the libraries again, whatever is there")
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """Build and check the zip that Function Compute runs, for Linux on x86-64, in build/.

    Exit status: 0 the zip is there; 2 it could not be built, or failed its checks.
    """
    try:
        built = build(runtime, anew=anew)
    except PackageFailedError as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(_UNUSABLE) from error
    document = {**asdict(built), "path": str(built.path)}
    text = f"{built.path}: {built.files} files, {built.size / 1e6:.1f} MB, for {built.runtime}"
    sys.stdout.write(f"{json.dumps(document, indent=2) if as_json else text}\n")
