"""Messages that nobody could use: the dead-letter queue that a queue's DlqPolicy names."""

from __future__ import annotations

from typing import Any

import pytest
from mns.mns_exception import MNSServerException
from mns.queue import Message

from recorder import Recorder, bodies, stream

POLICY = {"Enabled": True, "DeadLetterTargetQueue": "dead", "MaxReceiveCount": 2}
ROW = {"QueueName": "work", "VisibilityTimeout": 30, "DlqPolicy": POLICY}


@pytest.fixture
def work(control: Any, mns: Any) -> Any:
    control.seed(Queues=[ROW, {"QueueName": "dead"}])
    queue = mns.get_queue("work")
    queue.send_message(Message("poison", priority=3))
    return queue


def test_a_message_that_was_received_too_often_moves_when_it_would_be_seen_again(
    work: Any, control: Any, mns: Any
) -> None:
    first = work.receive_message()
    control.advance(30)
    assert work.receive_message().dequeue_count == 2
    dead = mns.get_queue("dead")
    assert nothing_in(dead), "whoever has it may still delete it"
    control.advance(30)
    assert nothing_in(work)
    moved = dead.receive_message()
    assert (moved.message_id, moved.message_body) == (first.message_id, first.message_body)
    assert (moved.dequeue_count, moved.priority) == (1, 3)


def test_what_is_deleted_in_time_never_moves(work: Any, control: Any, mns: Any) -> None:
    work.receive_message()
    control.advance(30)
    work.delete_message(work.receive_message().receipt_handle)
    control.advance(30)
    assert nothing_in(mns.get_queue("dead"))


def test_without_its_target_a_message_stays(work: Any, control: Any, mns: Any) -> None:
    mns.get_queue("dead").delete()
    for times in (1, 2, 3):
        assert work.receive_message().dequeue_count == times
        control.advance(30)


def test_whoever_waits_at_the_dead_letter_queue_is_served(
    recorder: Recorder, trigger: Any, work: Any, control: Any
) -> None:
    watched = stream(decodes=True)
    watched["eventSourceConfig"]["eventSourceParameters"]["sourceMNSParameters"]["QueueName"] = (
        "dead"
    )
    trigger("eventbridge", watched)
    for _ in range(2):
        work.receive_message()
        control.advance(30)
    assert bodies(recorder.next_json()) == ["poison"]


def test_a_policy_that_is_not_enabled_does_nothing(control: Any, mns: Any) -> None:
    idle = {**ROW, "DlqPolicy": {**POLICY, "Enabled": False}}
    control.seed(Queues=[idle, {"QueueName": "dead"}])
    assert control.state()["Queues"][-2]["DlqPolicy"] is None
    work = mns.get_queue("work")
    work.send_message(Message("m"))
    for times in (1, 2, 3):
        assert work.receive_message().dequeue_count == times
        control.advance(30)


@pytest.mark.parametrize("target", ["work", "nowhere"])
def test_a_policy_needs_another_queue_that_is_there(control: Any, target: str) -> None:
    policy = {**POLICY, "DeadLetterTargetQueue": target}
    answer = control.send("POST", "/_cloud/seed", {"Queues": [{**ROW, "DlqPolicy": policy}]})
    assert answer.status == 400
    (problem,) = answer.json["error"]["problems"]
    assert problem["path"] == "/Queues/0"
    assert "InvalidArgument" in problem["message"]


def nothing_in(queue: Any) -> bool:
    with pytest.raises(MNSServerException, match="MessageNotExist"):
        queue.peek_message()
    return True
