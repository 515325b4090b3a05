"""The use case without a hook: prepared, ensured, published, told."""

from __future__ import annotations

from dataclasses import replace
from threading import Barrier

import pytest

from builders import a_request
from deployments import (
    LB,
    MOMENT,
    NAME,
    Deployment,
    HeldToTheSchema,
    a_binding,
    codes,
    deployment,
    servers,
)
from provisioner.errors import Ambiguous, ConfigurationError, Rejected, Retryable
from provisioner.groups import naming
from provisioner.model import EventRef, Instance, OnExisting, Request
from provisioner.provisioning import reject_event
from provisioner.results.outcome import Status

OURS = naming.build_owner_tags("another")
REQUEST = a_request("direct", "e-1", backends=servers(2))
BUSY = Retryable("Throttling", "slow down")
FULL = Rejected("InstanceBackendServerNumberOverLimit", "full")
BY_BINDINGS = Request(
    EventRef("direct", "e-1"), scaling_group_id="asg-0001", instances=(Instance("i-0001"),)
)


def two_listeners() -> Deployment:
    return deployment(
        *(
            a_binding(ports=(port,), name_template=f"{{scaling_group_id}}-{port}")
            for port in (8080, 8443)
        )
    )


def test_a_request_is_ensured_published_and_told() -> None:
    cloud = deployment()
    (outcome,) = cloud.provision(REQUEST)
    assert (outcome.status, outcome.created) == (Status.PROVISIONED, True)
    assert cloud.held() == set(servers(2))
    (result,) = cloud.notifications.results
    assert result["type"] == "vservergroup.provisioned"
    assert result["data"]["VServerGroupId"] == "rsp-0001"
    assert len(result["data"]["correlation"]["slbRequestIds"]) == 5
    assert cloud.notifications.published[0].tag == "provisioned"
    assert [name for name in cloud.log.names if not name.startswith("slb.")] == [
        "mapped",
        "published",
        "outcome",
    ]


def test_a_topic_that_refuses_a_result_is_the_deployments_fault_and_the_group_is_told() -> None:
    cloud = deployment()
    cloud.notifications.fail_next("publish", Rejected("InvalidArgument", "too long"))
    with pytest.raises(ConfigurationError) as raised:
        cloud.provision(REQUEST)
    assert (raised.value.code, "InvalidArgument" in raised.value.message) == (
        "ConfigurationInvalid",
        True,
    )
    (told,) = [fields for name, fields in cloud.log.steps if name == "outcome"]
    assert (told["outcome"], told["VServerGroupId"]) == ("provisioned", "rsp-0001")
    cloud.provision(REQUEST)
    assert cloud.notifications.kinds == ["provisioned"]


def test_the_same_request_again_writes_nothing_and_publishes_the_same_id() -> None:
    cloud = deployment()
    cloud.provision(REQUEST)
    cloud.load_balancers.calls.clear()
    (again,) = cloud.provision(REQUEST)
    assert cloud.operations == ["list", "read"]
    assert not again.created
    first, second = cloud.notifications.results
    assert first["id"] == second["id"]
    assert first["data"]["VServerGroupId"] == second["data"]["VServerGroupId"]


def test_the_same_request_again_is_done_even_if_an_operator_changed_the_group_since() -> None:
    cloud = deployment()
    cloud.provision(REQUEST)
    (group,) = cloud.load_balancers.named(NAME)
    cloud.load_balancers.groups[group.id] = replace(group, backends=servers(1, weight=0))
    (again,) = cloud.provision(REQUEST)
    assert again.status is Status.PROVISIONED
    assert cloud.held() == set(servers(1, weight=0))


def test_another_request_for_a_group_that_differs_is_refused_and_published() -> None:
    cloud = deployment()
    cloud.stands(*servers(1))
    (outcome,) = cloud.provision(REQUEST)
    assert outcome.status is Status.REFUSED
    (result,) = cloud.notifications.results
    assert result["data"]["error"]["code"] == "VServerGroupDiffers"
    assert cloud.writes == []


def test_a_merge_sets_the_weights_that_the_request_names() -> None:
    cloud = deployment()
    cloud.stands(*servers(1, weight=0), *servers(1, first=9), tags=OURS)
    (outcome,) = cloud.provision(replace(REQUEST, on_existing=OnExisting.MERGE))
    assert outcome.status is Status.PROVISIONED
    assert cloud.held() == {*servers(2), *servers(1, first=9)}
    changes = cloud.notifications.results[0]["data"]["changes"]
    assert (changes["addedCount"], changes["reweighedCount"], changes["foreignCount"]) == (1, 1, 1)


MERGE = replace(REQUEST, on_existing=OnExisting.MERGE)


