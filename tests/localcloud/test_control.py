"""The control endpoint: seeds, state, reset, clock and journal."""

from __future__ import annotations

import threading
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from alibabacloud_slb20140515 import models

import localcloud
from localcloud.documents import check
from localcloud.server import running

REGION = "cn-hangzhou"
LIST = models.DescribeVServerGroupsRequest(region_id=REGION, load_balancer_id="lb-local")


def test_health_says_for_whom_it_is_ready(control: Any) -> None:
    health = control.send("GET", "/_cloud/health").json
    assert health["status"] == "ready"
    assert (health["account"], health["region"]) == ("1000000000000001", REGION)


def test_the_default_world_holds_what_it_promises(control: Any) -> None:
    check(localcloud.DEFAULT_WORLD, "world")
    state = control.state()
    assert [item["LoadBalancerId"] for item in state["LoadBalancers"]] == ["lb-local"]
    (group,) = state["ScalingGroups"]
    hook, leaving = group["LifecycleHooks"]
    assert (leaving["LifecycleTransition"], leaving["DefaultResult"]) == ("SCALE_IN", "CONTINUE")
    assert leaving["NotificationArn"] == hook["NotificationArn"]
    assert group["ScalingGroupId"] == "asg-local"
    assert hook["LifecycleTransition"] == "SCALE_OUT"
    assert hook["NotificationArn"] == "acs:mns:cn-hangzhou:1000000000000001:topic/scaling-events"
    names = [item["QueueName"] for item in state["Queues"]]
    assert names == [
        "provision-requests",
        "provision-results-inbox",
        "provision-dead-letters",
        "provision-failures",
    ]
    assert [item["TopicName"] for item in state["Topics"]] == [
        "scaling-events",
        "provision-results",
    ]
    assert [item["SubscriptionName"] for item in state["Subscriptions"]] == [
        "provision-results-inbox"
    ]


def test_a_copy_of_the_default_world_can_be_built_on() -> None:
    world = localcloud.default_world()
    world["LoadBalancers"].append({"LoadBalancerId": "lb-2", "RegionId": REGION})
    with running(world) as cloud:
        assert list(cloud.cloud.world.slb.load_balancers) == ["lb-local", "lb-2"]
    assert len(localcloud.DEFAULT_WORLD["LoadBalancers"]) == 1


def test_a_seed_adds_to_the_world(control: Any, slb: Any) -> None:
    tags = [{"Key": "k", "Value": "v"}]
    backends = [{"ServerId": "i-1", "Port": "80"}]
    group = {"LoadBalancerId": "lb-local", "VServerGroupName": "web", "Tags": tags}
    control.seed(VServerGroups=[{**group, "BackendServers": backends}])
    (found,) = control.state()["VServerGroups"]
    assert found["BackendServers"] == [
        {"Type": "ecs", "ServerId": "i-1", "Port": 80, "Weight": 100}
    ]
    assert found["Tags"] == tags
    (listed,) = slb.describe_vserver_groups(LIST).body.vserver_groups.vserver_group
    assert listed.vserver_group_id == found["VServerGroupId"]


def test_every_section_of_a_seed_shows_in_the_state(control: Any) -> None:
    activity = {"ScalingActivityId": "asa-1", "ScalingGroupId": "asg-local"}
    control.seed(
        Keys=[{"AccessKeyId": "ak", "AccessKeySecret": "secret", "Caller": "fn"}],
        ScalingActivities=[{**activity, "StartTime": "2026-01-01T00:00:00Z"}],
        ScalingInstances=[{"InstanceId": "i-1", **activity, "PrivateIpAddress": "10.0.0.1"}],
        LifecycleActions=[
            {
                "LifecycleHookId": "ash-local",
                "LifecycleActionToken": "t",
                "ScalingActivityId": "asa-1",
                "LifecycleActionStatus": "Completed",
                "LifecycleActionResult": "CONTINUE",
            }
        ],
    )
    answer = control.send("GET", "/_cloud/state")
    state = answer.json
    assert state["Keys"][-1] == {"AccessKeyId": "ak", "Caller": "fn"}
    assert b"secret" not in answer.body
    assert state["ScalingActivities"][0]["StartTime"] == "2026-01-01T00:00:00Z"
    assert state["Instances"][0]["Status"] == "Running"
    assert state["LifecycleActions"][0]["LifecycleActionResult"] == "CONTINUE"


