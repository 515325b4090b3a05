"""Faults on demand, as the vendor's SDKs meet them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from alibabacloud_ess20220222 import models as ess_models
from alibabacloud_slb20140515 import models
from alibabacloud_tea_openapi.exceptions import ThrottlingException
from mns.mns_exception import MNSClientNetworkException, MNSServerException
from mns.queue import Message
from mns.topic import TopicMessage

from functions import until

Refused = Callable[..., tuple[str, int]]

CREATE = models.CreateVServerGroupRequest(
    region_id="cn-hangzhou", load_balancer_id="lb-local", vserver_group_name="web"
)
LIST = models.DescribeVServerGroupsRequest(region_id="cn-hangzhou", load_balancer_id="lb-local")


def groups(control: Any) -> int:
    return len(control.state()["VServerGroups"])


def test_an_error_is_answered_once_and_nothing_is_written(
    control: Any, slb: Any, refused: Refused
) -> None:
    control.fault(
        service="slb", action="CreateVServerGroup", kind="error", status=409, code="SystemBusy"
    )
    slb.describe_vserver_groups(LIST)
    assert refused(slb.create_vserver_group, CREATE) == ("SystemBusy", 409)
    assert groups(control) == 0
    slb.create_vserver_group(CREATE)


def test_a_throttled_call_may_be_told_when_to_come_back(control: Any, slb: Any) -> None:
    control.fault(kind="error", status=400, code="Throttling.User", retry_after=250)
    with pytest.raises(ThrottlingException) as caught:
        slb.create_vserver_group(CREATE)
    assert caught.value.retry_after == 250


def test_mns_words_an_error_in_its_own_way(control: Any, mns: Any) -> None:
    control.fault(service="mns", kind="error", status=429, code="TooManyRequests")
    with pytest.raises(MNSServerException) as caught:
        mns.get_topic("scaling-events").publish_message(TopicMessage("m"))
    assert caught.value.type == "TooManyRequests"


def test_an_html_page_is_an_answer_that_no_sdk_reads(control: Any, slb: Any) -> None:
    control.fault(kind="html", status=502)
    with pytest.raises(Exception, match="Failed to parse"):
        slb.create_vserver_group(CREATE)
    control.fault(kind="html")
    assert control.v1(Action="DescribeVServerGroups", Version="2014-05-15").status == 503
    assert groups(control) == 0


def test_an_empty_answer_says_nothing_about_what_happened(control: Any, slb: Any) -> None:
    control.fault(kind="empty", commit=True)
    with pytest.raises(Exception, match="Failed to parse"):
        slb.create_vserver_group(CREATE)
    assert groups(control) == 1


def test_a_reset_before_the_write_loses_the_call(control: Any, slb: Any) -> None:
    control.fault(kind="reset_before")
    with pytest.raises(Exception, match="Connection reset by peer"):
        slb.create_vserver_group(CREATE)
    assert groups(control) == 0
    (entry,) = control.journal()
    assert (entry["status"], entry["fault"]) == (None, "reset_before")


def test_a_reset_after_the_write_loses_the_answer_only(control: Any, slb: Any) -> None:
    control.fault(kind="reset_after")
    with pytest.raises(Exception, match="Connection reset by peer"):
        slb.create_vserver_group(CREATE)
    assert groups(control) == 1
    (entry,) = control.journal()
    assert (entry["status"], entry["fault"]) == (200, "reset_after")


def test_mns_sends_nothing_again_by_itself_after_a_reset(control: Any, mns: Any) -> None:
    control.fault(service="mns", kind="reset_after")
    with pytest.raises(MNSClientNetworkException):
        mns.get_topic("provision-results").publish_message(TopicMessage("m"))
    held = {queue["QueueName"]: queue["ActiveMessages"] for queue in control.state()["Queues"]}
    assert sum(held.values()) == held["provision-results-inbox"] == 1


def test_a_call_that_hangs_has_happened_already(control: Any, sdk: Any) -> None:
    control.fault(kind="hang_after", seconds=30)
    slb = sdk.slb(read_timeout=50)
    with pytest.raises(Exception, match="timed out"):
        slb.create_vserver_group(CREATE)
    assert groups(control) == 1
    assert control.journal()[0]["status"] == 200


def test_a_hang_ends_in_the_answer_for_those_who_wait(control: Any, slb: Any) -> None:
    control.fault(kind="hang_after", seconds=30)
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(slb.create_vserver_group(CREATE)))
    thread.start()
    control.news()
    control.advance(30)
    thread.join()
    assert answers[0].body.vserver_group_id


def test_latency_comes_before_the_write(control: Any, slb: Any) -> None:
    control.fault(kind="latency", seconds=0.02)
    slb.create_vserver_group(CREATE)
    (entry,) = control.journal()
    assert entry["duration"] >= 0.02
    assert (entry["status"], entry["fault"]) == (200, "latency")


def test_a_late_write_takes_effect_after_the_caller_was_cut_off(control: Any, slb: Any) -> None:
    control.fault(kind="late", seconds=15)
    with pytest.raises(Exception, match="Connection reset by peer"):
        slb.create_vserver_group(CREATE)
    assert groups(control) == 0
    control.advance(15)
    (entry,) = control.news()
    assert (entry["status"], entry["fault"]) == (200, "late")
    assert groups(control) == 1


def test_a_late_write_does_not_reach_the_world_after_a_reset(control: Any, slb: Any) -> None:
    control.fault(kind="late", seconds=0.05)
    with pytest.raises(Exception, match="Connection reset by peer"):
        slb.create_vserver_group(CREATE)
    control.send("POST", "/_cloud/reset")
    late = control.send("GET", "/_cloud/journal?wait=0.5").json["entries"]
    assert (late, groups(control)) == ([], 0)


def test_a_reset_ends_what_a_fault_holds_back(control: Any, slb: Any) -> None:
    control.fault(kind="latency", seconds=3600)
    with ThreadPoolExecutor() as pool:
        call = pool.submit(slb.create_vserver_group, CREATE)
        control.struck()
        control.send("POST", "/_cloud/reset")
        with pytest.raises(Exception, match="Connection reset by peer"):
            call.result()
    assert groups(control) == 0


def test_a_rule_skips_the_calls_it_is_told_to_and_then_fires_as_often_as_it_should(
    control: Any, slb: Any
) -> None:
    control.fault(action="CreateVServerGroup", kind="error", status=500, code="X", skip=1, count=2)
    statuses = [_status(slb) for _ in range(5)]
    assert statuses == [200, 500, 500, 200, 200]


def test_chance_replays_exactly_with_its_seed(control: Any, slb: Any) -> None:
    runs = []
    for _ in range(2):
        control.send("POST", "/_cloud/reset")
        control.fault(kind="error", status=500, code="X", probability=0.5, seed=7)
        runs.append([_status(slb) for _ in range(20)])
    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 500}


def _status(slb: Any) -> int:
    try:
        slb.create_vserver_group(CREATE)
    except Exception as error:  # noqa: BLE001 - the SDKs share no base class
        status: int = error.status_code  # type: ignore[attr-defined]
        return status
    return 200


def test_cleared_rules_fire_no_more(control: Any, slb: Any) -> None:
    control.fault(kind="error", status=500, code="X", count=9)
    assert len(control.state()["Faults"]) == 1
    control.send("DELETE", "/_cloud/faults")
    slb.create_vserver_group(CREATE)
    assert control.state()["Faults"] == []


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        ({"kind": "explode"}, "/0/kind"),
        ({"kind": "error", "status": 500}, "/0"),
        ({"kind": "latency"}, "/0"),
        ({"kind": "html", "statsu": 500}, "/0"),
        ({"kind": "html", "probability": 2}, "/0/probability"),
        ({"kind": "html", "service": "dns"}, "/0/service"),
        ({"kind": "html", "action": "Invent"}, "/0/action"),
        ({"kind": "html", "service": "mns", "action": "CreateVServerGroup"}, "/0/action"),
        ({"kind": "html", "code": "X"}, "/0/code"),
        ({"kind": "reset_before", "status": 500}, "/0/status"),
        ({"kind": "reset_after", "commit": True}, "/0/commit"),
        ({"kind": "empty", "seconds": 1}, "/0/seconds"),
        ({"kind": "html", "seed": 1}, "/0/seed"),
        ({"kind": "html", "answer": "actual"}, "/0/answer"),
        ({"kind": "html", "where": {"Port": "80"}}, "/0/where"),
        ({"kind": "no_effect"}, "/0"),
        ({"kind": "no_effect", "action": "DescribeVServerGroups"}, "/0/action"),
        ({"kind": "no_effect", "action": "CreateVServerGroup", "answer": "?"}, "/0/answer"),
        ({"kind": "trickle"}, "/0"),
    ],
)
def test_a_bad_rule_is_refused_by_its_path(control: Any, rule: Any, path: str) -> None:
    answer = control.send("POST", "/_cloud/faults", [rule])
    assert answer.status == 400
    assert answer.json["error"]["problems"][0]["path"] == path
    assert control.state()["Faults"] == []


def test_a_hanging_call_keeps_nobody_else_waiting(control: Any, sdk: Any) -> None:
    control.fault(kind="hang_after", seconds=30)

    def hang() -> None:
        with pytest.raises(Exception, match="timed out"):
            sdk.slb(read_timeout=300).create_vserver_group(CREATE)

    thread = threading.Thread(target=hang)
    thread.start()
    control.news()
    sdk.slb().create_vserver_group(CREATE)
    assert groups(control) == 2
    thread.join()


def test_a_rule_for_one_caller_leaves_all_others_alone(control: Any, slb: Any) -> None:
    control.fault(kind="html", caller="somebody-else")
    slb.create_vserver_group(CREATE)
    control.fault(kind="html", caller="localcloud")
    with pytest.raises(Exception, match="Failed to parse"):
        slb.create_vserver_group(CREATE)


STATUSES = [
    (400, "OperationConflict"),
    (400, "ActionNotAllowed"),
    (403, "AUTH.RAM_AUTH_FAILED"),
    (408, "RequestTimeout"),
    (409, "ServiceIsStopping"),
    (423, "Locked"),
    (429, "TooManyRequests"),
    (429, "NeverHeardOf"),
    (449, "SystemBusy"),
    (503, "InvalidParameter"),
]


@pytest.mark.parametrize(("status", "code"), STATUSES)
def test_any_status_with_any_code_is_answered_before_or_after_the_effect(
    control: Any, slb: Any, refused: Refused, status: int, code: str
) -> None:
    for commit, written in ((False, 0), (True, 1)):
        control.fault(kind="error", status=status, code=code, commit=commit)
        assert refused(slb.create_vserver_group, CREATE) == (code, status)
        assert groups(control) == written


def test_a_completion_is_throttled_as_any_other_call(
    control: Any, ess: Any, refused: Refused
) -> None:
    request = ess_models.CompleteLifecycleActionRequest(
        region_id="cn-hangzhou", lifecycle_hook_id="ash-local", lifecycle_action_token="t"
    )
    complete = {"service": "ess", "action": "CompleteLifecycleAction"}
    for code in ("TooManyRequests", "Rejected.Throttling"):
        control.fault(kind="error", status=429, code=code, **complete)
        assert refused(ess.complete_lifecycle_action, request) == (code, 429)


WEB = {"Port": 80, "Weight": 100}
IDS = {"region_id": "cn-hangzhou", "vserver_group_id": "rsp-1"}


def backends(*servers: str, **changed: Any) -> str:
    return json.dumps([{"ServerId": server, **WEB, **changed} for server in servers])


@pytest.fixture
def web(control: Any) -> None:
    """A group of two servers."""
    rows = [{"ServerId": server, **WEB} for server in ("i-1", "i-2")]
    group = {"LoadBalancerId": "lb-local", "VServerGroupName": "web", "VServerGroupId": "rsp-1"}
    other = {"LoadBalancerId": "lb-2", "RegionId": "cn-hangzhou"}
    control.seed(
        LoadBalancers=[other],
        VServerGroups=[
            {**group, "BackendServers": rows},
            {**group, "LoadBalancerId": "lb-2", "VServerGroupId": "rsp-2"},
        ],
    )


def add(slb: Any, *servers: str, group: str = "rsp-1") -> list[str]:
    request = models.AddVServerGroupBackendServersRequest(
        region_id="cn-hangzhou", vserver_group_id=group, backend_servers=backends(*servers)
    )
    return _servers(slb.add_vserver_group_backend_servers(request))


def remove(slb: Any, *servers: str) -> list[str]:
    request = models.RemoveVServerGroupBackendServersRequest(
        **IDS, backend_servers=backends(*servers)
    )
    return _servers(slb.remove_vserver_group_backend_servers(request))


def reweigh(slb: Any, *servers: str) -> Any:
    request = models.SetVServerGroupAttributeRequest(
        **IDS, vserver_group_name="renamed", backend_servers=backends(*servers, Weight=0)
    )
    return slb.set_vserver_group_attribute(request).body


def _servers(response: Any) -> list[str]:
    return [item.server_id for item in response.body.backend_servers.backend_server]


def held(control: Any, group: str = "rsp-1") -> dict[str, int]:
    """The weights by server of what a group holds in truth."""
    (found,) = [
        item for item in control.state()["VServerGroups"] if item["VServerGroupId"] == group
    ]
    return {item["ServerId"]: item["Weight"] for item in found["BackendServers"]}


@pytest.mark.usefixtures("web")
@pytest.mark.parametrize(
    ("action", "change"),
    [
        ("AddVServerGroupBackendServers", add),
        ("RemoveVServerGroupBackendServers", remove),
        ("SetVServerGroupAttribute", reweigh),
    ],
)
def test_one_bad_server_has_a_whole_call_refused(
    control: Any, slb: Any, refused: Refused, action: str, change: Callable[..., Any]
) -> None:
    bad = {"service": "slb", "action": action, "where": {"ServerId": "i-2"}, "probability": 1}
    control.fault(kind="error", status=404, code="ResourceNotFound.vServers", **bad)
    for _ in range(2):
        assert refused(change, slb, "i-1", "i-2") == ("ResourceNotFound.vServers", 404)
    assert held(control) == {"i-1": 100, "i-2": 100}
    change(slb, "i-1")


@pytest.mark.usefixtures("web")
def test_a_rule_is_for_one_load_balancer_or_one_name(
    control: Any, slb: Any, refused: Refused
) -> None:
    locked = {"kind": "error", "status": 400, "code": "ActionNotAllowed", "probability": 1}
    control.fault(where={"LoadBalancerId": "lb-2"}, **locked)
    add(slb, "i-3")
    assert refused(lambda: add(slb, "i-3", group="rsp-2")) == ("ActionNotAllowed", 400)
    slb.create_vserver_group(CREATE)
    control.send("DELETE", "/_cloud/faults")
    control.fault(where={"VServerGroupName": "web", "LoadBalancerId": "lb-local"}, **locked)
    assert refused(slb.create_vserver_group, CREATE) == ("ActionNotAllowed", 400)
    assert refused(add, slb, "i-4") == ("ActionNotAllowed", 400)
    add(slb, "i-4", group="rsp-2")


def test_a_rule_is_for_one_queue(control: Any, mns: Any) -> None:
    control.fault(
        kind="error",
        status=503,
        code="ServiceUnavailable",
        where={"QueueName": "provision-requests"},
    )
    mns.get_queue("provision-dead-letters").send_message(Message("m"))
    with pytest.raises(MNSServerException, match="ServiceUnavailable"):
        mns.get_queue("provision-requests").send_message(Message("m"))


def test_a_creation_without_effect_answers_the_id_of_no_group(
    control: Any, slb: Any, refused: Refused
) -> None:
    control.fault(kind="no_effect", action="CreateVServerGroup")
    group_id = slb.create_vserver_group(CREATE).body.vserver_group_id
    assert (group_id[:4], groups(control)) == ("rsp-", 0)
    request = models.DescribeVServerGroupAttributeRequest(
        region_id="cn-hangzhou", vserver_group_id=group_id
    )
    assert refused(slb.describe_vserver_group_attribute, request) == ("InvalidParameter", 404)


@pytest.mark.usefixtures("web")
def test_a_change_without_effect_is_seen_in_its_answer(control: Any, slb: Any) -> None:
    for action in ("Add", "Remove"):
        control.fault(kind="no_effect", action=f"{action}VServerGroupBackendServers")
    control.fault(kind="no_effect", action="SetVServerGroupAttribute")
    assert add(slb, "i-3") == ["i-1", "i-2"]
    assert remove(slb, "i-1") == ["i-1", "i-2"]
    answer = reweigh(slb, "i-1")
    assert answer.vserver_group_name == "web"
    assert [item.weight for item in answer.backend_servers.backend_server] == [100, 100]
    assert held(control) == {"i-1": 100, "i-2": 100}


@pytest.mark.usefixtures("web")
def test_a_change_without_effect_may_claim_that_it_was_made(control: Any, slb: Any) -> None:
    for action in ("Add", "Remove"):
        name = f"{action}VServerGroupBackendServers"
        control.fault(kind="no_effect", action=name, answer="claimed")
    control.fault(kind="no_effect", action="SetVServerGroupAttribute", answer="claimed")
    assert add(slb, "i-3") == ["i-1", "i-2", "i-3"]
    assert remove(slb, "i-1") == ["i-2"]
    assert reweigh(slb, "i-1").vserver_group_name == "renamed"
    assert held(control) == {"i-1": 100, "i-2": 100}


@pytest.mark.usefixtures("web")
def test_a_deletion_without_effect_deletes_nothing(control: Any, slb: Any) -> None:
    control.fault(kind="no_effect", action="DeleteVServerGroup")
    slb.delete_vserver_group(models.DeleteVServerGroupRequest(**IDS))
    assert groups(control) == 2
    (entry,) = control.journal()
    assert (entry["status"], entry["fault"]) == (200, "no_effect")


def test_a_call_that_would_be_refused_is_refused_without_effect_too(
    control: Any, slb: Any, refused: Refused
) -> None:
    control.fault(kind="no_effect", action="CreateVServerGroup")
    request = models.CreateVServerGroupRequest(
        region_id="cn-hangzhou", load_balancer_id="lb-local", vserver_group_name="two words"
    )
    assert refused(slb.create_vserver_group, request) == ("InvalidParameter", 400)


def test_a_completion_without_effect_leaves_the_hook_waiting_and_tells_nobody(
    control: Any, ess: Any
) -> None:
    control.change("scale", ScalingGroupId="asg-local", Adjustment=1)
    (action,) = control.state()["LifecycleActions"]
    request = ess_models.CompleteLifecycleActionRequest(
        region_id="cn-hangzhou",
        lifecycle_hook_id=action["LifecycleHookId"],
        lifecycle_action_token=action["LifecycleActionToken"],
        lifecycle_action_result="CONTINUE",
    )
    control.fault(kind="no_effect", action="CompleteLifecycleAction")
    ess.complete_lifecycle_action(request)
    (waiting,) = control.state()["LifecycleActions"]
    assert waiting["LifecycleActionStatus"] == "Pending"
    ess.complete_lifecycle_action(request)
    (ended,) = control.state()["LifecycleActions"]
    assert ended["LifecycleActionStatus"] == "Completed"


def test_an_answer_trickles_in_over_its_time(control: Any, slb: Any) -> None:
    control.fault(kind="trickle", seconds=3600)
    with ThreadPoolExecutor() as pool:
        call = pool.submit(slb.create_vserver_group, CREATE)
        control.news()
        assert groups(control) == 1
        until(lambda: control.advance(400) or call.done())
        assert call.result().body.vserver_group_id


def test_a_trickle_outlasts_the_time_between_two_bytes(control: Any, slb: Any) -> None:
    control.fault(kind="trickle", seconds=0.5)
    began = time.monotonic()
    slb.create_vserver_group(CREATE)
    assert time.monotonic() - began >= 0.5


def test_the_rules_are_listed_with_how_often_each_has_fired(control: Any, slb: Any) -> None:
    control.fault(kind="latency", seconds=0, count=3)
    slb.create_vserver_group(CREATE)
    (rule,) = control.send("GET", "/_cloud/faults").json
    assert (rule["kind"], rule["fired"]) == ("latency", 1)
