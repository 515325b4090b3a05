"""ESS with the vendor's SDK: hooks, actions, their completion and their time-outs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from alibabacloud_ess20220222 import models

Refused = Callable[..., tuple[str, int]]

REGION = "cn-hangzhou"
ENDED = ("LifecycleHookIdAndLifecycleActionToken.Invalid", 400)


def world(transition: str = "SCALE_OUT", hooks: int = 1, **hook: Any) -> dict[str, Any]:
    """A group `asg-1` in mid-activity `asa-1`: two instances wait for each of its hooks."""
    state = {"SCALE_OUT": "Pending:Wait", "SCALE_IN": "Removing:Wait"}[transition]
    ids = ["i-1", "i-2"]
    common = {"LifecycleTransition": transition, "DefaultResult": "ABANDON", **hook}
    return {
        "ScalingGroups": [
            {
                "ScalingGroupId": "asg-1",
                "ScalingGroupName": "web",
                "RegionId": REGION,
                "LifecycleHooks": [
                    {"LifecycleHookId": f"ash-{number}", **common} for number in range(hooks)
                ],
            }
        ],
        "ScalingActivities": [
            {
                "ScalingActivityId": "asa-1",
                "ScalingGroupId": "asg-1",
                "StatusCode": "InProgress",
                "CreatedInstances": ids,
            }
        ],
        "ScalingInstances": [
            {
                "InstanceId": instance_id,
                "ScalingGroupId": "asg-1",
                "ScalingActivityId": "asa-1",
                "LifecycleState": state,
                "PrivateIpAddress": "10.0.0.1",
            }
            for instance_id in ids
        ],
        "LifecycleActions": [
            {
                "LifecycleHookId": f"ash-{number}",
                "LifecycleActionToken": f"token-{number}",
                "ScalingActivityId": "asa-1",
                "InstanceIds": ids,
            }
            for number in range(hooks)
        ],
    }


def complete(ess: Any, result: str | None = "CONTINUE", number: int = 0, **more: Any) -> None:
    request = models.CompleteLifecycleActionRequest(
        lifecycle_hook_id=f"ash-{number}",
        lifecycle_action_token=f"token-{number}",
        lifecycle_action_result=result,
        **more,
    )
    ess.complete_lifecycle_action(request)


def heartbeat(ess: Any, seconds: int | None = None) -> None:
    request = models.RecordLifecycleActionHeartbeatRequest(
        lifecycle_hook_id="ash-0", lifecycle_action_token="token-0", heartbeat_timeout=seconds
    )
    ess.record_lifecycle_action_heartbeat(request)


def actions(ess: Any) -> list[tuple[str, str]]:
    request = models.DescribeLifecycleActionsRequest(scaling_activity_id="asa-1")
    found = ess.describe_lifecycle_actions(request).body.lifecycle_actions
    return [(action.lifecycle_action_status, action.lifecycle_action_result) for action in found]


def instances(ess: Any, **more: Any) -> dict[str, str]:
    request = models.DescribeScalingInstancesRequest(
        region_id=REGION, scaling_group_id="asg-1", **more
    )
    found = ess.describe_scaling_instances(request).body.scaling_instances
    return {instance.instance_id: instance.lifecycle_state for instance in found}


def activity_status(ess: Any) -> str:
    request = models.DescribeScalingActivitiesRequest(region_id=REGION, scaling_group_id="asg-1")
    (found,) = ess.describe_scaling_activities(request).body.scaling_activities
    status: str = found.status_code
    return status


@pytest.mark.parametrize(
    ("transition", "result", "outcome"),
    [
        ("SCALE_OUT", "CONTINUE", ({"i-1": "InService", "i-2": "InService"}, "Successful")),
        ("SCALE_OUT", "ABANDON", ({}, "Failed")),
        ("SCALE_OUT", "ROLLBACK", ({}, "Failed")),
        ("SCALE_IN", "CONTINUE", ({}, "Successful")),
        ("SCALE_IN", "ABANDON", ({}, "Successful")),
        ("SCALE_IN", "ROLLBACK", ({"i-1": "InService", "i-2": "InService"}, "Failed")),
    ],
)
def test_a_result_decides_what_becomes_of_the_instances(
    control: Any, ess: Any, transition: str, result: str, outcome: tuple[dict[str, str], str]
) -> None:
    control.seed(**world(transition))
    complete(ess, result)
    assert actions(ess) == [("Completed", result)]
    assert (instances(ess), activity_status(ess)) == outcome


def test_without_a_result_the_hooks_default_holds(control: Any, ess: Any) -> None:
    control.seed(**world(DefaultResult="ROLLBACK"))
    complete(ess, None)
    assert actions(ess) == [("Completed", "ROLLBACK")]


def test_a_second_completion_is_refused_even_with_the_same_client_token(
    control: Any, ess: Any, refused: Refused
) -> None:
    control.seed(**world())
    complete(ess, client_token="c")
    again = models.CompleteLifecycleActionRequest(
        lifecycle_hook_id="ash-0", lifecycle_action_token="token-0", client_token="c"
    )
    assert refused(ess.complete_lifecycle_action, again) == ENDED


@pytest.mark.parametrize(("hook", "token"), [("ash-9", "token-0"), ("ash-0", "token-9")])
def test_a_pair_that_does_not_match_is_refused(
    control: Any, ess: Any, refused: Refused, hook: str, token: str
) -> None:
    control.seed(**world())
    request = models.CompleteLifecycleActionRequest(
        lifecycle_hook_id=hook, lifecycle_action_token=token
    )
    assert refused(ess.complete_lifecycle_action, request) == ENDED


def test_an_unknown_result_is_refused(control: Any, ess: Any, refused: Refused) -> None:
    control.seed(**world())
    assert refused(complete, ess, "GIVE_UP") == ("InvalidParamter", 400)
    assert actions(ess) == [("Pending", "ABANDON")]


def test_a_client_token_is_64_ascii_characters_at_most(
    control: Any, ess: Any, refused: Refused
) -> None:
    control.seed(**world())
    long = models.CompleteLifecycleActionRequest(
        lifecycle_hook_id="ash-0", lifecycle_action_token="token-0", client_token="x" * 65
    )
    assert refused(ess.complete_lifecycle_action, long) == ("InvalidParameter", 400)


def test_an_action_times_out_with_the_hooks_default(
    control: Any, ess: Any, refused: Refused
) -> None:
    control.seed(**world(HeartbeatTimeout=60))
    control.advance(30)
    assert actions(ess) == [("Pending", "ABANDON")]
    control.advance(30)
    assert actions(ess) == [("Timeout", "ABANDON")]
    assert instances(ess) == {}
    assert refused(complete, ess) == ENDED


def test_a_heartbeat_puts_the_time_out_off(control: Any, ess: Any) -> None:
    control.seed(**world(HeartbeatTimeout=60))
    control.advance(50)
    heartbeat(ess, 120)
    control.advance(100)
    complete(ess)


@pytest.mark.parametrize("seconds", [29, 21601])
def test_a_heartbeat_out_of_range_is_refused(
    control: Any, ess: Any, refused: Refused, seconds: int
) -> None:
    control.seed(**world())
    assert refused(heartbeat, ess, seconds) == ("InvalidParamter", 400)


def test_twenty_heartbeats_are_recorded_and_no_more(
    control: Any, ess: Any, refused: Refused
) -> None:
    control.seed(**world())
    for _ in range(20):
        heartbeat(ess)
    assert refused(heartbeat, ess) == ("LifecycleAction.RecordTimesExceeded", 400)


def test_no_heartbeat_reaches_beyond_six_hours(control: Any, ess: Any, refused: Refused) -> None:
    control.seed(**world(HeartbeatTimeout=3600))
    control.advance(3000)
    assert refused(heartbeat, ess, 21600) == ("LifecycleAction.TimeExceeded", 400)


def test_a_heartbeat_in_upper_camel_case_is_taken_too(control: Any, sdk: Any) -> None:
    control.seed(**world())
    names = {"LifecycleHookId": "ash-0", "LifecycleActionToken": "token-0"}
    sdk.call("2022-02-22", "RecordLifecycleActionHeartbeat", **names)
    assert control.state()["LifecycleActions"][0]["Heartbeats"] == 1


def test_of_several_hooks_the_last_to_end_decides(control: Any, ess: Any) -> None:
    control.seed(**world(hooks=2))
    complete(ess, "ABANDON", 0)
    assert instances(ess) == {"i-1": "Pending:Wait", "i-2": "Pending:Wait"}
    complete(ess, "CONTINUE", 1)
    assert instances(ess) == {"i-1": "InService", "i-2": "InService"}


def test_on_scale_in_a_rollback_ends_the_other_hooks_too(control: Any, ess: Any) -> None:
    control.seed(**world("SCALE_IN", hooks=3))
    complete(ess, "CONTINUE", 0)
    complete(ess, "ROLLBACK", 1)
    assert actions(ess) == [
        ("Completed", "CONTINUE"),
        ("Completed", "ROLLBACK"),
        ("Completed", "ROLLBACK"),
    ]
    assert instances(ess) == {"i-1": "InService", "i-2": "InService"}


def test_actions_are_paged_by_token_and_a_full_last_page_bears_one_too(
    control: Any, ess: Any
) -> None:
    control.seed(**world(hooks=4))
    tokens: list[str] = []
    request = models.DescribeLifecycleActionsRequest(scaling_activity_id="asa-1", max_results=2)
    sizes: list[int] = []
    while len(sizes) == len(tokens):
        body = ess.describe_lifecycle_actions(request).body
        sizes.append(len(body.lifecycle_actions))
        assert body.total_count == 4
        if body.next_token:
            tokens.append(body.next_token)
            request.next_token = body.next_token
    assert sizes == [2, 2, 0]


@pytest.mark.parametrize(
    "changed", [{"max_results": 51}, {"next_token": "x"}, {"lifecycle_action_status": "Over"}]
)
def test_a_bad_page_or_status_of_actions_is_refused(
    control: Any, ess: Any, refused: Refused, changed: dict[str, Any]
) -> None:
    control.seed(**world())
    request = models.DescribeLifecycleActionsRequest(scaling_activity_id="asa-1", **changed)
    assert refused(ess.describe_lifecycle_actions, request) == ("InvalidParameter", 400)


def test_actions_are_filtered_by_status(control: Any, ess: Any) -> None:
    control.seed(**world(hooks=2))
    complete(ess)
    request = models.DescribeLifecycleActionsRequest(
        scaling_activity_id="asa-1", lifecycle_action_status="Pending"
    )
    (pending,) = ess.describe_lifecycle_actions(request).body.lifecycle_actions
    assert pending.lifecycle_action_token == "token-1"


def test_hooks_are_described(control: Any, ess: Any) -> None:
    control.seed(**world(NotificationMetadata="m"))
    request = models.DescribeLifecycleHooksRequest(region_id=REGION, scaling_group_id="asg-1")
    (hook,) = ess.describe_lifecycle_hooks(request).body.lifecycle_hooks
    assert (hook.lifecycle_hook_id, hook.lifecycle_transition) == ("ash-0", "SCALE_OUT")
    assert (hook.default_result, hook.heartbeat_timeout) == ("ABANDON", 600)
    assert (hook.notification_metadata, hook.lifecycle_hook_status) == ("m", "Active")


def test_hooks_are_found_by_id_or_name(control: Any, ess: Any) -> None:
    control.seed(**world(hooks=3))
    by_id = models.DescribeLifecycleHooksRequest(region_id=REGION, lifecycle_hook_ids=["ash-2"])
    by_name = models.DescribeLifecycleHooksRequest(region_id=REGION, lifecycle_hook_name="ash-1")
    found = [ess.describe_lifecycle_hooks(item).body.lifecycle_hooks for item in (by_id, by_name)]
    assert [hook.lifecycle_hook_id for (hook,) in found] == ["ash-2", "ash-1"]


def test_instances_are_found_by_id_state_and_activity(control: Any, ess: Any) -> None:
    control.seed(**world())
    waiting = {"i-1": "Pending:Wait", "i-2": "Pending:Wait"}
    assert instances(ess, instance_ids=["i-2", "i-9"]) == {"i-2": "Pending:Wait"}
    assert instances(ess, lifecycle_states=["Pending:Wait"]) == waiting
    assert instances(ess, lifecycle_states=["InService"]) == {}
    assert instances(ess, scaling_activity_id="asa-1") == waiting
    assert instances(ess, scaling_activity_id="asa-9") == {}
    assert instances(ess, page_size=1, page_number=2) == {"i-2": "Pending:Wait"}


def test_another_region_knows_nothing_of_them(control: Any, ess: Any) -> None:
    control.seed(**world())
    request = models.DescribeScalingInstancesRequest(region_id="cn-beijing")
    assert ess.describe_scaling_instances(request).body.total_count == 0


def test_activities_are_asked_for_by_group_or_by_id_but_not_by_both(
    control: Any, ess: Any, refused: Refused
) -> None:
    control.seed(**world())

    def asked(**more: Any) -> Any:
        return models.DescribeScalingActivitiesRequest(region_id=REGION, **more)

    by_id = ess.describe_scaling_activities(asked(scaling_activity_ids=["asa-1"])).body
    assert by_id.scaling_activities[0].created_instances == ["i-1", "i-2"]
    ended = asked(scaling_group_id="asg-1", status_code="Successful")
    assert ess.describe_scaling_activities(ended).body.scaling_activities == []
    both = asked(scaling_group_id="asg-1", scaling_activity_ids=["asa-1"])
    assert refused(ess.describe_scaling_activities, both) == ("InvalidParameter", 400)
    assert refused(ess.describe_scaling_activities, asked()) == ("MissingParameter", 400)
    too_many = asked(scaling_group_id="asg-1", page_size=51)
    assert refused(ess.describe_scaling_activities, too_many) == ("InvalidParameter", 400)


def test_groups_count_who_waits(control: Any, ess: Any) -> None:
    control.seed(**world())
    request = models.DescribeScalingGroupsRequest(region_id=REGION, scaling_group_ids=["asg-1"])
    (group,) = ess.describe_scaling_groups(request).body.scaling_groups
    assert (group.scaling_group_name, group.pending_wait_capacity) == ("web", 2)
    named = models.DescribeScalingGroupsRequest(region_id=REGION, scaling_group_names=["other"])
    assert ess.describe_scaling_groups(named).body.total_count == 0


def test_the_older_version_nests_its_lists(control: Any, sdk: Any) -> None:
    control.seed(**world())
    body = sdk.call("2014-08-28", "DescribeLifecycleActions", ScalingActivityId="asa-1")
    (action,) = body["LifecycleActions"]["LifecycleAction"]
    assert action["InstanceIds"] == {"InstanceId": ["i-1", "i-2"]}
    names = {"RegionId": REGION, "ScalingGroupId": "asg-1", "InstanceId.1": "i-2"}
    body = sdk.call("2014-08-28", "DescribeScalingInstances", **names)
    assert [item["InstanceId"] for item in body["ScalingInstances"]["ScalingInstance"]] == ["i-2"]


def test_the_older_version_completes_too(control: Any, sdk: Any, ess: Any) -> None:
    control.seed(**world())
    names = {"LifecycleHookId": "ash-0", "LifecycleActionToken": "token-0"}
    sdk.call("2014-08-28", "CompleteLifecycleAction", **names, LifecycleActionResult="CONTINUE")
    assert actions(ess) == [("Completed", "CONTINUE")]


def test_ecs_knows_the_addresses_of_the_groups_instances(control: Any, sdk: Any) -> None:
    control.seed(**world())
    body = sdk.call("2014-05-26", "DescribeInstances", RegionId=REGION, InstanceIds='["i-2","i-9"]')
    (instance,) = body["Instances"]["Instance"]
    assert instance["InstanceId"] == "i-2"
    assert instance["VpcAttributes"]["PrivateIpAddress"]["IpAddress"] == ["10.0.0.1"]
    everything = sdk.call("2014-05-26", "DescribeInstances", RegionId=REGION, PageSize="1")
    assert (everything["TotalCount"], len(everything["Instances"]["Instance"])) == (2, 1)


@pytest.mark.parametrize("ids", ["i-1", '"i-1"', str(list(range(101)))])
def test_ecs_refuses_instance_ids_of_another_form(sdk: Any, refused: Refused, ids: str) -> None:
    def describe() -> Any:
        return sdk.call("2014-05-26", "DescribeInstances", RegionId=REGION, InstanceIds=ids)

    assert refused(describe) == ("InvalidParameter", 400)
