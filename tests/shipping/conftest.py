"""Packages as they ship, built once for all tests of all workers, and kept between runs.

Each interpreter tests the package of its own runtime; `make test-all` tests both.
"""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from opskit.interpreters import find
from opskit.package import RUNTIMES, Package, build, building, libraries

RUNTIME = "python3.12" if sys.version_info >= (3, 12) else "python3.10"
FOLDER = Path(__file__).parents[2] / "build" / "of-tests"


@pytest.fixture(scope="session")
def package_of() -> Callable[[str], Package]:
    """Skips the test where there is no interpreter for the runtime."""
    built: dict[str, Package] = {}

    def package(runtime: str) -> Package:
        version = RUNTIMES[runtime]
        if not find(version):
            pytest.skip(f"this machine has no Python {version[0]}.{version[1]}")
        return built.setdefault(runtime, built.get(runtime) or build(runtime, FOLDER))

    return package


@pytest.fixture(scope="session")
def code_of(
    package_of: Callable[[str], Package], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """Unpacks a package as Function Compute does, in a folder that tests only read."""
    unpacked: dict[str, Path] = {}

    def unpack(runtime: str) -> Path:
        package = package_of(runtime)
        if runtime not in unpacked:
            unpacked[runtime] = tmp_path_factory.mktemp(runtime)
            with zipfile.ZipFile(package.path) as archive:
                archive.extractall(unpacked[runtime])
        return unpacked[runtime]

    return unpack


@pytest.fixture(scope="session")
def light_package(
    package_of: Callable[[str], Package], tmp_path_factory: pytest.TempPathFactory
) -> Package:
    """The function of the package, with its libraries where they were built: to unpack thousands
    of files for each stack takes longer than all else that is tested of it."""
    whole = package_of(RUNTIME)
    found = libraries.install(RUNTIME, building.LOCK_FILE, FOLDER)
    light = replace(whole, path=tmp_path_factory.mktemp("package") / "light.zip")
    with zipfile.ZipFile(whole.path) as source, zipfile.ZipFile(light.path, "w") as target:
        index = source.read("index.py").decode()
        target.writestr("index.py", f"import sys\nsys.path.append({str(found)!r})\n{index}")
        for name in source.namelist():
            if name.startswith("provisioner/"):
                target.writestr(name, source.read(name))
    return light


@pytest.fixture
def package(package_of: Callable[[str], Package]) -> Package:
    return package_of(RUNTIME)
