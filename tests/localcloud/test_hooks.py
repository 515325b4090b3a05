"""Lifecycle hooks with the vendor's SDK: made, changed and unmade, and where their messages go."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from alibabacloud_ess20220222 import models

Refused = Callable[..., tuple[str, int]]

REGION, ACCOUNT, GROUP = "cn-hangzhou", "1000000000000001", "asg-1"
WHERE = f"{REGION}:{ACCOUNT}"
NOWHERE = f"acs:ess:{WHERE}:null/null"
DEFAULT_BUS = f"acs:eventbridge:{WHERE}:eventbus/default"
HOOK = {"LifecycleHookId": "ash-out", "LifecycleTransition": "SCALE_OUT"}
RULE = {"FunctionName": "none", "TriggerName": "t", "TriggerType": "eventbridge"}


@pytest.fixture(autouse=True)
def group(control: Any) -> None:
    control.seed(ScalingGroups=[{"ScalingGroupId": GROUP, "RegionId": REGION}])
    control.seed(Queues=[{"QueueName": "hooks"}], Topics=[{"TopicName": "hooks"}])
    inbox = {"TopicName": "hooks", "SubscriptionName": "s", "QueueName": "hooks"}
    control.seed(Subscriptions=[{**inbox, "NotifyContentFormat": "SIMPLIFIED"}])


def creation(**changed: Any) -> Any:
    given = {"scaling_group_id": GROUP, "lifecycle_transition": "SCALE_OUT", **changed}
    return models.CreateLifecycleHookRequest(**given)


def create(ess: Any, **changed: Any) -> str:
    hook_id: str = ess.create_lifecycle_hook(creation(**changed)).body.lifecycle_hook_id
    return hook_id


def hooks(ess: Any) -> list[Any]:
    request = models.DescribeLifecycleHooksRequest(region_id=REGION, scaling_group_id=GROUP)
    found: list[Any] = ess.describe_lifecycle_hooks(request).body.lifecycle_hooks
    return found


def scale(control: Any, change: int = 2) -> Any:
    answer = control.send("POST", "/_cloud/scale", {"ScalingGroupId": GROUP, "Adjustment": change})
    assert answer.status == 200, answer.body
    return answer.json


def received(control: Any, queue: str = "hooks") -> list[str]:
    queues = {item["QueueName"]: item["Messages"] for item in control.state()["Queues"]}
    return [message["MessageBody"] for message in queues[queue]]


def test_a_hook_has_the_documented_defaults(ess: Any) -> None:
    hook_id = create(ess)
    (hook,) = hooks(ess)
    assert (hook.lifecycle_hook_id, hook.lifecycle_hook_name) == (hook_id, hook_id)
    assert (hook.default_result, hook.heartbeat_timeout) == ("CONTINUE", 600)
    assert (hook.notification_arn, hook.lifecycle_hook_status) == (NOWHERE, "Active")


def test_a_hook_keeps_what_it_is_given(ess: Any) -> None:
    given = {
        "lifecycle_hook_name": "in-1",
        "lifecycle_transition": "SCALE_IN",
        "default_result": "ROLLBACK",
        "heartbeat_timeout": 30,
        "notification_arn": f"acs:mns:{WHERE}:queue/hooks",
        "notification_metadata": "m",
    }
    create(ess, **given)
    (hook,) = hooks(ess)
    assert {name: getattr(hook, name) for name in given} == given


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"scaling_group_id": None}, ("MissingParameter", 400)),
        ({"scaling_group_id": "asg-9"}, ("InvalidScalingGroupId.NotFound", 404)),
        ({"lifecycle_transition": None}, ("MissingParameter", 400)),
        ({"lifecycle_transition": "SCALE_UP"}, ("InvalidParamter", 400)),
        ({"default_result": "RETRY"}, ("InvalidParamter", 400)),
        ({"heartbeat_timeout": 29}, ("InvalidParamter", 400)),
        ({"heartbeat_timeout": 21601}, ("InvalidParamter", 400)),
        ({"heartbeat_timeout": "soon"}, ("InvalidParamter", 400)),
        ({"lifecycle_hook_name": "x"}, ("InvalidParamter", 400)),
        ({"lifecycle_hook_name": "x" * 65}, ("InvalidParamter", 400)),
        ({"notification_metadata": "x" * 4097}, ("InvalidParamter", 400)),
        ({"notification_arn": "hooks"}, ("InvalidNotificationArn", 400)),
        ({"notification_arn": f"acs:fc:{WHERE}:functions/f"}, ("InvalidNotificationArn", 400)),
        ({"notification_arn": "acs:mns:cn-beijing:1:queue/q"}, ("InvalidNotificationArn", 400)),
        (
            {"notification_arn": f"acs:eventbridge:{WHERE}:eventbus/other"},
            ("InvalidNotificationArn", 400),
        ),
        ({"notification_arn": f"acs:mns:{WHERE}:queue/gone"}, ("QueueNotExist", 400)),
        ({"notification_arn": f"acs:ess:{WHERE}:topic/gone"}, ("TopicNotExist", 400)),
        ({"notification_arn": f"acs:oos:{WHERE}:template/t"}, ("NotImplemented", 501)),
        ({"notification_arn": f"acs:ess:{WHERE}:oos/t"}, ("NotImplemented", 501)),
    ],
)
def test_a_bad_hook_is_refused(
    ess: Any, refused: Refused, changed: dict[str, Any], expected: tuple[str, int]
) -> None:
    assert refused(ess.create_lifecycle_hook, creation(**changed)) == expected
    assert hooks(ess) == []


def test_a_name_is_unique_in_its_group(ess: Any, refused: Refused) -> None:
    create(ess, lifecycle_hook_name="one")
    expected = ("InvalidLifecycleHookName.Duplicate", 400)
    assert refused(ess.create_lifecycle_hook, creation(lifecycle_hook_name="one")) == expected


def test_a_group_has_ten_hooks_at_most_and_six_in_the_older_version(
    ess: Any, sdk: Any, refused: Refused
) -> None:
    names = {"ScalingGroupId": GROUP, "LifecycleTransition": "SCALE_OUT"}
    for _ in range(6):
        sdk.call("2014-08-28", "CreateLifecycleHook", **names)
    older = lambda: sdk.call("2014-08-28", "CreateLifecycleHook", **names)  # noqa: E731
    assert refused(older) == ("QuotaExceeded.LifecycleHook", 400)
    for _ in range(4):
        create(ess)
    assert refused(ess.create_lifecycle_hook, creation()) == ("QuotaExceeded.LifecycleHook", 400)


def test_a_hook_is_modified_by_its_id_in_what_is_named(ess: Any) -> None:
    hook_id = create(ess, lifecycle_hook_name="one", default_result="ABANDON")
    request = models.ModifyLifecycleHookRequest(
        lifecycle_hook_id=hook_id, lifecycle_hook_name="two", heartbeat_timeout=60
    )
    ess.modify_lifecycle_hook(request)
    (hook,) = hooks(ess)
    assert (hook.lifecycle_hook_name, hook.default_result) == ("two", "ABANDON")
    assert hook.heartbeat_timeout == 60


def test_a_modification_is_refused_like_a_creation(ess: Any, refused: Refused) -> None:
    create(ess, lifecycle_hook_name="one")
    hook_id = create(ess, lifecycle_hook_name="two")
    named = models.ModifyLifecycleHookRequest(lifecycle_hook_id=hook_id, lifecycle_hook_name="one")
    expected = ("InvalidLifecycleHookName.Duplicate", 400)
    assert refused(ess.modify_lifecycle_hook, named) == expected
    short = models.ModifyLifecycleHookRequest(lifecycle_hook_id=hook_id, heartbeat_timeout=1)
    assert refused(ess.modify_lifecycle_hook, short) == ("InvalidParamter", 400)


def test_an_inactive_hook_makes_nobody_wait(control: Any, ess: Any) -> None:
    create(ess, lifecycle_hook_name="one")
    request = models.ModifyLifecycleHookRequest(
        scaling_group_id=GROUP, lifecycle_hook_name="one", lifecycle_hook_status="InActive"
    )
    ess.modify_lifecycle_hook(request)
    assert scale(control)["StatusCode"] == "Successful"


def test_deleting_a_hook_ends_the_wait_with_its_default(control: Any, ess: Any) -> None:
    hook_id = create(ess, default_result="CONTINUE")
    waiting = scale(control)
    ess.delete_lifecycle_hook(models.DeleteLifecycleHookRequest(lifecycle_hook_id=hook_id))
    assert hooks(ess) == []
    state = control.state()
    assert [item["LifecycleState"] for item in state["ScalingInstances"]] == ["InService"] * 2
    assert state["ScalingActivities"][0]["StatusCode"] == "Successful"
    (action,) = state["LifecycleActions"]
    assert action["LifecycleActionToken"] == waiting["LifecycleActions"][0]["LifecycleActionToken"]
    assert (action["LifecycleActionStatus"], action["LifecycleActionResult"]) == (
        "Completed",
        "CONTINUE",
    )


def test_a_hook_is_deleted_by_its_group_and_name_too(ess: Any, refused: Refused) -> None:
    create(ess, lifecycle_hook_name="one")
    request = models.DeleteLifecycleHookRequest(scaling_group_id=GROUP, lifecycle_hook_name="one")
    ess.delete_lifecycle_hook(request)
    expected = ("InvalidLifecycleHookId.NotExist", 400)
    assert refused(ess.delete_lifecycle_hook, request) == expected
    request.scaling_group_id = None
    assert refused(ess.delete_lifecycle_hook, request) == ("MissingParameter", 400)


@pytest.mark.parametrize("service", ["mns", "ess"])
@pytest.mark.parametrize("kind", ["queue", "topic"])
def test_the_message_of_a_hook_has_every_documented_key_in_base64(
    control: Any, ess: Any, service: str, kind: str
) -> None:
    hook_id = create(
        ess,
        lifecycle_hook_name="out-1",
        default_result="ABANDON",
        notification_arn=f"acs:{service}:{WHERE}:{kind}/hooks",
    )
    activity = scale(control)
    (action,) = activity["LifecycleActions"]
    (body,) = received(control)
    message = json.loads(base64.b64decode(body, validate=True))
    assert message.pop("content").pop("requestId")
    content = json.loads(base64.b64decode(body))["content"]
    del content["requestId"]
    assert message == {
        "userId": ACCOUNT,
        "regionId": REGION,
        "resourceArn": f"acs:ess:{WHERE}:scalinggroup/{GROUP}",
    }
    assert content == {
        "lifecycleHookId": hook_id,
        "lifecycleHookName": "out-1",
        "lifecycleActionToken": action["LifecycleActionToken"],
        "lifecycleTransition": "SCALE_OUT",
        "defaultResult": "ABANDON",
        "scalingGroupId": GROUP,
        "scalingGroupName": GROUP,
        "scalingActivityId": activity["ScalingActivityId"],
        "instanceIds": activity["CreatedInstances"],
    }


def test_the_request_of_an_activity_is_named_in_its_message(control: Any, ess: Any) -> None:
    create(ess, notification_arn=f"acs:mns:{WHERE}:queue/hooks")
    request = models.ScaleWithAdjustmentRequest(
        scaling_group_id=GROUP, adjustment_type="TotalCapacity", adjustment_value=1
    )
    answered = ess.scale_with_adjustment(request).body
    (body,) = received(control)
    assert json.loads(base64.b64decode(body))["content"]["requestId"] == answered.request_id


def test_the_metadata_of_a_hook_travels_with_its_message(control: Any, ess: Any) -> None:
    arn = f"acs:mns:{WHERE}:queue/hooks"
    create(ess, notification_arn=arn, notification_metadata='{"ports": [80]}')
    scale(control)
    (body,) = received(control)
    content = json.loads(base64.b64decode(body))["content"]
    assert content["notificationMetadata"] == '{"ports": [80]}'


def test_every_hook_of_an_activity_sends_a_message_of_its_own(control: Any, ess: Any) -> None:
    arn = f"acs:mns:{WHERE}:queue/hooks"
    made = [create(ess, notification_arn=arn), create(ess, notification_arn=arn), create(ess)]
    create(ess, notification_arn=arn, lifecycle_transition="SCALE_IN")
    scale(control)
    contents = [json.loads(base64.b64decode(body))["content"] for body in received(control)]
    assert [content["lifecycleHookId"] for content in contents] == made[:2]
    assert len({content["lifecycleActionToken"] for content in contents}) == 2


def test_what_became_of_a_message_shows_in_the_state(control: Any) -> None:
    arns = [f"acs:mns:{WHERE}:queue/hooks", f"acs:mns:{WHERE}:topic/gone", NOWHERE]
    rows = [
        {**HOOK, "LifecycleHookId": f"ash-{number}", "NotificationArn": arn}
        for number, arn in enumerate(arns)
    ]
    group = {"ScalingGroupId": "asg-2", "RegionId": REGION, "LifecycleHooks": rows}
    control.seed(ScalingGroups=[group])
    control.send("POST", "/_cloud/scale", {"ScalingGroupId": "asg-2", "Adjustment": 1})
    sent = [item["Notification"] for item in control.state()["LifecycleActions"]]
    assert sent == ["Sent", "TopicNotExist", "None"]


def test_a_seeded_hook_needs_a_target_of_a_known_form(control: Any) -> None:
    hook = {**HOOK, "NotificationArn": "acs:mns:cn-beijing:1:queue/q"}
    group = {"ScalingGroupId": "asg-2", "RegionId": REGION, "LifecycleHooks": [hook]}
    answer = control.send("POST", "/_cloud/seed", {"ScalingGroups": [group]})
    (problem,) = answer.json["error"]["problems"]
    assert problem["path"] == "/ScalingGroups/0/LifecycleHooks/0/NotificationArn"


def events(control: Any) -> list[Any]:
    """What the bus could hand over to nobody, for there is no such function: it ends in the
    dead-letter queue when the last try has failed."""
    for _ in range(8):
        control.advance(21)
    return [json.loads(body) for body in received(control, "dead")]


def listening(control: Any, *types: str) -> None:
    dead = {"deadLetterQueue": {"Arn": f"acs:mns:{WHERE}:/queues/dead"}}
    pattern = json.dumps({"source": ["acs.ess"], "type": list(types)})
    config = {
        "eventSourceConfig": {"eventSourceType": "Default"},
        "eventRuleFilterPattern": pattern,
        "runOptions": dead,
    }
    control.seed(Queues=[{"QueueName": "dead"}])
    control.seed(Triggers=[{**RULE, "TriggerConfig": config}])


def test_a_hook_may_send_its_message_to_the_event_bus(control: Any, ess: Any) -> None:
    listening(control, "ess:LifecycleHook:ScaleOut")
    create(ess, notification_arn=DEFAULT_BUS)
    activity = scale(control)
    (event,) = events(control)
    assert (event["source"], event["type"]) == ("acs.ess", "ess:LifecycleHook:ScaleOut")
    assert event["subject"] == f"acs:ess:{WHERE}:scalinggroup/{GROUP}"
    assert (event["specversion"], event["aliyunaccountid"]) == ("1.0", ACCOUNT)
    (action,) = activity["LifecycleActions"]
    assert event["data"]["lifecycleActionToken"] == action["LifecycleActionToken"]
    assert event["data"]["instanceIds"] == activity["CreatedInstances"]


def test_the_bus_is_told_how_activities_begin_and_end(control: Any, ess: Any) -> None:
    kinds = [f"ess:ScalingActivity:{way}" for way in ("ScaleOut", "ScaleIn")]
    listening(
        control, *(f"{kind}{news}" for kind in kinds for news in ("Start", "Success", "Error"))
    )
    scale(control)
    create(ess, lifecycle_transition="SCALE_IN", default_result="ROLLBACK", heartbeat_timeout=30)
    scale(control, -1)
    told = [event["type"].removeprefix("ess:ScalingActivity:") for event in events(control)]
    assert sorted(told) == ["ScaleInError", "ScaleInStart", "ScaleOutStart", "ScaleOutSuccess"]
