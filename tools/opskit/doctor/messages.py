"""The result topic, the dead-letter queue, and the topics that deliver to the function."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
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


def subscriptions(patient: Patient) -> Iterator[Finding]:
    """Find the topics that deliver to queues of the function, and their formats.

    The function reads every format. XML is the default.
    """
    queues = set(_read_source_queues(patient))
    if not queues:
        yield ok("no queue calls the function" if patient.deployed else "no function was named")
        return
    try:
        with patient.cloud.messages() as account:
            found = list(asked(lambda: list(_list_subscriptions(account, queues))))
    except RefusedError as error:
        remedy = "allow mns:List* and mns:GetSubscriptionAttributes to whoever asks"
        yield unknown(f"the subscriptions of {', '.join(sorted(queues))}: {error}", remedy)
        return
    results = patient.settings.result_topic if patient.settings else ""
    for topic, name, queue, content_format in found:
        delivery = f"topic {topic} delivers {content_format} to queue {queue}, by {name}"
        if topic == results:
            remedy = "unsubscribe it, or let RESULT_TOPIC name a topic of its own"
            yield failure(f"{delivery}: results come back to the function", remedy)
        else:
            yield ok(delivery)
    if not found:
        yield ok(f"no topic delivers to {', '.join(sorted(queues))}")


def _read_source_queues(patient: Patient) -> Iterator[str]:
    for trigger in patient.deployed.triggers if patient.deployed else ():
        source = trigger.config.get("eventSourceConfig", {}).get("eventSourceParameters", {})
        queue = source.get("sourceMNSParameters", {}).get("QueueName")
        if trigger.type == "eventbridge" and isinstance(queue, str):
            yield queue


def _list_subscriptions(account: Any, queues: Collection[str]) -> Iterator[tuple[str, ...]]:
    """Yield topic, subscription, queue and format of each subscription that ends at a queue."""
    for topic in map(_last_part, _list_all(account.list_topic)):
        of_topic = account.get_topic(topic)
        for name in map(_last_part, _list_all(of_topic.list_subscription)):
            attributes = of_topic.get_subscription(name).get_attributes()
            queue = _last_part(attributes.endpoint)
            if ":queues/" in attributes.endpoint and queue in queues:
                yield topic, name, queue, attributes.notify_content_format


def _list_all(list_page: Callable[..., tuple[list[str], str]]) -> Iterator[str]:
    marker = ""
    while True:
        urls, marker = list_page(marker=marker)
        yield from urls
        if not marker:
            return


def _last_part(url: str) -> str:
    return url.rpartition("/")[2]


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
