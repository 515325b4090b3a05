"""The use case: a request becomes VServer groups and published results.

A request is mapped first: bindings are applied and backends are checked. A `Rejected` there has
changed nothing. Then every group is ensured and every result is published. `Retryable` is raised
after every group was tried; the next delivery continues from what it finds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from random import Random

from .concurrency import G, run_all, run_groups
from .errors import (
    Code,
    ConfigurationError,
    ProvisionerError,
    Rejected,
    RetriesExhausted,
    Retryable,
)
from .executor import CommandExecutor
from .groups.ensure import EnsureProtocol, inspect
from .invocation import Invocation
from .mapping import bindings
from .mapping.config import DeploymentConfig
from .model import (
    Backend,
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
    """The ports and the configuration that the use case works with.

    `concurrency` limits how many items of a batch, and how many groups of one item, are handled at
    the same time.
    """

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
    """One request in one invocation."""

    deps: Dependencies
    request: Request
    invocation: Invocation

    def plan(self) -> list[Outcome]:
        """Return what `provision` would do. Reads only, publishes nothing."""
        try:
            wanted = self.map_groups(self.request.instances)
        except Rejected as error:
            return [self.log_outcome(self.new_outcome(Status.REFUSED, error=error))]
        return [self.log_outcome(self.inspect(group, Status.PLANNED)) for group in wanted]

    def provision(self) -> list[Outcome]:
        """Ensure and publish every group of the request. Raises `Retryable`."""
        if self.deps.config.paused:
            raise self.build_paused_error()
        try:
            wanted = self.map_groups(self.request.instances)
        except Rejected as error:
            return [self.reject(error)]
        return self.publish_and_log(self.ensure_groups(wanted))

    def build_paused_error(self) -> Retryable:
        return Retryable(
            Code.PAUSED,
            "PAUSE is on: nothing is written until it is off; the event is kept for later",
            retry_after=_RETRY_WHEN_PAUSED,
        )

    def reject(self, error: Rejected) -> Outcome:
        """Publish that the request was refused before anything was written for it."""
        outcome = self.new_outcome(Status.REFUSED, error=error)
        return self.log_outcome(self.publish(outcome))

    def map_groups(self, instances: Sequence[Instance]) -> tuple[DesiredGroup, ...]:
        """Return the groups that the request asks for, with `instances` in place of its own.

        Raises `Rejected` before anything is done for any of them.
        """
        config = self.deps.config
        bindings.check_region(self.request, config)
        has_instances = self.request.backends is None
        bound = bindings.find_bindings(self.request, config) if has_instances else ()
        wanted = bindings.map_request(self.request, bound, instances, config)
        for desired in wanted:
            self.invocation.log.write(
                "mapped",
                LoadBalancerId=desired.group.load_balancer_id,
                VServerGroupName=desired.group.name,
                instances=len(instances),
                backends=len(desired.group.backends),
            )
        return wanted

    def ensure_groups(self, wanted: Sequence[DesiredGroup]) -> list[Outcome]:
        """Raises `Retryable` after every group was tried."""
        return self.run_groups(wanted, ProvisionTask._ensure_group)

    def run_groups(
        self, wanted: Sequence[G], work: Callable[[ProvisionTask, G], Outcome]
    ) -> list[Outcome]:
        """Run `work` for each group, each with its slice of the time.

        If a group raises `Retryable`, the others are published before it is raised: the next
        delivery finds them done and cannot say any more what was added or removed.
        """
        results = run_groups(
            wanted,
            lambda group, time_slice: work(replace(self, invocation=time_slice), group),
            self.invocation,
            self.deps.clock,
            limit=self.deps.concurrency,
        )
        outcomes = [result for result in results if isinstance(result, Outcome)]
        errors = [result for result in results if isinstance(result, Retryable)]
        if errors:
            self.publish_all([outcome for outcome in outcomes if outcome.error is None])
            raise errors[0]
        return outcomes

    def inspect(self, wanted: DesiredGroup, status: Status) -> Outcome:
        """Return the outcome that ensuring the group would have: `status` if it can succeed."""
        executor = self.new_executor(wanted.group)
        try:
            return self._success_outcome(status, inspect(wanted, executor.execute), executor)
        except Rejected as error:
            return self._failure_outcome(wanted, executor, error)

    def publish(self, outcome: Outcome) -> Outcome:
        """Publish the result document of an outcome, and return the outcome.

        Raises `Retryable`; `ConfigurationError` if the topic refuses the message, because the topic
        belongs to the deployment and the outcome stands.
        """
        document = build_result(outcome)
        try:
            message_id = self.deps.notifications.publish(
                encode_result(document), tag=build_tag(outcome), within=self.seconds_left()
            )
        except Rejected as error:
            self.log_outcome(outcome)
            message = f"the result topic refuses a result with {error.code}; check its settings"
            raise ConfigurationError(message) from error
        self.invocation.log.write(
            "published", type=document["type"], id=document["id"], message_id=message_id
        )
        return outcome

    def publish_all(self, outcomes: Sequence[Outcome]) -> ProvisionerError | None:
        """Publish all at the same time, and return the first error, in their order, or None."""

        def publish_error(outcome: Outcome) -> ProvisionerError | None:
            try:
                self.publish(outcome)
            except ProvisionerError as error:
                return error
            return None

        errors = run_all([partial(publish_error, outcome) for outcome in outcomes])
        return next(filter(None, errors), None)

    def publish_and_log(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """Publish all, then write them to the log. Raises `Retryable` if one was not published."""
        if error := self.publish_all(outcomes):
            raise error
        return [self.log_outcome(outcome) for outcome in outcomes]

    def log_outcome(self, outcome: Outcome) -> Outcome:
        """Write the final line on one group, and return the outcome."""
        group, error = outcome.group, outcome.error
        removals = outcome.removal.groups if outcome.removal else ()
        self.invocation.log.write(
            "outcome",
            outcome=outcome.status.value,
            LoadBalancerId=group.load_balancer_id if group else None,
            VServerGroupId=(group.id or None) if group else None,
            VServerGroupName=(group.name or None) if group else None,
            group_created=outcome.created,
            added=len(outcome.plan.add),
            already_present=len(outcome.plan.already_present),
            rejected={each.backend.server_id: each.code for each in outcome.plan.rejected},
            dropped=len(outcome.dropped_instance_ids),
            removed=sum(len(removal.removed) for removal in removals),
            deleted=sum(removal.deleted for removal in removals),
            not_restored=len(outcome.removal.not_restored) if outcome.removal else 0,
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

    def seconds_left(self) -> float:
        """Return the seconds until the answer must be given."""
        return self.invocation.hard_deadline - self.deps.clock.now()

    def new_executor(self, group: VServerGroup) -> CommandExecutor:
        deps = self.deps
        return CommandExecutor(group, self.invocation, deps.load_balancers, deps.clock, deps.random)

    def _ensure_group(self, wanted: DesiredGroup) -> Outcome:
        executor = self.new_executor(wanted.group)
        try:
            result = executor.run(EnsureProtocol(wanted, self.deps.config.claiming))
        except Rejected as error:
            return self._failure_outcome(wanted, executor, error)
        return self._success_outcome(Status.PROVISIONED, result, executor)

    def _success_outcome(
        self, status: Status, result: EnsureResult, executor: CommandExecutor
    ) -> Outcome:
        if result.is_unused:
            self.invocation.log.write(
                "group_unused",
                LoadBalancerId=result.group.load_balancer_id,
                VServerGroupId=result.group.id or None,
                in_use=list(result.others_in_use),
            )
        return replace(
            self.new_outcome(status, group=result.group),
            created=result.created,
            others_in_use=result.others_in_use,
            plan=result.plan,
            slb_request_ids=tuple(executor.request_ids),
        )

    def _failure_outcome(
        self, wanted: DesiredGroup, executor: CommandExecutor, error: Rejected
    ) -> Outcome:
        """Include what was changed in a group that stood before; in a new group it was undone."""
        changed: dict[str, list[Backend]] = executor.added | executor.weights_set
        group_id = next(iter(changed), "")
        status = Status.FAILED if executor.has_written else Status.REFUSED
        group = replace(wanted.group, id=group_id, backends=())
        return replace(
            self.new_outcome(status, group=group, error=error),
            plan=Plan(
                add=tuple(executor.added.get(group_id, ())),
                update_weight=tuple(executor.weights_set.get(group_id, ())),
            ),
            slb_request_ids=tuple(executor.request_ids),
        )


def reject_event(
    deps: Dependencies, error: Rejected, event: EventRef, invocation: Invocation
) -> Outcome:
    """Publish that an event could not be read, or that the platform gave it up.

    What was attempted for an event that was given up is not known here. Raises `Retryable`.
    """
    task = ProvisionTask(deps, Request(event), invocation)
    was_given_up = isinstance(error, RetriesExhausted)
    outcome = task.new_outcome(Status.FAILED if was_given_up else Status.REFUSED, error=error)
    return task.log_outcome(task.publish(outcome))
