"""What the function loads of its SDKs: the parts in use; where these are otherwise, all."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import events
from bench.cloud import Cloud, localcloud
from bench.package import ROOT, Package
from bench.process import running
from fakes import FakeClock
from provisioner.adapters.connection import Connection
from provisioner.adapters.slb import SlbLoadBalancers
from provisioner.core.errors import Code, Retryable
from provisioner.ports import Credentials
from worlds import replayable

WATCHED = """
import sys
from types import ModuleType
from index import handler as handle, initialize
from provisioner.adapters import sdk

HEAVY = {*sdk.UNUSED, "jsonschema", "referencing", "apscheduler", "deprecated", "fc2"}

def handler(event, context):
    handle(event, context)
    loaded = {name for name in HEAVY if type(sys.modules.get(name)) is ModuleType}
    models = [name for name in sys.modules if ".models._" in name]
    if loaded or len(models) > 60:
        raise RuntimeError(f"{loaded}, {len(models)} models")
"""
PLAIN = """
import sys
from types import ModuleType
from provisioner.adapters import sdk
sdk.UNUSED = sdk.BY_PARTS = frozenset()
from index import handler as handle, initialize

def handler(event, context):
    handle(event, context)
    assert type(sys.modules["aiohttp"]) is ModuleType
    assert len([name for name in sys.modules if ".models._" in name]) > 500
"""
OTHERWISE = """
from darabonba.core import DaraCore
make = DaraCore.get_adapter
DaraCore.get_adapter = staticmethod(lambda prefix, *more, **named: make(prefix, *more, **named))
from index import handler, initialize
"""


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with localcloud() as found:
        yield found


def handles(source: str, folder: Path, cloud: Cloud, instances: int = 5) -> list[str]:
    """Over TLS; answers the calls that were made."""
    (folder / "watched.py").write_text(source, encoding="utf-8")
    package = Package(sys.executable, "here", ROOT / "src", (folder,))
    cloud.fresh(instances)
    with running(package, "watched", cloud) as process:
        process.started()
        process.handle(events.hook(instances))
    return cloud.calls()


def test_a_hook_is_handled_without_the_parts_that_are_not_in_use(
    cloud: Cloud, tmp_path: Path
) -> None:
    assert "CompleteLifecycleAction" in handles(WATCHED, tmp_path, cloud)


def test_a_hook_is_handled_by_sdks_that_are_imported_plainly(cloud: Cloud, tmp_path: Path) -> None:
    assert "CompleteLifecycleAction" in handles(PLAIN, tmp_path, cloud)


def test_an_sdk_that_makes_its_connections_otherwise_goes_on_as_it_is(
    cloud: Cloud, tmp_path: Path
) -> None:
    assert "CompleteLifecycleAction" in handles(OTHERWISE, tmp_path, cloud)


def test_an_authority_that_is_not_trusted_is_refused(cloud: Cloud) -> None:
    cloud.fresh(1)
    connection = Connection(lambda: Credentials("localcloud", "localcloud-secret"), cloud.url)
    balancers = SlbLoadBalancers(connection, FakeClock(), replayable())

    with pytest.raises(Retryable) as refused:
        balancers.list_vserver_groups("cn-hangzhou", "lb-bench", within=0.001)

    assert refused.value.code == Code.UNREACHABLE.value
    assert cloud.calls() == []
