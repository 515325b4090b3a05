"""Weights are set again where servers stay after all, on a load balancer in memory."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deployments import NAME, Deployment, a_group, deployment, replayable, servers
from provisioner.errors import Ambiguous, ConfigurationError, ProvisionerError, Rejected, Retryable
from provisioner.executor import CommandExecutor
from provisioner.groups.restore_weights import RestoreWeightsProtocol
from provisioner.model import Backend, VServerGroup

BUSY = Retryable("VServerGroupProcessing", "busy")


@pytest.fixture
def cloud() -> Deployment:
    return deployment()


def restore(cloud: Deployment, *groups: VServerGroup, seconds: float = 60.0) -> tuple[Backend, ...]:
    executor = CommandExecutor(
        a_group(), cloud.invocation(seconds), cloud.load_balancers, cloud.clock, replayable()
    )
    return executor.run(RestoreWeightsProtocol(groups))


def lowered(cloud: Deployment, *before: Backend, name: str = NAME) -> VServerGroup:
    """A group that stands with the weight 0 everywhere; returns it as it was before."""
    there = cloud.stands(*(replace(backend, weight=0) for backend in before), name=name)
    return replace(there, backends=before)


def test_every_weight_is_what_it_was_before(cloud: Deployment) -> None:
    before = (*servers(1, weight=70), *servers(1, first=2, weight=30))
    other = lowered(cloud, *servers(25), name="web-8443")
    assert restore(cloud, lowered(cloud, *before), other) == ()
    assert cloud.held() == set(before)
    assert cloud.held("web-8443") == set(servers(25))
    assert cloud.sizes("set_weights") == [2, 20, 5]


def test_what_somebody_removed_or_weighted_meanwhile_is_left_as_it_is(cloud: Deployment) -> None:
    group = lowered(cloud, *servers(3))
    now = (*servers(1, weight=0), *servers(1, first=2, weight=5))
    cloud.load_balancers.groups[group.id] = replace(group, backends=now)
    assert restore(cloud, group) == ()
    assert cloud.held() == {*servers(1), *servers(1, first=2, weight=5)}


def test_a_group_that_is_gone_needs_nothing(cloud: Deployment) -> None:
    group = lowered(cloud, *servers(1))
    del cloud.load_balancers.groups[group.id]
    assert restore(cloud, group) == ()
    assert cloud.operations == ["read"]


def test_one_server_whose_weight_is_refused_costs_itself_and_is_returned(cloud: Deployment) -> None:
    group = lowered(cloud, *servers(5))
    cloud.load_balancers.stopped["i-0003"] = "ObtainIpFail"
    assert restore(cloud, group) == servers(1, first=3)
    assert {b.server_id for b in cloud.held() if b.weight == 0} == {"i-0003"}


@pytest.mark.parametrize("error", [BUSY, Ambiguous("no answer")])
def test_a_call_at_a_busy_moment_or_without_an_answer_is_read_back_and_sent_again(
    cloud: Deployment, error: Retryable
) -> None:
    group = lowered(cloud, *servers(2))
    cloud.load_balancers.fail_next("set_weights", error)
    assert restore(cloud, group) == ()
    assert cloud.operations == ["read", "set", "read", "set"]


@pytest.mark.parametrize(
    ("operation", "error"),
    [
        ("read_vserver_group", BUSY),
        ("read_vserver_group", Rejected("Unknown", "no")),
        ("set_weights", ConfigurationError("no permission")),
    ],
)
def test_a_group_that_cannot_be_read_or_changed_is_returned_and_the_next_is_restored(
    cloud: Deployment, operation: str, error: ProvisionerError
) -> None:
    first, second = lowered(cloud, *servers(2)), lowered(cloud, *servers(2), name="web-8443")
    cloud.load_balancers.fail_next(operation, error)
    assert restore(cloud, first, second) == servers(2)
    assert cloud.held("web-8443") == set(servers(2))


def test_a_load_balancer_that_stays_busy_is_given_up_after_a_few_waits(cloud: Deployment) -> None:
    group = lowered(cloud, *servers(2))
    for _ in range(9):
        cloud.load_balancers.fail_next("set_weights", BUSY)
    assert restore(cloud, group) == servers(2)
    assert cloud.operations.count("set") == 5


def test_a_wait_for_which_there_is_no_time_gives_the_group_up(cloud: Deployment) -> None:
    group = lowered(cloud, *servers(2))
    cloud.load_balancers.fail_next("set_weights", Retryable("Throttling", "x", retry_after=60.0))
    assert restore(cloud, group, seconds=5.0) == servers(2)
