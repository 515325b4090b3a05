"""Packages as they ship, built once for all tests of all workers."""

from __future__ import annotations

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
