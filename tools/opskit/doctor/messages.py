"""The result topic and the dead-letter queue: there; and no topic that calls the function."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from warnings import catch_warnings, simplefilter

from .finding import Finding, failure, ok, unknown
from .hooks import hooks_of
from .patient import Patient, RefusedError, asked

_TOPIC = re.compile(r"(?:/topics/|:topic/)([^/:]+)(?:/messages)?\Z")  # both forms of an ARN


def result_topic(patient: Patient) -> Iterator[Finding]:
    if patient.settings is None:
        return
    name = patient.settings.result_topic
    try:
        with patient.cloud.messages() as account:
            asked(account.get_topic(name).get_attributes)
    except RefusedError as error:
        told = f"result topic {name}: {error}"
        if error.code == "TopicNotExist":
            yield failure(told, "create it, or let RESULT_TOPIC name one that is there")
        else:
            remedy = "allow mns:GetTopicAttributes to whoever asks, and see the endpoint of mns"
            yield unknown(told, remedy)
        return
    yield ok(f"result topic {name} is there")


def dead_letter_queue(patient: Patient) -> Iterator[Finding]:
    """Where one is named that is not there, what is given up is delivered again and again."""
    if patient.settings is None:
        return
    name = patient.settings.dead_letter_queue
    if not name:
        yield ok("no dead-letter queue is configured: what is given up is only published")
        return
    try:
        with patient.cloud.messages() as account:
            asked(lambda: _read(account.get_queue(name)))
    except RefusedError as error:
        told = f"dead-letter queue {name}: {error}"
        if error.code == "QueueNotExist":
            yield failure(told, "create it, or let DEAD_LETTER_QUEUE name one that is there")
        else:
            remedy = "allow mns:GetQueueAttributes to whoever asks, and see the endpoint of mns"
            yield unknown(told, remedy)
        return
    yield ok(f"dead-letter queue {name} is there")


def _read(queue: Any) -> None:
    """The SDK warns of what it does itself."""
    with catch_warnings():
        simplefilter("ignore", DeprecationWarning)
        queue.get_attributes()


def circle(patient: Patient) -> Iterator[Finding]:
    """Results that came back as events would be acknowledged, one by one, for nothing."""
    if patient.settings is None:
        return
    name = patient.settings.result_topic
    callers = list(_callers(patient))
    found = [who for who, topic in callers if topic == name]
    if found:
        told = f"result topic {name} calls the function itself, by {', '.join(found)}"
        yield failure(told, "publish results to a topic of their own")
    elif patient.deployed is None:
        told = f"whether a trigger of the function listens to {name} is not known"
        yield unknown(told, "name the deployed function by --function")
    else:
        yield ok(f"result topic {name} is no trigger's and no hook's")


def _callers(patient: Patient) -> Iterator[tuple[str, str]]:
    """Of topics that end at the function."""
    for trigger in patient.deployed.triggers if patient.deployed else ():
        yield f"trigger {trigger.name}", topic_of(trigger.source_arn)
    try:
        for hook in hooks_of(patient):
            yield f"hook {hook.lifecycle_hook_id}", topic_of(hook.notification_arn or "")
    except RefusedError:
        return  # told by the check of hooks


def topic_of(arn: str) -> str:
    match = _TOPIC.search(arn)
    return match[1] if match else ""
