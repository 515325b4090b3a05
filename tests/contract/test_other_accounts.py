"""A load balancer of another account, reached by a role that this account may assume."""

from __future__ import annotations

from typing import Any

import pytest

from fakes import REGION, FakeClock
from provisioner.aliyun.slb import SlbLoadBalancers
from provisioner.aliyun.sts import AssumedRole
from provisioner.errors import ConfigurationError, Rejected
from provisioner.model import VServerGroup
from provisioner.ports import Credentials
from worlds import LocalCloud, replayable

OTHER = "2000000000000002"
ROLE = f"acs:ram::{OTHER}:role/balancers"
CALLER = f"acs:ram::{OTHER}:assumed-role/balancers/vservergroup-provisioner"
WORLD: dict[str, list[dict[str, Any]]] = {
    "LoadBalancers": [
        {"LoadBalancerId": "lb-ours", "RegionId": REGION},
        {"LoadBalancerId": "lb-theirs", "RegionId": REGION, "Account": OTHER},
    ],
    "Roles": [
        {"RoleArn": ROLE},
        {"RoleArn": f"{ROLE}-of-nobody", "TrustedAccounts": ["3000000000000003"]},
    ],
}


@pytest.fixture
def cloud(cloud: LocalCloud) -> LocalCloud:
    cloud.seed(**WORLD)
    return cloud


def assumed(cloud: LocalCloud, arn: str = ROLE, clock: FakeClock | None = None) -> AssumedRole:
    return AssumedRole(cloud.connection(), arn, REGION, clock or FakeClock())


def balancers(cloud: LocalCloud, role: AssumedRole | None = None) -> SlbLoadBalancers:
    connection = cloud.connection()
    if role:
        connection = type(connection)(role, cloud.url)
    return SlbLoadBalancers(connection, FakeClock(), replayable())


def names(cloud: LocalCloud, role: AssumedRole | None, load_balancer: str) -> list[str]:
    answer = balancers(cloud, role).list_vserver_groups(REGION, load_balancer, within=8)
    return [group.name for group in answer.value]


def test_the_role_makes_and_finds_groups_where_our_own_keys_find_no_load_balancer(
    cloud: LocalCloud,
) -> None:
    role = assumed(cloud)
    balancers(cloud, role).create_vserver_group(VServerGroup(REGION, "lb-theirs", "web"), within=8)

    assert names(cloud, role, "lb-theirs") == ["web"]
    for who, where in ((None, "lb-theirs"), (role, "lb-ours")):
        with pytest.raises(Rejected, match="no such load balancer") as refused:
            names(cloud, who, where)
        assert refused.value.code == "InvalidLoadBalancerId.NotFound"
    callers = {e["action"]: e["caller"] for e in cloud.journal()[:2]}
    assert callers == {"AssumeRole": "localcloud", "CreateVServerGroup": CALLER}


def test_the_keys_are_kept_until_shortly_before_they_expire(
    cloud: LocalCloud,
) -> None:
    clock = FakeClock()
    role = assumed(cloud, clock=clock)
    first = role()
    clock.advance(3250)
    assert role() == first
    assert cloud.sent("AssumeRole") == 1
    clock.advance(100)
    second = role()
    assert second != first
    assert cloud.sent("AssumeRole") == 2


def test_old_keys_end_at_their_expiration(cloud: LocalCloud) -> None:
    role = assumed(cloud)
    assert names(cloud, role, "lb-theirs") == []
    cloud.advance(3601)
    with pytest.raises(ConfigurationError, match=r"InvalidSecurityToken\.Expired"):
        names(cloud, role, "lb-theirs")


@pytest.mark.parametrize(
    ("arn", "code"),
    [(f"{ROLE}-of-nobody", "NoPermission"), (f"{ROLE}-unknown", r"EntityNotExist\.Role")],
)
def test_a_role_that_cannot_be_assumed_is_the_deployments_fault(
    cloud: LocalCloud, arn: str, code: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"AssumeRole was refused with {code}"):
        names(cloud, assumed(cloud, arn), "lb-theirs")


def test_keys_are_never_shown(cloud: LocalCloud) -> None:
    role = assumed(cloud)
    keys: Credentials = role()
    assert keys.access_key_secret not in repr(role)
    assert keys.security_token not in repr(role)
