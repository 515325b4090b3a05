"""What runs locally is what ships: the package is the code, under its runtime's own interpreter."""

from __future__ import annotations

import os
from typing import Any

import pytest

from e2e.test_default_world import World
from localcloud.server import running
from localcloud.worlds import served_world
from opskit.package import Package


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
