"""Triggers that cannot be, refused with the place of the problem."""

from __future__ import annotations

from typing import Any

import pytest

from recorder import ACCOUNT, REGION, stream

ROW = {"FunctionName": "fn", "TriggerName": "t"}
MNS = "sourceMNSParameters"
TOPIC, GONE = (f"acs:mns:{REGION}:{ACCOUNT}:/{kind}" for kind in ("topics/", "queues/gone"))
SOURCE = f"/TriggerConfig/eventSourceConfig/eventSourceParameters/{MNS}"
ELSEWHERE = f"{SOURCE}/RegionId"
CRON, PATTERN = "/TriggerConfig/cronExpression", "/TriggerConfig/eventRuleFilterPattern"
DEAD = "/TriggerConfig/runOptions/deadLetterQueue/Arn"


def mns(**parameters: Any) -> dict[str, Any]:
    """A stream's configuration with these sourceMNSParameters."""
    source = {"eventSourceType": "MNS"}
    return {"eventSourceConfig": {**source, "eventSourceParameters": {MNS: parameters}}}


def rule(pattern: str) -> dict[str, Any]:
    source = {"eventSourceConfig": {"eventSourceType": "Default"}}
    return {**source, "eventRuleFilterPattern": pattern}


@pytest.mark.parametrize(
    ("kind", "row", "place"),
    [
        ("oss", {}, "/TriggerType"),
        ("mns_topic", {}, ""),  # what is missing has no place of its own
        ("mns_topic", {"SourceArn": "acs:mns:x:1:/topics/t"}, "/SourceArn"),
        ("mns_topic", {"SourceArn": TOPIC + "gone"}, ""),
        ("timer", {"TriggerConfig": {"cronExpression": "@every 4d"}}, CRON),
        ("timer", {"TriggerConfig": {"cronExpression": "0 0 0 31 2 *"}}, CRON),
        ("timer", {"TriggerConfig": {"payload": "@every 4m"}}, "/TriggerConfig"),
        ("eventbridge", {}, "/TriggerConfig"),
        ("eventbridge", {"TriggerConfig": mns(RegionId="x", QueueName="q")}, ELSEWHERE),
        ("eventbridge", {"TriggerConfig": mns(QueueName="gone")}, f"{SOURCE}/QueueName"),
        ("eventbridge", {"TriggerConfig": mns()}, SOURCE),
        ("eventbridge", {"TriggerConfig": rule("{")}, PATTERN),
        ("eventbridge", {"TriggerConfig": rule("[]")}, PATTERN),
        ("eventbridge", {"TriggerConfig": rule('{"data": ["x"]}')}, PATTERN),
        ("eventbridge", {"TriggerConfig": rule('{"type": "x"}')}, PATTERN),
        ("eventbridge", {"TriggerConfig": rule('{"type": [1]}')}, PATTERN),
        ("eventbridge", {"TriggerConfig": stream(deadLetterQueue={"Arn": "nowhere"})}, DEAD),
        ("eventbridge", {"TriggerConfig": stream(deadLetterQueue={"Arn": GONE})}, DEAD),
    ],
)
def test_a_bad_trigger_is_refused_by_its_path(
    control: Any, kind: str, row: Any, place: str
) -> None:
    trigger = {**ROW, "TriggerType": kind, "TriggerConfig": {}, **row}
    answer = control.send("POST", "/_cloud/seed", {"Triggers": [trigger]})
    assert answer.status == 400
    (problem,) = answer.json["error"]["problems"]
    assert problem["path"] == f"/Triggers/0{place}"


def test_a_trigger_of_the_same_name_is_refused(control: Any) -> None:
    row = {**ROW, "TriggerType": "timer", "TriggerConfig": {"cronExpression": "@every 4m"}}
    answer = control.send("POST", "/_cloud/seed", {"Triggers": [row, row]})
    (problem,) = answer.json["error"]["problems"]
    assert problem["path"] == "/Triggers/1/TriggerName"
