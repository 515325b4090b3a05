"""Faults on demand, as the vendor's SDKs meet them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from alibabacloud_slb20140515 import models
from alibabacloud_tea_openapi.exceptions import ThrottlingException
from mns.mns_exception import MNSClientNetworkException, MNSServerException
from mns.topic import TopicMessage

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
