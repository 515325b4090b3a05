"""The use case: a request becomes VServer groups, published results and a hook's one answer.

A request is prepared first: bindings applied, backends checked, ESS asked. What is `Rejected` there
has changed nothing. Then every group is ensured, every result is published, and the hook is
completed last (`hooks`). What is `Retryable` raises after every group was tried, and leaves the
hook pending: the next delivery goes on from what it finds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from random import Random

from .concurrency import W, run_all, run_groups
from .errors import (
    Code,
    ConfigurationError,
    ProvisionerError,
    Rejected,
    RetriesExhausted,
    Retryable,
)
from .executor import CommandExecutor
from .groups.ensure import ensure, inspect
from .invocation import Invocation
from .mapping import bindings
from .mapping.config import DeploymentConfig
from .model import (
    Backend,
    Binding,
    DesiredGroup,
    EnsureResult,
    EventRef,
    Instance,
    Plan,
    Request,
    VServerGroup,
)
from .ports import Clock, DeadLetters, LoadBalancers, Notifications, ScalingGroups
from .results.document import build_result, build_tag, encode_result
from .results.outcome import Outcome, Status

_RETRY_WHEN_PAUSED = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What a service works with. `concurrency` bounds how many items of a batch are handled at
    once, and how many groups of each."""

    load_balancers: LoadBalancers
    notifications: Notifications
    scaling_groups: ScalingGroups
    clock: Clock
    random: Random
    config: DeploymentConfig
    dead_letters: DeadLetters | None = None
    concurrency: int = 1