def test_a_merge_does_not_change_a_group_that_somebody_else_created() -> None:
    cloud = deployment(a_binding(), a_binding(load_balancer_id="lb-0002", name_template=NAME))
    cloud.stands(*servers(1))
    (outcome,) = cloud.provision(MERGE)
    assert outcome.status is Status.REFUSED
    assert codes(cloud) == ["VServerGroupForeign"]
    assert cloud.writes == []


def test_a_merge_into_a_group_of_others_that_needs_no_change_is_a_success() -> None:
    cloud = deployment()
    cloud.stands(*servers(3))
    assert cloud.provision(MERGE)[0].status is Status.PROVISIONED
    assert cloud.writes == []


@pytest.mark.parametrize("way", ["it is ours", "a binding names it", "the setting allows it"])
def test_a_merge_changes_a_group_where(way: str) -> None:
    bindings = [a_binding(name_template=NAME)] if way == "a binding names it" else []
    cloud = deployment(*bindings, merge_foreign=way == "the setting allows it")
    cloud.stands(*servers(1), tags=OURS if way == "it is ours" else {})
    assert cloud.provision(MERGE)[0].status is Status.PROVISIONED
    assert cloud.held() == set(servers(2))


# Which groups are in use


def test_the_result_says_whether_a_listener_refers_to_the_group() -> None:
    cloud = deployment()
    made = cloud.stands(*servers(2), tags=OURS)
    cloud.provision(REQUEST)
    cloud.load_balancers.referred_to.add(made.id)
    cloud.provision(REQUEST)
    assert [result["data"]["inUse"] for result in cloud.notifications.results] == [False, True]
    assert "group_unused" not in cloud.log.names


@pytest.mark.parametrize("stands", [True, False])
def test_a_group_that_nobody_refers_to_beside_a_renamed_one_in_use_is_told_and_warned_of(
    stands: bool,
) -> None:
    cloud = deployment()
    renamed = cloud.stands(*servers(2), name="renamed", tags=OURS)
    foreign = cloud.stands(*servers(2), name="foreign")
    cloud.load_balancers.referred_to |= {renamed.id, foreign.id}
    if stands:
        cloud.stands(tags=OURS)
    cloud.provision(REQUEST if not stands else MERGE)
    data = cloud.notifications.results[0]["data"]
    assert (data["inUse"], data["otherGroupsInUse"]) == (False, [renamed.id])
    assert "group_unused" in cloud.log.names


def test_a_failure_after_something_was_added_is_failed_and_tells_what_stays() -> None:
    cloud = deployment()
    cloud.stands(tags=OURS)
    cloud.load_balancers.seed(LB, quota=20)
    request = a_request("direct", "e-1", backends=servers(25), on_existing=OnExisting.MERGE)
    (outcome,) = cloud.provision(request)
    assert outcome.status is Status.FAILED
    (result,) = cloud.notifications.results
    assert result["data"]["changes"]["addedCount"] == 20
    assert result["data"]["VServerGroupId"] == "rsp-0001"


def test_a_failure_after_some_weights_were_set_tells_which() -> None:
    cloud = deployment()
    made = cloud.stands(*servers(25, weight=1), tags=OURS)
    cloud.clock.later(MOMENT, lambda: cloud.load_balancers.fail_next("set_weights", FULL))
    for operation in ("list_vserver_groups", "read_vserver_group"):
        cloud.load_balancers.takes[operation] = [0.0]
    request = a_request("direct", "e-1", backends=servers(25), on_existing=OnExisting.MERGE)
    (outcome,) = cloud.provision(request)
    assert outcome.status is Status.FAILED
    (result,) = cloud.notifications.results
    assert (result["data"]["changes"]["reweighedCount"], result["data"]["VServerGroupId"]) == (
        20,
        made.id,
    )


def test_a_failure_that_was_undone_leaves_no_group_in_the_result() -> None:
    cloud = deployment()
    cloud.load_balancers.seed(LB, quota=1)
    (outcome,) = cloud.provision(REQUEST)
    assert outcome.status is Status.FAILED
    (result,) = cloud.notifications.results
    assert result["data"]["VServerGroupId"] is None
    assert result["data"]["changes"]["addedCount"] == 0
    assert cloud.names == []


def test_a_failure_does_not_hide_a_later_success() -> None:
    cloud = deployment()
    cloud.load_balancers.fail_next("add_backend_servers", FULL)
    cloud.provision(REQUEST)
    cloud.provision(REQUEST)
    failed, provisioned = cloud.notifications.results
    assert (failed["type"], provisioned["type"]) == (
        "vservergroup.failed",
        "vservergroup.provisioned",
    )
    assert failed["id"] != provisioned["id"]


