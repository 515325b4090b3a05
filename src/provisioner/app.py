"""The composition root: settings become adapters, adapters become the app of an instance.

Every part can be passed in, so tests and tools replace what they need.
"""

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
from .aliyun.sts import AssumedRole
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
    """A `CredentialsSource` with the credentials that the newest invocation brought."""

    credentials: Credentials = field(default_factory=lambda: Credentials("", ""))

    def __call__(self) -> Credentials:
        return self.credentials


@dataclass(slots=True)
class App:
    """The parts of one instance. Only the credentials change while it lives."""

    deps: Dependencies
    log: Log
    close: Callable[[], None]
    role: RoleCredentials

    def start_invocation(self, context: Any) -> Invocation:
        """Take the credentials of this invocation, and return its time and its log."""
        self.role.credentials = invocation.read_credentials(context, os.environ)
        now, timeout = self.deps.clock.now(), invocation.read_timeout(context)
        request_id = invocation.read_request_id(context)
        return Invocation(
            deadline=now + invocation.work_seconds(timeout),
            hard_deadline=now + invocation.total_seconds(timeout),
            log=self.log.bind(fc_request_id=request_id),
            fc_request_id=request_id,
        )

    def check_timeout(self, context: Any) -> None:
        """Raise `ConfigurationError` if the function's timeout cannot work."""
        timeout = invocation.timeout_from_context(context)
        if timeout is None:
            return
        problems = invocation.check_timeout(timeout, claiming=self.deps.config.claiming)
        if problems:
            message = "; ".join(f"{problem.path} {problem.message}" for problem in problems)
            raise ConfigurationError(message, problems=problems)


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
    """Build the app from `environ`, by default the process's environment.

    Raises `ConfigurationError` with every problem of the environment.
    """
    settings = Settings.from_environ(os.environ if environ is None else environ, _read_code_file)
    silence_sdk_loggers()
    role = RoleCredentials()
    clock, random = clock or SystemClock(), random or SystemRandom()

    def connect(endpoint: str, credentials: CredentialsSource = role) -> Connection:
        return Connection(credentials, endpoint, settings.request_timeout)

    owner: CredentialsSource = role
    if settings.slb_role_arn:
        sts, region_id = connect(settings.sts_endpoint), settings.config.region_id
        owner = AssumedRole(sts, settings.slb_role_arn, region_id, clock)
    messages = connect(settings.mns_endpoint)
    topic = MnsNotifications(messages, settings.result_topic, clock, random)
    queue = MnsDeadLetters(messages, settings.dead_letter_queue, clock, random)

    def close() -> None:
        topic.close()
        queue.close()

    deps = Dependencies(
        load_balancers or SlbLoadBalancers(connect(settings.slb_endpoint, owner), clock, random),
        notifications or topic,
        scaling_groups or EssScalingGroups(connect(settings.ess_endpoint), clock, random),
        clock,
        random,
        settings.config,
        dead_letters or (queue if settings.dead_letter_queue else None),
        settings.concurrency,
    )
    return App(deps, log or build_log(settings.log_level), close, role)


def _read_code_file(path: str) -> str:
    """Read a file relative to the function's code. May raise OSError."""
    code = os.environ.get("FC_FUNC_CODE_PATH", ".")
    return Path(code, path).read_text(encoding="utf-8")
