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

from .concurrency import W, at_once, spread
from .errors import (
    Code,
    ConfigurationError,
    ProvisionerError,
    Rejected,
    RetriesExhausted,
    Retryable,
)
from .executor import Drive
from .groups.ensure import ensure, inspect
from .invocation import Invocation
from .mapping import bindings
from .mapping.config import Policy
from .model import (
    Backend,
    Binding,
    Desired,
    Ensured,
    EventRef,
    Instance,
    Plan,
    Request,
    VServerGroup,
)
from .ports import Clock, DeadLetters, LoadBalancers, Notifications, ScalingGroups
from .results.document import as_message, result_document, tag
from .results.outcome import Outcome, Status

_RETRY_WHEN_PAUSED = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Means:
    """What a service works with. `concurrency` bounds how many items of a batch are handled at
    once, and how many groups of each."""

    load_balancers: LoadBalancers
    notifications: Notifications
    scaling_groups: ScalingGroups
    clock: Clock
    random: Random
    policy: Policy
    dead_letters: DeadLetters | None = None
    concurrency: int = 1


@dataclass(frozen=True, slots=True)
class Task:
    """One request in one invocation. Outcomes are told as they become final."""

    means: Means
    request: Request
    invocation: Invocation

    def planned(self) -> list[Outcome]:
        """Reads only, publishes nothing."""
        try:
            wanted = self.desired(self.request.instances)
        except Rejected as error:
            return [self.told(self.outcome(Status.REFUSED, error=error))]
        return [self.told(self.inspected(each, Status.PLANNED)) for each in wanted]

    def provisioned(self) -> list[Outcome]:
        if self.means.policy.paused:
            raise self.paused()
        try:
            wanted = self.desired(self.request.instances)
        except Rejected as error:
            return [self.refused(error)]
        outcomes = self.ensured(wanted)
        if unheard := self.announced(outcomes):
            raise unheard
        return [self.told(outcome) for outcome in outcomes]

    def paused(self) -> Retryable:
        return Retryable(
            Code.PAUSED,
            "PAUSE is on: nothing is written until it is off; the event is kept for later",
            retry_after=_RETRY_WHEN_PAUSED,
        )

    def refused(self, error: Rejected) -> Outcome:
        """Published: the event asked for what cannot be, and nothing was written for it."""
        outcome = self.outcome(Status.REFUSED, error=error)
        return self.told(self.published(outcome))

    def desired(self, instances: Sequence[Instance]) -> tuple[Desired, ...]:
        policy = self.means.policy
        mapped = self.request.backends is None
        bound: Sequence[Binding] = bindings.applicable(self.request, policy) if mapped else ()
        wanted = bindings.desired(self.request, bound, instances, policy)
        for each in wanted:
            self.invocation.log.step(
                "mapped",
                LoadBalancerId=each.group.load_balancer_id,
                VServerGroupName=each.group.name,
                instances=len(instances),
                backends=len(each.group.backends),
            )
        return wanted

    def ensured(self, wanted: Sequence[Desired]) -> list[Outcome]:
        """Raises `Retryable` after every group was tried."""
        return self.each_group(wanted, Task._ensured)

    def each_group(self, wanted: Sequence[W], work: Callable[[Task, W], Outcome]) -> list[Outcome]:
        """Raises `Retryable` after all were tried."""
        return spread(
            wanted,
            lambda each, share: work(replace(self, invocation=share), each),
            self.invocation,
            self.means.clock,
            most=self.means.concurrency,
        )

    def inspected(self, wanted: Desired, status: Status) -> Outcome:
        """`status` where nothing stands against it."""
        drive = self.drive(wanted.group)
        try:
            return self._done(status, drive.run(inspect(wanted)), drive)
        except Rejected as error:
            return self._failed(wanted, drive, error)

    def published(self, outcome: Outcome) -> Outcome:
        """Raises `Retryable`, also where the topic takes no such message: the outcome stands, and
        the topic is the deployment's."""
        document = result_document(outcome)
        message = as_message(document)
        try:
            message_id = self.means.notifications.publish(
                message, tag=tag(outcome), within=self.time_left()
            )
        except Rejected as error:
            self.told(outcome)
            unfit = f"the result topic refuses a result with {error.code}; look at its settings"
            raise ConfigurationError(unfit) from error
        self.invocation.log.step(
            "published", type=document["type"], id=document["id"], message_id=message_id
        )
        return outcome

    def announced(self, outcomes: Sequence[Outcome]) -> ProvisionerError | None:
        """Publishes all at once; the first error, in order, once all were tried."""

        def heard(outcome: Outcome) -> ProvisionerError | None:
            try:
                self.published(outcome)
            except ProvisionerError as error:
                return error
            return None

        return next(filter(None, at_once([partial(heard, outcome) for outcome in outcomes])), None)

    def told(self, outcome: Outcome) -> Outcome:
        """The last word on one group, in the log."""
        group, error = outcome.group, outcome.error
        shrunk = outcome.deregistered.groups if outcome.deregistered else ()
        self.invocation.log.step(
            "outcome",
            outcome=outcome.status.value,
            LoadBalancerId=group.load_balancer_id if group else None,
            VServerGroupId=(group.id or None) if group else None,
            VServerGroupName=(group.name or None) if group else None,
            made=outcome.created,
            added=len(outcome.plan.add),
            already_present=len(outcome.plan.already_present),
            left_out={out.backend.server_id: out.code for out in outcome.plan.left_out},
            dropped=len(outcome.dropped_instances),
            removed=sum(len(each.removed) for each in shrunk),
            deleted=sum(each.deleted for each in shrunk),
            error=error and error.fields(),
        )
        return outcome

    def outcome(
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
        return self.invocation.ends - self.means.clock.now()

    def _ensured(self, wanted: Desired) -> Outcome:
        drive = self.drive(wanted.group)
        try:
            done = drive.run(ensure(wanted, claiming=self.means.policy.claiming))
        except Rejected as error:
            return self._failed(wanted, drive, error)
        return self._done(Status.PROVISIONED, done, drive)

    def drive(self, group: VServerGroup) -> Drive:
        means = self.means
        return Drive(group, self.invocation, means.load_balancers, means.clock, means.random)

    def _done(self, status: Status, done: Ensured, drive: Drive) -> Outcome:
        return replace(
            self.outcome(status, group=done.group),
            created=done.created,
            plan=done.plan,
            slb_request_ids=tuple(drive.request_ids),
        )

    def _failed(self, wanted: Desired, drive: Drive, error: Rejected) -> Outcome:
        """What was changed of a group that stays is said; on a group of ours it was undone."""
        stays: dict[str, list[Backend]] = drive.added | drive.reweighed
        group_id = next(iter(stays), "")
        status = Status.FAILED if drive.wrote else Status.REFUSED
        return replace(
            self.outcome(
                status, group=replace(wanted.group, id=group_id, backends=()), error=error
            ),
            plan=Plan(
                add=tuple(drive.added.get(group_id, ())),
                reweigh=tuple(drive.reweighed.get(group_id, ())),
            ),
            slb_request_ids=tuple(drive.request_ids),
        )


def refuse(means: Means, error: Rejected, event: EventRef, invocation: Invocation) -> Outcome:
    """Publishes that an event could not be read, or was given up: what was attempted for that one
    is not known here. Raises `Retryable`."""
    task = Task(means, Request(event), invocation)
    given_up = isinstance(error, RetriesExhausted)
    outcome = task.outcome(Status.FAILED if given_up else Status.REFUSED, error=error)
    return task.told(task.published(outcome))
