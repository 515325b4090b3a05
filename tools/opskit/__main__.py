"""`python -m opskit`.

Every command ends with 0 where all is well, 3 where something is or would be refused, 1 where
something failed, 2 where the command itself could not be carried out.
"""

from __future__ import annotations

from typing import Annotated

import typer

from . import ending, options
from . import run as running
from .cloud import of_environment
from .deploy import commands as deploying
from .package import command as packaging

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def opskit() -> None:
    """Tools for the operator of the VServer group provisioner.

    Credentials are ALIBABA_CLOUD_ACCESS_KEY_ID, _ACCESS_KEY_SECRET and _SECURITY_TOKEN.
    """


@app.command()
def run(
    event: Annotated[
        str | None,
        typer.Argument(help="a file with the bytes that Function Compute would hand over, or -"),
    ] = None,
    *,
    as_json: options.AsJson = False,
) -> None:
    """Scale out by 45 on an offline cloud, or deliver EVENT to the function there, and watch.

    Exit status: 0 all is provisioned, planned or skipped; 3 something was refused; 1 something
    failed; 2 the command itself could not be carried out.
    """
    raise typer.Exit(running.run(event, as_json=as_json))


@app.command()
def invoke(  # noqa: PLR0913 - each is an option
    event: options.Event,
    *,
    function: Annotated[str, typer.Option("--function", metavar="NAME")] = "provisioner",
    service: Annotated[str, typer.Option("--service", help="of generation 2")] = "",
    qualifier: Annotated[str, typer.Option("--qualifier", help="a version or an alias")] = "",
    generation: Annotated[int, typer.Option("--generation", min=2, max=3)] = 3,
    asynchronous: Annotated[bool, typer.Option("--async", help="queue it, do not wait")] = False,
    tail: Annotated[bool, typer.Option("--tail", help="show the end of the log")] = False,
    as_json: options.AsJson = False,
    url: options.Local = None,
    region: options.Region = None,
    account: options.Account = None,
    endpoint: options.Endpoint = None,
) -> None:
    """Send EVENT to the deployed function, and show what it answers.

    Exit status: 0 the function answered, or the event is queued; 3 it refused something; 1 it
    failed; 2 it could not be called.
    """
    from .invocation import Target  # noqa: PLC0415 - slow
    from .invoke import invoke as invoked  # noqa: PLC0415

    def command() -> int:
        cloud = of_environment(url, region, account, endpoint)
        target = Target(function, service, qualifier, generation, asynchronous, tail)
        return invoked(cloud, event, target, as_json=as_json)

    raise typer.Exit(ending.carried_out("invoke", command))


@app.command()
def plan(  # noqa: PLR0913 - each is an option
    event: options.Event,
    *,
    config: options.Config = None,
    function: options.Function = None,
    as_json: options.AsJson = False,
    url: options.Local = None,
    region: options.Region = None,
    account: options.Account = None,
    endpoint: options.Endpoint = None,
) -> None:
    """Say what the function would do with EVENT now. Reads the cloud, and writes nothing.

    Exit status: 0 all would be done or skipped; 3 something would be refused; 1 something would
    fail; 2 the command itself could not be carried out.
    """
    from .configuration import environ  # noqa: PLC0415 - slow
    from .plan import plan as planned  # noqa: PLC0415

    def command() -> int:
        cloud = of_environment(url, region, account, endpoint)
        given = environ(cloud, config, function)
        return planned(cloud, given, event, as_json=as_json)

    raise typer.Exit(ending.carried_out("plan", command))


@app.command()
def doctor(  # noqa: PLR0913 - each is an option
    *,
    config: options.Config = None,
    function: options.Function = None,
    as_json: options.AsJson = False,
    url: options.Local = None,
    region: options.Region = None,
    account: options.Account = None,
    endpoint: options.Endpoint = None,
) -> None:
    """Check the configuration and what it names in the cloud, with a remedy for each finding.

    Nothing is changed. Exit status: 0 nothing failed; 1 something did; 2 the command itself could
    not be carried out.
    """
    from .doctor import examine  # noqa: PLC0415 - slow

    def command() -> int:
        cloud = of_environment(url, region, account, endpoint)
        return examine(cloud, config, function, as_json=as_json)

    raise typer.Exit(ending.carried_out("doctor", command))


