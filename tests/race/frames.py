"""Where a suspended generator stands, as a value: two that compare equal will do the same.

Only variables that may still be read count, so that what an earlier answer left behind does not
make two equal positions look different. Which those are is read off the byte code, on the safe
side: what an exception handler reads counts everywhere.
"""

from __future__ import annotations

import dis
from collections.abc import Generator, Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from types import CodeType
from typing import Any

from provisioner.errors import ProvisionerError
from provisioner.groups.deregister import Removal
from provisioner.model import DesiredGroup

_NO_FALL_THROUGH = frozenset(
    {"RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS", "RERAISE", "JUMP_FORWARD", "JUMP_ABSOLUTE"}
    | {"JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT"}
)


def position(generator: Generator[Any, Any, Any]) -> tuple[object, ...]:
    return tuple(_frames(generator))


def frozen(value: Any) -> Any:
    """A hashable stand-in that is equal where the values are."""
    if isinstance(value, str | int | float | Enum | None):
        return value
    if isinstance(value, DesiredGroup):
        return value.fingerprint  # it never changes
    if isinstance(value, Removal):
        return value.mark
    if isinstance(value, ProvisionerError):
        return type(value).__name__, value.code  # 3.12 keeps what was caught for longer
    if is_dataclass(value):
        kind: Any = type(value)
        return kind.__name__, tuple(frozen(getattr(value, name)) for name in _names(kind))
    if isinstance(value, Mapping):
        return tuple(sorted((key, frozen(element)) for key, element in value.items()))
    if isinstance(value, set | frozenset):
        return frozenset(value)
    return tuple(frozen(element) for element in value)


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def handles(generator: Any) -> bool:
    """Whether some frame stands in an `except`, and may raise once more what it caught."""
    while getattr(generator, "gi_frame", None) is not None:
        if generator.gi_frame.f_lasti in _handling(generator.gi_frame.f_code):
            return True
        generator = generator.gi_yieldfrom
    return False


def _frames(generator: Any) -> Iterator[object]:
    while getattr(generator, "gi_frame", None) is not None:
        frame = generator.gi_frame
        live = _live(frame.f_code)[frame.f_lasti]
        held = ((name, frozen(v)) for name, v in frame.f_locals.items() if name in live)
        yield frame.f_code.co_name, frame.f_lasti, tuple(sorted(held))
        generator = generator.gi_yieldfrom


class _Flow:
    """The instructions of a code, where each may lead to, and where exceptions are caught."""

    def __init__(self, code: CodeType) -> None:
        self.steps = list(dis.get_instructions(code))
        index = {step.offset: i for i, step in enumerate(self.steps)}
        self.jumps = [
            index.get(s.argval) if s.opcode in (*dis.hasjrel, *dis.hasjabs) else None
            for s in self.steps
        ]
        entries = getattr(dis.Bytecode(code), "exception_entries", ())
        self.handlers = [index[entry.target] for entry in entries]
        self.handlers += [
            jump
            for step, jump in zip(self.steps, self.jumps, strict=True)
            if step.opname.startswith("SETUP_") and jump is not None
        ]

    def after(self, i: int) -> Iterator[int]:
        if self.steps[i].opname not in _NO_FALL_THROUGH and i + 1 < len(self.steps):
            yield i + 1
        jump = self.jumps[i]
        if jump is not None:
            yield jump


@cache
def _handling(code: CodeType) -> frozenset[int]:
    """The offsets that are reached from a handler's beginning before its exception is let go."""
    flow = _Flow(code)
    found: set[int] = set()
    waiting = list(flow.handlers)
    while waiting:
        i = waiting.pop()
        if i in found:
            continue
        found.add(i)
        if flow.steps[i].opname not in ("POP_EXCEPT", "CLEANUP_THROW"):
            waiting.extend(flow.after(i))
    return frozenset(flow.steps[i].offset for i in found)


@cache
def _live(code: CodeType) -> Mapping[int, frozenset[str]]:
    """The variables that may be read after the instruction at each offset."""
    names = {*code.co_varnames, *code.co_cellvars, *code.co_freevars}
    flow = _Flow(code)
    steps, handlers = flow.steps, flow.handlers
    into: list[frozenset[str]] = [frozenset()] * len(steps)
    out = list(into)
    changed = True
    while changed:
        changed = False
        caught = frozenset().union(*(into[h] for h in handlers)) if handlers else frozenset()
        for i in reversed(range(len(steps))):
            step = steps[i]
            after = set(caught).union(*(into[j] for j in flow.after(i)))
            before = set(after)
            if step.argval in names:
                stored = step.opname.startswith(("STORE_", "DELETE_"))
                (before.discard if stored else before.add)(step.argval)
            changed = changed or frozenset(before) != into[i] or frozenset(after) != out[i]
            into[i], out[i] = frozenset(before), frozenset(after)
    return {step.offset: out[i] for i, step in enumerate(steps)}
