"""Queues, Topics and Subscriptions of a seed document. What exists already with the same
attributes is left as it is, as the API's own create operations do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localcloud.documents import Problem, pointer
from localcloud.services.mns.dead_letters import set_policy
from localcloud.services.mns.model import (
    QUEUE_ATTRIBUTES,
    TOPIC_ATTRIBUTES,
    read_attributes,
)
from localcloud.services.mns.topics import subscription_of
from localcloud.wire.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from localcloud.services.mns.messaging import Messaging


def plant(mns: Messaging, document: Mapping[str, Any], now: float) -> Iterator[Problem]:
    def queue(row: dict[str, Any]) -> None:
        mns.create_queue(row["QueueName"], read_attributes(_texts(row), QUEUE_ATTRIBUTES), now)

    def topic(row: dict[str, Any]) -> None:
        mns.create_topic(row["TopicName"], read_attributes(_texts(row), TOPIC_ATTRIBUTES), now)

    def subscription(row: dict[str, Any]) -> None:
        endpoint = row.get("Endpoint") or mns.endpoint_of_queue(row["QueueName"])
        given = {**_texts(row), "Endpoint": endpoint}
        found = subscription_of(row["SubscriptionName"], given, mns, now)
        mns.topic(row["TopicName"]).subscribe(found)

    def policy(row: dict[str, Any]) -> None:  # after all queues, one of which it names
        set_policy(mns, row["QueueName"], row.get("DlqPolicy"))

    plants: tuple[tuple[str, Callable[[dict[str, Any]], None]], ...] = (
        ("Queues", queue),
        ("Queues", policy),
        ("Topics", topic),
        ("Subscriptions", subscription),
    )
    for section, create in plants:
        for index, row in enumerate(document.get(section, [])):
            try:
                create(row)
            except ApiError as error:
                problem = f"{error.code}: {error.message}"
                yield Problem(pointer(section, index), problem)


def _texts(row: dict[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in row.items()}
