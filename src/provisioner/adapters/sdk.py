"""Imports of the SDKs only what the function uses: two thirds of their cold start are parts that a
synchronous call never touches.

While a thread is `importing_parts_in_use()`, a module named in `UNUSED` is not run: a stand-in
takes its place, and what is imported from it is a promise. Whoever touches either, ever, gets the
real thing; so nothing here has to know what an SDK does. A package in
`BY_PARTS` only gathers what its modules define; each of these is loaded when it is first asked for.

What is not as expected is imported plainly: a name that is not there any more, that was imported
before, or a package that has come to do more than gather.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder
from threading import get_ident
from types import ModuleType
from typing import TYPE_CHECKING, Any

from .standin import StandIns

if TYPE_CHECKING:
    from importlib.abc import Loader, MetaPathFinder
else:
    Loader = MetaPathFinder = object  # importlib.abc brings importlib.resources, and that tempfile

# With everything below them.
UNUSED = frozenset(
    {
        "aiohttp",  # asynchronous calls
        "alibabacloud_credentials.client",  # ways to come by credentials: the role's are given
        "alibabacloud_gateway_spi.client",  # interceptors of a gateway
        "alibabacloud_gateway_spi.models",
        "alibabacloud_tea_openapi.websocket_utils",
        "asyncio",
        "aws_lambda_powertools.metrics",
        "aws_lambda_powertools.tracing",
        "aws_lambda_powertools.utilities.jmespath_utils",  # reads events, which we decode
        "charset_normalizer",  # guesses the encoding of text; JSON says it
        "cryptography",  # RSA and SM2 signatures
        "darabonba.websocket",
        "http.cookies",  # a cookie as a browser has it
        "idna",  # host names that are not ASCII
        "importlib.metadata",
        "logging.handlers",  # files
        "subprocess",  # what `platform` asks the system
        "tempfile",
        "urllib.error",
        "urllib.response",
        "xml.etree",  # DOM is what the answers of MNS are read with
        "zipfile",  # bundles of authorities inside of a zip
    }
)
BY_PARTS = frozenset({"alibabacloud_ess20220222.models", "alibabacloud_slb20140515.models"})

_GATHERED = re.compile(r"from \.(\w+) import (\w+)")
_SAYS_NOTHING = re.compile(r"(#.*|from __future__ .*|__all__ = \[|\s*['\"]?\w+['\"]?,?|\])?")


@contextmanager
def importing_parts_in_use() -> Iterator[None]:
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        finder.open = False
        sys.meta_path.remove(finder)


class _Finder(MetaPathFinder):
    def __init__(self) -> None:
        self._thread = get_ident()
        self._used: set[str] = set()
        self.open = True

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        unused = self._is_unused(fullname)
        if not self._at_work() or not (unused or fullname in BY_PARTS):
            return None
        found = PathFinder.find_spec(fullname, path, target)
        if found is None or found.loader is None:
            return None
        found.loader = StandIns(self._at_work, self._used.add) if unused else _ByParts(found.loader)
        return found

    def _at_work(self) -> bool:
        return self.open and get_ident() == self._thread

    def _is_unused(self, name: str) -> bool:
        while name and name not in self._used:
            if name in UNUSED:
                return True
            name = name.rpartition(".")[0]
        return False


class _ByParts(Loader):
    def __init__(self, real: Loader) -> None:
        self._real = real

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._real.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        real = self._real
        read = getattr(real, "get_source", None)
        parts = _gathered((read and read(module.__name__)) or "")
        if not parts:
            real.exec_module(module)
            return

        def load(name: str) -> Any:
            if name not in parts:
                message = f"module {module.__name__!r} has no attribute {name!r}"
                raise AttributeError(message)
            found = getattr(importlib.import_module(f"{module.__name__}.{parts[name]}"), name)
            return vars(module).setdefault(name, found)

        vars(module).update(__getattr__=load, __all__=sorted(parts))


def _gathered(source: str) -> dict[str, str]:
    """Where each name comes from; nothing, if the module does more than gather."""
    parts = {}
    for line in source.splitlines():
        if found := _GATHERED.fullmatch(line):
            parts[found[2]] = found[1]
        elif not _SAYS_NOTHING.fullmatch(line):
            return {}
    return parts
