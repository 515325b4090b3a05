"""Functions of a seed document. The code stays where it is: a folder is run in place, so that a new
instance sees what was edited, and a zip file is unpacked when its first instance starts.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localcloud.documents import BadDocument, Problem, check, pointer
from localcloud.services.fc import destinations
from localcloud.services.fc.model import AsyncConfig, Function, HttpTrigger

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from localcloud.cloud import World

_SECTION = "Functions"
_LARGEST_ENVIRONMENT = 4096  # doc: bytes
_RESERVED = "FC_"  # doc
_NO_DESTINATION = (
    "is no MNS queue, MNS topic, function or default event bus of this account and region"
)


def plant(world: World, document: Mapping[str, Any]) -> Iterator[Problem]:
    """What is there already with the same settings is left as it is."""
    for index, row in enumerate(document.get(_SECTION, [])):
        function, path = read(row), pointer(_SECTION, index)
        for problem in problems(function, world):
            yield Problem(f"{path}{problem.path}", problem.message)
        if world.functions.setdefault(function.name, function) != function:
            yield Problem(f"{path}/FunctionName", f"{function.name} exists already, otherwise")


def register(world: World, document: Any) -> Function:
    """Adds one function, or takes the place of the one of its name; BadDocument if it cannot be."""
    check({_SECTION: [document]}, "world")
    function = read(document)
    if found := list(problems(function, world)):
        raise BadDocument(found)
    world.functions[function.name] = function
    return function


def read(row: Mapping[str, Any]) -> Function:
    optional = {
        "initializer": row.get("Initializer"),
        "pre_stop": row.get("PreStop"),
        "interpreter": row.get("Interpreter"),
        "variables": row.get("EnvironmentVariables"),
        "timeout": row.get("Timeout"),
        "initialization_timeout": row.get("InitializationTimeout"),
        "pre_stop_timeout": row.get("PreStopTimeout"),
        "memory_size": row.get("MemorySize"),
        "instance_limit": row.get("InstanceLimit"),
        "idle_seconds": row.get("IdleSeconds"),
    }
    return Function(
        name=row["FunctionName"],
        code=str(Path(row["Code"]).resolve()),
        handler=row["Handler"],
        runtime=row["Runtime"],
        asynchronous=_asynchronous(row.get("AsyncConfig", {})),
        http_trigger=_http_trigger(row.get("HttpTrigger")),
        **{key: value for key, value in optional.items() if value is not None},
    )


def problems(function: Function, world: World) -> Iterator[Problem]:
    """What the schema cannot say."""
    code = Path(function.code)
    if not code.is_dir() and not zipfile.is_zipfile(code):
        yield Problem("/Code", f"{function.code} is neither a folder nor a zip file")
    yield from _check_variables(function.variables)
    config = function.asynchronous
    for name, arn in (("onSuccess", config.on_success), ("onFailure", config.on_failure)):
        if arn and destinations.parse(arn, world.region, world.account) is None:
            path = pointer("AsyncConfig", "destinationConfig", name, "destination")
            yield Problem(path, _NO_DESTINATION)


def _check_variables(variables: Mapping[str, str]) -> Iterator[Problem]:
    for name in variables:
        if name.startswith(_RESERVED):
            path = pointer("EnvironmentVariables", name)
            yield Problem(path, f"names that begin with {_RESERVED} are reserved")
    size = sum(len(f"{name}{value}".encode()) for name, value in variables.items())
    if size > _LARGEST_ENVIRONMENT:
        yield Problem("/EnvironmentVariables", f"more than {_LARGEST_ENVIRONMENT} bytes")


def _asynchronous(config: Mapping[str, Any]) -> AsyncConfig:
    by_default, given = AsyncConfig(), config.get("destinationConfig", {})
    return AsyncConfig(
        retries=config.get("maxAsyncRetryAttempts", by_default.retries),
        longest_age=config.get("maxAsyncEventAgeInSeconds", by_default.longest_age),
        on_success=given.get("onSuccess", {}).get("destination", ""),
        on_failure=given.get("onFailure", {}).get("destination", ""),
    )


def _http_trigger(config: Mapping[str, Any] | None) -> HttpTrigger | None:
    if config is None:
        return None
    by_default = HttpTrigger()
    return HttpTrigger(
        auth_type=config.get("authType", by_default.auth_type),
        methods=tuple(config.get("methods", by_default.methods)),
    )
