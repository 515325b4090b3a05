"""What `ports.DeadLetters` promises, in memory and by the SDK."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from fakes import FakeClock
from provisioner.aliyun.mns import MnsDeadLetters
from provisioner.errors import Code, ConfigurationError, Fault, Rejected, Retryable
from provisioner.ports import DeadLetters
from worlds import LocalCloud, replayable

LONG = 30.0
LARGEST = 64 * 1024
LETTER = json.dumps({"quoted": "<&>'\"", "unicode": "\u8d1f", "lines": "\r\n"})


def test_each_letter_gets_an_id_of_its_own(dead_letters: DeadLetters) -> None:
    first, second = (dead_letters.send(LETTER, within=LONG) for _ in range(2))

    assert first
    assert second
    assert first != second


def test_a_letter_of_64_kilobytes_is_sent(dead_letters: DeadLetters) -> None:
    assert dead_letters.send("x" * LARGEST, within=LONG)


def test_a_longer_one_is_rejected(dead_letters: DeadLetters) -> None:
    with pytest.raises(Rejected) as refused:
        dead_letters.send("x" * (LARGEST + 1), within=LONG)

    assert refused.value.fault is Fault.INVALID


def test_nothing_is_sent_when_no_time_is_left(dead_letters: DeadLetters) -> None:
    with pytest.raises(Retryable) as late:
        dead_letters.send(LETTER, within=0.0)

    assert late.value.code == Code.OUT_OF_TIME.value


def test_many_threads_may_send_at_once(dead_letters: DeadLetters) -> None:
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda _: dead_letters.send(LETTER, within=LONG), range(40)))

    assert len(set(ids)) == 40


# By the SDK only


def test_a_letter_lies_in_the_queue_as_it_was_sent(cloud: LocalCloud) -> None:
    name = cloud.queue()
    port = MnsDeadLetters(cloud.connection(), name, FakeClock(), replayable())
    port.send(LETTER, within=LONG)
    port.close()

    assert cloud.bodies(name) == [LETTER]


@pytest.mark.parametrize(
    "broken",
    [
        {"kind": "error", "status": 429, "code": "TooManyRequests"},
        {"kind": "reset_after"},
        {"kind": "html"},
    ],
)
def test_what_may_pass_is_tried_again(cloud: LocalCloud, broken: dict[str, object]) -> None:
    name = cloud.queue()
    port = MnsDeadLetters(cloud.connection(), name, FakeClock(), replayable())
    cloud.fault(action="SendMessage", count=2, **broken)
    port.send(LETTER, within=LONG)
    port.close()

    assert set(cloud.bodies(name)) == {LETTER}


def test_a_missing_queue_is_the_deployments_fault(cloud: LocalCloud) -> None:
    port = MnsDeadLetters(cloud.connection(), "nowhere", FakeClock(), replayable())

    with pytest.raises(ConfigurationError) as refused:
        port.send(LETTER, within=LONG)

    assert "QueueNotExist" in refused.value.message
    assert "dead-letter queue" in refused.value.message


def test_a_missing_permission_is_the_deployments_fault(cloud: LocalCloud) -> None:
    cloud.fault(kind="error", action="SendMessage", status=403, code="AccessDenied")
    port = MnsDeadLetters(cloud.connection(), cloud.queue(), FakeClock(), replayable())

    with pytest.raises(ConfigurationError) as refused:
        port.send(LETTER, within=LONG)

    assert refused.value.code == Code.PERMISSION_MISSING.value
    assert "dead-letter queue" in refused.value.message
