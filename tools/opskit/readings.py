"""What the cloud holds afterwards, as its own SDKs tell it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

from alibabacloud_ess20220222 import models as ess_models
from alibabacloud_ess20220222.client import Client as EssClient
from alibabacloud_slb20140515 import models as slb_models
from alibabacloud_slb20140515.client import Client as SlbClient
from alibabacloud_tea_openapi.utils_models import Config
from mns.account import Account
from mns.mns_exception import MNSServerException
from mns.topic import TopicMessage

from . import local
from .world import REGION

_LONGEST_POLL = 10  # seconds
_MOST = 50  # of a page of DescribeLifecycleActions and DescribeScalingInstances


def config(url: str) -> Config:
    """Of every Tea client of the offline cloud."""
    return Config(
        access_key_id=local.ACCESS_KEY_ID,
        access_key_secret=local.ACCESS_KEY_SECRET,
        endpoint=url.removeprefix("http://"),
        protocol="http",
    )


@dataclass(frozen=True, slots=True)
class Readings:
    url: str

    def group(self, region_id: str, vserver_group_id: str) -> dict[str, Any]:
        """As DescribeVServerGroupAttribute answers."""
        request = slb_models.DescribeVServerGroupAttributeRequest(
            region_id=region_id, vserver_group_id=vserver_group_id
        )
        answer = SlbClient(config(self.url)).describe_vserver_group_attribute(request)
        told: dict[str, Any] = answer.body.to_map()
        return told

    def lifecycle(self, region_id: str, scaling_activity_id: str) -> list[dict[str, Any]]:
        request = ess_models.DescribeLifecycleActionsRequest(
            region_id=region_id, scaling_activity_id=scaling_activity_id, max_results=_MOST
        )
        found = EssClient(config(self.url)).describe_lifecycle_actions(request).body
        return [
            {
                "hook": action.lifecycle_hook_id,
                "token": action.lifecycle_action_token,
                "status": action.lifecycle_action_status,
                "result": action.lifecycle_action_result,
            }
            for action in found.lifecycle_actions or ()
        ]

    def scale(self, scaling_group_id: str, adjustment: int) -> str:
        """Answers the ScalingActivityId."""
        request = ess_models.ScaleWithAdjustmentRequest(
            scaling_group_id=scaling_group_id,
            adjustment_type="QuantityChangeInCapacity",
            adjustment_value=adjustment,
        )
        answer = EssClient(config(self.url)).scale_with_adjustment(request)
        return str(answer.body.scaling_activity_id)

    def instances(self, scaling_group_id: str) -> dict[str, int]:
        """How many are in which LifecycleState."""
        return dict(Counter(item.lifecycle_state for item in self._instances(scaling_group_id)))

    def _instances(self, scaling_group_id: str) -> Iterator[Any]:
        client = EssClient(config(self.url))
        for page in count(1):
            request = ess_models.DescribeScalingInstancesRequest(
                region_id=REGION,
                scaling_group_id=scaling_group_id,
                page_number=page,
                page_size=_MOST,
            )
            found = client.describe_scaling_instances(request).body
            yield from found.scaling_instances or ()
            if page * _MOST >= found.total_count:
                return

    def notifications(self, queue_name: str) -> list[dict[str, Any]]:
        """Received and deleted, as a consumer would."""
        return [json.loads(body) for body in self._received(queue_name)]

    def one_message(self, queue_name: str) -> str:
        """Waits for it: the topic hands it to its subscribers one by one."""
        return next(self._received(queue_name, wait=_LONGEST_POLL))

    def publish(self, topic: str, message: str) -> None:
        with self._account() as account:
            account.get_topic(topic).publish_message(TopicMessage(message))

    def _received(self, queue_name: str, *, wait: int = -1) -> Iterator[str]:
        with self._account() as account:
            queue = account.get_queue(queue_name)
            queue.set_encoding(False)  # a topic's message is delivered as it was published
            while True:
                try:
                    message = queue.receive_message(wait)
                except MNSServerException as error:
                    if error.type != "MessageNotExist":
                        raise
                    return
                queue.delete_message(message.receipt_handle)
                yield message.message_body

    @contextmanager
    def _account(self) -> Iterator[Account]:
        account = Account(self.url, local.ACCESS_KEY_ID, local.ACCESS_KEY_SECRET)
        try:
            yield account
        finally:
            account.mns_client.close_connection()
