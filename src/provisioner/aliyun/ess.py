"""Auto Scaling (ESS), API 2022-02-22: reads and completes lifecycle actions.

Every request names its region: most regions share one endpoint.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from random import Random
from typing import Any, TypeVar

from alibabacloud_ess20220222 import models
from alibabacloud_ess20220222.client import Client

from provisioner.concurrency import run_all, run_both
from provisioner.errors import Fault, Rejected
from provisioner.model import (
    ActionState,
    HookTerms,
    LifecycleAction,
    LifecycleResult,
    ScalingActivity,
    ScalingInstance,
)
from provisioner.ports import Clock, Heartbeat, ScalingGroups

from .client import Connection, SdkClient
from .error_mapping import Operation, Rule, rejection
from .ess_parsing import (
    Page,
    read_activities,
    read_activity_ids,
    read_hook,
    read_instances,
    read_instances_page,
    read_page,
    read_start,
)
from .retry import Retry

T = TypeVar("T")

_ACTIVITIES = Operation("DescribeScalingActivities", writes=False)
_HOOKS = Operation("DescribeLifecycleHooks", writes=False)
_HEARTBEAT = Operation("RecordLifecycleActionHeartbeat", writes=True)
_ACTIONS = Operation("DescribeLifecycleActions", writes=False)
_INSTANCES = Operation("DescribeScalingInstances", writes=False)
_COMPLETE = Operation("CompleteLifecycleAction", writes=True)

# One code for an action that is completed, that has timed out, or that never existed.
_NO_PENDING_ACTION = "LifecycleHookIdAndLifecycleActionToken.Invalid"
_TOO_LONG = "LifecycleAction.TimeExceeded"
_TOO_OFTEN = "LifecycleAction.RecordTimesExceeded"
_HEARTBEATS: Mapping[str, Heartbeat] = {
    _NO_PENDING_ACTION: Heartbeat.ENDED,
    _TOO_LONG: Heartbeat.EXHAUSTED,
    _TOO_OFTEN: Heartbeat.EXHAUSTED,
}
_NOT_FOUND = rejection(Fault.NOT_FOUND, "no such scaling group, activity or hook")
# Codes of the API's error tables (doc). A code that is not here is Retryable: a completion that was
# refused for an unknown reason is sent again, and does not leave the action to its DefaultResult.
RULES = (
    Rule("InvalidScaling*.NotFound", _NOT_FOUND),  # InvalidScalingGroupId, …ActivityId
    Rule("InvalidLifecycleHook*.NotFound", _NOT_FOUND),
    Rule(_NO_PENDING_ACTION, rejection(Fault.CONFLICT, "no such lifecycle action is pending")),
    Rule(_TOO_LONG, rejection(Fault.CONFLICT, "the lifecycle action may wait no longer")),
    Rule(_TOO_OFTEN, rejection(Fault.CONFLICT, "the lifecycle action had all its heartbeats")),
    Rule(
        "InvalidParamter",  # sic (doc)
        rejection(Fault.INVALID, "ESS does not take this heartbeat"),
        operation=_HEARTBEAT.name,
    ),
)

_ACTIONS_PER_PAGE = 50  # MaxResults: 1 to 50
_ACTIVITIES_PER_PAGE = 50  # PageSize: at most 50
_INSTANCES_PER_PAGE = 50  # PageSize: at most 50 in older versions of the API
INSTANCES_PER_CALL = 20  # InstanceIds: every version allows 20; PageSize is 10 by default


class EssScalingGroups(ScalingGroups):
    def __init__(self, connection: Connection, clock: Clock, random: Random) -> None:
        self._api = SdkClient(Client, connection, RULES)
        self._clock = clock
        self._retry = Retry(clock, random)

    def list_lifecycle_actions(
        self, region_id: str, scaling_activity_id: str, *, within: float
    ) -> tuple[ActionState, ...]:
        pages = self._iterate_pages(region_id, scaling_activity_id, self._clock.now() + within)
        return tuple(action for page in pages for action in page.actions)

    def read_instances(
        self, region_id: str, scaling_group_id: str, instance_ids: Sequence[str], *, within: float
    ) -> Mapping[str, ScalingInstance]:
        deadline = self._clock.now() + within
        method = Client.describe_scaling_instances_with_options

        def read_some(start: int) -> dict[str, ScalingInstance]:
            request = models.DescribeScalingInstancesRequest(
                region_id=region_id,
                scaling_group_id=scaling_group_id or None,
                instance_ids=list(instance_ids[start : start + INSTANCES_PER_CALL]),
                page_size=INSTANCES_PER_CALL,
            )
            return self._read(_INSTANCES, method, request, read_instances, deadline)

        starts = range(0, len(instance_ids), INSTANCES_PER_CALL)
        found = run_all([partial(read_some, start) for start in starts])
        return {name: instance for each in found for name, instance in each.items()}

    def read_hook_terms(self, action: LifecycleAction, *, within: float) -> HookTerms | None:
        deadline = self._clock.now() + within
        hooks = models.DescribeLifecycleHooksRequest(
            region_id=action.region_id,
            scaling_group_id=action.scaling_group_id or None,
            lifecycle_hook_ids=[action.hook_id],
        )
        find = partial(read_hook, action.hook_id)
        ask_hooks = Client.describe_lifecycle_hooks_with_options
        activities = models.DescribeScalingActivitiesRequest(
            region_id=action.region_id, scaling_activity_ids=[action.scaling_activity_id]
        )
        read = partial(read_start, action.scaling_activity_id)
        ask = Client.describe_scaling_activities_with_options
        hook, start = run_both(
            partial(self._read, _HOOKS, ask_hooks, hooks, find, deadline),
            partial(self._read, _ACTIVITIES, ask, activities, read, deadline),
        )
        if hook is None or start is None:
            return None
        started, now, scaling_group_id = start
        return HookTerms(
            started,
            now,
            hook.heartbeat_timeout,
            hook.transition,
            hook.metadata,
            hook.target,
            scaling_group_id,
        )

    def list_recent_activities(
        self, region_id: str, scaling_group_id: str, *, most: int, within: float
    ) -> tuple[str, ...]:
        request = models.DescribeScalingActivitiesRequest(
            region_id=region_id, scaling_group_id=scaling_group_id, page_size=most
        )
        ask = Client.describe_scaling_activities_with_options
        deadline = self._clock.now() + within
        return self._read(_ACTIVITIES, ask, request, read_activity_ids, deadline)

    def list_instances(
        self, region_id: str, scaling_group_id: str, *, within: float
    ) -> Mapping[str, ScalingInstance]:
        deadline = self._clock.now() + within

        def page(number: int) -> tuple[int, list[ScalingInstance]]:
            request = models.DescribeScalingInstancesRequest(
                region_id=region_id,
                scaling_group_id=scaling_group_id,
                page_number=number,
                page_size=_INSTANCES_PER_PAGE,
            )
            method = Client.describe_scaling_instances_with_options
            return self._read(_INSTANCES, method, request, read_instances_page, deadline)

        return {each.instance_id: each for each in _iterate_numbered_pages(page)}

    def list_activities(
        self, region_id: str, scaling_group_id: str, *, in_progress: bool = False, within: float
    ) -> tuple[ScalingActivity, ...]:
        deadline = self._clock.now() + within

        def page(number: int) -> tuple[int, list[ScalingActivity]]:
            request = models.DescribeScalingActivitiesRequest(
                region_id=region_id,
                scaling_group_id=scaling_group_id,
                status_code="InProgress" if in_progress else None,
                page_number=number,
                page_size=_ACTIVITIES_PER_PAGE,
            )
            ask = Client.describe_scaling_activities_with_options
            return self._read(_ACTIVITIES, ask, request, read_activities, deadline)

        return tuple(_iterate_numbered_pages(page) if in_progress else page(1)[1])

    def record_heartbeat(
        self, action: LifecycleAction, seconds: int, *, within: float
    ) -> Heartbeat:
        request = models.RecordLifecycleActionHeartbeatRequest(
            region_id=action.region_id,
            lifecycle_hook_id=action.hook_id,
            lifecycle_action_token=action.token,
            heartbeat_timeout=seconds,
        )
        method = Client.record_lifecycle_action_heartbeat_with_options

        def call(left: float) -> Heartbeat:
            recorded = Heartbeat.RECORDED
            return self._api.call(_HEARTBEAT, method, request, lambda _: recorded, left)

        try:
            return self._retry.once(call, within=within)
        except Rejected as error:
            if error.code not in _HEARTBEATS:
                raise
            return _HEARTBEATS[error.code]

    def complete_lifecycle_action(
        self, action: LifecycleAction, result: LifecycleResult, *, within: float
    ) -> bool:
        request = models.CompleteLifecycleActionRequest(
            region_id=action.region_id,
            lifecycle_hook_id=action.hook_id,
            lifecycle_action_token=action.token,
            lifecycle_action_result=result.value,
            client_token=_build_client_token(action.token, result.value),
        )
        method = Client.complete_lifecycle_action_with_options
        call = partial(self._api.call, _COMPLETE, method, request, lambda _: True)
        try:
            return self._retry.until_answered(call, within=within, repeatable=True)
        except Rejected as error:
            if error.code != _NO_PENDING_ACTION:
                raise
            return False

    def _iterate_pages(self, region_id: str, activity_id: str, deadline: float) -> Iterator[Page]:
        """Iterate over all pages. A last page that is full may have a NextToken, so that the end
        is TotalCount, an empty page, or a token that came before."""
        seen = {""}
        token, count = "", 0
        while True:
            page = self._read_page(region_id, activity_id, token, deadline)
            yield page
            token, count = page.next_token, count + len(page.actions)
            if token in seen or not page.actions or count >= page.total:
                return
            seen.add(token)

    def _read_page(self, region_id: str, activity_id: str, token: str, deadline: float) -> Page:
        request = models.DescribeLifecycleActionsRequest(
            region_id=region_id,
            scaling_activity_id=activity_id,
            max_results=_ACTIONS_PER_PAGE,
            next_token=token or None,  # the SDK would send an empty one
        )
        read = partial(read_page, region_id, activity_id)
        method = Client.describe_lifecycle_actions_with_options
        return self._read(_ACTIONS, method, request, read, deadline)

    def _read(
        self,
        operation: Operation,
        method: Callable[[Client, Any, Any], Any],
        request: Any,
        read: Callable[[Any], T],
        deadline: float,
    ) -> T:
        call = partial(self._api.call, operation, method, request, read)
        return self._retry.until_answered(call, within=deadline - self._clock.now())


def _iterate_numbered_pages(page: Callable[[int], tuple[int, list[T]]]) -> Iterator[T]:
    """Iterate over the items of all pages. An item that moves to another page meanwhile may come
    twice."""
    number, count = 1, 0
    while True:
        total, items = page(number)
        yield from items
        count += len(items)
        if not items or count >= total:
            return
        number += 1


def _build_client_token(token: str, result: str) -> str:
    """Return the ClientToken, which is the same for every delivery of the event. It has 64 ASCII
    characters, the most that ESS takes."""
    return hashlib.sha256(f"{token}\0{result}".encode()).hexdigest()
