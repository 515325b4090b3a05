"""Assuming a role: what it may cost a call that waits for it, and where it is asked."""

from __future__ import annotations

from queue import SimpleQueue
from threading import Thread

import pytest

from builders import REGION
from fakes import FakeClock
from provisioner.aliyun import client, sts
from provisioner.aliyun.client import Connection
from provisioner.errors import Retryable
from provisioner.groups.lease import LEASE, MAX_IN_FLIGHT, STOP_WRITING_AFTER
from provisioner.ports import Credentials

KEYS = Credentials("id", "secret")
LONG_ENOUGH = 20.0  # seconds, after which nobody answers any more


def test_a_call_that_waited_for_the_role_still_takes_effect_within_the_lease() -> None:
    assert STOP_WRITING_AFTER + 2 * sts._SECONDS + MAX_IN_FLIGHT < LEASE


def test_who_waits_behind_others_that_ask_for_the_role_gives_up_within_that_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sts, "_SECONDS", 0.01)
    role = sts.AssumedRole(Connection(lambda: KEYS), "acs:ram::1:role/slb", REGION, FakeClock())
    told: SimpleQueue[Exception] = SimpleQueue()

    def ask() -> None:
        try:
            role()
        except Retryable as error:
            told.put(error)

    with role._lock:
        Thread(target=ask, daemon=True).start()
        assert told.get(timeout=LONG_ENOUGH)


def test_an_endpoint_may_differ_by_region() -> None:
    connection = Connection(lambda: KEYS, "slb-vpc.{region_id}.aliyuncs.com")
    config = client._build_config(connection, "cn-beijing")
    assert (config.protocol, config.endpoint) == ("https", "slb-vpc.cn-beijing.aliyuncs.com")
