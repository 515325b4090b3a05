"""What a refusal of the cloud costs: no server is released without proof."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import builders
from e2e.stage import (
    ADD,
    COMPLETE,
    CREATE,
    HEARTBEAT,
    LIST,
    READ,
    REMOVE,
    RENAME,
    Stage,
    TravellingClock,
    document,
    hook_event,
    servers_of,
)
from e2e.test_races import apps, at_once
from opskit.world import LOAD_BALANCER, REGION
from provisioner.app import App
from provisioner.errors import Code, Retryable
from provisioner.groups import naming
from provisioner.model import Backend, LifecycleAction, VServerGroup

Staged = Callable[..., Stage]

EVENT = hook_event(25)
IDS = [f"i-{n:04}" for n in range(1, 26)]
ACTION = LifecycleAction("ash-0001", builders.TOKEN, "asg-0001", "asa-0001", region_id=REGION)
WITHIN = 10.0  # seconds
NOT_FINAL = [
    (408, "RequestTimeout"),
    (409, "OperationConflict"),
    (423, "ResourceLocked"),
    (429, "InvalidParameter"),
    (449, "SystemBusy"),
    (503, "InvalidParameter"),
    (400, "Rejected.Throttling"),
    (400, "ActionNotAllowed"),
    (400, "NeverHeardOf"),
]


def sent_by_the_role(stage: Stage) -> App:
    """Return an instance of the function with the keys of its role, before any event."""
    app = stage.app()
    app.role.credentials = stage.cloud.credentials
    return app


def use_up_heartbeats(stage: Stage) -> None:
    """Earlier deliveries sent all the heartbeats that the action may have."""
    app = sent_by_the_role(stage)
    for _ in range(20):
        app.deps.scaling_groups.record_heartbeat(ACTION, 30, within=WITHIN)
    stage.actions()


def change_load_balancer(stage: Stage, **changes: Any) -> None:
    stage.cloud.change_load_balancer(LoadBalancerId=LOAD_BALANCER, **changes)


def create_group(stage: Stage, name: str, *servers: str, ours: bool = False) -> str:
    wanted = VServerGroup(
        REGION,
        LOAD_BALANCER,
        name,
        tuple(Backend(server, 8080) for server in servers),
        naming.build_owner_tags("earlier") if ours else {},
    )
    port = sent_by_the_role(stage).deps.load_balancers
    return port.create_vserver_group(wanted, within=WITHIN).value


@pytest.mark.parametrize(("status", "code"), NOT_FINAL)
@pytest.mark.parametrize("action", [LIST, CREATE, ADD, RENAME, COMPLETE])
def test_a_refusal_that_no_table_calls_final_costs_no_servers(
    staged: Staged, action: str, status: int, code: str
) -> None:
    stage = staged(EVENT)
    stage.cloud.fault(action=action, kind="error", status=status, code=code, count=2)

    stage.deliver(EVENT)

    assert servers_of(stage.the_group()) == IDS
    assert stage.hook() == ("Completed", "CONTINUE")


@pytest.mark.parametrize("action", [ADD, COMPLETE])
def test_a_refusal_that_outlasts_a_delivery_leaves_the_hook_to_the_next(
    staged: Staged, action: str
) -> None:
    stage = staged(EVENT)
    stage.cloud.fault(
        action=action, kind="error", status=429, code="TooManyRequests", probability=1
    )

    with pytest.raises(Retryable, match="TooManyRequests"):
        stage.deliver(EVENT)

    assert stage.hook()[0] == "Pending"
    stage.cloud.repair()
    stage.deliver(EVENT)
    assert servers_of(stage.the_group()) == IDS
    assert stage.hook() == ("Completed", "CONTINUE")


def test_at_the_hooks_end_the_failure_result_is_given_with_the_code_that_took_its_time(
    staged: Staged,
) -> None:
    stage = staged(EVENT, HeartbeatTimeout=30)
    use_up_heartbeats(stage)
    stage.cloud.fault(action=ADD, kind="error", status=400, code="NeverHeardOf", probability=1)

    (outcome,) = stage.deliver(EVENT)["outcomes"]

    assert (outcome["outcome"], outcome["code"]) == ("failed", "NeverHeardOf")
    assert stage.hook() == ("Completed", "ABANDON")
    (result,) = stage.received()
    assert result["data"]["error"]["code"] == "NeverHeardOf"
    assert "the hook's time is over" in result["data"]["error"]["message"]
    assert stage.groups() == []


def test_a_final_refusal_answers_the_hook_at_once(staged: Staged) -> None:
    stage = staged(EVENT)
    stage.cloud.fault(action=CREATE, kind="error", status=400, code="InvalidParameter")

    (outcome,) = stage.deliver(EVENT)["outcomes"]

    assert (outcome["outcome"], outcome["code"]) == ("failed", "InvalidParameter")
    assert stage.hook() == ("Completed", "ABANDON")
    assert HEARTBEAT not in stage.actions()


def test_a_read_that_is_refused_releases_no_server(staged: Staged) -> None:
    stage = staged(EVENT)
    create_group(stage, "asg-0001")
    stage.cloud.fault(action=READ, kind="error", status=400, code="InvalidParameter", probability=1)

    with pytest.raises(Retryable, match="InvalidParameter"):
        stage.deliver(EVENT, seconds=5)

    assert stage.hook()[0] == "Pending"


def test_an_unknown_refusal_of_a_document_is_raised_and_not_published(staged: Staged) -> None:
    event = document(5)
    stage = staged(event)
    stage.cloud.fault(action=CREATE, kind="error", status=400, code="NeverHeardOf", probability=1)

    with pytest.raises(Retryable, match="NeverHeardOf"):
        stage.deliver(event, seconds=5)

    assert stage.received() == []


@pytest.mark.parametrize("code", ["AUTH.RAM_AUTH_FAILED", "Forbidden.RAM"])
def test_a_permission_that_is_missing_leaves_the_hook_pending_and_is_told_at_once(
    staged: Staged, code: str
) -> None:
    stage = staged(EVENT)
    stage.cloud.fault(action=CREATE, kind="error", status=400, code=code, probability=1)

    with pytest.raises(Retryable) as missing:
        stage.deliver(EVENT)

    assert missing.value.code == Code.PERMISSION_MISSING.value
    assert stage.actions().count(CREATE) == 1
    assert stage.hook()[0] == "Pending"


def test_a_load_balancer_that_is_locked_for_a_minute_costs_no_servers(staged: Staged) -> None:
    stage = staged(EVENT)
    change_load_balancer(stage, LoadBalancerStatus="locked", ForSeconds=60)

    stage.deliver(EVENT)

    assert servers_of(stage.the_group()) == IDS
    assert stage.hook() == ("Completed", "CONTINUE")


# The quota of VServer groups


def test_a_delivery_waits_for_the_claim_of_another_that_has_the_last_place(staged: Staged) -> None:
    stage = staged(EVENT)
    change_load_balancer(stage, VServerGroupQuota=1)
    stage.cloud.fault(action=CREATE, kind="latency", seconds=0.3, count=2)  # both list before it

    outcomes = at_once(stage, [(app, EVENT) for app in apps(stage, 2)])

    assert [outcome["outcome"] for outcome in outcomes] == ["provisioned"] * 2
    assert servers_of(stage.the_group()) == IDS
    assert len(stage.groups()) == 1
    assert stage.hook() == ("Completed", "CONTINUE")


def test_an_expired_claim_on_another_name_makes_room(staged: Staged) -> None:
    stage = staged(EVENT)
    claim = naming.make_claim("another", stage.cloud.advance(0) - 60, "0" * 16)
    create_group(stage, claim.name, ours=True)
    change_load_balancer(stage, VServerGroupQuota=1)

    stage.deliver(EVENT)

    assert servers_of(stage.the_group()) == IDS
    assert stage.claims() == []
    assert stage.hook() == ("Completed", "CONTINUE")


def test_a_hook_waits_for_room_in_the_quota_of_groups(staged: Staged) -> None:
    stage = staged(EVENT)
    create_group(stage, "of-somebody-else")
    change_load_balancer(stage, VServerGroupQuota=1)
    stage.actions()

    with pytest.raises(Retryable, match="OverQuota"):
        stage.deliver(EVENT)
    assert (stage.actions().count(CREATE), COMPLETE in stage.actions()) == (3, False)

    change_load_balancer(stage, VServerGroupQuota=2)
    stage.deliver(EVENT)
    assert stage.hook() == ("Completed", "CONTINUE")


def test_a_quota_of_groups_that_is_really_used_up_is_told_at_the_hooks_end(
    staged: Staged,
) -> None:
    stage = staged(EVENT, HeartbeatTimeout=30)
    create_group(stage, "of-somebody-else")
    change_load_balancer(stage, VServerGroupQuota=1)
    use_up_heartbeats(stage)
    stage.cloud.advance(18)

    (outcome,) = stage.deliver(EVENT)["outcomes"]

    assert (outcome["outcome"], outcome["code"]) == ("failed", "OverQuota")
    assert stage.hook() == ("Completed", "ABANDON")
    assert [group["VServerGroupName"] for group in stage.groups()] == ["of-somebody-else"]


def test_a_document_is_refused_by_the_quota_of_groups(staged: Staged) -> None:
    event = document(5)
    stage = staged(event)
    create_group(stage, "of-somebody-else")
    change_load_balancer(stage, VServerGroupQuota=1)

    (outcome,) = stage.deliver(event)["outcomes"]

    assert (outcome["outcome"], outcome["code"]) == ("failed", "OverQuota")


# The quota of backends


class LeavingClock(TravellingClock):
    """While the function waits, the servers of another group leave."""

    def __init__(self, stage: Stage, group_id: str, *servers: str) -> None:
        super().__init__(stage.cloud)
        self._port = sent_by_the_role(stage).deps.load_balancers
        self._group_id, self._servers = group_id, [Backend(each, 8080) for each in servers]
        self._waits = 0

    def wait(self, seconds: float) -> None:
        super().wait(seconds)
        self._waits += 1
        if self._waits == 3:
            self._port.remove_backend_servers(REGION, self._group_id, self._servers, within=WITHIN)


def test_a_hook_waits_for_the_room_that_leaving_servers_make(staged: Staged) -> None:
    stage = staged(EVENT)
    old = [f"i-{n:04}" for n in range(101, 111)]
    group_id = create_group(stage, "asg-0001", *old, ours=True)
    change_load_balancer(stage, BackendQuota=30)

    stage.deliver(EVENT, stage.app(clock=LeavingClock(stage, group_id, *old)))

    assert servers_of(stage.the_group()) == IDS
    assert stage.hook() == ("Completed", "CONTINUE")


def test_a_quota_of_backends_that_nobody_frees_is_told_at_the_hooks_end(staged: Staged) -> None:
    stage = staged(EVENT, HeartbeatTimeout=30)
    change_load_balancer(stage, BackendQuota=10)
    use_up_heartbeats(stage)

    (outcome,) = stage.deliver(EVENT)["outcomes"]

    code = "InstanceBackendServerNumberOverLimit"
    assert (outcome["outcome"], outcome["code"]) == ("failed", code)
    assert stage.hook() == ("Completed", "ABANDON")
    assert stage.groups() == []


def test_what_was_added_before_the_hooks_end_is_taken_out_of_a_group_that_stays(
    staged: Staged,
) -> None:
    stage = staged(EVENT, HeartbeatTimeout=30)
    create_group(stage, "asg-0001", "i-0101", ours=True)
    change_load_balancer(stage, BackendQuota=21)
    use_up_heartbeats(stage)

    stage.deliver(EVENT)

    assert stage.hook() == ("Completed", "ABANDON")
    calls = stage.actions()
    assert calls.index(ADD) < calls.index(REMOVE) < calls.index(COMPLETE)
    assert servers_of(stage.the_group()) == ["i-0101"]


def test_a_document_is_refused_by_the_quota_of_backends_at_once(staged: Staged) -> None:
    event = document(5)
    stage = staged(event)
    change_load_balancer(stage, BackendQuota=4)

    (outcome,) = stage.deliver(event)["outcomes"]

    assert outcome["code"] == "InstanceBackendServerNumberOverLimit"
    assert stage.actions().count(ADD) == 1


# Two groups of the name


def test_of_two_groups_of_the_name_the_one_with_our_tag_is_used(staged: Staged) -> None:
    stage = staged(EVENT)
    theirs = create_group(stage, "asg-0001")
    ours = create_group(stage, "asg-0001", ours=True)

    (outcome,) = stage.deliver(EVENT)["outcomes"]

    assert outcome["VServerGroupId"] == ours
    assert stage.hook() == ("Completed", "CONTINUE")
    held = {group["VServerGroupId"]: servers_of(group) for group in stage.groups()}
    assert held == {theirs: [], ours: IDS}


@pytest.mark.parametrize("ours", [True, False], ids=["both are ours", "none is ours"])
def test_two_groups_that_cannot_be_told_apart_leave_the_hook_pending(
    staged: Staged, ours: bool
) -> None:
    stage = staged(EVENT)
    ids = [create_group(stage, "asg-0001", ours=ours) for _ in range(2)]

    with pytest.raises(Retryable) as refused:
        stage.deliver(EVENT)

    assert refused.value.code == Code.VSERVER_GROUP_NAME_NOT_UNIQUE.value
    assert all(each in refused.value.message for each in ids)
    assert stage.hook()[0] == "Pending"
    assert [servers_of(group) for group in stage.groups()] == [[], []]
