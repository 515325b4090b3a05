"""Each port twice: in memory, and by the vendor's SDK on localcloud."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fakes import FakeClock, FakeDeadLetters, FakeLoadBalancers, FakeNotifications
from localcloud.server import running
from provisioner.aliyun.ess import EssScalingGroups
from provisioner.aliyun.mns import MnsDeadLetters, MnsNotifications
from provisioner.aliyun.slb import SlbLoadBalancers
from provisioner.ports import DeadLetters, Notifications
from worlds import (
    Balancing,
    LocalCloud,
    Scaling,
    ScalingInMemory,
    ScalingOnLocalCloud,
    balancing_in_memory,
    forget_connections,
    replayable,
)

_PROXIES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


@pytest.fixture(scope="session")
def localcloud_url() -> Iterator[str]:
    with pytest.MonkeyPatch.context() as environment:
        for name in _PROXIES:  # the SDKs would take loopback to the proxy, NO_PROXY or not
            environment.delenv(name, raising=False)
        with running() as served:
            yield served.url
        forget_connections()


@pytest.fixture
def cloud(localcloud_url: str) -> LocalCloud:
    cloud = LocalCloud(localcloud_url)
    cloud.reset()
    return cloud


@pytest.fixture(params=["memory", "localcloud"])
def where(request: pytest.FixtureRequest) -> str:
    place: str = request.param
    return place


@pytest.fixture
def balancing(where: str, request: pytest.FixtureRequest) -> Balancing:
    if where == "memory":
        return balancing_in_memory(FakeLoadBalancers(FakeClock()))
    cloud: LocalCloud = request.getfixturevalue("cloud")
    port = SlbLoadBalancers(cloud.connection(), FakeClock(), replayable())
    return Balancing(port, cloud.load_balancer, cloud.listener)


@pytest.fixture
def notifications(where: str, request: pytest.FixtureRequest) -> Iterator[Notifications]:
    if where == "memory":
        yield FakeNotifications()
        return
    cloud: LocalCloud = request.getfixturevalue("cloud")
    port = MnsNotifications(cloud.connection(), cloud.topic(), FakeClock(), replayable())
    yield port
    port.close()


@pytest.fixture
def dead_letters(where: str, request: pytest.FixtureRequest) -> Iterator[DeadLetters]:
    if where == "memory":
        yield FakeDeadLetters()
        return
    cloud: LocalCloud = request.getfixturevalue("cloud")
    port = MnsDeadLetters(cloud.connection(), cloud.queue(), FakeClock(), replayable())
    yield port
    port.close()


@pytest.fixture
def scaling(where: str, request: pytest.FixtureRequest) -> Scaling:
    if where == "memory":
        return ScalingInMemory()
    cloud: LocalCloud = request.getfixturevalue("cloud")
    port = EssScalingGroups(cloud.connection(), FakeClock(), replayable())
    return ScalingOnLocalCloud(cloud, port)
