"""Everything a cloud holds, in the words of the APIs; secrets stay out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localcloud.clock import timestamp
from localcloud.services.ecs.model import ECI, ECS
from localcloud.services.ess import delivery, shapes
from localcloud.services.mns import dead_letters

if TYPE_CHECKING:
    from localcloud.cloud import Cloud
    from localcloud.services.ecs.model import Compute
    from localcloud.services.ess.model import AutoScaling
    from localcloud.services.mns.messaging import Messaging
    from localcloud.services.mns.queues import Queue
    from localcloud.services.mns.topics import Subscription, Topic


def describe(cloud: Cloud) -> dict[str, Any]:
    delivery.settle(cloud)
    dead_letters.move_to_dead_letter_queue(cloud.world.mns, cloud.clock.now())
    world, now = cloud.world, cloud.clock.now()
    return {
        "Clock": {"now": now, "Time": timestamp(now)},
        "Faults": cloud.faults.describe(),
        "Settings": cloud.settings.describe(),
        "Keys": [
            {"AccessKeyId": key.access_key_id, "Caller": key.caller} for key in world.keys.values()
        ],
        "RoleKeys": cloud.roles.describe(),
        "Buckets": [{"BucketName": name} for name in sorted(world.buckets)],
        "Stacks": [item.describe() for item in cloud.stacks.values()],
        "Triggers": world.triggers.describe(),
        "LoadBalancers": [item.describe(now) for item in world.slb.load_balancers.values()],
        "VServerGroups": [item.describe() for item in world.slb.groups.values()],
        "BackendHealth": [item.describe() for item in world.slb.health.rules],
        **_servers(world.compute),
        "Functions": [
            {**item.describe(), "Instances": cloud.functions.instances(item.name)}
            for item in world.functions.values()
        ],
        **_scaling(world.ess),
        **_messaging(world.mns, now),
    }


def _servers(compute: Compute) -> dict[str, Any]:
    servers = compute.instances.values()
    return {
        "Instances": [item.describe() for item in servers if item.kind == ECS],
        "ContainerGroups": [item.describe() for item in servers if item.kind == ECI],
        "NetworkInterfaces": [item.describe() for item in compute.interfaces.values()],
    }


def _scaling(ess: AutoScaling) -> dict[str, Any]:
    return {
        "ScalingGroups": [
            {
                **shapes.group(group, ess.members(group)),
                "LifecycleHooks": [
                    shapes.hook(hook, group.scaling_group_id) for hook in group.hooks.values()
                ],
                "NotificationConfigurations": [
                    item.describe(group) for item in group.notifications.values()
                ],
            }
            for group in ess.groups.values()
        ],
        "ScalingActivities": [shapes.activity(item) for item in ess.activities.values()],
        "ScalingInstances": [shapes.instance(item) for item in ess.instances.values()],
        "LifecycleActions": [
            {
                **shapes.action(item),
                "ScalingActivityId": item.scaling_activity_id,
                "Deadline": timestamp(item.deadline),
                "Heartbeats": item.heartbeats,
                "Notification": item.notification,
            }
            for item in ess.actions
        ],
    }


def _messaging(mns: Messaging, now: float) -> dict[str, Any]:
    topics = mns.topics.values()
    return {
        "Queues": [_queue(mns, queue, now) for queue in mns.queues.values()],
        "Topics": [_topic(topic, now) for topic in topics],
        "Subscriptions": [
            _subscription(topic, item) for topic in topics for item in topic.subscriptions.values()
        ],
    }


def _queue(mns: Messaging, queue: Queue, now: float) -> dict[str, Any]:
    policy = mns.dead_letters.get(queue.name)
    return {
        "QueueName": queue.name,
        "DlqPolicy": policy.describe() if policy else None,
        **queue.attributes.describe(),
        **queue.counts(now),
        "Messages": [message.describe() for message in queue.messages],
    }


def _topic(topic: Topic, now: float) -> dict[str, Any]:
    return {
        "TopicName": topic.name,
        **topic.attributes.describe(),
        "MessageCount": topic.message_count(now),
    }


def _subscription(topic: Topic, item: Subscription) -> dict[str, Any]:
    return {
        "TopicName": topic.name,
        "SubscriptionName": item.name,
        "Endpoint": item.endpoint,
        "NotifyContentFormat": item.notify_content_format,
        "NotifyStrategy": item.notify_strategy,
        "FilterTag": item.filter_tag,
    }
