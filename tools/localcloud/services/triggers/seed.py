"""Triggers of a seed document: a row is what CreateTrigger takes, with the config as an object."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from localcloud.documents import Problem, pointer
from localcloud.retries import BACKOFF
from localcloud.services.mns.topics import subscription_of
from localcloud.services.triggers import cron
from localcloud.services.triggers.model import EventStream, Rule, Timer, TopicTrigger, Trigger
from localcloud.wire.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from localcloud.cloud import World

_TOPIC = re.compile(r"acs:mns:([^:]+):([^:]+):/topics/([^/:]+)")  # seen
_QUEUE = re.compile(r"acs:mns:([^:]+):([^:]+):/queues/([^/:]+)")  # sdk
_PATTERN = {"source", "type", "subject"}  # what a rule can tell events apart by, here


class _Bad(Exception):
    def __init__(self, path: tuple[str, ...], message: str) -> None:
        super().__init__(message)
        self.path = path


def plant(world: World, document: Mapping[str, Any], now: float) -> Iterator[Problem]:
    for index, row in enumerate(document.get("Triggers", [])):
        try:
            trigger = _READERS[row["TriggerType"]](world, row)
            _add(world, trigger, now)
        except _Bad as bad:
            yield Problem(pointer("Triggers", index, *bad.path), str(bad))
        except ApiError as error:
            yield Problem(pointer("Triggers", index), f"{error.code}: {error.message}")


def _add(world: World, trigger: Trigger, now: float) -> None:
    if world.triggers.by_key.setdefault(trigger.key, trigger) is not trigger:
        raise _Bad(("TriggerName",), f"{trigger.name} exists already")
    if isinstance(trigger, TopicTrigger):
        _subscribe(world, trigger, now)


def _subscribe(world: World, trigger: TopicTrigger, now: float) -> None:
    name = subscription_name(trigger)
    match = _TOPIC.fullmatch(trigger.source_arn)
    assert match is not None
    given = {
        "Endpoint": world.mns.endpoint_of_function(trigger.function),
        "NotifyContentFormat": trigger.config.get("notifyContentFormat", "STREAM"),
        "NotifyStrategy": trigger.config.get("notifyStrategy", BACKOFF),
        "FilterTag": trigger.config.get("filterTag", ""),
    }
    subscription = subscription_of(name, given, world.mns, now)
    if not world.mns.topic(match[3]).subscribe(subscription):
        raise _Bad(("TriggerName",), f"the topic has a subscription {name} already")


def subscription_name(trigger: Trigger) -> str:
    return f"{trigger.function.replace('/', '-')}-{trigger.name}"  # emulator-only


def _topic_trigger(world: World, row: Mapping[str, Any]) -> TopicTrigger:
    match = _TOPIC.fullmatch(row.get("SourceArn", ""))
    if match is None or match.groups()[:2] != (world.region, world.account):
        # doc: same region only
        raise _Bad(
            ("SourceArn",), "is no acs:mns:{region}:{account}:/topics/{name} of this account"
        )
    return TopicTrigger(**_common(row))


def _timer(_world: World, row: Mapping[str, Any]) -> Timer:
    config = row["TriggerConfig"]
    try:
        schedule = cron.read(config["cronExpression"])
    except ValueError as error:
        raise _Bad(("TriggerConfig", "cronExpression"), str(error)) from error
    payload, enabled = config.get("payload", ""), config.get("enable", True)
    return Timer(**_common(row), schedule=schedule, payload=payload, enabled=enabled)


def _event_trigger(world: World, row: Mapping[str, Any]) -> Trigger:
    source = row["TriggerConfig"].get("eventSourceConfig", {})
    options = row["TriggerConfig"].get("runOptions", {})
    common = {**_common(row), **_handing_over(world, row["TriggerConfig"], options)}
    if source.get("eventSourceType", "Default") == "Default":
        return Rule(**common, pattern=_pattern(row["TriggerConfig"]))
    parameters = source.get("eventSourceParameters", {}).get("sourceMNSParameters", {})
    path = ("TriggerConfig", "eventSourceConfig", "eventSourceParameters", "sourceMNSParameters")
    if parameters.get("RegionId", world.region) != world.region:
        raise _Bad((*path, "RegionId"), "is not this region")
    if parameters.get("QueueName") not in world.mns.queues:
        raise _Bad((*path, "QueueName"), f"there is no queue {parameters.get('QueueName')}")
    window, batched = options.get("batchWindow", {}), options.get("mode") != "event-driven"
    return EventStream(
        **common,
        queue=parameters["QueueName"],
        decodes=parameters.get("IsBase64Decode", True),  # doc
        batched=batched,
        count=window.get("CountBasedWindow", 1) if batched else 1,
        seconds=window.get("TimeBasedWindow", 0) if batched else 0,
    )


def _handing_over(
    world: World, config: Mapping[str, Any], options: Mapping[str, Any]
) -> dict[str, Any]:
    delivery = config.get("eventSinkConfig", {}).get("deliveryOption", {})
    return {
        "asynchronous": config.get("asyncInvocationType", False),
        "event_schema": delivery.get("eventSchema", "CloudEvents"),
        "strategy": options.get("retryStrategy", {}).get("PushRetryStrategy", BACKOFF),
        "tolerates_errors": options.get("errorsTolerance", "NONE") == "ALL",
        "dead_letter_queue": _dead_letters(world, options),
    }


def _dead_letters(world: World, options: Mapping[str, Any]) -> str:
    arn = options.get("deadLetterQueue", {}).get("Arn")
    if arn is None:
        return ""
    path, match = ("TriggerConfig", "runOptions", "deadLetterQueue", "Arn"), _QUEUE.fullmatch(arn)
    if match is None or match.groups()[:2] != (world.region, world.account):
        raise _Bad(path, "is no acs:mns:{region}:{account}:/queues/{name} of this account")
    if match[3] not in world.mns.queues:
        raise _Bad(path, f"there is no queue {match[3]}")
    return match[3]


def _pattern(config: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    path = ("TriggerConfig", "eventRuleFilterPattern")
    try:
        pattern = json.loads(config.get("eventRuleFilterPattern", "{}"))
    except ValueError as error:
        raise _Bad(path, "is not JSON") from error
    if not isinstance(pattern, dict) or not pattern.keys() <= _PATTERN:
        raise _Bad(path, f"is no object of {', '.join(sorted(_PATTERN))}")
    for values in pattern.values():
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise _Bad(path, "has something else than lists of strings")
    return {name: tuple(values) for name, values in pattern.items()}


def _common(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "function": row["FunctionName"],
        "name": row["TriggerName"],
        "type": row["TriggerType"],
        "config": row["TriggerConfig"],
        "source_arn": row.get("SourceArn", ""),
    }


_READERS: dict[str, Callable[[World, Mapping[str, Any]], Trigger]] = {
    "mns_topic": _topic_trigger,
    "eventbridge": _event_trigger,
    "timer": _timer,
}
