"""The stack over the ROS API, with the vendor's SDK."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from alibabacloud_ros20190910 import models
from alibabacloud_ros20190910.client import Client
from alibabacloud_tea_openapi.models import Config as SdkConfig
from darabonba.exceptions import DaraException, UnretryableException

from .config import Config, StackFailedError

_PAUSE = 2.0  # seconds between two looks
_PATIENCE = 1800.0  # seconds
_UNANSWERED = 5  # looks in a row; the stack goes on meanwhile
_PAGE = 50
_SAME = "NotSupported"  # seen: what UpdateStack says to what is there already, among others
_NEVER_WAS = "CREATE_ROLLBACK_COMPLETE"  # nothing is left of it but its name


class _UnansweredError(StackFailedError):
    """Whether ROS did what it was asked to is not known."""


@dataclass
class Stacks:
    """`on_step` hears of each event of a stack: resource, status and, of a failure, the reason."""

    config: Config
    on_step: Callable[[str, str, str], None]
    _client: Client = field(init=False)
    _seen: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._client = Client(sdk_config(self.config))

    def find(self) -> str:
        """The StackId; empty where there is none of this name."""
        name, region = self.config.stack_name, self.config.region_id
        request = models.ListStacksRequest(region_id=region, stack_name=[name], page_size=_PAGE)
        found = self._said(lambda: self._client.list_stacks(request)).body.stacks or []
        ids = [item.stack_id for item in found if item.status != "DELETE_COMPLETE"]
        return ids[0] if ids else ""

    def put(self, stack_id: str, parameters: Mapping[str, str]) -> str:
        """Creates it, or updates it if it is there; its StackId, once that has been done."""
        if stack_id and self._look(stack_id).status == _NEVER_WAS:
            self.delete(stack_id)
        elif stack_id:
            return self._update(stack_id, parameters)
        request = models.CreateStackRequest(
            region_id=self.config.region_id,
            stack_name=self.config.stack_name,
            template_body=self.config.template_body,
            parameters=_listed(models.CreateStackRequestParameters, parameters),
            timeout_in_minutes=int(_PATIENCE // 60),
        )
        stack_id = self._said(lambda: self._client.create_stack(request)).body.stack_id
        self._wait(stack_id, "CREATE_COMPLETE")
        return stack_id

    def delete(self, stack_id: str) -> None:
        self._remember(stack_id)
        region = self.config.region_id
        request = models.DeleteStackRequest(region_id=region, stack_id=stack_id)
        self._said(lambda: self._client.delete_stack(request))
        self._wait(stack_id, "DELETE_COMPLETE")

    def outputs(self, stack_id: str) -> list[dict[str, Any]]:
        return list(self._look(stack_id).outputs or [])

    def changes(self, stack_id: str, parameters: Mapping[str, str]) -> list[dict[str, str]]:
        """What creating or updating it would do to each resource; nothing is done."""
        request = models.PreviewStackRequest(
            region_id=self.config.region_id,
            stack_id=stack_id or None,
            stack_name=None if stack_id else self.config.stack_name,
            template_body=self.config.template_body,
            parameters=_listed(models.PreviewStackRequestParameters, parameters),
        )
        stack = self._said(lambda: self._client.preview_stack(request)).body.stack
        return [
            {
                "LogicalResourceId": item.logical_resource_id,
                "ResourceType": item.resource_type,
                "Action": item.action or "Add",
            }
            for item in stack.resources or []
        ]

    def _update(self, stack_id: str, parameters: Mapping[str, str]) -> str:
        self._remember(stack_id)
        request = models.UpdateStackRequest(
            region_id=self.config.region_id,
            stack_id=stack_id,
            template_body=self.config.template_body,
            parameters=_listed(models.UpdateStackRequestParameters, parameters),
        )
        try:
            self._said(lambda: self._client.update_stack(request))
        except StackFailedError as error:
            code = getattr(error.__cause__, "code", "")
            if code == _SAME and self._is_same(stack_id, parameters):
                return stack_id
            raise
        self._wait(stack_id, "UPDATE_COMPLETE")
        return stack_id

    def _is_same(self, stack_id: str, parameters: Mapping[str, str]) -> bool:
        return {item["Action"] for item in self.changes(stack_id, parameters)} <= {"None"}

    def _wait(self, stack_id: str, wanted: str) -> None:
        deadline = time.monotonic() + _PATIENCE
        while (stack := self._news(stack_id)).status.endswith("_IN_PROGRESS"):
            if time.monotonic() > deadline:
                raise StackFailedError(f"the stack is still {stack.status} after {_PATIENCE:g} s")
            time.sleep(_PAUSE)
        if stack.status != wanted:
            raise StackFailedError(f"the stack is {stack.status}: {stack.status_reason}")

    def _news(self, stack_id: str) -> Any:
        """How it stands, once what happened on the way has been told."""
        for _ in range(_UNANSWERED - 1):
            try:
                return self._told(stack_id)
            except _UnansweredError:
                time.sleep(_PAUSE)
        return self._told(stack_id)

    def _told(self, stack_id: str) -> Any:
        stack = self._look(stack_id)
        self._tell_news(stack_id)
        return stack

    def _look(self, stack_id: str) -> Any:
        region = self.config.region_id
        request = models.GetStackRequest(region_id=region, stack_id=stack_id)
        return self._said(lambda: self._client.get_stack(request)).body

    def _remember(self, stack_id: str) -> None:
        """What has happened before is no news."""
        self._seen.update(event.event_id for event in self._events(stack_id))

    def _tell_news(self, stack_id: str) -> None:
        for event in reversed(list(self._events(stack_id))):
            if event.event_id not in self._seen:
                self._seen.add(event.event_id)
                self.on_step(event.logical_resource_id, event.status, event.status_reason or "")

    def _events(self, stack_id: str) -> Iterator[Any]:
        """The newest come first."""
        number, left = 1, 1
        while left > 0:
            request = models.ListStackEventsRequest(
                region_id=self.config.region_id,
                stack_id=stack_id,
                page_number=number,
                page_size=_PAGE,
            )
            body = self._said(lambda: self._client.list_stack_events(request)).body  # noqa: B023
            yield from body.events or []
            left = (body.total_count or 0) - number * _PAGE
            number += 1

    def _said(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except DaraException as error:
            raise StackFailedError(f"ROS refused: {error.code}: {error.message}") from error
        except UnretryableException as error:
            where = self.config.endpoints.get("ROS") or f"ROS in {self.config.region_id}"
            raise _UnansweredError(
                f"no readable answer from {where}: see to RegionId, Endpoints/ROS, network and "
                "proxy, then do the same again; a stack that has begun goes on by itself"
            ) from error


def sdk_config(config: Config) -> SdkConfig:
    keys = config.credentials
    url = urlsplit(config.endpoints.get("ROS", ""))
    return SdkConfig(
        access_key_id=keys.access_key_id,
        access_key_secret=keys.access_key_secret,
        security_token=keys.security_token or None,
        region_id=config.region_id,
        endpoint=(url.netloc or url.path) or None,
        protocol=url.scheme or "https",
    )


def _listed(kind: Any, parameters: Mapping[str, str]) -> list[Any]:
    return [kind(parameter_key=key, parameter_value=value) for key, value in parameters.items()]
