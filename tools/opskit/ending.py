"""How a command ends: its exit status, which scripts rely on."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from typing import Any

from provisioner.errors import ConfigurationError

OK, FAILED, UNUSABLE, REFUSED = 0, 1, 2, 3
_OF_OUTCOME = {"failed": FAILED, "refused": REFUSED}


class UnusableError(Exception):
    """The command cannot be carried out with what it was given."""


def of_outcomes(outcomes: Iterable[str]) -> int:
    """A failure outweighs a refusal."""
    found = {_OF_OUTCOME.get(outcome, OK) for outcome in outcomes}
    return FAILED if FAILED in found else max(found, default=OK)


def carried_out(name: str, command: Callable[[], int]) -> int:
    """Answers the exit status; what stands in the way is one line on standard error."""
    try:
        return command()
    except UnusableError as error:
        return unusable(name, str(error))
    except ConfigurationError as error:
        return unusable(name, f"the configuration is at fault: {error.message}")


def unusable(name: str, why: str) -> int:
    sys.stderr.write(f"opskit {name}: {' '.join(why.split())}\n")
    return UNUSABLE


def write_json(document: Any) -> None:
    """Nothing else goes to standard output."""
    sys.stdout.write(json.dumps(document, indent=2) + "\n")
