"""Builds the parts once for each instance of the function. Every part can be passed in."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random, SystemRandom
from typing import Any

from . import invocation
from .aliyun.client import Connection
from .aliyun.clock import SystemClock
from .aliyun.ess import EssScalingGroups
from .aliyun.log import build_log, silence_sdk_loggers
from .aliyun.mns import MnsDeadLetters, MnsNotifications
from .aliyun.slb import SlbLoadBalancers
from .errors import ConfigurationError
from .invocation import Invocation
from .ports import (
    Clock,
    Credentials,
    CredentialsSource,
    DeadLetters,
    LoadBalancers,
    Log,
    Notifications,
    ScalingGroups,
)
from .provisioning import Dependencies
from .settings import Settings


@dataclass(slots=True)
class RoleCredentials:
    """Whoever the last invocation said we are; asked before every call."""

    credentials: Credentials = field(default_factory=lambda: Credentials("", ""))

    def __call__(self) -> Credentials:
        return self.credentials


@dataclass(slots=True)
class App:
    """One for each instance; only the credentials change while it lives."""

    deps: Dependencies
    log: Log
    close: Callable[[], None]
    role: RoleCredentials

    def invocation(self, context: Any) -> Invocation:
        """The time and the credentials that this call of the function has."""
        self.role.credentials = invocation.read_credentials(context, os.environ)
        now, timeout = self.deps.clock.now(), invocation.read_timeout(context)
        request_id = invocation.read_request_id(context)
        return Invocation(
            deadline=now + invocation.work_seconds(timeout),
            hard_deadline=now + invocation.total_seconds(timeout),
            log=self.log.bind(fc_request_id=request_id),
            fc_request_id=request_id,
        )

    def check_time(self, context: Any) -> None:
        """Raises `ConfigurationError` where the context tells a timeout that cannot work."""
        timeout = invocation.timeout_from_context(context)
        claiming = self.deps.config.claiming
        found = invocation.check_timeout(timeout, claiming=claiming) if timeout else []
        if found:
            told = "; ".join(f"{problem.path} {problem.message}" for problem in found)
            raise ConfigurationError(told, problems=found)


def build_app(  # noqa: PLR0913 - every part can be passed in
    environ: Mapping[str, str] | None = None,
    *,
    load_balancers: LoadBalancers | None = None,
    notifications: Notifications | None = None,
    scaling_groups: ScalingGroups | None = None,
    dead_letters: DeadLetters | None = None,
    clock: Clock | None = None,
    random: Random | None = None,
    log: Log | None = None,
) -> App:
    """Raises `ConfigurationError` with every problem of the environment."""
    settings = Settings.from_environ(os.environ if environ is None else environ, _read_file)
    silence_sdk_loggers()
    role = RoleCredentials()
    clock, random = clock or SystemClock(), random or SystemRandom()

    def connection(endpoint: str, credentials: CredentialsSource = role) -> Connection:
        return Connection(credentials, endpoint, settings.request_timeout)

    owner = _load_balancer_credentials(settings, connection(settings.sts_endpoint), clock) or role
    messages = connection(settings.mns_endpoint)
    topic = MnsNotifications(messages, settings.result_topic, clock, random)
    queue = MnsDeadLetters(messages, settings.dead_letter_queue, clock, random)

    means = Dependencies(
        load_balancers or SlbLoadBalancers(connection(settings.slb_endpoint, owner), clock, random),
        notifications or topic,
        scaling_groups or EssScalingGroups(connection(settings.ess_endpoint), clock, random),
        clock,
        random,
        settings.config,
        dead_letters or (queue if settings.dead_letter_queue else None),
        settings.concurrency,
    )
    return App(means, log or build_log(settings.log_level), _build_close(topic, queue), role)


def _build_close(*messages: MnsNotifications | MnsDeadLetters) -> Callable[[], None]:
    def close() -> None:
        for each in messages:
            each.close()

    return close


def _load_balancer_credentials(
    settings: Settings, sts: Connection, clock: Clock
) -> CredentialsSource | None:
    """Of the load balancers, where that is another account."""
    if not settings.slb_role_arn:
        return None
    from .aliyun.sts import AssumedRole  # noqa: PLC0415 - most deployments have no such role

    return AssumedRole(sts, settings.slb_role_arn, settings.config.region_id, clock)


def _read_file(path: str) -> str:
    """Relative to the code, wherever the platform unpacked it."""
    code = os.environ.get("FC_FUNC_CODE_PATH", ".")
    return Path(code, path).read_text(encoding="utf-8")
