"""What the cloud holds afterwards, as its own SDKs tell it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from alibabacloud_ess20220222 import models as ess_models
from alibabacloud_ess20220222.client import Client as EssClient
from alibabacloud_slb20140515 import models as slb_models
from alibabacloud_slb20140515.client import Client as SlbClient
from alibabacloud_tea_openapi.utils_models import Config
from mns.account import Account
from mns.mns_exception import MNSServerException

from . import local

_MOST_ACTIONS = 50  # DescribeLifecycleActions: MaxResults 1 to 50


@dataclass(frozen=True, slots=True)
class Readings:
    url: str

    def group(self, region_id: str, vserver_group_id: str) -> dict[str, Any]:
        """As DescribeVServerGroupAttribute answers."""
        request = slb_models.DescribeVServerGroupAttributeRequest(
            region_id=region_id, vserver_group_id=vserver_group_id
        )
        answer = SlbClient(self._config()).describe_vserver_group_attribute(request)
        told: dict[str, Any] = answer.body.to_map()
        return told

    def lifecycle(self, region_id: str, activities: Iterable[str]) -> list[dict[str, Any]]:
        client = EssClient(self._config())
        found: list[Any] = []
        for activity in activities:
            request = ess_models.DescribeLifecycleActionsRequest(
                region_id=region_id, scaling_activity_id=activity, max_results=_MOST_ACTIONS
            )
            found += client.describe_lifecycle_actions(request).body.lifecycle_actions or ()
        return [
            {
                "token": action.lifecycle_action_token,
                "status": action.lifecycle_action_status,
                "result": action.lifecycle_action_result,
            }
            for action in found
        ]

    def notifications(self, queue_name: str) -> list[dict[str, Any]]:
        """Received and deleted, as a consumer would."""
        account = Account(self.url, local.ACCESS_KEY_ID, local.ACCESS_KEY_SECRET)
        queue = account.get_queue(queue_name)
        queue.set_encoding(False)  # a topic's message is delivered as it was published
        received = []
        try:
            while True:
                message = queue.receive_message()
                received.append(json.loads(message.message_body))
                queue.delete_message(message.receipt_handle)
        except MNSServerException as error:
            if error.type != "MessageNotExist":
                raise
        finally:
            account.mns_client.close_connection()
        return received

    def _config(self) -> Config:
        return Config(
            access_key_id=local.ACCESS_KEY_ID,
            access_key_secret=local.ACCESS_KEY_SECRET,
            endpoint=self.url.removeprefix("http://"),
            protocol="http",
        )
