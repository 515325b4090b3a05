"""What concerns all tests.

The vendor's SDKs (fc2, the older core SDK, Tea) leave sockets to the garbage collector. The modules
that use them tolerate that, and collect what they left before another module runs; anywhere else a
socket that nobody closed fails the test.

The run fails when a code that docs/emulator-coverage.md declares was driven by no test: a run of
all tests of localcloud, with any number of workers.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from seen import Codes

HERE = Path(__file__).parent
WHOLE = {HERE.parent, HERE, HERE / "localcloud"}
CODES = pytest.StashKey[Codes]()

SDKS = {"sdk", "slb", "ess", "functions", "provisioner"}  # fixtures that speak through one
TOLERATED = "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    leaving = {item.path for item in items if SDKS & set(getattr(item, "fixturenames", ()))}
    for module in {item.getparent(pytest.Module) for item in items if item.path in leaving}:
        if module is not None:
            module.add_marker(pytest.mark.filterwarnings(TOLERATED))


def pytest_collection_finish() -> None:
    """What the tests have imported stays: no garbage collection need go through it again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def sockets_of_sdks(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if any(mark.args == (TOLERATED,) for mark in request.node.iter_markers("filterwarnings")):
        gc.collect()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[CODES] = Codes()


@pytest.fixture(scope="session")
def codes(pytestconfig: pytest.Config) -> Codes:
    return pytestconfig.stash[CODES]


class FromWorkers:
    """What each worker has seen."""

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        told = getattr(node, "workeroutput", {}).get("codes", ())
        node.config.stash[CODES].seen |= {tuple(item) for item in told}


def pytest_sessionstart(session: pytest.Session) -> None:
    if session.config.pluginmanager.has_plugin("dsession"):
        session.config.pluginmanager.register(FromWorkers())


def pytest_sessionfinish(session: pytest.Session) -> None:
    config, codes = session.config, session.config.stash[CODES]
    if hasattr(config, "workeroutput"):
        config.workeroutput["codes"] = sorted(codes.seen)
    elif session.exitstatus == pytest.ExitCode.OK and _is_whole(config) and codes.undriven():
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    undriven = config.stash[CODES].undriven() if _is_whole(config) else []
    for service, action, code in undriven:
        terminalreporter.write_line(f"declared, and driven by no test: {service} {action} {code}")


def _is_whole(config: pytest.Config) -> bool:
    narrowed = any(config.getoption(name, None) for name in ("keyword", "markexpr", "lf"))
    paths = {Path(argument.partition("::")[0]).resolve() for argument in config.args}
    return not narrowed and not config.getoption("collectonly") and bool(paths & WHOLE)
