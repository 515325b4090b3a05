"""opskit as its user calls it, in this process."""

from __future__ import annotations

import json
from typing import Any

from typer.testing import CliRunner

from e2e.stage import Cloud
from opskit.__main__ import app


def called(*arguments: str, given: bytes = b"") -> tuple[int, str, str]:
    """Status, output and errors."""
    done = CliRunner().invoke(app, list(arguments), input=given, catch_exceptions=False)
    return done.exit_code, done.stdout, done.stderr


def reported(cloud: Cloud, *arguments: str, status: int = 0, given: bytes = b"") -> Any:
    """The one document on standard output."""
    code, output, errors = called(*arguments, "--json", "--local", cloud.url, given=given)
    assert (code, errors) == (status, "")
    return json.loads(output)
