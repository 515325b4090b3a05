from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from provisioner.adapters import sdk
from provisioner.adapters.sdk import importing_parts_in_use
from provisioner.adapters.standin import Promise, StandIn

HEAVY = """
class Thing:
    def __init__(self, value=0): self.value = value
def double(value): return 2 * value
class HeavyError(Exception): pass
"""
USER = """
import heavy
import heavy.inner
from heavy import HeavyError, Thing, double
from heavy import other as submodule
def attempt():
    try:
        raise heavy.HeavyError
    except HeavyError:
        return "caught"
"""
GATHERING = """# auto-generated
from __future__ import annotations

from ._one import One
from ._two import Two
__all__ = [
    One,
    Two
]
"""


class Packages:
    """Modules on a path of their own, forgotten after the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("heavy/__init__.py", HEAVY)
        self.write("heavy/inner.py", "DEEP = 1")
        self.write("heavy/other.py", "NAME = 'other'")
        self.write("user.py", USER)
        self.write("gathering/__init__.py", GATHERING)
        self.write("gathering/_one.py", "class One: pass")
        self.write("gathering/_two.py", "class Two: pass")

    def write(self, name: str, text: str) -> None:
        file = self.folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def user(self) -> Any:
        with importing_parts_in_use():
            return importlib.import_module("user")

    def gathering(self) -> Any:
        with importing_parts_in_use():
            return importlib.import_module("gathering")


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Packages]:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sdk, "UNUSED", frozenset({"heavy"}))
    monkeypatch.setattr(sdk, "BY_PARTS", frozenset({"gathering"}))
    before = set(sys.modules)
    yield Packages(tmp_path)
    for name in set(sys.modules) - before:
        del sys.modules[name]


def ran(name: str) -> bool:
    return type(sys.modules.get(name)) is ModuleType


def test_an_unused_part_is_not_run_and_what_is_imported_from_it_is_a_promise(
    packages: Packages,
) -> None:
    user = packages.user()

    assert isinstance(user.heavy, StandIn)
    assert isinstance(user.Thing, Promise)
    assert not ran("heavy")
    assert not ran("heavy.inner")


def test_whoever_touches_the_module_gets_the_real_one(packages: Packages) -> None:
    user = packages.user()

    assert user.heavy.double(2) == 4
    assert ran("heavy")
    assert "Thing" in dir(user.heavy)


def test_with_the_module_every_promise_of_it_is_kept(packages: Packages) -> None:
    user = packages.user()

    assert user.attempt() == "caught"
    assert user.Thing is sys.modules["heavy"].Thing
    assert user.submodule is sys.modules["heavy.other"]


def test_a_promise_does_what_the_value_does(packages: Packages) -> None:
    user = packages.user()
    thing, double = user.Thing, user.double

    made = thing(3)

    assert made.value == 3
    assert isinstance(made, thing)
    assert issubclass(type(made), thing)
    assert double(4) == 8
    assert thing.__name__ == "Thing"


def test_a_class_may_be_derived_from_a_promise_even_while_it_is_imported(
    packages: Packages,
) -> None:
    packages.write("user.py", "import heavy\nclass Mine(heavy.Thing): pass")

    user = packages.user()

    assert user.Mine(5).value == 5
    assert ran("heavy")


def test_a_submodule_that_is_imported_later_finds_its_parent_run(packages: Packages) -> None:
    packages.user()

    inner = importlib.import_module("heavy.other")

    assert inner.NAME == "other"
    assert ran("heavy")


def test_a_version_is_known_without_running_anything(packages: Packages) -> None:
    (packages.folder / "heavy-1.2.3.dist-info").mkdir()
    packages.write("user.py", "from heavy import __version__")

    assert packages.user().__version__ == "1.2.3"
    assert not ran("heavy")


def test_a_part_that_is_not_there_any_more_is_missed_at_once(packages: Packages) -> None:
    packages.write("user.py", "import heavy.gone")

    with pytest.raises(ImportError):
        packages.user()


def test_what_was_imported_before_stays_what_it_is(packages: Packages) -> None:
    before = importlib.import_module("heavy")

    assert packages.user().heavy is before


def test_other_threads_import_plainly(packages: Packages) -> None:
    found: list[ModuleType] = []
    with importing_parts_in_use():
        other = threading.Thread(target=lambda: found.append(importlib.import_module("heavy")))
        other.start()
        other.join()

    assert packages.folder in Path(str(found[0].__file__)).parents
    assert ran("heavy")


def test_of_a_package_that_gathers_only_the_parts_asked_for_are_loaded(packages: Packages) -> None:
    gathering = packages.gathering()

    assert gathering.One.__name__ == "One"
    assert ran("gathering._one")
    assert not ran("gathering._two")
    assert gathering.__all__ == ["One", "Two"]


def test_a_gathering_package_has_no_other_names(packages: Packages) -> None:
    with pytest.raises(AttributeError, match=r"gathering.*Three"):
        _ = packages.gathering().Three


def test_a_package_that_does_more_than_gather_is_run_plainly(packages: Packages) -> None:
    packages.write("gathering/__init__.py", f"{GATHERING}\nCOUNT = len(__all__)")

    assert packages.gathering().COUNT == 2
    assert ran("gathering._two")


def test_without_names_everything_is_imported_plainly(
    packages: Packages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sdk, "UNUSED", frozenset())
    monkeypatch.setattr(sdk, "BY_PARTS", frozenset())

    assert type(packages.user().heavy) is ModuleType
    assert ran("heavy.inner")
    packages.gathering()
    assert ran("gathering._two")
