"""`python -m opskit`."""

from __future__ import annotations

from typing import Annotated

import typer

from . import run as running

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def opskit() -> None:
    """Tools for the operator of the VServer group provisioner."""


@app.command()
def run(
    event: Annotated[
        str | None,
        typer.Argument(help="a file with the bytes that Function Compute would hand over, or -"),
    ] = None,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="one JSON document, nothing else")
    ] = False,
) -> None:
    """Scale out by 45 on an offline cloud, or deliver EVENT to the function there, and watch.

    Exit status: 0 all is provisioned, planned or skipped; 3 something was refused; 1 something
    failed; 2 the command itself could not be carried out.
    """
    raise typer.Exit(running.run(event, as_json=as_json))


if __name__ == "__main__":
    app(prog_name="opskit")
