"""Let the `models` packages of the SDKs load each model when it is first asked for (PEP 562).

An SDK has some 300 models in a module each, and imports all of them at once; one event needs about
ten. Nothing but the index of names is written anew.
"""

from __future__ import annotations

import ast
from pathlib import Path

from .runtimes import PackageFailedError

PACKAGES = ("alibabacloud_ess20220222.models", "alibabacloud_slb20140515.models")

_SOURCE = '''\
"""The models of this SDK, each of which is loaded when it is first asked for (PEP 562).

`opskit package` writes this file; in the SDK, it imports all of them.
"""

from importlib import import_module

_MODULES = {{
{modules}}}
__all__ = list(_MODULES)


def __getattr__(name):
    if name not in _MODULES:
        raise AttributeError(f"module {{__name__!r}} has no attribute {{name!r}}")
    model = getattr(import_module(f".{{_MODULES[name]}}", __name__), name)
    globals()[name] = model
    return model
'''


def write_lazy_models(tree: Path) -> None:
    """Rewrite the index of each of PACKAGES in the tree.

    Raises PackageFailedError where an index has come to do more than import models.
    """
    for package in PACKAGES:
        index = tree.joinpath(*package.split("."), "__init__.py")
        modules = _read_modules(index.read_text("utf-8"), package)
        lines = "".join(f"    {name!r}: {module!r},\n" for name, module in modules.items())
        index.write_text(_SOURCE.format(modules=lines), "utf-8")


def _read_modules(source: str, package: str) -> dict[str, str]:
    """Return the module of each model."""
    modules: dict[str, str] = {}
    for statement in ast.parse(source).body:
        match statement:
            case ast.ImportFrom(module=str(module), names=names, level=1) if names[0].name != "*":
                modules.update((alias.asname or alias.name, module) for alias in names)
            case ast.ImportFrom(module="__future__") | ast.Assign(targets=[ast.Name(id="__all__")]):
                pass
            case _:
                place = f"line {statement.lineno} of {package}/__init__.py"
                raise PackageFailedError(f"{place} is no import of a model: see lazy_models.py")
    if not modules:
        raise PackageFailedError(f"{package} imports no model: see lazy_models.py")
    return modules
