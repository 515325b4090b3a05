"""Where a message goes that was received too often and not deleted: the queue that its own queue's
DlqPolicy names.

The policy's fields are those of ALIYUN::MNS::Queue in deployment templates (sdk). How the API
carries them is unknown, so that a seed sets them, and everything about the move is inferred: it
happens when the message would be visible again, and the message keeps its id, body and priority.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from localcloud.services.mns.model import invalid_argument
from localcloud.services.mns.queues import Message

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.cloud import Cloud
    from localcloud.services.mns.messaging import Messaging
    from localcloud.services.mns.queues import Queue

_LONG = 3600.0  # seconds; a change ends every wait


class DlqPolicy(NamedTuple):
    target: str
    most: int  # receptions

    def describe(self) -> dict[str, Any]:
        return {
            "Enabled": True,
            "DeadLetterTargetQueue": self.target,
            "MaxReceiveCount": self.most,
        }


def set_policy(mns: Messaging, name: str, given: Mapping[str, Any] | None) -> None:
    """Gives the queue the policy of a seed, if it has one."""
    policy = policy_of(mns, name, given)
    if policy:
        mns.dead_letters[name] = policy


def policy_of(mns: Messaging, name: str, given: Mapping[str, Any] | None) -> DlqPolicy | None:
    if given is None or not given["Enabled"]:
        return None
    policy = DlqPolicy(given["DeadLetterTargetQueue"], given["MaxReceiveCount"])
    if policy.target == name or policy.target not in mns.queues:
        raise invalid_argument("The DeadLetterTargetQueue is not another queue of this account.")
    return policy


def move_to_dead_letter_queue(mns: Messaging, now: float) -> bool:
    """Moves what is due, and says whether there was any."""
    moved = False
    for name, policy in mns.dead_letters.items():
        queue, target = mns.queues.get(name), mns.queues.get(policy.target)
        if queue is None or target is None:  # inferred: without its target, a message stays
            continue
        due = [item for item in _exhausted(queue, policy, now) if item.visible <= now]
        queue.messages = [
            item for item in queue.messages if not any(item is other for other in due)
        ]
        target.messages += [_moved(item, now) for item in due]
        moved = moved or bool(due)
    return moved


async def keep_moving(cloud: Cloud) -> None:
    while True:
        mns, now = cloud.world.mns, cloud.clock.now()
        if move_to_dead_letter_queue(mns, now):
            cloud.changes.notify()
        await cloud.changes.wait(_next(mns, now))


def _next(mns: Messaging, now: float) -> float:
    moments = [
        message.visible - now
        for name, policy in mns.dead_letters.items()
        if name in mns.queues and policy.target in mns.queues
        for message in _exhausted(mns.queues[name], policy, now)
    ]
    return min(moments, default=_LONG)


def _exhausted(queue: Queue, policy: DlqPolicy, now: float) -> list[Message]:
    return [item for item in queue.kept(now) if item.deliveries >= policy.most]


def _moved(message: Message, now: float) -> Message:
    return Message(
        message.body,
        enqueued=now,
        visible=now,
        priority=message.priority,
        message_id=message.message_id,
        properties=message.properties,
    )