GROUP = {"LoadBalancerId": "lb-local", "VServerGroupName": "web"}
ACTION = {"LifecycleHookId": "ash-local", "LifecycleActionToken": "t", "ScalingActivityId": "asa-1"}
ACTIVITY = {"ScalingActivityId": "asa-1", "ScalingGroupId": "asg-local"}
INSTANCE = {"InstanceId": "i-1", "ScalingGroupId": "asg-local"}
BALANCER = {"LoadBalancerId": "lb-local", "RegionId": REGION}
LISTENER = {"Port": 80, "Protocol": "tcp", "VServerGroupId": "rsp-9"}
LISTENING = {"LoadBalancerId": "lb-2", "RegionId": REGION, "Listeners": [LISTENER]}
SCALING_GROUP = {"ScalingGroupId": "asg-local", "RegionId": REGION}
SUBSCRIPTION = {"TopicName": "scaling-events", "SubscriptionName": "s"}
BAD_MOVES: list[Any] = [
    {},
    [],
    {"to": 1},
    {"advance": 1, "set": 1},
    {"set": "soon"},
    {"set": "2201-01-01T00:00:00Z"},
    {"set": "2026-13-01T00:00:00Z"},
    {"set": -1},
    {"advance": 1e300},
    {"advance": float("nan")},
]
TAKEN_HOOK = {"LifecycleHookId": "ash-local", "LifecycleTransition": "SCALE_IN"}


@pytest.mark.parametrize(
    ("section", "rows", "path"),
    [
        ("LoadBalancers", [{"LoadBalancerId": "lb-2"}], "/0"),
        ("LoadBalancers", [{"LoadBalancerID": "lb-2", "RegionId": REGION}], "/0"),
        ("LoadBalancers", [BALANCER], "/0/LoadBalancerId"),
        ("LoadBalancers", [{**LISTENING, "Rules": []}], "/0/Listeners/0/VServerGroupId"),
        ("VServerGroups", [{**GROUP, "LoadBalancerId": "lb-9"}], "/0/LoadBalancerId"),
        ("VServerGroups", [{**GROUP, "VServerGroupName": "a b"}], "/0"),
        ("VServerGroups", [{**GROUP, "VServerGroupId": "r"}] * 2, "/1/VServerGroupId"),
        ("ScalingGroups", [SCALING_GROUP], "/0/ScalingGroupId"),
        (
            "ScalingGroups",
            [{**SCALING_GROUP, "LifecycleHooks": [TAKEN_HOOK]}],
            "/0/LifecycleHooks/0/LifecycleHookId",
        ),
        ("ScalingActivities", [{**ACTIVITY, "ScalingGroupId": "x"}], "/0/ScalingGroupId"),
        ("ScalingActivities", [{**ACTIVITY, "StartTime": "now"}], "/0/StartTime"),
        ("ScalingActivities", [ACTIVITY, ACTIVITY], "/1/ScalingActivityId"),
        ("ScalingInstances", [{**INSTANCE, "ScalingGroupId": "x"}], "/0/ScalingGroupId"),
        ("ScalingInstances", [{**INSTANCE, "ScalingActivityId": "x"}], "/0/ScalingActivityId"),
        ("ScalingInstances", [INSTANCE, INSTANCE], "/1/InstanceId"),
        ("LifecycleActions", [ACTION], "/0/ScalingActivityId"),
        ("LifecycleActions", [{**ACTION, "LifecycleHookId": "x"}], "/0/LifecycleHookId"),
        ("LifecycleActions", [ACTION, ACTION], "/1/LifecycleActionToken"),
        ("Queues", [{"QueueName": "under_score"}], "/0"),
        ("Queues", [{"QueueName": "q", "VisibilityTimeout": 0}], "/0"),
        ("Topics", [{"TopicName": "scaling-events", "MaximumMessageSize": 1024}], "/0"),
        ("Subscriptions", [SUBSCRIPTION], "/0"),
        ("Subscriptions", [{**SUBSCRIPTION, "QueueName": "q", "TopicName": "x"}], "/0"),
        ("Keys", [{"AccessKeyId": "localcloud", "AccessKeySecret": "other"}], "/0/AccessKeyId"),
    ],
)
def test_a_bad_seed_is_refused_whole_and_by_path(
    control: Any, section: str, rows: Any, path: str
) -> None:
    good = {"Queues": [{"QueueName": "good"}], "Topics": [{"TopicName": "good"}]}
    before = control.state()
    answer = control.send("POST", "/_cloud/seed", {**good, section: rows})
    assert answer.status == 400
    problems = answer.json["error"]["problems"]
    assert f"/{section}{path}" in [problem["path"] for problem in problems]
    after = control.state()
    assert {**after, "Clock": None} == {**before, "Clock": None}


def test_an_unknown_key_is_refused_by_name(control: Any) -> None:
    answer = control.send("POST", "/_cloud/seed", {"Qeues": []})
    assert "Qeues" in answer.json["error"]["message"]


@pytest.mark.parametrize("text", ["", "{", "[" * 100000])
def test_what_is_not_json_is_refused(control: Any, text: str) -> None:
    answer = control.send("POST", "/_cloud/seed", text)
    assert (answer.status, answer.json["error"]["code"]) == (400, "BadDocument")


def test_seeding_the_same_queues_topics_and_keys_again_changes_nothing(control: Any) -> None:
    world = localcloud.default_world()
    sections = {name: world[name] for name in ("Queues", "Topics")}
    keys = [{"AccessKeyId": "ak", "AccessKeySecret": "s"}]
    control.seed(**sections, Keys=keys)
    control.seed(**sections, Keys=keys)
    assert len(control.state()["Queues"]) == len(sections["Queues"])


