"""The message of a lifecycle hook, to an MNS queue or topic or through EventBridge.

Its keys are those that an Alibaba Cloud tutorial models (doc). Other keys are ignored, and keys
match in any case. The message is normally Base64, but can be plain JSON.

    {"userId": "1000000000000001", "regionId": "cn-hangzhou",
     "resourceArn": "acs:ess:cn-hangzhou:1000000000000001:scalinggroup/asg-0001",     (a guess)
     "content": {"lifecycleHookId": "ash-0001", "lifecycleHookName": "hook-out",
                 "lifecycleActionToken": "00000000-0000-4000-8000-000000000001",
                 "lifecycleTransition": "SCALE_OUT", "defaultResult": "CONTINUE",
                 "scalingGroupId": "asg-0001", "scalingGroupName": "group-a",
                 "scalingActivityId": "asa-0001", "requestId": "req-0001",
                 "instanceIds": ["i-0001", "i-0002"]}}

`content` may be a string, or missing with its keys at the top (unknown). `notificationMetadata` may
be in either place (unknown). Required are a hook, its instances, and the token or the activity: ESS
knows the token of an activity. There is one token for each hook and activity (doc), so these two
identify the event in every delivery, whichever trigger delivers it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from provisioner.errors import Problem, Rejected, Skip
from provisioner.groups.naming import build_hook_event_id
from provisioner.mapping.strict_json import find_structural_problem, has_broken_text
from provisioner.mapping.validation import describe_type
from provisioner.model import EventRef, Instance, LifecycleAction, Request, Transition

from . import ess_events
from .envelope import (
    EnvelopeContext,
    decode_layer,
    read_identifier,
    read_region_id,
    unreadable_error,
)

_IDS = ("lifecycleHookId", "lifecycleActionToken", "scalingActivityId", "scalingGroupId")
_OTHERS = ("lifecycleTransition", "instanceIds", "notificationMetadata", "regionId", "resourceArn")
_API_NAMES = {name.lower(): name for name in (*_IDS, *_OTHERS, "content")}
_DISTINCTIVE_KEYS = {"lifecycleHookId", "lifecycleActionToken", "lifecycleTransition"}
_TEST = "TEST"
_TRANSITIONS = {"SCALEOUT": Transition.SCALE_OUT, "SCALEIN": Transition.SCALE_IN}
_NOT_LETTERS = re.compile(r"[^A-Z]")


@dataclass(frozen=True, slots=True)
class _Message:
    """A hook message with its keys as ESS spells them, and the problems found so far.

    `hook` is the object with the keys of the hook, either `top` or its content. `prefix` is the
    JSON Pointer of `hook`.
    """

    top: Mapping[str, Any]
    hook: Mapping[str, Any]
    prefix: str
    problems: list[Problem] = field(default_factory=list)

    def add_problem(self, pointer: str, rule: str, seen: str = "") -> None:
        """Add a problem with a rule, and with what was seen instead if that is of use."""
        remedy = f", {seen}; forward the message as ESS sent it" if seen else ""
        self.problems.append(Problem(pointer, f"{rule}{remedy}"))


def read(value: dict[str, Any], context: EnvelopeContext) -> Request | Skip | None:
    message = _find_message(value)
    if message is None:
        return None
    transition = _normalize_transition(message)
    if transition == _TEST:
        return Skip(ess_events.TEST)
    action = _read_action(message, transition, context)
    instances = tuple(map(Instance, _read_instance_ids(message)))
    if message.problems:
        raise Rejected.from_problems(message.problems, what="the lifecycle hook message")
    event_id = build_hook_event_id(action.hook_id, action.scaling_activity_id, action.token)
    return Request(
        event=EventRef("ess_hook", event_id),
        region_id=action.region_id,
        scaling_group_id=action.scaling_group_id,
        instances=instances,
        action=action,
    )


def _find_message(value: Mapping[str, Any]) -> _Message | None:
    top, problems = _normalize_keys(value, "")
    content = top.get("content")
    for _ in range(2):  # JSON in a string, or Base64 of that
        content = decode_layer(content) if isinstance(content, str) else content
    message = _Message(top, top, "", problems)
    if isinstance(content, dict):
        hook, content_problems = _normalize_keys(content, "/content")
        if not _DISTINCTIVE_KEYS.isdisjoint(hook):
            message = _Message(top, hook, "/content", problems + content_problems)
    if _DISTINCTIVE_KEYS.isdisjoint(message.hook):
        return None
    if problem := find_structural_problem([value, content]):
        raise unreadable_error(f"the lifecycle hook message {problem}")
    return message


def _normalize_keys(value: Mapping[str, Any], prefix: str) -> tuple[dict[str, Any], list[Problem]]:
    """Return the known keys as ESS spells them. A key in two spellings is a problem."""
    result: dict[str, Any] = {}
    problems = []
    for key, element in value.items():
        name = _API_NAMES.get(key.lower())
        if name in result:
            problems.append(Problem(f"{prefix}/{name}", f"{name} is given twice"))
        if name and element is not None:
            result[name] = element
    return result, problems


def _normalize_transition(message: _Message) -> str:
    """Return the transition in capital letters only, or an empty string if it is missing."""
    if "lifecycleTransition" not in message.hook:
        return ""
    value = message.hook["lifecycleTransition"]
    letters = _NOT_LETTERS.sub("", value.upper()) if isinstance(value, str) else ""
    return letters or "?"


def _read_action(message: _Message, transition: str, context: EnvelopeContext) -> LifecycleAction:
    if transition and transition not in _TRANSITIONS:
        message.add_problem(
            f"{message.prefix}/lifecycleTransition",
            "lifecycleTransition must be SCALE_OUT or SCALE_IN",
            f"is {describe_type(message.hook['lifecycleTransition'])}",
        )
    ids = _read_ids(message)
    arn_region, arn_group = _parse_arn(message.top.get("resourceArn"))
    return LifecycleAction(
        hook_id=ids["lifecycleHookId"],
        token=ids["lifecycleActionToken"],
        scaling_group_id=ids["scalingGroupId"] or arn_group,
        scaling_activity_id=ids["scalingActivityId"],
        transition=_TRANSITIONS.get(transition, context.transition or Transition.SCALE_OUT),
        region_id=_read_region_id(message) or arn_region or context.region_id,
        metadata=_read_metadata(message),
    )


def _read_ids(message: _Message) -> dict[str, str]:
    hook, prefix = message.hook, message.prefix
    ids = {name: read_identifier(hook.get(name)) for name in _IDS}
    for name, identifier in ids.items():
        value = hook.get(name, "")
        if value != "" and not identifier:
            rule = f"{name} must be a string of printable ASCII"
            message.add_problem(f"{prefix}/{name}", rule, f"is {describe_type(value)}")
    if hook.get("lifecycleHookId", "") == "":
        message.add_problem(
            f"{prefix}/lifecycleHookId", "lifecycleHookId is required: it names the hook that waits"
        )
    if hook.get("lifecycleActionToken", "") == hook.get("scalingActivityId", "") == "":
        message.add_problem(
            f"{prefix}/lifecycleActionToken",
            "lifecycleActionToken is required, or scalingActivityId to ask ESS for the token",
        )
    return ids


def _read_instance_ids(message: _Message) -> tuple[str, ...]:
    """Return each id once, in the order of the message."""
    pointer = f"{message.prefix}/instanceIds"
    value = message.hook.get("instanceIds")
    if isinstance(value, str):
        value = decode_layer(value)
    if not isinstance(value, list) or not value:
        seen = "is empty" if value == [] else f"is {describe_type(value)}"
        message.add_problem(pointer, "instanceIds must be a list of at least one instance id", seen)
        return ()
    ids = [read_identifier(element) for element in value]
    for index, identifier in enumerate(ids):
        if not identifier:
            rule = "an instance id must be a string of printable ASCII"
            message.add_problem(f"{pointer}/{index}", rule, f"is {describe_type(value[index])}")
    return tuple(dict.fromkeys(ids))


def _read_region_id(message: _Message) -> str:
    key = "regionId"
    if message.top.get(key):
        value, pointer = message.top[key], f"/{key}"
    else:
        value, pointer = message.hook.get(key) or "", f"{message.prefix}/{key}"
    region_id = read_region_id(value)
    if value and not region_id:
        rule = f"{key} must be a string like cn-hangzhou"
        message.add_problem(pointer, rule, f"is {describe_type(value)}")
    return region_id


def _parse_arn(arn: object) -> tuple[str, str]:
    """Return region and scaling group of acs:ess:<region>:<account>:scalinggroup/<group>."""
    parts = arn.split(":") if isinstance(arn, str) else []
    if len(parts) != 5 or not parts[4].startswith("scalinggroup/"):  # noqa: PLR2004
        return "", ""
    return read_region_id(parts[2]), read_identifier(parts[4].partition("/")[2])


def _read_metadata(message: _Message) -> str:
    key = "notificationMetadata"
    value = message.hook.get(key, message.top.get(key, ""))
    if has_broken_text(value):
        prefix = message.prefix if key in message.hook else ""
        message.add_problem(f"{prefix}/{key}", f"{key} contains half of a surrogate pair")
        return ""
    return value if isinstance(value, str) else json.dumps(value)
