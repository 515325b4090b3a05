"""What led to a state, and how it is shown to people."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from provisioner.errors import ProvisionerError
from provisioner.groups import commands, naming
from provisioner.model import ApiResponse

from .world import START


class Step(NamedTuple):
    """`number` is None where the world acts. `what` is empty where all went well."""

    before: Step | None
    number: int | None
    what: str
    command: Any = None
    answer: Any = None


class Violation(AssertionError):
    def __init__(self, what: str, steps: tuple[str, ...]) -> None:
        super().__init__(what, steps)
        self.what, self.steps = what, steps

    def __str__(self) -> str:
        return "\n".join((self.what, *self.steps))

    @classmethod
    def at(cls, what: str, trace: Step | None) -> Violation:
        return cls(what, describe_trace(trace))


def describe_trace(last: Step | None) -> tuple[str, ...]:
    steps: list[Step] = []
    while last is not None:
        steps.append(last)
        last = last.before
    lines = [_describe(s) for s in reversed(steps) if not isinstance(s.command, commands.Wait)]
    nonces = sorted(set(_NONCE.findall("\n".join(lines))))
    return tuple(_NONCE.sub(lambda m: f"n{nonces.index(m[0])}", line) for line in lines)


_NONCE = re.compile(r"(?<![0-9a-f])[0-9a-f]{16}(?![0-9a-f])")
_FAULTS = {
    "no answer": "; it takes effect, and no answer comes",
    "late": "; no answer comes, and it has not taken effect yet",
    "busy": "; refused for the moment",
    "refused": "; refused for good",
}


def _describe(step: Step) -> str:
    if step.number is None:
        call = describe_command(step.command)
        return f"        {step.what}" if step.command is None else f"late    {call}"
    who = f"run {step.number}   "
    if step.command is None or isinstance(step.command, commands.DrawNonce):
        return who + step.what
    outcome = _FAULTS.get(step.what) or _describe_answer(step.answer)
    return who + describe_command(step.command) + outcome


def _describe_answer(answer: Any) -> str:
    if isinstance(answer, ProvisionerError):
        return f"; {answer.message}"
    value = answer.value if isinstance(answer, ApiResponse) else answer
    if isinstance(value, tuple):
        return ": " + (", ".join(f"{g.id} is {_name(g.name)}" for g in value) or "no group")
    if isinstance(value, str):
        return f": {value}"
    if value is not None and hasattr(value, "backends"):
        return f": it is {_name(value.name)} and holds {_servers(value.backends)}"
    return ""


def describe_command(command: Any) -> str:
    match command:
        case commands.ListGroups():
            return "lists"
        case commands.ReadGroup(id=id_):
            return f"reads {id_}"
        case commands.CreateGroup(name=name, backends=servers):
            return f"creates {_name(name)}" + (f" with {_servers(servers)}" if servers else "")
        case commands.AddBackends(id=id_, backends=servers):
            return f"adds {_servers(servers)} to {id_}"
        case commands.RemoveBackends(id=id_, backends=servers):
            return f"removes {_servers(servers)} from {id_}"
        case commands.RenameGroup(id=id_, name=name):
            return f"renames {id_} to {_name(name)}"
        case commands.DeleteGroup(id=id_):
            return f"deletes {id_}"
    return type(command).__name__


def _servers(servers: Any) -> str:
    return " ".join(backend.server_id for backend in servers) or "nothing"


def _name(name: str) -> str:
    claim = naming.parse_claim(name)
    return f"claim {claim.nonce} of {claim.stamped - START} s" if claim else name