@app.command()
def policy(  # noqa: PLR0913 - each is an option
    *,
    config: options.Config = None,
    function: options.Function = None,
    why: Annotated[bool, typer.Option("--why", help="a reason for each action instead")] = False,
    as_json: options.AsJson = False,
    url: options.Local = None,
    region: options.Region = None,
    account: options.Account = None,
    endpoint: options.Endpoint = None,
) -> None:
    """Print the RAM policy that the function's role needs for its configuration.

    Exit status: 0; 2 the command itself could not be carried out.
    """
    from .configuration import environ  # noqa: PLC0415 - slow
    from .policy import show  # noqa: PLC0415

    def command() -> int:
        cloud = of_environment(url, region, account, endpoint)
        given = environ(cloud, config, function)
        return show(cloud, given, why=why, as_json=as_json)

    raise typer.Exit(ending.carried_out("policy", command))


@app.command()
def redrive(  # noqa: PLR0913 - each is an option
    queue: Annotated[str, typer.Option("--queue", metavar="NAME", help="the dead-letter queue")],
    *,
    everything: Annotated[bool, typer.Option("--all", help="send every letter again")] = False,
    ids: Annotated[
        list[str] | None,
        typer.Option("--id", metavar="ID", help="send the letter with this MessageId again"),
    ] = None,
    function: Annotated[
        str, typer.Option("--function", metavar="NAME", help="that gets what is sent again")
    ] = "",
    as_json: options.AsJson = False,
    url: options.Local = None,
    region: options.Region = None,
    account: options.Account = None,
    endpoint: options.Endpoint = None,
) -> None:
    """Show what lies in a dead-letter queue and why; send what is chosen to the function again.

    Without --all or --id nothing is sent. A letter leaves the queue after Function Compute accepted
    it. Exit status: 0 shown, or all that was chosen was sent; 3 something chosen is not there, or
    its original is not in the queue; 1 something was not accepted, or could not be deleted; 2 the
    command itself could not be carried out.
    """
    from .redrive import Chosen  # noqa: PLC0415 - slow
    from .redrive import redrive as redriven  # noqa: PLC0415

    def command() -> int:
        cloud = of_environment(url, region, account, endpoint)
        chosen = Chosen(everything, frozenset(ids or ()))
        return redriven(cloud, queue, chosen, function=function, as_json=as_json)

    raise typer.Exit(ending.carried_out("redrive", command))


@app.command()
def sweep(  # noqa: PLR0913 - each is an option
    *,
    apply: Annotated[bool, typer.Option("--apply", help="put right what can be")] = False,
    config: options.Config = None,
    function: options.Function = None,
    as_json: options.AsJson = False,
    url: options.Local = None,
    region: options.Region = None,
    account: options.Account = None,
    endpoint: options.Endpoint = None,
) -> None:
    """Find what was left behind: stale claims, released and missing servers, stuck hooks.

    SWEEP is about the timer and not heeded here; while PAUSE is on, nothing is put right. Exit
    status: 0 nothing was found, or all of it was put right; 3 something is left to do; 1 something
    could not be read or put right; 2 the command itself could not be carried out.
    """
    from .configuration import environ  # noqa: PLC0415 - slow
    from .sweep import sweep as swept  # noqa: PLC0415

    def command() -> int:
        cloud = of_environment(url, region, account, endpoint)
        given = environ(cloud, config, function)
        return swept(cloud, given, apply=apply, as_json=as_json)

    raise typer.Exit(ending.carried_out("sweep", command))


packaging.register(app)
deploying.register(app)


if __name__ == "__main__":
    app(prog_name="opskit")
