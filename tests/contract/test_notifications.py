"""What `ports.Notifications` promises, in memory and by the SDK."""

from __future__ import annotations

import json

import pytest

from provisioner.errors import Code, Fault, Rejected, Retryable
from provisioner.ports import Notifications

LONG = 30.0
LARGEST = 64 * 1024


def test_each_message_gets_an_id_of_its_own(notifications: Notifications) -> None:
    document = json.dumps({"id": "result-1", "quoted": "<&>'\"", "unicode": "\u8d1f"})

    first = notifications.publish(document, tag="provisioned", within=LONG)
    second = notifications.publish(document, tag="provisioned", within=LONG)

    assert first
    assert second
    assert first != second


def test_a_message_needs_no_tag(notifications: Notifications) -> None:
    assert notifications.publish("{}", tag="", within=LONG)


def test_a_message_of_64_kilobytes_is_published(notifications: Notifications) -> None:
    assert notifications.publish("x" * LARGEST, tag="provisioned", within=LONG)


@pytest.mark.parametrize(
    ("document", "tag"),
    [
        pytest.param("x" * (LARGEST + 1), "provisioned", id="more than 64 KB"),
        pytest.param("\u8d1f" * (LARGEST // 3 + 1), "provisioned", id="more than 64 KB in UTF-8"),
        pytest.param("{}", "x" * 17, id="a tag of 17 characters"),
    ],
)
def test_what_is_too_long_is_rejected(
    notifications: Notifications, document: str, tag: str
) -> None:
    with pytest.raises(Rejected) as refused:
        notifications.publish(document, tag=tag, within=LONG)

    assert refused.value.fault is Fault.INVALID


def test_nothing_is_published_when_no_time_is_left(notifications: Notifications) -> None:
    with pytest.raises(Retryable) as late:
        notifications.publish("{}", tag="provisioned", within=0.0)

    assert late.value.code == Code.OUT_OF_TIME.value
