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


@app.command()
def redrive(  # noqa: PLR0913 - its options
    queue: Annotated[str, typer.Option(help="the dead-letter queue")],
    *,
    everything: Annotated[bool, typer.Option("--all", help="send every letter again")] = False,
    ids: Annotated[
        list[str] | None, typer.Option("--id", help="send the letter with this MessageId again")
    ] = None,
    function: Annotated[str, typer.Option(help="that gets what is sent again")] = "",
    endpoint: Annotated[str, typer.Option(help="URL of an offline cloud")] = "",
    region: Annotated[str, typer.Option(help="as in REGION_ID")] = "",
    account: Annotated[str, typer.Option(help="as in FC_ACCOUNT_ID")] = "",
    as_json: Annotated[
        bool, typer.Option("--json", help="one JSON document, nothing else")
    ] = False,
) -> None:
    """Show what lies in a dead-letter queue and why; send what is chosen to the function again.

    Without --all or --id nothing is sent. A letter leaves the queue after the function's platform
    accepted it. Keys come from ALIBABA_CLOUD_ACCESS_KEY_ID and its siblings.

    Exit status: 0 shown, or all that was chosen was sent; 3 something chosen is not there, or its
    original is not in the queue; 1 something was not accepted, or could not be deleted; 2 the
    command itself could not be carried out.
    """
    from . import redrive as redriving  # noqa: PLC0415 - its SDKs load slowly

    chosen = redriving.Chosen(everything, frozenset(ids or ()))
    raise typer.Exit(
        redriving.redrive(
            queue,
            chosen,
            function=function,
            endpoint=endpoint,
            region=region,
            account=account,
            as_json=as_json,
        )
    )


if __name__ == "__main__":
    app(prog_name="opskit")
