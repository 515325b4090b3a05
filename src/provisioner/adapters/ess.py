"""Auto Scaling, API 2022-02-22, by `alibabacloud-ess20220222`.

Every request says its region: most regions share one endpoint.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

from alibabacloud_ess20220222 import models
from alibabacloud_ess20220222.client import Client

from provisioner.core.errors import Fault, Rejected
from provisioner.core.model import LifecycleAction, LifecycleResult
from provisioner.ports import ActionState, Clock, ScalingGroups, ScalingInstance

from .connection import Connection
from .refusals import Operation, Rule, rejected
from .retry import Retry
from .tea import Api

_ACTIONS = Operation("DescribeLifecycleActions", writes=False)
_INSTANCES = Operation("DescribeScalingInstances", writes=False)
_COMPLETE = Operation("CompleteLifecycleAction", writes=True)

# Completed, timed out, or a pair that never was: one code for all.
_NO_PENDING_ACTION = "LifecycleHookIdAndLifecycleActionToken.Invalid"
_RULES = (
    Rule("*.NotFound", rejected(Fault.NOT_FOUND, "no such scaling group or activity")),
    Rule(_NO_PENDING_ACTION, rejected(Fault.CONFLICT, "no such lifecycle action is pending")),
)

_ACTIONS_PER_PAGE = 50  # MaxResults: 1 to 50
_INSTANCES_PER_CALL = 20  # what every edition allows; PageSize, 10 by default, must hold them


@dataclass(frozen=True, slots=True)
class _Page:
    actions: tuple[ActionState, ...]
    next_token: str
    total: int


class EssScalingGroups(ScalingGroups):
    def __init__(self, connection: Connection, clock: Clock, random: Random) -> None:
        self._api = Api(Client, connection, _RULES)
        self._clock = clock
        self._retry = Retry(clock, random)

    def lifecycle_actions(
        self, region_id: str, scaling_activity_id: str, *, within: float
    ) -> tuple[ActionState, ...]:
        pages = self._pages(region_id, scaling_activity_id, self._clock.now() + within)
        return tuple(action for page in pages for action in page.actions)

    def instances(
        self, region_id: str, scaling_group_id: str, instance_ids: Sequence[str], *, within: float
    ) -> Mapping[str, ScalingInstance]:
        deadline = self._clock.now() + within
        found: dict[str, ScalingInstance] = {}
        for start in range(0, len(instance_ids), _INSTANCES_PER_CALL):
            request = models.DescribeScalingInstancesRequest(
                region_id=region_id,
                scaling_group_id=scaling_group_id or None,
                instance_ids=list(instance_ids[start : start + _INSTANCES_PER_CALL]),
                page_size=_INSTANCES_PER_CALL,
            )
            method = Client.describe_scaling_instances_with_options
            call = partial(self._api.call, _INSTANCES, method, request, _read_instances)
            found |= self._retry.until_answered(call, within=deadline - self._clock.now())
        return found

    def complete(self, action: LifecycleAction, result: LifecycleResult, *, within: float) -> bool:
        request = models.CompleteLifecycleActionRequest(
            region_id=action.region_id,
            lifecycle_hook_id=action.hook_id,
            lifecycle_action_token=action.token,
            lifecycle_action_result=result.value,
            client_token=_client_token(action.token, result.value),
        )
        method = Client.complete_lifecycle_action_with_options
        call = partial(self._api.call, _COMPLETE, method, request, lambda _: True)
        try:
            return self._retry.until_answered(call, within=within, repeatable=True)
        except Rejected as error:
            if error.code != _NO_PENDING_ACTION:
                raise
            return False

    def _pages(self, region_id: str, activity_id: str, deadline: float) -> Iterator[_Page]:
        """A full last page may come with a NextToken: the end is TotalCount, an empty page or a
        token that was seen before."""
        seen = {""}
        token, count = "", 0
        while True:
            page = self._page(region_id, activity_id, token, deadline)
            yield page
            token, count = page.next_token, count + len(page.actions)
            if token in seen or not page.actions or count >= page.total:
                return
            seen.add(token)

    def _page(self, region_id: str, activity_id: str, token: str, deadline: float) -> _Page:
        request = models.DescribeLifecycleActionsRequest(
            region_id=region_id,
            scaling_activity_id=activity_id,
            max_results=_ACTIONS_PER_PAGE,
            next_token=token or None,  # an empty one would be sent
        )
        read = partial(_read_page, region_id, activity_id)
        call = partial(
            self._api.call, _ACTIONS, Client.describe_lifecycle_actions_with_options, request, read
        )
        return self._retry.until_answered(call, within=deadline - self._clock.now())


def _read_page(region_id: str, activity_id: str, response: Any) -> _Page:
    body = response.body
    actions = tuple(
        ActionState(
            action=LifecycleAction(
                hook_id=item.lifecycle_hook_id,
                token=item.lifecycle_action_token,
                scaling_group_id="",
                scaling_activity_id=activity_id,
                region_id=region_id,
            ),
            # The result is filled while the action is pending, too: only the status tells.
            pending=item.lifecycle_action_status == "Pending",
            result=item.lifecycle_action_result or "",
            timed_out=item.lifecycle_action_status == "Timeout",
            instance_ids=tuple(item.instance_ids or ()),
        )
        for item in body.lifecycle_actions or ()
    )
    total = sys.maxsize if body.total_count is None else int(body.total_count)
    return _Page(actions, body.next_token or "", total)


def _read_instances(response: Any) -> dict[str, ScalingInstance]:
    return {
        item.instance_id: ScalingInstance(
            item.instance_id,
            item.lifecycle_state or "",
            item.private_ip_address or "",
            item.scaling_activity_id or "",
            item.scaling_group_id or "",
        )
        for item in response.body.scaling_instances or ()
    }


def _client_token(token: str, result: str) -> str:
    """The same for every delivery of the event; 64 ASCII characters, which is the limit."""
    return hashlib.sha256(f"{token}\0{result}".encode()).hexdigest()
