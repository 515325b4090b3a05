"""Scaling groups with the vendor's SDK: instances come and go, and hooks make them wait."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from alibabacloud_ess20220222 import models

from functions import until
from localcloud.server import Running

Refused = Callable[..., tuple[str, int]]

REGION, GROUP = "cn-hangzhou", "asg-1"
OUT = {"LifecycleHookId": "ash-out", "LifecycleTransition": "SCALE_OUT", "DefaultResult": "ABANDON"}
IN = {"LifecycleHookId": "ash-in", "LifecycleTransition": "SCALE_IN", "HeartbeatTimeout": 60}


def group(control: Any, *hooks: dict[str, Any], size: int = 0, **more: Any) -> None:
    """Seeds `asg-1` with so many instances in service, oldest first: i-1, i-2 …"""
    row = {"ScalingGroupId": GROUP, "RegionId": REGION, "LifecycleHooks": list(hooks), **more}
    members = [
        {"InstanceId": f"i-{number}", "ScalingGroupId": GROUP} for number in range(1, size + 1)
    ]
    control.seed(ScalingGroups=[row], ScalingInstances=members)


def scale(
    ess: Any, value: int, kind: str = "QuantityChangeInCapacity", group_id: str = GROUP, **more: Any
) -> str:
    request = models.ScaleWithAdjustmentRequest(
        scaling_group_id=group_id, adjustment_type=kind, adjustment_value=value, **more
    )
    activity_id: str = ess.scale_with_adjustment(request).body.scaling_activity_id
    return activity_id


def states(ess: Any) -> Counter[str]:
    request = models.DescribeScalingInstancesRequest(
        region_id=REGION, scaling_group_id=GROUP, page_size=100
    )
    found = ess.describe_scaling_instances(request).body.scaling_instances
    return Counter(item.lifecycle_state for item in found)


def activity(ess: Any, activity_id: str) -> Any:
    request = models.DescribeScalingActivitiesRequest(
        region_id=REGION, scaling_activity_ids=[activity_id]
    )
    (found,) = ess.describe_scaling_activities(request).body.scaling_activities
    return found


def actions(ess: Any, activity_id: str) -> list[Any]:
    request = models.DescribeLifecycleActionsRequest(scaling_activity_id=activity_id)
    found: list[Any] = ess.describe_lifecycle_actions(request).body.lifecycle_actions
    return found


def complete(ess: Any, action: Any, result: str) -> None:
    request = models.CompleteLifecycleActionRequest(
        lifecycle_hook_id=action.lifecycle_hook_id,
        lifecycle_action_token=action.lifecycle_action_token,
        lifecycle_action_result=result,
    )
    ess.complete_lifecycle_action(request)


def test_without_a_hook_new_instances_are_in_service_at_once(control: Any, ess: Any) -> None:
    group(control, IN)
    found = activity(ess, scale(ess, 2))
    assert states(ess) == {"InService": 2}
    assert (found.status_code, found.progress, found.total_capacity) == ("Successful", 100, 2)
    assert len(found.created_instances) == found.created_capacity == 2


def test_new_instances_wait_for_the_hook_and_are_in_service_when_it_continues(
    control: Any, ess: Any
) -> None:
    group(control, OUT, size=1)
    activity_id = scale(ess, 2)
    assert states(ess) == {"InService": 1, "Pending:Wait": 2}
    found = activity(ess, activity_id)
    assert (found.status_code, found.end_time) == ("InProgress", None)
    (action,) = actions(ess, activity_id)
    assert action.instance_ids == found.created_instances
    complete(ess, action, "CONTINUE")
    assert states(ess) == {"InService": 3}
    assert activity(ess, activity_id).status_code == "Successful"


def test_an_activity_tells_its_cause_and_what_it_changes(control: Any, ess: Any) -> None:
    group(control, OUT, size=1)
    out = activity(ess, activity_id := scale(ess, 2))
    asked = "A user requests to execute ScaleWithAdjustment."
    assert (out.cause, out.description) == (asked, 'Add "2" ECS instance')
    (action,) = actions(ess, activity_id)
    assert (action.lifecycle_action_status, action.lifecycle_action_result) == (
        "Pending",
        OUT["DefaultResult"],
    )
    request = models.DescribeScalingInstancesRequest(
        region_id=REGION, scaling_group_id=GROUP, scaling_activity_id=activity_id
    )
    found = ess.describe_scaling_instances(request).body.scaling_instances
    assert [item.creation_time for item in found] == [out.start_time] * 2
    complete(ess, action, "CONTINUE")
    assert activity(ess, scale(ess, -1)).description == 'Remove "1" ECS instance'


def test_a_scale_in_takes_only_instances_in_service(control: Any, ess: Any) -> None:
    group(control)
    members = [
        {"InstanceId": f"i-{state}", "ScalingGroupId": GROUP, "LifecycleState": state}
        for state in ("Protected", "Standby", "InService")
    ]
    control.seed(ScalingInstances=members)
    scale(ess, -3)
    assert states(ess) == {"Protected": 1, "Standby": 1}


def test_every_instance_has_an_address_of_its_own_that_ess_and_ecs_agree_on(
    control: Any, ess: Any, sdk: Any
) -> None:
    control.seed(
        Instances=[{"InstanceId": "i-x", "RegionId": REGION, "PrivateIpAddress": "10.0.0.2"}]
    )
    group(control, OUT, VpcId="vpc-1")
    scale(ess, 3)
    request = models.DescribeScalingInstancesRequest(region_id=REGION, scaling_group_id=GROUP)
    found = ess.describe_scaling_instances(request).body.scaling_instances
    addresses = {item.instance_id: item.private_ip_address for item in found}
    assert sorted(addresses.values()) == ["10.0.0.1", "10.0.0.3", "10.0.0.4"]
    servers: dict[str, str] = {}
    for page in ("1", "2"):
        names = {"RegionId": REGION, "PageSize": "2", "PageNumber": page, "VpcId": "vpc-1"}
        body = sdk.call("2014-05-26", "DescribeInstances", **names)
        assert body["TotalCount"] == 3
        for item in body["Instances"]["Instance"]:
            servers[item["InstanceId"]] = item["VpcAttributes"]["PrivateIpAddress"]["IpAddress"][0]
    assert servers == addresses


def test_the_oldest_instances_go_and_are_released_once_the_hook_is_over(
    control: Any, ess: Any, sdk: Any
) -> None:
    group(control, IN, size=3)
    activity_id = scale(ess, -2)
    assert states(ess) == {"InService": 1, "Removing:Wait": 2}
    (action,) = actions(ess, activity_id)
    assert action.instance_ids == ["i-1", "i-2"]
    assert sdk.call("2014-05-26", "DescribeInstances", RegionId=REGION)["TotalCount"] == 3
    complete(ess, action, "CONTINUE")
    assert states(ess) == {"InService": 1}
    assert activity(ess, activity_id).destroyed_instances == ["i-1", "i-2"]
    assert sdk.call("2014-05-26", "DescribeInstances", RegionId=REGION)["TotalCount"] == 1


def test_a_group_cannot_give_more_than_it_has(control: Any, ess: Any) -> None:
    group(control, size=2)
    assert activity(ess, scale(ess, -5)).destroyed_instances == ["i-1", "i-2"]
    assert activity(ess, scale(ess, -5)).status_code == "Successful"


def test_scaling_stops_at_the_sizes_of_the_group(control: Any, ess: Any) -> None:
    group(control, size=2, MinSize=1, MaxSize=4)
    scale(ess, 9)
    assert states(ess) == {"InService": 4}
    scale(ess, -9)
    assert states(ess) == {"InService": 1}


@pytest.mark.parametrize(
    ("kind", "value", "magnitude", "size"),
    [
        ("QuantityChangeInCapacity", 1, None, 5),
        ("QuantityChangeInCapacity", -1, None, 3),
        ("PercentChangeInCapacity", 50, None, 6),
        ("PercentChangeInCapacity", -50, None, 2),
        ("PercentChangeInCapacity", 10, 3, 7),
        ("PercentChangeInCapacity", -10, 3, 1),
        ("TotalCapacity", 6, None, 6),
        ("TotalCapacity", 0, None, 0),
        ("TotalCapacity", 4, None, 4),
    ],
)
def test_an_adjustment_is_a_number_a_percentage_or_the_wanted_total(  # noqa: PLR0917 - a table
    control: Any, ess: Any, kind: str, value: int, magnitude: int | None, size: int
) -> None:
    group(control, size=4)
    scale(ess, value, kind, min_adjustment_magnitude=magnitude)
    assert states(ess)["InService"] == size


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"scaling_group_id": None}, ("MissingParameter", 400)),
        ({"scaling_group_id": "asg-9"}, ("InvalidScalingGroupId.NotFound", 404)),
        ({"adjustment_type": None}, ("MissingParameter", 400)),
        ({"adjustment_type": "Doubling"}, ("InvalidParameter", 400)),
        ({"adjustment_value": None}, ("MissingParameter", 400)),
        ({"adjustment_value": 1001}, ("InvalidParameter", 400)),
        ({"adjustment_value": "many"}, ("InvalidParameter", 400)),
        ({"client_token": "x" * 65}, ("InvalidParameter", 400)),
        ({"execution_mode": "PlanOnly"}, ("NotImplemented", 501)),
    ],
)
def test_a_bad_adjustment_is_refused(
    control: Any, ess: Any, refused: Refused, changed: dict[str, Any], expected: tuple[str, int]
) -> None:
    group(control)
    good = {"scaling_group_id": GROUP, "adjustment_type": "TotalCapacity", "adjustment_value": 1}
    request = models.ScaleWithAdjustmentRequest(**{**good, **changed})
    if "adjustment_value" in changed:
        request.adjustment_type = "QuantityChangeInCapacity"
    assert refused(ess.scale_with_adjustment, request) == expected
    assert states(ess) == {}


@pytest.mark.parametrize("context", ["{", "[]", '{"IgnoredLifecycleHookIds": "ash-out"}'])
def test_a_malformed_hook_context_is_refused(
    control: Any, sdk: Any, refused: Refused, context: str
) -> None:
    group(control)
    names = {"ScalingGroupId": GROUP, "AdjustmentType": "TotalCapacity", "AdjustmentValue": "1"}
    call = lambda: sdk.call(  # noqa: E731
        "2022-02-22", "ScaleWithAdjustment", **names, LifecycleHookContext=context
    )
    assert refused(call) == ("InvalidParameter", 400)


def test_an_activity_may_pass_hooks_by(control: Any, ess: Any) -> None:
    group(control, OUT, {**OUT, "LifecycleHookId": "ash-other"})
    context = models.ScaleWithAdjustmentRequestLifecycleHookContext
    disabled = context(disable_lifecycle_hook=True)
    ignored = context(ignored_lifecycle_hook_ids=["ash-other"])
    assert actions(ess, scale(ess, 1, lifecycle_hook_context=disabled)) == []
    (action,) = actions(ess, scale(ess, 1, lifecycle_hook_context=ignored))
    assert action.lifecycle_hook_id == "ash-out"


def test_each_hook_of_an_activity_has_a_token_of_its_own(control: Any, ess: Any) -> None:
    group(control, OUT, {**OUT, "LifecycleHookId": "ash-other"}, IN)
    first, second = actions(ess, scale(ess, 2))
    assert first.lifecycle_action_token != second.lifecycle_action_token
    assert first.instance_ids == second.instance_ids
    complete(ess, first, "CONTINUE")
    assert states(ess) == {"Pending:Wait": 2}
    complete(ess, second, "CONTINUE")
    assert states(ess) == {"InService": 2}


@pytest.mark.parametrize("result", ["ABANDON", "ROLLBACK"])
def test_a_scale_out_that_is_called_off_releases_the_new_instances(
    control: Any, ess: Any, sdk: Any, result: str
) -> None:
    group(control, OUT, size=1)
    activity_id = scale(ess, 2)
    complete(ess, actions(ess, activity_id)[0], result)
    assert states(ess) == {"InService": 1}
    assert activity(ess, activity_id).status_code == "Failed"
    assert sdk.call("2014-05-26", "DescribeInstances", RegionId=REGION)["TotalCount"] == 1


def test_a_scale_in_that_is_rolled_back_keeps_the_instances(control: Any, ess: Any) -> None:
    group(control, IN, {**IN, "LifecycleHookId": "ash-other"}, size=2)
    activity_id = scale(ess, -1)
    complete(ess, actions(ess, activity_id)[0], "ROLLBACK")
    assert states(ess) == {"InService": 2}
    found = activity(ess, activity_id)
    assert (found.status_code, found.destroyed_instances) == ("Failed", [])
    assert [item.lifecycle_action_status for item in actions(ess, activity_id)] == ["Completed"] * 2


def test_while_a_hook_waits_the_group_refuses_other_activities(
    control: Any, ess: Any, refused: Refused
) -> None:
    group(control, OUT, size=1)
    activity_id = scale(ess, 1)
    assert refused(scale, ess, 1) == ("ScalingActivityInProgress", 400)
    assert refused(scale, ess, -1) == ("ScalingActivityInProgress", 400)
    complete(ess, actions(ess, activity_id)[0], "CONTINUE")
    scale(ess, -1)
    assert states(ess) == {"InService": 1}


def test_a_parallel_task_runs_beside_another_activity(control: Any, ess: Any) -> None:
    group(control, OUT, size=1)
    scale(ess, 1)
    scale(ess, 2, parallel_task=True)
    assert states(ess) == {"InService": 1, "Pending:Wait": 3}


def test_with_an_expected_number_of_instances_activities_run_side_by_side(
    control: Any, ess: Any
) -> None:
    group(control, OUT, IN, size=2, DesiredCapacity=2)
    scale(ess, 2)
    scale(ess, -1)
    scale(ess, 1)
    assert states(ess) == {"InService": 1, "Pending:Wait": 3, "Removing:Wait": 1}
    request = models.DescribeScalingGroupsRequest(region_id=REGION, scaling_group_ids=[GROUP])
    (found,) = ess.describe_scaling_groups(request).body.scaling_groups
    assert (found.enable_desired_capacity, found.desired_capacity) == (True, 4)


def test_the_same_client_token_is_the_same_activity(control: Any, ess: Any) -> None:
    group(control, OUT)
    assert scale(ess, 1, client_token="once") == scale(ess, 1, client_token="once")
    assert states(ess) == {"Pending:Wait": 1}


def test_a_scaling_rule_is_executed(control: Any, ess: Any, refused: Refused) -> None:
    rule = {"AdjustmentType": "QuantityChangeInCapacity", "AdjustmentValue": 2}
    group(control, ScalingRules=[{"ScalingRuleAri": "ari:rule-1", **rule}])
    request = models.ExecuteScalingRuleRequest(region_id=REGION, scaling_rule_ari="ari:rule-1")
    ess.execute_scaling_rule(request)
    assert states(ess) == {"InService": 2}
    request.scaling_rule_ari = "ari:rule-9"
    assert refused(ess.execute_scaling_rule, request) == ("InvalidScalingRuleAri.NotFound", 400)


def test_the_older_version_scales_too(control: Any, sdk: Any, ess: Any) -> None:
    group(control, OUT)
    names = {"ScalingGroupId": GROUP, "AdjustmentType": "TotalCapacity", "AdjustmentValue": "2"}
    activity_id = sdk.call("2014-08-28", "ScaleWithAdjustment", **names)["ScalingActivityId"]
    (action,) = actions(ess, activity_id)
    assert len(action.instance_ids) == 2


def test_the_control_endpoint_scales_out_and_in(control: Any, ess: Any) -> None:
    group(control, OUT)
    answer = control.send("POST", "/_cloud/scale", {"ScalingGroupId": GROUP, "Adjustment": 2}).json
    (action,) = answer["LifecycleActions"]
    assert action["InstanceIds"] == answer["CreatedInstances"]
    busy = control.send("POST", "/_cloud/scale", {"ScalingGroupId": GROUP, "Adjustment": -1})
    assert (busy.status, busy.json["error"]["code"]) == (400, "ScalingActivityInProgress")
    complete(ess, actions(ess, answer["ScalingActivityId"])[0], "CONTINUE")
    control.send("POST", "/_cloud/scale", {"ScalingGroupId": GROUP, "Adjustment": -1})
    assert states(ess) == {"InService": 1}


@pytest.mark.parametrize(
    ("document", "status"),
    [
        ({"ScalingGroupId": "asg-9", "Adjustment": 1}, 404),
        ({"ScalingGroupId": GROUP}, 400),
        ({"ScalingGroupId": GROUP, "Adjustment": 1.5}, 400),
        ({"ScalingGroupId": GROUP, "Adjustment": 1, "Hurry": True}, 400),
    ],
)
def test_the_control_endpoint_refuses_what_it_cannot_scale(
    control: Any, document: dict[str, Any], status: int
) -> None:
    group(control)
    assert control.send("POST", "/_cloud/scale", document).status == status


def test_a_group_counts_its_instances_by_state(control: Any, ess: Any) -> None:
    members = [
        {"InstanceId": f"i-{number}", "ScalingGroupId": GROUP, "LifecycleState": state}
        for number, state in enumerate(
            ["InService", "Protected", "Standby", "Stopped", "Pending", "Removing"]
        )
    ]
    group(control, OUT, IN, MaxSize=9, VpcId="vpc-1", Tags=[{"Key": "env", "Value": "test"}])
    control.seed(ScalingInstances=members)
    scale(ess, 2)
    request = models.DescribeScalingGroupsRequest(region_id=REGION, scaling_group_ids=[GROUP])
    (found,) = ess.describe_scaling_groups(request).body.scaling_groups
    assert (found.total_capacity, found.active_capacity, found.pending_wait_capacity) == (8, 1, 2)
    assert (found.protected_capacity, found.standby_capacity, found.stopped_capacity) == (1, 1, 1)
    assert (found.pending_capacity, found.removing_capacity, found.removing_wait_capacity) == (
        1,
        1,
        0,
    )
    assert (found.min_size, found.max_size, found.vpc_id) == (0, 9, "vpc-1")
    assert [(tag.tag_key, tag.tag_value) for tag in found.tags] == [("env", "test")]


@pytest.mark.parametrize(
    ("wanted", "count"), [(("env", "test"), 1), (("env", None), 1), (("env", "prod"), 0)]
)
def test_groups_are_found_by_tag(
    control: Any, ess: Any, wanted: tuple[str, str | None], count: int
) -> None:
    group(control, Tags=[{"Key": "env", "Value": "test"}])
    key, value = wanted
    tags = [models.DescribeScalingGroupsRequestTags(key=key, value=value)]
    request = models.DescribeScalingGroupsRequest(region_id=REGION, tags=tags)
    assert ess.describe_scaling_groups(request).body.total_count == count


def test_a_time_out_takes_effect_though_nobody_looks(
    control: Any, ess: Any, served: Running
) -> None:
    group(control, OUT)
    scale(ess, 2)
    control.advance(601)
    until(lambda: not served.cloud.world.ess.instances)  # without a call that would settle it
    assert [action.status for action in served.cloud.world.ess.actions] == ["Timeout"]


def test_time_outs_take_effect_each_at_its_own_time(control: Any, ess: Any) -> None:
    late = {**OUT, "LifecycleHookId": "ash-late", "DefaultResult": "CONTINUE"}
    group(control, {**OUT, "HeartbeatTimeout": 60}, {**late, "HeartbeatTimeout": 120})
    activity_id = scale(ess, 1)
    control.advance(10_000)
    assert [item.lifecycle_action_status for item in actions(ess, activity_id)] == ["Timeout"] * 2
    assert states(ess) == {"InService": 1}
    found = activity(ess, activity_id)
    started, ended = found.start_time, found.end_time
    assert (int(ended[14:16]) - int(started[14:16])) % 60 in (1, 2)
