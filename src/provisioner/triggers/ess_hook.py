"""The message of a lifecycle hook, to an MNS queue or topic or through EventBridge. Its keys are as
an Alibaba Cloud tutorial models them (doc); there may be more, so others are ignored, and keys
match in any case. Base64 is normal, plain JSON possible.

    {"userId": "1000000000000001", "regionId": "cn-hangzhou",
     "resourceArn": "acs:ess:cn-hangzhou:1000000000000001:scalinggroup/asg-0001",     (a guess)
     "content": {"lifecycleHookId": "ash-0001", "lifecycleHookName": "hook-out",
                 "lifecycleActionToken": "00000000-0000-4000-8000-000000000001",
                 "lifecycleTransition": "SCALE_OUT", "defaultResult": "CONTINUE",
                 "scalingGroupId": "asg-0001", "scalingGroupName": "group-a",
                 "scalingActivityId": "asa-0001", "requestId": "req-0001",
                 "instanceIds": ["i-0001", "i-0002"]}}

`content` may be a string, or missing with its keys at the top (unknown). `notificationMetadata` may
be in either place (unknown). Required are only a hook, its instances, and the token or else the
activity, of which ESS tells the token. There is one token for each hook and activity (doc), so
those two name the event in every delivery, by whatever way.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from provisioner.errors import Problem, Rejected, Skip
from provisioner.groups.naming import build_hook_event_id
from provisioner.mapping.validation import build_pointer, describe_type
from provisioner.model import EventRef, Instance, LifecycleAction, Request, Transition

from . import ess_events
from .envelope import (
    EnvelopeContext,
    decode_layer,
    find_structural_problem,
    read_identifier,
    read_region_id,
)

_IDS = ("lifecycleHookId", "lifecycleActionToken", "scalingActivityId", "scalingGroupId")
_OTHERS = ("lifecycleTransition", "instanceIds", "notificationMetadata", "regionId", "resourceArn")
_API_NAMES = {name.lower(): name for name in (*_IDS, *_OTHERS, "content")}
_TELLING = {"lifecycleHookId", "lifecycleActionToken", "lifecycleTransition"}
_TEST = "TEST"
_TRANSITIONS = {"SCALEOUT": Transition.SCALE_OUT, "SCALEIN": Transition.SCALE_IN}
_NOT_LETTERS = re.compile(r"[^A-Z]")

_Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Message:
    """`hook` is what the keys of the hook stand in, and `path` where that is."""

    top: Mapping[str, Any]
    hook: Mapping[str, Any]
    path: _Path

    def pointer(self, *tokens: object) -> str:
        return build_pointer(*self.path, *tokens)


def read(value: dict[str, Any], delivery: EnvelopeContext) -> Request | Skip | None:
    found: list[Problem] = []
    message = _find_message(value, found)
    if _TELLING.isdisjoint(message.hook):
        return None
    word = _read_transition(message)
    if word == _TEST:
        return Skip(ess_events.TEST)
    action = _read_action(message, word, delivery, found)
    instances = tuple(map(Instance, _read_instance_ids(message, found)))
    if found:
        raise Rejected.from_problems(found, what="the lifecycle hook message")
    event_id = build_hook_event_id(action.hook_id, action.scaling_activity_id, action.token)
    return Request(
        event=EventRef("ess_hook", event_id),
        region_id=action.region_id,
        scaling_group_id=action.scaling_group_id,
        instances=instances,
        action=action,
    )


def _find_message(value: Mapping[str, Any], found: list[Problem]) -> _Message:
    top = _normalize_keys(value, (), found)
    content = top.get("content")
    for _ in range(2):  # JSON in a string, or Base64 of that
        content = decode_layer(content) if isinstance(content, str) else content
    if isinstance(content, dict):
        twice: list[Problem] = []
        hook = _normalize_keys(content, ("content",), twice)
        if not _TELLING.isdisjoint(hook):
            found += twice
            return _Message(top, hook, ("content",))
    return _Message(top, top, ())


def _read_action(
    message: _Message, word: str, delivery: EnvelopeContext, found: list[Problem]
) -> LifecycleAction:
    if word and word not in _TRANSITIONS:
        seen = describe_type(message.hook["lifecycleTransition"])
        rule = f"lifecycleTransition must be SCALE_OUT or SCALE_IN, is {seen}"
        found.append(Problem(message.pointer("lifecycleTransition"), _add_remedy(rule)))
    unsaid = delivery.transition or Transition.SCALE_OUT
    ids = _read_ids(message, found)
    arn_region, arn_group = _parse_arn(message.top.get("resourceArn"))
    return LifecycleAction(
        hook_id=ids["lifecycleHookId"],
        token=ids["lifecycleActionToken"],
        scaling_group_id=ids["scalingGroupId"] or arn_group,
        scaling_activity_id=ids["scalingActivityId"],
        transition=_TRANSITIONS.get(word, unsaid),
        region_id=_read_region_id(message, found) or arn_region or delivery.region_id,
        metadata=_read_metadata(message, found),
    )


def _normalize_keys(value: Mapping[str, Any], path: _Path, found: list[Problem]) -> dict[str, Any]:
    """Our keys as ESS spells them. A key in two spellings is a problem, not a silent choice."""
    result: dict[str, Any] = {}
    for key, element in value.items():
        name = _API_NAMES.get(key.lower())
        if name in result:
            found.append(Problem(build_pointer(*path, name), f"{name} is given twice"))
        if name and element is not None:
            result[name] = element
    return result


def _read_transition(message: _Message) -> str:
    """As a word of capitals; nothing where the message does not say it."""
    if "lifecycleTransition" not in message.hook:
        return ""
    value = message.hook["lifecycleTransition"]
    word = _NOT_LETTERS.sub("", value.upper()) if isinstance(value, str) else ""
    return word or "?"


def _read_ids(message: _Message, found: list[Problem]) -> dict[str, str]:
    hook = message.hook
    ids = {name: read_identifier(hook.get(name)) for name in _IDS}
    for name, known in ids.items():
        value = hook.get(name, "")
        if value != "" and not known:
            rule = f"{name} must be a string of printable ASCII, is {describe_type(value)}"
            found.append(Problem(message.pointer(name), _add_remedy(rule)))
    if hook.get("lifecycleHookId", "") == "":
        rule = "lifecycleHookId is required: it says which hook waits"
        found.append(Problem(message.pointer("lifecycleHookId"), rule))
    if hook.get("lifecycleActionToken", "") == hook.get("scalingActivityId", "") == "":
        rule = "lifecycleActionToken is required, or scalingActivityId to ask ESS for the token"
        found.append(Problem(message.pointer("lifecycleActionToken"), rule))
    return ids


def _read_instance_ids(message: _Message, found: list[Problem]) -> tuple[str, ...]:
    """Each once, in their order."""
    value = message.hook.get("instanceIds")
    if isinstance(value, str):
        value = decode_layer(value)
    if not isinstance(value, list) or not value:
        seen = "is empty" if value == [] else f"is {describe_type(value)}"
        rule = f"instanceIds must be a list of at least one instance id, {seen}"
        found.append(Problem(message.pointer("instanceIds"), _add_remedy(rule)))
        return ()
    ids = [read_identifier(element) for element in value]
    for index, known in enumerate(ids):
        if not known:
            seen = describe_type(value[index])
            rule = f"an instance id must be a string of printable ASCII, is {seen}"
            found.append(Problem(message.pointer("instanceIds", index), _add_remedy(rule)))
    return tuple(dict.fromkeys(ids))


def _read_region_id(message: _Message, found: list[Problem]) -> str:
    value = message.top.get("regionId") or message.hook.get("regionId") or ""
    if value and not read_region_id(value):
        rule = f"regionId must be a string like cn-hangzhou, is {describe_type(value)}"
        place = (
            build_pointer("regionId")
            if message.top.get("regionId")
            else message.pointer("regionId")
        )
        found.append(Problem(place, _add_remedy(rule)))
    return read_region_id(value)


def _parse_arn(arn: object) -> tuple[str, str]:
    """Region and scaling group of acs:ess:<region>:<account>:scalinggroup/<group>, else nothing."""
    parts = arn.split(":") if isinstance(arn, str) else []
    if len(parts) != 5 or not parts[4].startswith("scalinggroup/"):  # noqa: PLR2004
        return "", ""
    return read_region_id(parts[2]), read_identifier(parts[4].partition("/")[2])


def _read_metadata(message: _Message, found: list[Problem]) -> str:
    key = "notificationMetadata"
    value = message.hook.get(key, message.top.get(key, ""))
    reason = find_structural_problem(value)
    if reason:
        place = message.pointer(key) if key in message.hook else build_pointer(key)
        found.append(Problem(place, f"{key} {reason}"))
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def _add_remedy(rule: str) -> str:
    return f"{rule}; pass the message on as ESS sent it"
