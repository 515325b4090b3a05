"""Notifications of scaling activities, and what ESS's own record says of a lifecycle action."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from alibabacloud_ess20220222 import models

Refused = Callable[..., tuple[str, int]]

REGION, ACCOUNT, GROUP = "cn-hangzhou", "1000000000000001", "asg-1"
QUEUE = f"acs:mns:{REGION}:{ACCOUNT}:queue/news"
TOPIC = f"acs:mns:{REGION}:{ACCOUNT}:topic/news"
MONITOR = f"acs:ess:{REGION}:{ACCOUNT}:cloudmonitor"
STARTS = ["AUTOSCALING:SCALE_OUT_START"]


@pytest.fixture(autouse=True)
def world(control: Any) -> None:
    control.seed(
        ScalingGroups=[{"ScalingGroupId": GROUP, "RegionId": REGION}],
        Queues=[{"QueueName": "news"}, {"QueueName": "published"}],
        Topics=[{"TopicName": "news"}],
        Subscriptions=[
            {
                "TopicName": "news",
                "SubscriptionName": "published",
                "QueueName": "published",
                "NotifyContentFormat": "SIMPLIFIED",
            }
        ],
    )


def configure(ess: Any, arn: str = QUEUE, types: list[str] | None = None, **more: Any) -> None:
    request = models.CreateNotificationConfigurationRequest(
        region_id=REGION,
        scaling_group_id=more.pop("group", GROUP),
        notification_arn=arn,
        notification_types=STARTS if types is None else types,
        **more,
    )
    ess.create_notification_configuration(request)


def configurations(ess: Any) -> list[dict[str, Any]]:
    request = models.DescribeNotificationConfigurationsRequest(
        region_id=REGION, scaling_group_id=GROUP
    )
    body = ess.describe_notification_configurations(request).body
    return [item.to_map() for item in body.notification_configuration_models]


def bodies(control: Any, queue: str = "news") -> list[str]:
    (found,) = [item for item in control.state()["Queues"] if item["QueueName"] == queue]
    return [item["MessageBody"] for item in found["Messages"]]


def scale(control: Any, adjustment: int) -> Any:
    return control.change("scale", ScalingGroupId=GROUP, Adjustment=adjustment)


def test_a_queue_gets_the_news_it_asked_for_in_base64(control: Any, ess: Any) -> None:
    configure(ess, types=["AUTOSCALING:SCALE_OUT_SUCCESS", "AUTOSCALING:SCALE_IN_START"])
    activity = scale(control, 1)
    scale(control, -1)
    out, leaving = (json.loads(base64.b64decode(body)) for body in bodies(control))
    assert out["event"] == "AUTOSCALING:SCALE_OUT_SUCCESS"
    assert out["content"]["scalingActivityId"] == activity["ScalingActivityId"]
    assert out["content"]["instanceIds"] == activity["CreatedInstances"]
    assert out["time"].endswith("+08:00")
    assert leaving["event"] == "AUTOSCALING:SCALE_IN_START"


def test_a_topic_gets_plain_text_where_it_is_asked_for(control: Any, ess: Any) -> None:
    configure(ess, TOPIC, message_encoding="PlainText", time_zone="UTC-7")
    scale(control, 1)
    (message,) = map(json.loads, bodies(control, "published"))
    assert (message["event"], message["time"][-6:]) == (STARTS[0], "-07:00")


def test_the_spelling_of_the_metadata_is_taken_and_sent(control: Any, ess: Any) -> None:
    configure(ess, types=["AUTOSCALG:SCALE_OUT_START"], message_encoding="PlainText")
    scale(control, 1)
    (message,) = map(json.loads, bodies(control))
    assert message["event"] == "AUTOSCALG:SCALE_OUT_START"


def test_an_activity_that_was_called_off_is_an_error(control: Any, ess: Any) -> None:
    hook = {"LifecycleHookId": "ash-1", "LifecycleTransition": "SCALE_OUT"}
    row = {
        "NotificationArn": QUEUE,
        "NotificationTypes": ["AUTOSCALING:SCALE_OUT_ERROR"],
        "MessageEncoding": "PlainText",
    }
    group = {"ScalingGroupId": "asg-2", "RegionId": REGION, "LifecycleHooks": [hook]}
    control.seed(ScalingGroups=[{**group, "NotificationConfigurations": [row]}])
    action = control.change("scale", ScalingGroupId="asg-2", Adjustment=1)["LifecycleActions"][0]
    assert bodies(control) == []
    ess.complete_lifecycle_action(
        models.CompleteLifecycleActionRequest(
            region_id=REGION,
            lifecycle_hook_id="ash-1",
            lifecycle_action_token=action["LifecycleActionToken"],
            lifecycle_action_result="ABANDON",
        )
    )
    (message,) = map(json.loads, bodies(control))
    assert message["event"] == "AUTOSCALING:SCALE_OUT_ERROR"


def test_cloudmonitor_publishes_a_system_event(
    control: Any, ess: Any, recorder: Any, trigger: Any
) -> None:
    pattern = json.dumps({"type": ["ess:CloudMonitor:AUTOSCALING[SCALEOUTSTART]"]})
    source = {"eventSourceType": "Default"}
    trigger("eventbridge", {"eventSourceConfig": source, "eventRuleFilterPattern": pattern})
    configure(ess, MONITOR)
    scale(control, 1)
    event = recorder.next_json()
    assert event["source"] == "acs.ess"
    assert (event["data"]["product"], event["data"]["name"]) == ("ESS", STARTS[0])


def test_a_notification_whose_queue_is_gone_is_lost(control: Any, ess: Any, mns: Any) -> None:
    configure(ess)
    mns.get_queue("news").delete()
    assert scale(control, 1)["StatusCode"] == "Successful"


def test_configurations_are_described_changed_and_deleted(control: Any, ess: Any) -> None:
    configure(ess)
    assert configurations(ess) == [
        {
            "ScalingGroupId": GROUP,
            "NotificationArn": QUEUE,
            "NotificationTypes": STARTS,
            "MessageEncoding": "Base64",
            "TimeZone": "UTC+8",
        }
    ]
    ess.modify_notification_configuration(
        models.ModifyNotificationConfigurationRequest(
            scaling_group_id=GROUP, notification_arn=QUEUE, message_encoding="PlainText"
        )
    )
    (found,) = configurations(ess)
    assert (found["NotificationTypes"], found["MessageEncoding"]) == (STARTS, "PlainText")
    ess.delete_notification_configuration(
        models.DeleteNotificationConfigurationRequest(
            scaling_group_id=GROUP, notification_arn=QUEUE
        )
    )
    assert configurations(ess) == []
    scale(control, 1)
    assert bodies(control) == []


def test_the_types_are_those_of_the_page(ess: Any) -> None:
    request = models.DescribeNotificationTypesRequest()
    types = ess.describe_notification_types(request).body.notification_types
    assert STARTS[0] in types
    assert "SCALING_GROUP_DIAGNOSE" in types
    assert len(types) == 11


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"group": "asg-9"}, ("InvalidScalingGroupId.NotFound", 404)),
        ({"arn": None}, ("MissingParameter", 400)),
        ({"types": []}, ("MissingParameter", 400)),
        ({"types": ["AUTOSCALING:SCALE_UP"]}, ("InvalidParamter", 400)),
        ({"message_encoding": "Rot13"}, ("InvalidParamter", 400)),
        ({"time_zone": "UTC+13"}, ("InvalidParamter", 400)),
        ({"arn": "acs:ess:cn-beijing:1:cloudmonitor"}, ("InvalidNotificationArn", 400)),
        ({"arn": f"{QUEUE}-9"}, ("QueueNotExist", 400)),
        ({"arn": f"{TOPIC}-9"}, ("TopicNotExist", 400)),
        ({"arn": MONITOR}, ("InvalidNotificationArn.Duplicate", 400)),
    ],
)
def test_a_bad_configuration_is_refused(
    ess: Any, refused: Refused, changed: dict[str, Any], expected: tuple[str, int]
) -> None:
    configure(ess, MONITOR)
    assert refused(lambda: configure(ess, **changed)) == expected
    assert len(configurations(ess)) == 1


def test_a_group_has_six_configurations_at_most(control: Any, ess: Any, refused: Refused) -> None:
    control.seed(Queues=[{"QueueName": f"news-{number}"} for number in range(7)])
    for number in range(6):
        configure(ess, f"{QUEUE}-{number}")
    beyond = ("QuotaExceeded.NotificationConfiguration", 400)
    assert refused(configure, ess, f"{QUEUE}-6") == beyond


def test_a_configuration_that_is_not_there_is_neither_changed_nor_deleted(
    ess: Any, refused: Refused
) -> None:
    ids = {"scaling_group_id": GROUP, "notification_arn": QUEUE}
    missing = ("InvalidNotificationArn.NotFound", 400)
    change = models.ModifyNotificationConfigurationRequest(**ids)
    assert refused(ess.modify_notification_configuration, change) == missing
    delete = models.DeleteNotificationConfigurationRequest(**ids)
    assert refused(ess.delete_notification_configuration, delete) == missing
    configure(ess)
    bad = models.ModifyNotificationConfigurationRequest(**ids, time_zone="Mars")
    assert refused(ess.modify_notification_configuration, bad) == ("InvalidParamter", 400)
    unknown = models.DescribeNotificationConfigurationsRequest(scaling_group_id="asg-9")
    gone = ("InvalidScalingGroupId.NotFound", 404)
    assert refused(ess.describe_notification_configurations, unknown) == gone


@pytest.mark.parametrize(
    ("row", "path"),
    [
        ({"NotificationArn": "queue", "NotificationTypes": STARTS}, "/NotificationArn"),
        ({"NotificationArn": MONITOR, "NotificationTypes": ["UP"]}, "/NotificationTypes/0"),
        ({"NotificationArn": MONITOR, "NotificationTypes": STARTS, "TimeZone": "x"}, "/TimeZone"),
    ],
)
def test_a_bad_configuration_of_a_seed_is_refused_by_its_pointer(
    control: Any, row: dict[str, Any], path: str
) -> None:
    group = {"ScalingGroupId": "asg-2", "RegionId": REGION, "NotificationConfigurations": [row]}
    answer = control.send("POST", "/_cloud/seed", {"ScalingGroups": [group]})
    base = "/ScalingGroups/0/NotificationConfigurations/0"
    assert answer.json["error"]["problems"][0]["path"] == base + path


def test_the_record_of_an_action_tells_all_that_a_message_claims(control: Any, ess: Any) -> None:
    hook = {
        "LifecycleHookId": "ash-1",
        "LifecycleTransition": "SCALE_OUT",
        "NotificationMetadata": '{"weight": 50}',
    }
    group = {"ScalingGroupId": "asg-2", "RegionId": REGION, "LifecycleHooks": [hook]}
    control.seed(ScalingGroups=[group])
    activity = control.change("scale", ScalingGroupId="asg-2", Adjustment=2)
    request = models.DescribeLifecycleActionsRequest(
        region_id=REGION, scaling_activity_id=activity["ScalingActivityId"]
    )
    body = ess.describe_lifecycle_actions(request).body
    (action,) = body.lifecycle_actions
    assert (body.total_count, body.max_results) == (1, 10)
    assert action.to_map() == {
        "LifecycleHookId": "ash-1",
        "LifecycleActionToken": activity["LifecycleActions"][0]["LifecycleActionToken"],
        "LifecycleActionStatus": "Pending",
        "LifecycleActionResult": "CONTINUE",
        "InstanceIds": activity["CreatedInstances"],
    }
    asked = models.DescribeLifecycleHooksRequest(region_id=REGION, scaling_group_id="asg-2")
    (found,) = ess.describe_lifecycle_hooks(asked).body.lifecycle_hooks
    assert (found.scaling_group_id, found.lifecycle_transition) == ("asg-2", "SCALE_OUT")
    assert found.notification_metadata == '{"weight": 50}'
    one = models.DescribeScalingActivitiesRequest(
        region_id=REGION, scaling_activity_ids=[activity["ScalingActivityId"]]
    )
    (described,) = ess.describe_scaling_activities(one).body.scaling_activities
    assert described.scaling_group_id == "asg-2"
    assert described.created_instances == activity["CreatedInstances"]


def test_a_heartbeat_for_a_wait_that_somebody_ended_says_so(
    control: Any, sdk: Any, ess: Any, refused: Refused
) -> None:
    control.seed(Keys=[{"AccessKeyId": "operator", "AccessKeySecret": "secret"}])
    operator = sdk.ess(access_key_id="operator", access_key_secret="secret")
    (action,) = control.change("scale", ScalingGroupId="asg-local", Adjustment=1)[
        "LifecycleActions"
    ]
    hook_id, token = action["LifecycleHookId"], action["LifecycleActionToken"]
    beat = models.RecordLifecycleActionHeartbeatRequest(
        region_id=REGION, lifecycle_hook_id=hook_id, lifecycle_action_token=token
    )
    ess.record_lifecycle_action_heartbeat(beat)
    operator.complete_lifecycle_action(
        models.CompleteLifecycleActionRequest(
            region_id=REGION,
            lifecycle_hook_id=hook_id,
            lifecycle_action_token=token,
            lifecycle_action_result="CONTINUE",
        )
    )
    ended = ("LifecycleHookIdAndLifecycleActionToken.Invalid", 400)
    assert refused(ess.record_lifecycle_action_heartbeat, beat) == ended
