from __future__ import annotations

import json
from typing import Any

import pytest

from builders import (
    ABSENT,
    REGION,
    a_hook_request,
    as_base64,
    as_bytes,
    cloud_event,
    hook_message,
    queue_message,
)
from provisioner.errors import Rejected, Skip
from provisioner.model import Request, Transition
from provisioner.triggers import decode

ASCII = "must be a string of printable ASCII, is"
WRONG_TYPES = {
    "/regionId": "regionId must be a string like cn-hangzhou, is an integer",
    "/content/lifecycleHookId": f"lifecycleHookId {ASCII} an integer",
    "/content/lifecycleActionToken": f"lifecycleActionToken {ASCII} a list",
    "/content/scalingActivityId": f"scalingActivityId {ASCII} an object",
    "/content/scalingGroupId": f"scalingGroupId {ASCII} a number",
    "/content/lifecycleTransition": (
        "lifecycleTransition must be SCALE_OUT or SCALE_IN, is a boolean"
    ),
    "/content/instanceIds/1": f"an instance id {ASCII} null",
    "/content/instanceIds/2": f"an instance id {ASCII} a string",
    "/content/instanceIds/3": f"an instance id {ASCII} an object",
}


def decoded(message: Any) -> Any:
    (item,) = decode(as_bytes(message))
    return item


def refused(message: Any) -> dict[str, str]:
    error = decoded(message)
    assert isinstance(error, Rejected)
    assert error.code == "InvalidRequest"
    return {problem.path: problem.message for problem in error.problems}


@pytest.mark.parametrize("spelling", ["SCALE_OUT", "scale_out", "ScaleOut", None, ABSENT])
def test_a_scale_out_hook_is_known_in_any_spelling_and_by_default(spelling: Any) -> None:
    assert decoded(hook_message(lifecycleTransition=spelling)) == a_hook_request()


@pytest.mark.parametrize("spelling", ["SCALE_IN", "scale_in", "ScaleIn"])
def test_a_scale_in_hook_is_known_in_any_spelling(spelling: str) -> None:
    item = decoded(hook_message(lifecycleTransition=spelling))
    assert item == a_hook_request(transition=Transition.SCALE_IN)


@pytest.mark.parametrize("way", list(Transition))
@pytest.mark.parametrize("said", [ABSENT, None])
def test_the_type_of_an_event_says_which_hook_where_the_message_does_not(
    way: Transition, said: Any
) -> None:
    kind = f"ess:LifecycleHook:{way.value.title().replace('_', '')}"
    event = cloud_event(hook_message(lifecycleTransition=said), type=kind)
    assert decoded(event) == a_hook_request(transition=way)


def test_the_message_itself_has_the_last_word_on_which_hook_it_is() -> None:
    message = hook_message(lifecycleTransition="SCALE_IN")
    item = decoded(cloud_event(message, type="ess:LifecycleHook:ScaleOut"))
    assert item == a_hook_request(transition=Transition.SCALE_IN)


def test_a_hook_message_that_calls_itself_a_test_is_skipped() -> None:
    assert isinstance(decoded(hook_message(lifecycleTransition="TEST")), Skip)


@pytest.mark.parametrize(
    "change",
    [
        {"top": {"regionId": ABSENT}},
        {"top": {"regionId": None, "resourceArn": ABSENT}, "regionId": REGION},
        {"top": {"resourceArn": "no ARN"}},
        {"scalingGroupId": ABSENT},
    ],
)
def test_region_and_group_are_found_wherever_the_message_says_them(change: Any) -> None:
    assert decoded(hook_message(**change)) == a_hook_request()


def test_the_region_of_the_envelope_stands_in_for_the_messages_own() -> None:
    message = hook_message({"regionId": ABSENT, "resourceArn": ABSENT})
    assert decoded([queue_message(as_base64(message))]) == a_hook_request()
    assert decoded(message) == a_hook_request(region_id="")