def test_reset_returns_to_the_world_of_the_start(control: Any, slb: Any) -> None:
    before = control.state()
    control.seed(Queues=[{"QueueName": "more"}])
    control.advance(86400)
    control.fault(kind="html", count=9)
    control.send("POST", "/_cloud/reset")
    after = control.state()
    assert {**after, "Clock": None, "LoadBalancers": None} == {
        **before,
        "Clock": None,
        "LoadBalancers": None,
    }
    assert after["Clock"]["now"] - before["Clock"]["now"] < 60
    slb.describe_vserver_groups(LIST)


def test_the_date_header_follows_the_clouds_clock(control: Any) -> None:
    answer = control.send("POST", "/_cloud/clock", {"set": "2030-01-01T00:00:00Z"})
    assert 0 <= answer.json["now"] - 1893456000 < 60
    date = control.v1(Action="DescribeVServerGroups", Version="2014-05-15").headers["date"]
    assert 0 <= parsedate_to_datetime(date).timestamp() - 1893456000 < 60
    assert 0 <= control.send("POST", "/_cloud/clock", {"set": 0}).json["now"] < 60
    assert 100 <= control.send("POST", "/_cloud/clock", {"advance": 100}).json["now"] < 160


@pytest.mark.parametrize("document", BAD_MOVES)
def test_a_bad_move_of_the_clock_is_refused(control: Any, document: Any) -> None:
    assert control.send("POST", "/_cloud/clock", document).status == 400


def test_the_journal_tells_who_called_what_about_what(control: Any, sdk: Any) -> None:
    control.seed(Keys=[{"AccessKeyId": "ak", "AccessKeySecret": "s", "Caller": "provisioner"}])
    slb = sdk.slb(access_key_id="ak", access_key_secret="s")
    request = models.CreateVServerGroupRequest(
        region_id=REGION, load_balancer_id="lb-local", vserver_group_name="web"
    )
    created = slb.create_vserver_group(request).body
    (entry,) = control.journal()
    assert entry.pop("seq") > 0
    assert entry.pop("time") > 0
    assert 0 < entry.pop("duration") < 5
    assert entry == {
        "service": "slb",
        "action": "CreateVServerGroup",
        "version": "2014-05-15",
        "caller": "provisioner",
        "request_id": created.request_id,
        "status": 200,
        "code": None,
        "fault": None,
        "concerns": {
            "LoadBalancerId": "lb-local",
            "VServerGroupName": "web",
            "VServerGroupId": created.vserver_group_id,
        },
    }


def test_the_journal_names_the_load_balancer_of_a_group_and_the_code_of_a_refusal(
    control: Any, slb: Any
) -> None:
    control.seed(VServerGroups=[{**GROUP, "VServerGroupId": "rsp-1"}])
    request = models.AddVServerGroupBackendServersRequest(
        region_id=REGION, vserver_group_id="rsp-1", backend_servers="["
    )
    with pytest.raises(Exception, match="BackendServersMalformed"):
        slb.add_vserver_group_backend_servers(request)
    (entry,) = control.journal()
    assert entry["concerns"] == {"LoadBalancerId": "lb-local", "VServerGroupId": "rsp-1"}
    assert (entry["status"], entry["code"]) == (400, "BackendServersMalformed")


def test_a_stranger_has_no_name_in_the_journal(control: Any) -> None:
    control.v1(Action="DescribeVServerGroups", Version="2014-05-15", AccessKeyId="stranger")
    (entry,) = control.journal()
    assert (entry["caller"], entry["code"]) == (None, "InvalidAccessKeyId.NotFound")


def test_the_journal_is_followed_by_number_across_a_reset(control: Any, slb: Any) -> None:
    slb.describe_vserver_groups(LIST)
    (first,) = control.journal()
    control.send("POST", "/_cloud/reset")
    assert control.journal() == []
    slb.describe_vserver_groups(LIST)
    (second,) = control.journal()
    assert second["seq"] == first["seq"] + 1
    assert control.send("GET", f"/_cloud/journal?after={second['seq']}").json == {"entries": []}


def test_a_follower_of_the_journal_is_told_of_the_next_entry(control: Any, slb: Any) -> None:
    followed: list[Any] = []

    def follow() -> None:
        followed.extend(control.send("GET", "/_cloud/journal?after=0&wait=30").json["entries"])

    thread = threading.Thread(target=follow)
    thread.start()
    slb.describe_vserver_groups(LIST)
    thread.join()
    assert [entry["action"] for entry in followed] == ["DescribeVServerGroups"]


def test_a_follower_who_waits_in_vain_gets_an_empty_list(control: Any) -> None:
    assert control.send("GET", "/_cloud/journal?wait=0.01").json == {"entries": []}
    assert control.send("GET", "/_cloud/journal?wait=soon").status == 400


def test_what_the_control_endpoint_does_not_know_is_a_404(control: Any) -> None:
    assert control.send("GET", "/_cloud/nothing").status == 404
    assert control.send("GET", "/_cloud/seed").status == 405
