"""Assuming a role: what it may cost a call that waits for it, and where it is asked."""

from __future__ import annotations

from provisioner.adapters import sts, tea
from provisioner.adapters.connection import Connection
from provisioner.core.lease import HOLD, LATE, LEASE
from provisioner.ports import Credentials

KEYS = Credentials("id", "secret")


def test_a_call_that_waited_for_the_role_still_takes_effect_within_the_lease() -> None:
    assert HOLD + sts._SECONDS + LATE < LEASE


def test_an_endpoint_may_differ_by_region() -> None:
    connection = Connection(lambda: KEYS, "slb-vpc.{region_id}.aliyuncs.com")
    config = tea._config(connection, "cn-beijing")
    assert (config.protocol, config.endpoint) == ("https", "slb-vpc.cn-beijing.aliyuncs.com")
