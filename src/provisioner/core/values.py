"""`dataclass` as the standard library's, made without writing source text and compiling it.

The standard library compiles five functions for each class at every start, which was a fifth of all
that a cold start did. Here the methods of all classes are closures over the names of their fields;
the fields themselves are the standard library's, and so its own `replace`, `fields`, pattern
matching and the type checker know no difference. `replace` here is the same, for these classes
only, without asking what is known of them already.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import MISSING, FrozenInstanceError
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NoReturn

__all__ = ["dataclass", "replace"]

if TYPE_CHECKING:
    from dataclasses import dataclass, replace
else:

    def replace(value: Any, /, **changes: Any) -> Any:
        owner, left = type(value), len(changes)
        made = object.__new__(owner)
        read, setters, finish = owner._parts  # noqa: SLF001 - of a class made here
        for (name, put), old in zip(setters, read(value)):  # noqa: B905 - of the same fields
            if name in changes:
                left -= 1
                put(made, changes[name])
            else:
                put(made, old)
        if left:
            names = ", ".join(name for name, _ in setters)
            raise TypeError(f"{owner.__name__} takes none but {names}")
        if finish:
            finish(made)
        return made

    def dataclass(*, frozen: bool = False, slots: bool) -> Callable[[type], type]:
        """Classes have slots; those that are frozen can be hashed."""
        assert slots, "without slots, take the standard library's"

        def made(owner: type) -> type:
            owner.__doc__ = owner.__doc__ or owner.__name__  # else it is made from the signature
            bare = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True)(owner)
            fields = dataclasses.fields(bare)
            shown = [field.name for field in fields if field.repr]
            key = _reader(field for field in fields if field.compare)
            taken = [field for field in fields if field.init]
            finish = getattr(bare, "__post_init__", None)
            return _with(
                bare,
                __init__=_init(bare, taken),
                _parts=(_reader(taken), _setters(bare, taken), finish),
                __repr__=_repr(shown),
                __eq__=_eq(key),
                __hash__=(lambda self: hash(key(self))) if frozen else None,
                **({"__setattr__": _refused, "__delattr__": _refused} if frozen else {}),
            )

        return made


def _init(owner: type, fields: list[dataclasses.Field[Any]]) -> Callable[..., None]:
    names = tuple(field.name for field in fields)
    finish = getattr(owner, "__post_init__", None)
    misused = f"{owner.__name__} takes each of {', '.join(names)} once"
    setters = _setters(owner, fields)
    most = len(names)
    defaults = {field.name: field.default for field in fields if field.default is not MISSING}
    factories: dict[str, Callable[[], Any]] = {
        field.name: field.default_factory
        for field in fields
        if field.default_factory is not MISSING
    }

    def init(self: Any, *given: Any, **named: Any) -> None:
        left, rest = len(named), setters
        if given:
            rest = setters[len(given) :]
            for (_, put), value in zip(setters, given):  # noqa: B905 - counted below
                put(self, value)
        for name, put in rest:
            if name in named:
                left -= 1
                put(self, named[name])
            elif name in defaults:
                put(self, defaults[name])
            elif name in factories:
                put(self, factories[name]())
            else:
                raise TypeError(misused)
        if left or len(given) > most:
            raise TypeError(misused)
        if finish:
            finish(self)

    return init


def _setters(owner: type, fields: list[dataclasses.Field[Any]]) -> list[tuple[str, Any]]:
    """A slot's own is not stopped by the __setattr__ of a frozen class."""
    return [(field.name, getattr(owner, field.name).__set__) for field in fields]


def _reader(fields: Iterable[dataclasses.Field[Any]]) -> Callable[[Any], tuple[Any, ...]]:
    names = [field.name for field in fields]
    if len(names) > 1:
        return attrgetter(*names)
    return lambda value: tuple(getattr(value, name) for name in names)


def _eq(key: Callable[[Any], Any]) -> Callable[[Any, Any], bool]:
    def equal(self: Any, other: Any) -> bool:
        return key(self) == key(other) if type(self) is type(other) else NotImplemented

    return equal


def _repr(names: list[str]) -> Callable[[Any], str]:
    def representation(self: Any) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{type(self).__qualname__}({shown})"

    return representation


def _refused(self: Any, name: str, _: Any = None) -> NoReturn:
    message = f"cannot assign to field {name!r} of {type(self).__name__}"
    raise FrozenInstanceError(message)


def _with(owner: type, **methods: Any) -> type:
    """A method that the class has by itself stays."""
    for name, method in methods.items():
        if name == "__hash__" or name not in vars(owner):
            setattr(owner, name, method)
    return owner
