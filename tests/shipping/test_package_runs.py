"""What runs locally is what ships: the package is the code, under its runtime's own interpreter."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench import events, measure
from bench.cloud import localcloud
from bench.package import Package as Measured
from bench.process import running as running_handler
from e2e.test_default_world import World
from localcloud.server import running
from localcloud.worlds import served_world
from opskit.interpreters import find
from opskit.package import RUNTIMES, Package, building


def shipped_world(package: Package) -> dict[str, Any]:
    """The default world, whose function is the zip on its runtime, with nothing beside it."""
    world = served_world()
    (function,) = world["Functions"]
    function |= {"Code": str(package.path), "Runtime": package.runtime}
    del function["Interpreter"], function["EnvironmentVariables"]["PYTHONPATH"]
    return world


def test_a_scale_out_passes_on_the_package_alone(
    package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    with running(shipped_world(package)) as cloud:
        world = World(cloud.url)
        world.scale(3)
        completed = world.until("CompleteLifecycleAction")
        states = world.states()
        assert (completed["caller"], completed["status"]) == ("provisioner", 200)
        assert list(states.values()) == ["InService"] * 3
        assert world.groups() == {"asg-local": sorted(states)}
        assert world.results() == ["vservergroup.provisioned"]


def test_a_hook_is_completed_over_tls_on_the_package_alone(
    package: Package, code_of: Callable[[str], Path]
) -> None:
    measured = Measured(find(RUNTIMES[package.runtime]), package.runtime, code_of(package.runtime))
    with localcloud() as cloud:
        cloud.reset(5)
        with running_handler(measured, measure.OURS, cloud) as process:
            process.wait_until_ready()
            process.handle(events.hook(5))
        assert {"PublishMessage", "CompleteLifecycleAction"} <= set(cloud.calls())


ADAPTERS = (
    "tests/unit/aliyun/test_client.py",
    "tests/unit/aliyun/test_slb.py",
    "tests/contract/test_dead_letters.py",
    "tests/contract/test_ess_under_faults.py",
    "tests/contract/test_mns_under_faults.py",
    "tests/contract/test_other_accounts.py",
    "tests/contract/test_slb_under_faults.py",
)
# Raises where the libraries are not those of the package.
ON_THE_PACKAGE = (
    "import aiohttp, sys, pytest; aiohttp.UnusedPart; sys.exit(pytest.main(sys.argv[1:]))"
)


@pytest.mark.skipif(
    sys.version_info[:2] not in RUNTIMES.values(),
    reason="the extensions in a package are for the version of its runtime",
)
def test_no_answer_and_no_failure_of_the_cloud_leads_to_a_stub(
    package: Package, code_of: Callable[[str], Path]
) -> None:
    """What a good event never runs, an error may: the adapters' tests run on these libraries."""
    ran = subprocess.run(  # noqa: S603 - our own interpreter
        (sys.executable, "-c", ON_THE_PACKAGE, "-q", "-p", "no:cacheprovider", *ADAPTERS),
        cwd=building.ROOT,
        env={**os.environ, "PYTHONPATH": str(code_of(package.runtime))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
