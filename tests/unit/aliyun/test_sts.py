"""Assuming a role: what it may cost a call that waits for it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from fakes import REGION, FakeClock
from provisioner.aliyun.client import Connection
from provisioner.aliyun.sts import ASSUME_SECONDS, AssumedRole
from provisioner.errors import ConfigurationError, Retryable
from provisioner.groups.lease import LEASE, MAX_IN_FLIGHT, STOP_WRITING_AFTER
from provisioner.ports import Credentials

ENOUGH = 60.0  # seconds, for a test that fails


def test_a_call_that_waited_for_the_role_still_takes_effect_within_the_lease() -> None:
    assert STOP_WRITING_AFTER + 2 * ASSUME_SECONDS + MAX_IN_FLIGHT < LEASE


def test_a_thread_that_waits_for_another_to_assume_the_role_gives_up_in_time() -> None:
    asked, go_on = Event(), Event()

    def find_credentials() -> Credentials:
        asked.set()
        assert go_on.wait(ENOUGH)
        return Credentials("", "")

    connection = Connection(find_credentials, "127.0.0.1:1")
    role = AssumedRole(connection, "acs:ram::1:role/slb", REGION, FakeClock(), seconds=0.01)

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(role)
        assert asked.wait(ENOUGH)
        try:
            with pytest.raises(Retryable, match="others wait"):
                role()
        finally:
            go_on.set()
        with pytest.raises(ConfigurationError, match="no credentials"):
            first.result(ENOUGH)
