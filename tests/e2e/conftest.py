"""One cloud for all tests of a worker, new for each of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from e2e.stage import CALLER, ROLE, Cloud, Stage, actions_of_the_function, stage
from localcloud.server import running
from opskit import policy
from worlds import forget_connections


@pytest.fixture(scope="session")
def cloud_url() -> Iterator[str]:
    key = {"AccessKeyId": ROLE[0], "AccessKeySecret": ROLE[1], "Caller": CALLER}
    with running({"Keys": [key]}) as served:
        yield served.url
    forget_connections()


@pytest.fixture
def cloud(cloud_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """Whatever the function does in any test here, its policy has to allow."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)  # the SDKs would take loopback to a proxy too
    cloud = Cloud(cloud_url)
    cloud.reset()
    yield cloud
    assert {action for action in actions_of_the_function(cloud) if not policy.allows(action)} == (
        set()
    )


@pytest.fixture
def staged(cloud: Cloud) -> Iterator[Callable[..., Stage]]:
    """Puts what events speak of on the cloud."""
    stages: list[Stage] = []

    def put(*events: bytes, **hook: object) -> Stage:
        stages.append(stage(cloud, *events, **hook))
        return stages[-1]

    yield put
    for made in stages:
        for app in made.apps:
            app.close()
