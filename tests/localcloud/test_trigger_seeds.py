"""Triggers that cannot be, refused with the place of the problem."""

from __future__ import annotations

from typing import Any

import pytest

from recorder import stream

ROW = {"FunctionName": "fn", "TriggerName": "t"}


@pytest.mark.parametrize(
    ("row", "path"),
    [
        ({"TriggerType": "oss", "TriggerConfig": {}}, "/TriggerType"),
        ({"TriggerType": "mns_topic", "TriggerConfig": {}}, ""),
        (
            {"TriggerType": "mns_topic", "TriggerConfig": {}, "SourceArn": "acs:mns:x:1:/topics/t"},
            "/SourceArn",
        ),
        ({"TriggerType": "timer", "TriggerConfig": {"cronExpression": "@every 4d"}}, "/cron"),
        ({"TriggerType": "timer", "TriggerConfig": {"cronExpression": "0 0 0 31 2 *"}}, "/cron"),
        ({"TriggerType": "timer", "TriggerConfig": {"payload": "@every 4m"}}, "/TriggerConfig"),
        ({"TriggerType": "eventbridge", "TriggerConfig": {}}, "/TriggerConfig"),
        (
            {
                "TriggerType": "eventbridge",
                "TriggerConfig": stream(deadLetterQueue={"Arn": "nowhere"}),
            },
            "/TriggerConfig/runOptions/deadLetterQueue/Arn",
        ),
    ],
)
def test_a_bad_trigger_is_refused_by_its_path(control: Any, row: Any, path: str) -> None:
    answer = control.send("POST", "/_cloud/seed", {"Triggers": [{**ROW, **row}]})
    assert answer.status == 400
    (problem,) = answer.json["error"]["problems"]
    place = "/TriggerConfig/cronExpression" if path == "/cron" else path.rstrip("/")
    assert problem["path"].startswith(f"/Triggers/0{place}")


def test_a_trigger_of_the_same_name_is_refused(control: Any) -> None:
    row = {**ROW, "TriggerType": "timer", "TriggerConfig": {"cronExpression": "@every 4m"}}
    answer = control.send("POST", "/_cloud/seed", {"Triggers": [row, row]})
    (problem,) = answer.json["error"]["problems"]
    assert problem["path"] == "/Triggers/1/TriggerName"