@dataclass(frozen=True, slots=True)
class ProvisionTask:
    """One request in one invocation. Outcomes are told as they become final."""

    deps: Dependencies
    request: Request
    invocation: Invocation

    def plan(self) -> list[Outcome]:
        """Reads only, publishes nothing."""
        try:
            wanted = self.map_groups(self.request.instances)
        except Rejected as error:
            return [self.log_outcome(self.new_outcome(Status.REFUSED, error=error))]
        return [self.log_outcome(self.inspect(each, Status.PLANNED)) for each in wanted]

    def provision(self) -> list[Outcome]:
        if self.deps.config.paused:
            raise self.paused_error()
        try:
            wanted = self.map_groups(self.request.instances)
        except Rejected as error:
            return [self.reject(error)]
        outcomes = self.ensure_groups(wanted)
        if unheard := self.publish_all(outcomes):
            raise unheard
        return [self.log_outcome(outcome) for outcome in outcomes]

    def paused_error(self) -> Retryable:
        return Retryable(
            Code.PAUSED,
            "PAUSE is on: nothing is written until it is off; the event is kept for later",
            retry_after=_RETRY_WHEN_PAUSED,
        )

    def reject(self, error: Rejected) -> Outcome:
        """Published: the event asked for what cannot be, and nothing was written for it."""
        outcome = self.new_outcome(Status.REFUSED, error=error)
        return self.log_outcome(self.publish(outcome))

    def map_groups(self, instances: Sequence[Instance]) -> tuple[DesiredGroup, ...]:
        policy = self.deps.config
        bindings.check_region(self.request, policy)
        mapped = self.request.backends is None
        bound: Sequence[Binding] = bindings.find_bindings(self.request, policy) if mapped else ()
        wanted = bindings.map_request(self.request, bound, instances, policy)
        for each in wanted:
            self.invocation.log.write(
                "mapped",
                LoadBalancerId=each.group.load_balancer_id,
                VServerGroupName=each.group.name,
                instances=len(instances),
                backends=len(each.group.backends),
            )
        return wanted

    def ensure_groups(self, wanted: Sequence[DesiredGroup]) -> list[Outcome]:
        """Raises `Retryable` after every group was tried."""
        return self.each_group(wanted, ProvisionTask._ensure_group)

    def each_group(
        self, wanted: Sequence[W], work: Callable[[ProvisionTask, W], Outcome]
    ) -> list[Outcome]:
        """Raises `Retryable` after all were tried."""
        return run_groups(
            wanted,
            lambda each, share: work(replace(self, invocation=share), each),
            self.invocation,
            self.deps.clock,
            most=self.deps.concurrency,
        )

    def inspect(self, wanted: DesiredGroup, status: Status) -> Outcome:
        """`status` where nothing stands against it."""
        drive = self.new_executor(wanted.group)
        try:
            return self._success_outcome(status, drive.run(inspect(wanted)), drive)
        except Rejected as error:
            return self._failure_outcome(wanted, drive, error)

    def publish(self, outcome: Outcome) -> Outcome:
        """Raises `Retryable`, also where the topic takes no such message: the outcome stands, and
        the topic is the deployment's."""
        document = build_result(outcome)
        message = encode_result(document)
        try:
            message_id = self.deps.notifications.publish(
                message, tag=build_tag(outcome), within=self.time_left()
            )
        except Rejected as error:
            self.log_outcome(outcome)
            unfit = f"the result topic refuses a result with {error.code}; look at its settings"
            raise ConfigurationError(unfit) from error
        self.invocation.log.write(
            "published", type=document["type"], id=document["id"], message_id=message_id
        )
        return outcome

    def publish_all(self, outcomes: Sequence[Outcome]) -> ProvisionerError | None:
        """Publishes all at once; the first error, in order, once all were tried."""

        def heard(outcome: Outcome) -> ProvisionerError | None:
            try:
                self.publish(outcome)
            except ProvisionerError as error:
                return error
            return None

        return next(filter(None, run_all([partial(heard, outcome) for outcome in outcomes])), None)

    def log_outcome(self, outcome: Outcome) -> Outcome:
        """The last word on one group, in the log."""
        group, error = outcome.group, outcome.error
        shrunk = outcome.removal.groups if outcome.removal else ()
        self.invocation.log.write(
            "outcome",
            outcome=outcome.status.value,
            LoadBalancerId=group.load_balancer_id if group else None,
            VServerGroupId=(group.id or None) if group else None,
            VServerGroupName=(group.name or None) if group else None,
            made=outcome.created,
            added=len(outcome.plan.add),
            already_present=len(outcome.plan.already_present),
            left_out={out.backend.server_id: out.code for out in outcome.plan.rejected},
            dropped=len(outcome.dropped_instance_ids),
            removed=sum(len(each.removed) for each in shrunk),
            deleted=sum(each.deleted for each in shrunk),
            error=error and error.to_log_fields(),
        )
        return outcome

    def new_outcome(
        self,
        status: Status,
        *,
        group: VServerGroup | None = None,
        error: ProvisionerError | None = None,
    ) -> Outcome:
        return Outcome(
            status,
            self.request.event,
            group=group,
            action=self.request.action,
            error=error,
            fc_request_id=self.invocation.fc_request_id,
        )

    def time_left(self) -> float:
        return self.invocation.hard_deadline - self.deps.clock.now()

    def _ensure_group(self, wanted: DesiredGroup) -> Outcome:
        drive = self.new_executor(wanted.group)
        try:
            done = drive.run(ensure(wanted, claiming=self.deps.config.claiming))
        except Rejected as error:
            return self._failure_outcome(wanted, drive, error)
        return self._success_outcome(Status.PROVISIONED, done, drive)

    def new_executor(self, group: VServerGroup) -> CommandExecutor:
        means = self.deps
        return CommandExecutor(
            group, self.invocation, means.load_balancers, means.clock, means.random
        )

    def _success_outcome(
        self, status: Status, done: EnsureResult, drive: CommandExecutor
    ) -> Outcome:
        return replace(
            self.new_outcome(status, group=done.group),
            created=done.created,
            plan=done.plan,
            slb_request_ids=tuple(drive.request_ids),
        )

    def _failure_outcome(
        self, wanted: DesiredGroup, drive: CommandExecutor, error: Rejected
    ) -> Outcome:
        """What was changed of a group that stays is said; on a group of ours it was undone."""
        stays: dict[str, list[Backend]] = drive.added | drive.weights_set
        group_id = next(iter(stays), "")
        status = Status.FAILED if drive.has_written else Status.REFUSED
        return replace(
            self.new_outcome(
                status, group=replace(wanted.group, id=group_id, backends=()), error=error
            ),
            plan=Plan(
                add=tuple(drive.added.get(group_id, ())),
                update_weight=tuple(drive.weights_set.get(group_id, ())),
            ),
            slb_request_ids=tuple(drive.request_ids),
        )


def reject_event(
    deps: Dependencies, error: Rejected, event: EventRef, invocation: Invocation
) -> Outcome:
    """Publishes that an event could not be read, or was given up: what was attempted for that one
    is not known here. Raises `Retryable`."""
    task = ProvisionTask(deps, Request(event), invocation)
    given_up = isinstance(error, RetriesExhausted)
    outcome = task.new_outcome(Status.FAILED if given_up else Status.REFUSED, error=error)
    return task.log_outcome(task.publish(outcome))