@pytest.mark.parametrize(
    "message",
    [
        hook_message({"regionId": f"{REGION}-vpc"}),
        hook_message(
            {"regionId": ABSENT, "resourceArn": f"acs:ess:{REGION}-vpc:1:scalinggroup/asg-0001"}
        ),
        cloud_event(
            hook_message({"regionId": ABSENT, "resourceArn": ABSENT}),
            type="ess:LifecycleHook:ScaleOut",
            aliyunregionid=f"{REGION}-vpc",
        ),
    ],
)
def test_the_suffix_of_an_endpoint_inside_a_vpc_is_no_part_of_a_region(message: Any) -> None:
    assert decoded(message) == a_hook_request()


def test_a_region_that_could_name_another_host_is_refused_or_not_believed() -> None:
    evil = "cn-hangzhou.example.com/"
    assert refused(hook_message({"regionId": evil})).keys() == {"/regionId"}
    message = hook_message({"regionId": ABSENT, "resourceArn": f"acs:ess:{evil}:1:scalinggroup/a"})
    assert decoded(message) == a_hook_request(region_id="")
    message = hook_message({"regionId": ABSENT, "resourceArn": ABSENT})
    event = cloud_event(message, aliyunregionid=evil)
    assert decoded(event) == a_hook_request(region_id="")


@pytest.mark.parametrize(
    ("metadata", "kept"),
    [
        ("not JSON", "not JSON"),
        ('{"Weight": 50}', '{"Weight": 50}'),
        ({"Weight": 50}, '{"Weight": 50}'),
        ([1], "[1]"),
        (None, ""),
        ("", ""),
    ],
)
def test_metadata_is_kept_as_the_text_that_it_was(metadata: Any, kept: str) -> None:
    assert decoded(hook_message(notificationMetadata=metadata)) == a_hook_request(metadata=kept)


def test_metadata_of_the_content_comes_before_that_of_the_message() -> None:
    message = hook_message({"notificationMetadata": "top"}, notificationMetadata="content")
    assert decoded(message) == a_hook_request(metadata="content")


def test_keys_that_are_not_ours_are_ignored() -> None:
    message = hook_message({"product": "ESS", "time": 1}, heartbeatTimeout=600, level="INFO")
    assert decoded(message) == a_hook_request()


def test_the_keys_may_stand_at_the_top_without_a_content() -> None:
    message = {**hook_message()["content"], "regionId": REGION, "content": "nothing"}
    assert decoded(message) == a_hook_request()


def test_every_problem_of_a_hook_message_is_told_with_its_place_and_type() -> None:
    problems = refused(
        hook_message(
            {"regionId": 7},
            lifecycleHookId=7,
            lifecycleActionToken=["t"],
            scalingActivityId={},
            scalingGroupId=1.5,
            lifecycleTransition=False,
            instanceIds=["i-0001", None, "", {"id": "i-0002"}],
        )
    )
    remedy = "; forward the message as ESS sent it"
    assert problems == {path: f"{rule}{remedy}" for path, rule in WRONG_TYPES.items()}


@pytest.mark.parametrize("ids", [[], "", "i-0001,i-0002", '"i-0001"', {"0": "i-0001"}, None, 7])
def test_instance_ids_that_are_no_list_are_refused(ids: Any) -> None:
    assert refused(hook_message(instanceIds=ids)).keys() == {"/content/instanceIds"}


@pytest.mark.parametrize("missing", [ABSENT, None, ""])
def test_a_hook_without_token_and_activity_is_refused_for_both(missing: Any) -> None:
    message = hook_message(lifecycleActionToken=missing, scalingActivityId=missing)
    problems = refused(message)
    assert problems.keys() == {"/content/lifecycleActionToken"}
    assert "scalingActivityId" in problems["/content/lifecycleActionToken"]


def test_a_key_in_two_spellings_is_refused() -> None:
    message = hook_message(InstanceIds=["i-0003"])
    assert refused(message) == {"/content/instanceIds": "instanceIds is given twice"}


def test_a_hook_is_the_same_event_in_every_delivery_by_whatever_way() -> None:
    message = hook_message()
    ways = [
        message,
        [message],
        json.dumps(message),
        as_base64(message),
        cloud_event(message, id="id-0002"),
        [queue_message(as_base64(message), "M2")],
        hook_message(lifecycleActionToken=ABSENT),
    ]
    items = [decoded(way) for way in ways]
    assert all(isinstance(item, Request) for item in items)
    assert {item.event for item in items} == {a_hook_request().event}
