"""Stacks: what is refused has changed nothing. Of objects, test_oss.py says so."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions import until
from refusals import QUIET, REGION, ROS_WRITES, unchanged, world

HEAD = {"ROSTemplateFormatVersion": "2015-09-01"}
QUEUE = {"Type": "ALIYUN::MNS::Queue", "Properties": {"QueueName": {"Ref": "Name"}}}
PARAMETERS = {"Name": {"Type": "String", "Default": "made", "AllowedPattern": "[a-z]+"}}
MADE = json.dumps({**HEAD, "Parameters": PARAMETERS, "Resources": {"Queue": QUEUE}})
LONGER = {**QUEUE, "Properties": {"QueueName": "longer", "VisibilityTimeout": 60}}
BODIES = (
    MADE,
    json.dumps({**HEAD, "Resources": {"Queue": LONGER}}),
    json.dumps({**HEAD, "Resources": {"Queue": QUEUE}}),
    json.dumps({**HEAD, "Resources": {"Queue": {**LONGER, "DependsOn": "Nobody"}}}),
    json.dumps({**HEAD, "Resources": {"Vpc": {"Type": "ALIYUN::ECS::VPC"}}}),
    json.dumps({"Resources": {}}),
    "[",
    "",
)
NAMES = st.sampled_from(["there", "another", ""])
VALUES = st.sampled_from(["", "fine", "Not This"])


def asked(control: Any, action: str, **parameters: str) -> Any:
    common = {"Action": action, "Version": "2019-09-10", "Format": "JSON", "RegionId": REGION}
    return control.v1("POST", form=True, **common, **parameters)


def made(control: Any) -> str:
    """A stack that is there; its id."""
    answer = asked(control, "CreateStack", StackName="there", TemplateBody=MADE)
    stack_id: str = json.loads(answer.body)["StackId"]
    at_rest(control)
    return stack_id


def at_rest(control: Any) -> None:
    until(
        lambda: all(not row["Status"].endswith("_IN_PROGRESS") for row in control.state()["Stacks"])
    )


@pytest.mark.parametrize("action", sorted(ROS_WRITES))
@settings(max_examples=15, **QUIET)
@given(name=NAMES, body=st.sampled_from(BODIES), value=VALUES)
def test_a_refused_write_of_a_stack_changes_nothing(
    control: Any, action: str, name: str, body: str, value: str
) -> None:
    control.send("POST", "/_cloud/reset")
    world(control)
    stack_id = made(control)
    before = unchanged(control)
    which = (
        {"StackName": name}
        if action == "CreateStack"
        else {"StackId": stack_id * (name == "there")}
    )
    given = {"Parameters.1.ParameterKey": "Name", "Parameters.1.ParameterValue": value}
    answer = asked(control, action, **which, TemplateBody=body, **(given if value else {}))
    at_rest(control)
    assert answer.status in {200, 501} or 400 <= answer.status < 500, answer.body
    assert answer.status == 200 or unchanged(control) == before, answer.body
