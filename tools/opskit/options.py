"""The options that commands share, each spelled once."""

from __future__ import annotations

from typing import Annotated

import typer

Event = Annotated[
    str,
    typer.Argument(help="a file with the bytes that Function Compute would hand over, or -"),
]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON document, nothing else")]
Local = Annotated[
    str | None,
    typer.Option("--local", metavar="URL", help="a localcloud, for all endpoints, with its keys"),
]
Region = Annotated[
    str | None, typer.Option("--region", help="else ALIBABA_CLOUD_REGION_ID, else cn-hangzhou")
]
Account = Annotated[
    str | None, typer.Option("--account", help="the account's id, else ALIBABA_CLOUD_ACCOUNT_ID")
]
Endpoint = Annotated[
    list[str] | None,
    typer.Option(
        "--endpoint", metavar="PRODUCT=URL", help="of slb, ess, mns, fc or sts; may be repeated"
    ),
]
Config = Annotated[
    str | None,
    typer.Option("--config", metavar="FILE", help="the function's variables: .env or JSON"),
]
Function = Annotated[
    str | None,
    typer.Option("--function", metavar="NAME", help="a deployed function of generation 3"),
]
