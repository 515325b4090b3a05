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
    if is_dataclass(value):
        return type(value).__name__, tuple(frozen(getattr(value, f.name)) for f in fields(value))
    if isinstance(value, Mapping):
        return tuple(sorted((key, frozen(element)) for key, element in value.items()))
    if isinstance(value, set | frozenset):
        return frozenset(value)
    return tuple(frozen(element) for element in value)


def _frames(generator: Any) -> Iterator[object]:
    while getattr(generator, "gi_frame", None) is not None:
        frame = generator.gi_frame
        live = _live(frame.f_code)[frame.f_lasti]
        held = ((name, frozen(v)) for name, v in frame.f_locals.items() if name in live)
        yield frame.f_code.co_name, frame.f_lasti, tuple(sorted(held))
        generator = generator.gi_yieldfrom


@cache
def _live(code: CodeType) -> Mapping[int, frozenset[str]]:
    """The variables that may be read after the instruction at each offset."""
    names = {*code.co_varnames, *code.co_cellvars, *code.co_freevars}
    steps = list(dis.get_instructions(code))
    index = {step.offset: i for i, step in enumerate(steps)}
    jumps = [
        index.get(s.argval) if s.opcode in (*dis.hasjrel, *dis.hasjabs) else None for s in steps
    ]
    handlers = [
        index[entry.target] for entry in getattr(dis.Bytecode(code), "exception_entries", ())
    ]
    handlers += [
        j
        for s, j in zip(steps, jumps, strict=True)
        if s.opname.startswith("SETUP_") and j is not None
    ]
    into: list[frozenset[str]] = [frozenset()] * len(steps)
    out = list(into)
    changed = True
    while changed:
        changed = False
        caught = frozenset().union(*(into[h] for h in handlers)) if handlers else frozenset()
        for i in reversed(range(len(steps))):
            step, jump = steps[i], jumps[i]
            after = set(caught)
            if step.opname not in _NO_FALL_THROUGH and i + 1 < len(steps):
                after |= into[i + 1]
            if jump is not None:
                after |= into[jump]
            before = set(after)
            if step.argval in names:
                stored = step.opname.startswith(("STORE_", "DELETE_"))
                (before.discard if stored else before.add)(step.argval)
            changed = changed or frozenset(before) != into[i] or frozenset(after) != out[i]
            into[i], out[i] = frozenset(before), frozenset(after)
    return {step.offset: out[i] for i, step in enumerate(steps)}
