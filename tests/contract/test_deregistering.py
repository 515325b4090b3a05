"""A group's whole life by the protocols, in memory and by the SDK on localcloud."""

from __future__ import annotations

import pytest

from fakes import REGION, FakeClock, FakeLog
from provisioner.executor import CommandExecutor
from provisioner.groups import naming
from provisioner.groups.deregister import DeregisterProtocol, Removal
from provisioner.groups.ensure import EnsureProtocol
from provisioner.invocation import Invocation
from provisioner.model import Backend, DesiredGroup, OnExisting, RemovalResult, VServerGroup
from worlds import Balancing, replayable

SERVERS = tuple(Backend(f"i-{n:04}", 8080) for n in range(1, 26))


@pytest.fixture
def lb(balancing: Balancing) -> str:
    return balancing.load_balancer()


def a_drive(balancing: Balancing, group: VServerGroup) -> CommandExecutor:
    clock = FakeClock()
    invocation = Invocation(clock.now() + 60, clock.now() + 65, FakeLog())
    return CommandExecutor(group, invocation, balancing.port, clock, replayable())


def made(balancing: Balancing, lb: str, name: str) -> str:
    group = VServerGroup(REGION, lb, name, SERVERS, naming.build_owner_tags("mark"))
    desired = DesiredGroup(group, OnExisting.EXTEND, "mark")
    return a_drive(balancing, group).run(EnsureProtocol(desired)).group.id


def taken_out(balancing: Balancing, lb: str, *leaving: Backend) -> RemovalResult:
    ids = frozenset(backend.server_id for backend in leaving)
    removal = Removal(REGION, lb, ids, name_globs=("web", "used"), drain=5.0, delete_empty=True)
    return a_drive(balancing, removal.group).run(DeregisterProtocol(removal))


def test_servers_leave_and_the_last_ones_take_the_group_along_unless_it_is_in_use(
    balancing: Balancing, lb: str
) -> None:
    free, used = made(balancing, lb, "web"), made(balancing, lb, "used")
    theirs = VServerGroup(REGION, lb, "theirs", SERVERS[:1])
    foreign = balancing.port.create_vserver_group(theirs, within=30).value
    balancing.refer(lb, used)

    some = taken_out(balancing, lb, *SERVERS[:5])
    assert {(g.id, len(g.removed), len(g.remaining), g.deleted) for g in some.groups} == {
        (free, 5, 20, False),
        (used, 5, 20, False),
    }

    rest = taken_out(balancing, lb, *SERVERS)
    assert {(g.id, len(g.removed), len(g.remaining), g.deleted) for g in rest.groups} == {
        (free, 20, 0, True),
        (used, 20, 0, False),
    }
    listed = balancing.port.list_vserver_groups(REGION, lb, within=30).value
    assert {(group.id, group.name) for group in listed} == {(used, "used"), (foreign, "theirs")}
    kept = balancing.port.read_vserver_group(REGION, foreign, within=30).value
    assert kept
    assert kept.backends == SERVERS[:1]

    assert [group.deleted for group in taken_out(balancing, lb, *SERVERS).groups] == [False]
