"""The function's environment variables: from a file, from the deployed function, or from ours."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from provisioner.settings import VARIABLES, Settings

from .cloud import Cloud
from .deployed import deployed
from .ending import UnusableError

_PLATFORM = {"FC_REGION", "FC_ACCOUNT_ID"}
_OURS = {variable.name for variable in VARIABLES} | _PLATFORM
_ENDPOINTS = {
    "SLB_ENDPOINT": "slb",
    "ESS_ENDPOINT": "ess",
    "MNS_ENDPOINT": "mns",
    "STS_ENDPOINT": "sts",
}


def environ(cloud: Cloud, file: str | None, function: str | None) -> dict[str, str]:
    """As the function would find it, with BINDINGS in the place of BINDINGS_FILE where that can be
    read, and the endpoints that the command names."""
    found = _given(cloud, file, function)
    platform = {"FC_REGION": cloud.region, "FC_ACCOUNT_ID": cloud.account}
    named = {
        variable: cloud.endpoint(product)
        for variable, product in _ENDPOINTS.items()
        if product in cloud.endpoints
    }
    found = {**{k: v for k, v in platform.items() if v}, **found, **named}
    return _with_bindings(found, Path(file).parent if file else Path())


def settings(environ: Mapping[str, str]) -> Settings:
    """Raises `ConfigurationError` with every problem."""
    return Settings.from_environ(environ, lambda path: Path(path).read_text(encoding="utf-8"))


def _given(cloud: Cloud, file: str | None, function: str | None) -> dict[str, str]:
    if file and function:
        raise UnusableError("--config or --function, not both")
    if file:
        return {name: value for name, value in _read(file).items() if name in _OURS}
    if function:
        return dict(deployed(cloud, function).environment)
    return {name: os.environ[name] for name in _OURS if name in os.environ}


def _read(file: str) -> dict[str, str]:
    try:
        text = Path(file).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UnusableError(f"{file}: cannot be read as a text file") from error
    if not text.lstrip().startswith("{"):
        return dict(_lines(file, text))
    try:
        document: Any = json.loads(text)
    except ValueError as error:
        raise UnusableError(f"{file}: is not JSON") from error
    return {name: _as_variable(value) for name, value in document.items()}


def _lines(file: str, text: str) -> list[tuple[str, str]]:
    """NAME=value, with `export` and quotes as a shell would have them, and # for a comment."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        told = line.strip().removeprefix("export ").strip()
        if not told or told.startswith("#"):
            continue
        name, equals, value = told.partition("=")
        if not equals:
            raise UnusableError(f"{file}:{number}: is not NAME=value")
        value = value.strip()
        quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
        found.append((name.strip(), value[1:-1] if quoted else value))
    return found


def _as_variable(value: Any) -> str:
    """Bindings may be written as what they are."""
    return value if isinstance(value, str) else json.dumps(value)


def _with_bindings(environ: dict[str, str], folder: Path) -> dict[str, str]:
    """Relative to the file that names it. One that is only in the code stays named, and is told of
    as unreadable."""
    name = environ.get("BINDINGS_FILE", "")
    path = folder / name
    if not name or "BINDINGS" in environ or not path.is_file():
        return environ
    rest = {key: value for key, value in environ.items() if key != "BINDINGS_FILE"}
    try:
        return {**rest, "BINDINGS": path.read_text(encoding="utf-8")}
    except (OSError, UnicodeDecodeError) as error:
        raise UnusableError(f"BINDINGS_FILE: {path}: cannot be read as a text file") from error
