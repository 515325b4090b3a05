"""What the SLB adapter makes of an API that is busy, broken, slow or out of reach."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import replace

import pytest

from fakes import REGION, FakeClock
from provisioner.aliyun.client import Connection
from provisioner.aliyun.clock import SystemClock
from provisioner.aliyun.slb import SlbLoadBalancers
from provisioner.errors import Ambiguous, Code, ConfigurationError, Rejected, Retryable
from provisioner.model import Backend, VServerGroup
from provisioner.ports import Credentials
from worlds import LocalCloud, replayable

LONG = 60.0
NAME = "web"
MEMBER = Backend("i-0001", 8080)

BROKEN = [
    pytest.param({"kind": "html"}, id="503 in HTML"),
    pytest.param({"kind": "html", "status": 500}, id="500 in HTML"),
    pytest.param({"kind": "html", "status": 404}, id="404 in HTML"),
    pytest.param({"kind": "html", "status": 200}, id="200 in HTML"),
    pytest.param({"kind": "empty"}, id="an empty 200"),
    pytest.param({"kind": "empty", "status": 301}, id="an empty 301"),
    pytest.param({"kind": "error", "status": 500, "code": "InternalError"}, id="InternalError"),
    pytest.param({"kind": "error", "status": 503, "code": "ServiceUnavailable"}, id="unavailable"),
    pytest.param({"kind": "reset_before"}, id="reset before it took effect"),
    pytest.param({"kind": "reset_after"}, id="reset after it took effect"),
]

Act = Callable[["Bench"], object]
READS = {
    "DescribeVServerGroups": lambda bench: bench.names(),
    "DescribeVServerGroupAttribute": lambda bench: bench.members(),
}
SENT_ONCE: dict[str, Act] = {
    "CreateVServerGroup": lambda bench: bench.create("new"),
    "SetVServerGroupAttribute": lambda bench: bench.rename("new"),
    "DeleteVServerGroup": lambda bench: bench.delete(),
}
WRITES: dict[str, Act] = SENT_ONCE | {
    "AddVServerGroupBackendServers": lambda bench: bench.add(MEMBER),
}


class Bench:
    """A load balancer with one empty group."""

    def __init__(self, cloud: LocalCloud, connection: Connection) -> None:
        self.clock = FakeClock()
        self.port = SlbLoadBalancers(connection, self.clock, replayable())
        self.lb = cloud.load_balancer()
        self.group = self.create(NAME)

    def create(self, name: str) -> str:
        wanted = VServerGroup(REGION, self.lb, name)
        return self.port.create_vserver_group(wanted, within=LONG).value

    def names(self) -> list[str]:
        groups = self.port.list_vserver_groups(REGION, self.lb, within=LONG).value
        return sorted(group.name for group in groups)

    def members(self) -> tuple[Backend, ...]:
        group = self.port.read_vserver_group(REGION, self.group, within=LONG).value
        return group.backends if group else ()

    def add(self, *backends: Backend) -> None:
        self.port.add_backend_servers(REGION, self.group, backends, within=LONG)

    def rename(self, name: str) -> None:
        self.port.rename_vserver_group(REGION, self.group, name, within=LONG)

    def delete(self) -> None:
        self.port.delete_vserver_group(REGION, self.group, within=LONG)


@pytest.fixture
def bench(cloud: LocalCloud) -> Bench:
    return Bench(cloud, cloud.connection())


@pytest.mark.parametrize("action", READS)
@pytest.mark.parametrize("broken", BROKEN)
def test_a_read_that_fails_is_tried_again(
    cloud: LocalCloud, bench: Bench, action: str, broken: dict[str, object]
) -> None:
    cloud.fault(action=action, count=2, **broken)

    READS[action](bench)

    assert cloud.sent(action) == 3
    assert len(bench.clock.waits) == 2


@pytest.mark.parametrize("action", WRITES)
@pytest.mark.parametrize("broken", BROKEN)
def test_a_write_without_a_readable_answer_is_ambiguous_and_not_sent_again(
    cloud: LocalCloud, bench: Bench, action: str, broken: dict[str, object]
) -> None:
    before = cloud.sent(action)
    cloud.fault(action=action, count=2, **broken)

    with pytest.raises(Ambiguous):
        WRITES[action](bench)

    assert cloud.sent(action) == before + 1
    assert bench.clock.waits == []


BUSY = [
    (400, "Throttling"),
    (400, "Throttling.User"),
    (503, "Throttling.Api"),
    (400, "ServiceIsConfiguring"),
    (400, "VServerGroupProcessing"),
    (409, "BackendServer.configuring"),
    (400, "OperationBusy"),
    (400, "ProcessingSameRequest"),
    (400, "OperationFailed.ServiceGroupProcessing"),
    (409, "ServiceIsStopping"),
    (449, "SystemBusy"),
    (400, "VpcSystemBusy"),
    (400, "LocationServiceTimeout"),
    (400, "SignatureNonceUsed"),
]


@pytest.mark.parametrize(("status", "code"), BUSY)
def test_reads_and_adds_are_tried_again_while_the_cloud_is_busy(
    cloud: LocalCloud, bench: Bench, status: int, code: str
) -> None:
    for action in (*READS, "AddVServerGroupBackendServers"):
        cloud.fault(kind="error", action=action, status=status, code=code, count=2)

    bench.add(MEMBER)

    assert bench.names() == [NAME]
    assert bench.members() == (MEMBER,)
    assert len(bench.clock.waits) == 6


@pytest.mark.parametrize("action", SENT_ONCE)
@pytest.mark.parametrize(("status", "code"), BUSY)
def test_a_busy_cloud_did_nothing_and_create_rename_and_delete_are_sent_once(
    cloud: LocalCloud, bench: Bench, action: str, status: int, code: str
) -> None:
    cloud.fault(kind="error", action=action, status=status, code=code)

    with pytest.raises(Retryable) as refused:
        SENT_ONCE[action](bench)

    assert not isinstance(refused.value, (Ambiguous, ConfigurationError))
    assert refused.value.code == code
    assert bench.clock.waits == []


def test_the_time_that_the_cloud_asks_for_is_waited(cloud: LocalCloud, bench: Bench) -> None:
    cloud.fault(kind="error", status=400, code="Throttling.User", retry_after=7000)

    bench.names()

    (waited,) = bench.clock.waits
    assert 7.0 <= waited < 8.0


def test_the_time_that_the_cloud_asks_for_is_told_when_it_is_not_waited(
    cloud: LocalCloud, bench: Bench
) -> None:
    cloud.fault(kind="error", status=400, code="Throttling.User", retry_after=7000)

    with pytest.raises(Retryable) as refused:
        bench.create("new")

    assert refused.value.retry_after == 7.0


def test_what_does_not_end_in_time_is_given_up_before_it(cloud: LocalCloud, bench: Bench) -> None:
    cloud.fault(kind="error", status=400, code="ServiceIsConfiguring", count=10_000)
    started = bench.clock.now()

    with pytest.raises(Retryable) as refused:
        bench.names()

    assert refused.value.code == "ServiceIsConfiguring"
    assert len(bench.clock.waits) > 5
    assert bench.clock.now() - started < LONG


def test_a_create_whose_answer_was_lost_has_made_a_group(cloud: LocalCloud, bench: Bench) -> None:
    cloud.fault(kind="reset_after", action="CreateVServerGroup")

    with pytest.raises(Ambiguous):
        bench.create("new")

    assert bench.names() == ["new", NAME]


def test_a_create_that_hangs_is_ambiguous_after_the_time_for_one_call(cloud: LocalCloud) -> None:
    bench = Bench(cloud, cloud.connection(seconds=0.3))
    cloud.fault(kind="hang_after", action="CreateVServerGroup", seconds=30)

    with pytest.raises(Ambiguous):
        bench.create("new")

    assert bench.names() == ["new", NAME]


def test_a_create_that_hangs_is_given_up_when_no_time_is_left(
    cloud: LocalCloud, bench: Bench
) -> None:
    cloud.fault(kind="hang_after", action="CreateVServerGroup", seconds=30)
    began = SystemClock().now()

    with pytest.raises(Ambiguous):
        bench.port.create_vserver_group(VServerGroup(REGION, bench.lb, "new"), within=0.1)

    assert SystemClock().now() - began < 6, "the connection would allow for 8 seconds"


def test_a_create_that_was_broken_before_it_took_effect_is_ambiguous_all_the_same(
    cloud: LocalCloud, bench: Bench
) -> None:
    cloud.fault(kind="reset_before", action="CreateVServerGroup")

    with pytest.raises(Ambiguous):
        bench.create("new")

    assert bench.names() == [NAME]


def test_an_add_whose_answer_was_lost_has_added(cloud: LocalCloud, bench: Bench) -> None:
    cloud.fault(kind="reset_after", action="AddVServerGroupBackendServers")

    with pytest.raises(Ambiguous):
        bench.add(MEMBER)

    assert bench.members() == (MEMBER,)


def _nobody_listens() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


UNREACHABLE: dict[str, Callable[[], str]] = {
    "refused": _nobody_listens,
    "no such host": lambda: "http://nobody.invalid",
    "no such port": lambda: "http://127.0.0.1:99999",
}


@pytest.mark.parametrize("why", UNREACHABLE)
def test_a_write_that_was_never_sent_is_not_ambiguous(cloud: LocalCloud, why: str) -> None:
    connection = replace(cloud.connection(), endpoint=UNREACHABLE[why]())
    port = SlbLoadBalancers(connection, FakeClock(), replayable())

    with pytest.raises(Retryable) as failed:
        port.create_vserver_group(VServerGroup(REGION, "lb-1", NAME), within=LONG)

    assert not isinstance(failed.value, Ambiguous)
    assert failed.value.code == Code.UNREACHABLE.value


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_write_that_got_no_further_than_a_dead_proxy_is_not_ambiguous(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setenv(f"{scheme.upper()}_PROXY", _nobody_listens())
    connection = replace(cloud.connection(), endpoint=f"{scheme}://slb.invalid")
    port = SlbLoadBalancers(connection, FakeClock(), replayable())

    with pytest.raises(Retryable) as failed:
        port.create_vserver_group(VServerGroup(REGION, "lb-1", NAME), within=LONG)

    assert failed.value.code == Code.UNREACHABLE.value


def test_a_write_that_the_server_never_answers_over_tls_is_ambiguous(cloud: LocalCloud) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        endpoint = f"https://127.0.0.1:{mute.getsockname()[1]}"
        connection = replace(cloud.connection(seconds=0.2), endpoint=endpoint)
        port = SlbLoadBalancers(connection, FakeClock(), replayable())

        with pytest.raises(Ambiguous):
            port.create_vserver_group(VServerGroup(REGION, "lb-1", NAME), within=LONG)


def test_an_unknown_refusal_is_tried_again_and_then_left_to_the_next_delivery(
    cloud: LocalCloud, bench: Bench
) -> None:
    unknown = {"kind": "error", "status": 400, "code": "NeverHeardOf", "message": "SECRET-TEXT"}
    cloud.fault(count=2, **unknown)
    assert bench.names() == [NAME]
    cloud.fault(count=1000, **unknown)

    with pytest.raises(Retryable) as refused:
        bench.names()

    assert refused.value.code == "NeverHeardOf"
    assert "SECRET-TEXT" not in str(refused.value)
    assert "DescribeVServerGroups" in refused.value.message


@pytest.mark.parametrize("operation", WRITES)
@pytest.mark.parametrize("status", [409, 423, 429, 449])
def test_a_status_that_passes_refuses_nothing_for_good(
    cloud: LocalCloud, bench: Bench, operation: str, status: int
) -> None:
    cloud.fault(action=operation, kind="error", status=status, code="InvalidParameter", count=1000)

    with pytest.raises(Retryable) as failed:
        WRITES[operation](bench)

    assert type(failed.value) is Retryable
    assert failed.value.code == "InvalidParameter"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (403, "Forbidden.RAM"),
        (403, "Forbbiden.SubUser"),
        (403, "UnauthorizedRegion"),
        (404, "InvalidAccessKeyId.NotFound"),
        (400, "SignatureDoesNotMatch"),
        (400, "InvalidSecurityToken.Expired"),
    ],
)
def test_a_missing_permission_is_the_deployments_fault_and_not_tried_again(
    cloud: LocalCloud, bench: Bench, status: int, code: str
) -> None:
    before = cloud.sent("DescribeVServerGroups")
    cloud.fault(kind="error", status=status, code=code)

    with pytest.raises(ConfigurationError) as refused:
        bench.names()

    assert refused.value.code == Code.PERMISSION_MISSING.value
    assert code in refused.value.message
    assert cloud.sent("DescribeVServerGroups") == before + 1


def test_a_wrong_secret_is_the_deployments_fault(cloud: LocalCloud) -> None:
    lb = cloud.load_balancer()
    cloud.credentials = Credentials("localcloud", "not-its-secret")
    port = SlbLoadBalancers(cloud.connection(), FakeClock(), replayable())

    with pytest.raises(ConfigurationError):
        port.list_vserver_groups(REGION, lb, within=LONG)


def test_no_credentials_are_the_deployments_fault_and_nothing_is_sent(cloud: LocalCloud) -> None:
    cloud.credentials = Credentials("", "")
    port = SlbLoadBalancers(cloud.connection(), FakeClock(), replayable())

    with pytest.raises(ConfigurationError) as refused:
        port.list_vserver_groups(REGION, "lb-1", within=LONG)

    assert refused.value.code == Code.PERMISSION_MISSING.value
    assert cloud.sent("DescribeVServerGroups") == 0


def test_rotated_credentials_are_used_from_the_next_call_on(
    cloud: LocalCloud, bench: Bench
) -> None:
    number = cloud.load_balancer()
    key = {"AccessKeyId": f"STS.{number}", "AccessKeySecret": "s", "SecurityToken": "t"}
    cloud.seed(Keys=[key])
    bench.names()

    cloud.credentials = Credentials(f"STS.{number}", "s", "wrong")
    with pytest.raises(ConfigurationError):
        bench.names()
    cloud.credentials = Credentials(f"STS.{number}", "s", "t")

    assert bench.names() == [NAME]


@pytest.mark.parametrize("region_id", ["", "x.evil.example#", "cn-hangzhou\n", "../", "CN"])
def test_what_is_not_the_id_of_a_region_never_becomes_part_of_an_endpoint(region_id: str) -> None:
    connection = Connection(lambda: Credentials("key", "secret"))
    port = SlbLoadBalancers(connection, FakeClock(), replayable())

    with pytest.raises(Rejected) as refused:
        port.list_vserver_groups(region_id, "lb-1", within=LONG)

    assert refused.value.path == "/RegionId"
