"""`dataclass` as the standard library's, made without writing source text and compiling it.

The standard library compiles five functions for each class at every start, which was a fifth of all
that a cold start did. Here the methods of all classes are closures over the names of their fields;
the fields themselves are the standard library's, and so `replace`, `fields`, pattern matching and
the type checker know no difference. Making a value takes a microsecond longer.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import MISSING, FrozenInstanceError
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NoReturn

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(*, frozen: bool = False, slots: bool) -> Callable[[type], type]:
        """Classes have slots; those that are frozen can be hashed."""
        assert slots, "without slots, take the standard library's"

        def made(owner: type) -> type:
            owner.__doc__ = owner.__doc__ or owner.__name__  # else it is made from the signature
            bare = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True)(owner)
            fields = dataclasses.fields(bare)
            shown = [field.name for field in fields if field.repr]
            key = _key([field.name for field in fields if field.compare])
            return _with(
                bare,
                __init__=_init(bare, [field for field in fields if field.init]),
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
    # A slot's own setter is not stopped by the __setattr__ of a frozen class.
    setters = [(name, getattr(owner, name).__set__) for name in names]
    defaults = {field.name: field.default for field in fields if field.default is not MISSING}
    factories: dict[str, Callable[[], Any]] = {
        field.name: field.default_factory
        for field in fields
        if field.default_factory is not MISSING
    }

    def init(self: Any, *given: Any, **named: Any) -> None:
        count = len(given) + len(named)
        named.update(zip(names, given))  # noqa: B905 - counted below
        twice = len(named) != count
        if count < len(names):
            for name, make in factories.items():
                if name not in named:
                    named[name] = make()
            named = {**defaults, **named}
        if twice or len(named) != len(names):
            raise TypeError(misused)
        try:
            for name, put in setters:
                put(self, named[name])
        except KeyError:
            raise TypeError(misused) from None
        if finish:
            finish(self)

    return init


def _key(names: list[str]) -> Callable[[Any], Any]:
    return attrgetter(*names) if names else lambda _: ()


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
