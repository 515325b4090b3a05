"""Events of the default bus that call functions."""

from __future__ import annotations

import json
from typing import Any

from recorder import ACCOUNT, REGION, Recorder


def test_a_rule_hands_on_the_types_it_names_one_object_each(
    recorder: Recorder, trigger: Any, control: Any
) -> None:
    pattern = {"source": ["acs:ess"], "type": ["ess:LifecycleHook:ScaleOut"]}
    source = {"eventSourceType": "Default"}
    config = {"eventSourceConfig": source, "eventRuleFilterPattern": json.dumps(pattern)}
    trigger("eventbridge", config)
    group = {"LifecycleTransition": "SCALE_OUT", "LifecycleHookId": "ash-bus"}
    arn = f"acs:eventbridge:{REGION}:{ACCOUNT}:eventbus/default"
    hook = {**group, "NotificationArn": arn}
    row = {"ScalingGroupId": "asg-bus", "RegionId": REGION, "LifecycleHooks": [hook]}
    control.seed(ScalingGroups=[row])
    scale = {"ScalingGroupId": "asg-bus", "Adjustment": 1}
    assert control.send("POST", "/_cloud/scale", scale).status == 200
    event = recorder.next_json()
    assert event["type"] == "ess:LifecycleHook:ScaleOut"
    assert event["aliyuneventbusname"] == "default"
    assert event["data"]["lifecycleHookId"] == "ash-bus"
    assert recorder.calls.empty()


def test_an_asynchronous_rule_only_asks_that_the_event_is_accepted(
    recorder: Recorder, trigger: Any, control: Any
) -> None:
    source = {"eventSourceType": "Default"}
    trigger("eventbridge", {"eventSourceConfig": source, "asyncInvocationType": True})
    scale = {"ScalingGroupId": "asg-local", "Adjustment": 1}
    assert control.send("POST", "/_cloud/scale", scale).status == 200
    assert recorder.next_json()["specversion"] == "1.0"
