"""The resource types of a stack: how each comes to be, changes and goes, by the rules of the
service that it is of.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from localcloud.services.ess import hooks
from localcloud.services.mns.dead_letters import policy_of
from localcloud.services.mns.model import QUEUE_ATTRIBUTES, TOPIC_ATTRIBUTES, read_attributes
from localcloud.services.ros import functions, generation_2
from localcloud.services.ros.evaluation import invalid
from localcloud.services.ros.made import Made

if TYPE_CHECKING:
    from localcloud.cloud import Cloud

Properties = Mapping[str, Any]
_OF_DLQ_POLICY = ("Enabled", "DeadLetterTargetQueue", "MaxReceiveCount")  # sdk: all required


@dataclass(frozen=True)
class Kind:
    # Creates it, or changes `old` into what is wanted; ApiError if it cannot be.
    put: Callable[[Cloud, Properties, Made | None], Made]
    delete: Callable[[Cloud, Made], object]


def _put_queue(cloud: Cloud, properties: Properties, old: Made | None) -> Made:
    mns, name, now = cloud.world.mns, properties["QueueName"], cloud.clock.now()
    attributes = read_attributes(_texts(properties), QUEUE_ATTRIBUTES)
    # Read before the queue is made: what is refused leaves none behind.
    policy = policy_of(mns, name, _dlq_policy(properties))
    if old and old.physical_id == name:
        mns.queue(name).attributes = attributes
    else:
        mns.create_queue(name, attributes, now)
    mns.dead_letters.pop(name, None)
    if policy:
        mns.dead_letters[name] = policy
    return Made(name, {"QueueName": name, **_of_mns(cloud, "Queue", "queues", name)})


def _dlq_policy(properties: Properties) -> dict[str, Any] | None:
    given = properties.get("DlqPolicy")
    if given is None:
        return None
    missing = [name for name in _OF_DLQ_POLICY if name not in given]
    if missing:
        raise invalid(f"The property DlqPolicy has no {', '.join(missing)}.")
    most = str(given["MaxReceiveCount"])
    if not re.fullmatch(r"[1-9][0-9]{0,8}", most):
        raise invalid("The MaxReceiveCount of DlqPolicy is no number from 1.")
    enabled = str(given["Enabled"]).lower() == "true"
    return {**given, "Enabled": enabled, "MaxReceiveCount": int(most)}


def _delete_queue(cloud: Cloud, made: Made) -> None:
    cloud.world.mns.queues.pop(made.physical_id, None)
    cloud.world.mns.dead_letters.pop(made.physical_id, None)


def _put_topic(cloud: Cloud, properties: Properties, old: Made | None) -> Made:
    mns, name, now = cloud.world.mns, properties["TopicName"], cloud.clock.now()
    attributes = read_attributes(_texts(properties), TOPIC_ATTRIBUTES)
    if old and old.physical_id == name:
        mns.topic(name).attributes = attributes
    else:
        mns.create_topic(name, attributes, now)
    return Made(name, {"TopicName": name, **_of_mns(cloud, "Topic", "topics", name)})


def _of_mns(cloud: Cloud, word: str, plural: str, name: str) -> dict[str, str]:
    place = f"{cloud.world.region}:{cloud.world.account}"
    return {
        f"{word}Url": f"{cloud.places['endpoint']}/{plural}/{name}",
        "ARN.WithSlash": f"acs:mns:{place}:/{plural}/{name}",
    }


def _texts(properties: Properties) -> dict[str, str]:
    return {key: str(value) for key, value in properties.items()}


def _put_hook(cloud: Cloud, properties: Properties, old: Made | None) -> Made:
    ess, mns = cloud.world.ess, cloud.world.mns
    group = ess.group(properties["ScalingGroupId"])
    wanted = hooks.Wanted(
        name=properties.get("LifecycleHookName"),
        transition=properties["LifecycleTransition"],
        default_result=properties.get("DefaultResult"),
        heartbeat_timeout=str(properties["HeartbeatTimeout"]),
        notification_arn=properties.get("NotificationArn"),
        notification_metadata=properties.get("NotificationMetadata"),
    )
    if old and old.physical_id in group.hooks:
        hook = group.hooks[old.physical_id]
        hooks.modify(ess, mns, group, hook, wanted)
    else:
        hook = hooks.create(ess, mns, group, wanted, hooks.HOOKS["2022-02-22"])
    ids = {"LifecycleHookId": hook.lifecycle_hook_id, "ScalingGroupId": group.scaling_group_id}
    return Made(hook.lifecycle_hook_id, ids)


def _delete_hook(cloud: Cloud, made: Made) -> None:
    ess = cloud.world.ess
    group, hook = hooks.find(ess, made.physical_id, None, None)
    hooks.delete(ess, group, hook, cloud.clock.now())


def _put_role(cloud: Cloud, properties: Properties, old: Made | None) -> Made:
    name = properties["RoleName"]
    role_id = old.attributes["RoleId"] if old else uuid.uuid4().hex
    arn = f"acs:ram::{cloud.world.account}:role/{name}"
    return Made(name, {"Arn": arn, "RoleName": name, "RoleId": role_id})


def _recorded(*names: str) -> Kind:
    """Nothing of it is there but its name."""

    def put(_cloud: Cloud, properties: Properties, _old: Made | None) -> Made:
        given = {name: properties[name] for name in names}
        return Made("/".join(given.values()), given)

    return Kind(put, lambda _cloud, _made: None)


KINDS: Mapping[str, Kind] = {
    "ALIYUN::MNS::Queue": Kind(_put_queue, _delete_queue),
    "ALIYUN::MNS::Topic": Kind(
        _put_topic, lambda cloud, made: cloud.world.mns.topics.pop(made.physical_id, None)
    ),
    "ALIYUN::ESS::LifecycleHook": Kind(_put_hook, _delete_hook),
    "ALIYUN::RAM::Role": Kind(_put_role, lambda _cloud, _made: None),
    "ALIYUN::FC3::Function": Kind(functions.put_function, functions.delete_function),
    "ALIYUN::FC3::AsyncInvokeConfig": Kind(functions.put_config, functions.delete_config),
    "ALIYUN::FC3::Trigger": Kind(functions.put_trigger, functions.delete_trigger),
    "ALIYUN::FC::Service": Kind(generation_2.put_service, lambda _cloud, _made: None),
    "ALIYUN::FC::Function": Kind(generation_2.put_function, functions.delete_function),
    "ALIYUN::FC::Trigger": Kind(generation_2.put_trigger, functions.delete_trigger),
    "ALIYUN::SLS::Project": _recorded("Name"),
    "ALIYUN::SLS::Logstore": _recorded("ProjectName", "LogstoreName"),
    "ALIYUN::SLS::Index": _recorded("ProjectName", "LogstoreName"),
}