def test_what_cannot_be_mapped_is_refused_before_any_call() -> None:
    cloud = deployment()
    (outcome,) = cloud.provision(BY_BINDINGS)
    assert outcome.status is Status.REFUSED
    assert cloud.notifications.results[0]["data"]["error"]["code"] == "NoBinding"
    assert cloud.operations == []


def test_two_bindings_make_two_groups_and_two_results() -> None:
    cloud = two_listeners()
    outcomes = cloud.provision(BY_BINDINGS)
    assert [outcome.group.name for outcome in outcomes if outcome.group] == [
        "asg-0001-8080",
        "asg-0001-8443",
    ]
    assert len({result["id"] for result in cloud.notifications.results}) == 2


class Together(HeldToTheSchema):
    """Each waits until two are being published."""

    def __init__(self) -> None:
        super().__init__()
        self.two = Barrier(2, timeout=60)

    def publish(self, document: str, *, tag: str, within: float) -> str:
        self.two.wait()
        return super().publish(document, tag=tag, within=within)


def test_the_results_of_two_groups_are_published_at_once_and_one_that_fails_alone() -> None:
    cloud = two_listeners()
    cloud.notifications = Together()
    cloud.notifications.fail_next("publish", BUSY)
    with pytest.raises(Retryable):
        cloud.provision(BY_BINDINGS)
    assert cloud.notifications.kinds == ["provisioned"]


def test_what_is_retryable_raises_after_every_group_was_tried_and_what_is_done_was_published() -> (
    None
):
    cloud = two_listeners()
    cloud.load_balancers.fail_next("list_vserver_groups", BUSY)
    with pytest.raises(Retryable) as raised:
        cloud.provision(BY_BINDINGS)
    assert raised.value.code == "Throttling"
    assert cloud.names == ["asg-0001-8443"]
    (result,) = cloud.notifications.results
    assert (result["subject"], result["data"]["changes"]["addedCount"]) == (
        "lb-0001/asg-0001-8443",
        1,
    )


def test_a_result_that_cannot_be_published_raises_and_the_redelivery_publishes_it() -> None:
    cloud = deployment()
    cloud.notifications.fail_next("publish", Ambiguous("no answer"))
    with pytest.raises(Retryable):
        cloud.provision(REQUEST)
    assert cloud.names == [NAME]
    cloud.provision(REQUEST)
    assert cloud.notifications.kinds == ["provisioned"]
    assert cloud.writes == ["create", "add", "rename"]


def test_a_plan_reads_only_and_publishes_nothing() -> None:
    cloud = deployment()
    (outcome,) = cloud.plan(REQUEST)
    assert (outcome.status, outcome.created) == (Status.PLANNED, True)
    assert outcome.plan.add == servers(2)
    assert cloud.operations == ["list"]
    assert cloud.notifications.published == []


def test_a_plan_for_a_group_that_is_there_tells_what_would_be_done() -> None:
    cloud = deployment()
    made = cloud.stands(*servers(1, weight=1), tags=OURS)
    (outcome,) = cloud.plan(replace(REQUEST, on_existing=OnExisting.MERGE))
    assert outcome.group
    assert (outcome.group.id, outcome.created) == (made.id, False)
    assert outcome.plan.add == servers(1, first=2)
    assert outcome.plan.update_weight == servers(1)
    assert cloud.writes == []


def test_a_plan_that_would_be_refused_says_so_and_publishes_nothing() -> None:
    cloud = deployment()
    cloud.stands(*servers(1))
    assert [outcome.status for outcome in cloud.plan(REQUEST)] == [Status.REFUSED]
    (outcome,) = cloud.plan(BY_BINDINGS)
    assert outcome.error
    assert (outcome.status, outcome.error.code) == (Status.REFUSED, "NoBinding")
    assert cloud.writes == []
    assert cloud.notifications.published == []


def test_without_claims_the_policy_creates_under_the_name() -> None:
    cloud = deployment(claiming=False)
    cloud.provision(REQUEST)
    assert cloud.writes == ["create"]
    assert cloud.held() == set(servers(2))


def test_an_event_that_could_not_be_read_is_published_under_its_own_identity() -> None:
    cloud = deployment()
    event = EventRef("unread", "sha256:0#1")
    outcome = reject_event(
        cloud.means, Rejected("Unreadable", "no JSON"), event, cloud.invocation()
    )
    assert outcome.status is Status.REFUSED
    (result,) = cloud.notifications.results
    assert result["data"]["correlation"]["eventId"] == "sha256:0#1"
    assert result["data"]["correlation"]["fcRequestId"] == "fc-0001"


def test_no_step_in_the_log_has_a_backends_address_or_the_list_of_backends() -> None:
    cloud = deployment()
    cloud.provision(REQUEST)
    assert "i-0001" not in repr(cloud.log.steps)
