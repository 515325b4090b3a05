"""A stand-in for a module that was not run, and promises of what it defines.

Whoever touches either gets the real thing, by a plain import. While `promising()`, importing a name
from a stand-in is no touch: it gives a promise, which steps back from where it was imported to as
soon as the module is there.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.abc import Loader
else:
    Loader = object  # importlib.abc brings importlib.resources, and that tempfile

# The import system asks for them before it sets them.
_SET_LAST = ("__file__", "__cached__")


class StandIns(Loader):
    """Loads stand-ins of modules. `touched` is told the name of each that turns out to be used."""

    def __init__(self, promising: Callable[[], bool], touched: Callable[[str], None]) -> None:
        self.promising = promising
        self.touched = touched

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = StandIn(spec.name)
        vars(module).update(_loader=self, _promises=[], __spec__=spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Nothing runs."""


class StandIn(ModuleType):
    @property
    def __path__(self) -> Any:  # type: ignore[override]
        """Asked for by the import system before a submodule is, whose parent runs first."""
        if vars(self)["_loader"].promising():
            return vars(self)["__spec__"].submodule_search_locations
        return real(self).__path__

    def __getattr__(self, name: str) -> Any:
        if name in _SET_LAST:
            raise AttributeError(name)
        if name == "__all__" or not vars(self)["_loader"].promising():
            return getattr(real(self), name)
        if name == "__version__" and (version := _version(self)):
            return version
        promise = Promise(self, name)
        vars(self)["_promises"].append((promise, sys._getframe(1).f_globals))  # noqa: SLF001
        return promise

    def __dir__(self) -> list[str]:
        return dir(real(self))


class Promise:
    """Of a class or a function, as a rule. What Python asks of a value's type stands here."""

    def __init__(self, module: StandIn, name: str) -> None:
        self._promised = (module, name)

    def __getattr__(self, name: str) -> Any:
        return getattr(kept(self), name)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return kept(self)(*arguments, **named)

    def __mro_entries__(self, _bases: tuple[Any, ...]) -> tuple[Any, ...]:
        return (kept(self),)

    def __instancecheck__(self, instance: Any) -> bool:
        return isinstance(instance, kept(self))

    def __subclasscheck__(self, subclass: type) -> bool:
        return issubclass(subclass, kept(self))


def kept(promise: Promise) -> Any:
    module, name = promise._promised  # noqa: SLF001 - a method would hide the value's own
    found = real(module)
    try:
        return getattr(found, name)
    except AttributeError:  # a submodule that nobody has imported yet
        return importlib.import_module(f"{module.__name__}.{name}")


def _version(stand_in: StandIn) -> str:
    """As its distribution says it, which is named after the package: for who compares it only."""
    folder = Path(vars(stand_in)["__spec__"].origin).parents[1]
    found = sorted(folder.glob(f"{stand_in.__name__}-*.dist-info"))
    return found[0].name.removesuffix(".dist-info").rpartition("-")[2] if found else ""


def real(stand_in: StandIn) -> ModuleType:
    state = vars(stand_in)
    if sys.modules.get(stand_in.__name__) is stand_in:
        state["_loader"].touched(stand_in.__name__)
        del sys.modules[stand_in.__name__]
    found = importlib.import_module(stand_in.__name__)
    while state["_promises"]:
        promise, importer = state["_promises"].pop()
        for name in [name for name, value in importer.items() if value is promise]:
            importer[name] = kept(promise)
    return found
