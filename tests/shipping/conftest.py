"""Packages as they ship, built once for all tests of all workers."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from opskit.interpreters import find
from opskit.package import RUNTIMES, Package, build

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


@pytest.fixture(params=sorted(RUNTIMES))
def package(request: pytest.FixtureRequest, package_of: Callable[[str], Package]) -> Package:
    return package_of(request.param)


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
