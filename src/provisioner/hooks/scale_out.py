"""Instances that come: every binding's group is ensured, then the action is answered.

`Retryable` leaves the action pending for the next delivery, unless the hook's time is over: then
nothing more is written, and the action gets the failure result while it still takes one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from provisioner.core.errors import Code, ConfigurationError, Fault, Rejected, Retryable
from provisioner.core.model import (
    Desired,
    Instance,
    LifecycleResult,
    OnPause,
    Outcome,
    Status,
)
from provisioner.service import Task

from .answering import answered, ended_otherwise, failed
from .looking import Look, look
from .patience import Patience, patience

# LifecycleState of DescribeScalingInstances: on its way out, or not running.
_LEAVING = frozenset({"Removing", "Removing:Wait", "Stopped"})


@dataclass(frozen=True, slots=True)
class ScaleOut(Task):
    def completed(self) -> list[Outcome]:
        try:
            seen = look(self)
        except Rejected as error:
            return [self.refused(error)]
        known = replace(self, request=seen.request)
        if not seen.state.pending:
            return known._replayed(seen)  # noqa: SLF001 - it is this task
        if self.means.policy.paused:
            return known._held_back(seen)  # noqa: SLF001
        return known._carried_out(seen)  # noqa: SLF001

    def _carried_out(self, seen: Look) -> list[Outcome]:
        time = patience(self.means, seen.action, self.invocation)
        try:
            if time and self._is_late(time):
                return self._too_late(seen, time)
            self._wait_for_addresses(seen)
            wanted = self.desired(self._kept(seen))
        except Rejected as error:
            return self._unmapped(error, seen, time)
        if not self._kept(seen):
            ended = [self._all_gone(each) for each in wanted]
        else:
            try:
                ended = self._within(time).ensured(wanted)
            except ConfigurationError:
                raise
            except Retryable:
                if time is None or not time.is_over():
                    raise
                return self._too_late(seen, time)
        if time and time.ended:
            return self._ended_meanwhile()
        noted = [self._noted(outcome, seen) for outcome in ended]
        return self._answered(seen, wanted, noted, time)

    def _is_late(self, time: Patience) -> bool:
        """Asks for more time first, where half of it has passed."""
        time.hold()
        return time.is_over()

    def _within(self, time: Patience | None) -> Task:
        if time is None:
            return self
        return replace(self, invocation=replace(self.invocation, hold=time.hold))

    def _answered(
        self,
        seen: Look,
        wanted: Sequence[Desired],
        ended: Sequence[Outcome],
        time: Patience | None,
    ) -> list[Outcome]:
        """One action, one result: the first group that failed decides."""
        for each, outcome in zip(wanted, ended, strict=True):
            if outcome.status is not Status.PROVISIONED:
                return failed(self, seen.action, each.failure_result, ended, time)
        return answered(self, seen.action, LifecycleResult.CONTINUE, ended, time)

    def _too_late(self, seen: Look, time: Patience) -> list[Outcome]:
        """One attempt to answer before ESS does; what was written until now stays."""
        error = Rejected(
            Code.HOOK_DEADLINE_PASSED,
            "the hook's time is over and ESS grants no more; nothing more was written, and the "
            "action gets the failure result",
            fault=Fault.CONFLICT,
        )
        ended = [
            self.outcome(Status.FAILED, group=each.group, error=error) for each in self.desired(())
        ]
        return failed(self, seen.action, seen.bound[0].failure_result, ended, time)

    def _held_back(self, seen: Look) -> list[Outcome]:
        """While `PAUSE` is on: a binding that waits keeps the action waiting, then the first that
        does not continue decides."""
        choices = [binding.on_pause for binding in seen.bound]
        self.invocation.log.step("paused", OnPause=[choice.value for choice in choices])
        if OnPause.WAIT in choices:
            raise self.paused()
        error = Rejected(
            Code.PAUSED,
            "PAUSE is on: nothing was written, and the action is answered as its binding says",
            fault=Fault.CONFLICT,
        )
        try:
            wanted = self.desired(())
        except Rejected as unfit:
            return self._unmapped(unfit, seen, None)
        ended = [self.outcome(Status.REFUSED, group=each.group, error=error) for each in wanted]
        answer = OnPause.ABANDON if OnPause.ABANDON in choices else OnPause.CONTINUE
        return answered(self, seen.action, LifecycleResult(answer.value), ended)

    def _unmapped(self, error: Rejected, seen: Look, time: Patience | None) -> list[Outcome]:
        """An unfit binding is the deployment's doing and leaves the hook alone; an event that asks
        for too much is answered."""
        if error.code == Code.HOOK_ENDED_OTHERWISE.value:
            return self._ended_meanwhile()
        if error.code == Code.BINDING_UNFIT.value:
            return [self.refused(error)]
        refused = self.outcome(Status.REFUSED, error=error)
        return failed(self, seen.action, seen.bound[0].failure_result, [refused], time)

    def _wait_for_addresses(self, seen: Look) -> None:
        """An ENI or ECI is known by its address, which ESS may not have of a fresh instance yet."""
        missing = [name for name, instance in seen.there.items() if not instance.private_ip]
        if missing and any(binding.type != "ecs" for binding in seen.bound):
            raise Retryable(
                Code.INSTANCES_NOT_READY,
                f"{len(missing)} instance(s) have no private address yet; the next delivery asks "
                "again",
            )

    def _kept(self, seen: Look) -> tuple[Instance, ...]:
        """The instances that may get traffic, with the address that ESS knows of them."""
        there = seen.there
        return tuple(
            replace(instance, server_ip=there[instance.instance_id].private_ip)
            for instance in self.request.instances
            if instance.instance_id in there
            and there[instance.instance_id].lifecycle_state not in _LEAVING
        )

    def _noted(self, outcome: Outcome, seen: Look) -> Outcome:
        kept = {instance.instance_id for instance in self._kept(seen)}
        gone = (i.instance_id for i in self.request.instances if i.instance_id not in kept)
        return replace(outcome, dropped_instances=tuple(gone))

    def _all_gone(self, wanted: Desired) -> Outcome:
        error = Rejected(
            Code.INSTANCES_GONE,
            "none of the event's instances is in its scaling group any more",
            fault=Fault.CONFLICT,
        )
        group = replace(wanted.group, backends=())
        return self.outcome(Status.REFUSED, group=group, error=error)

    def _replayed(self, seen: Look) -> list[Outcome]:
        """The action has ended. As we end one that fails: an earlier delivery told all about it."""
        try:
            wanted = self.desired(self._kept(seen))
        except Rejected as error:
            return [self.refused(error)]
        if seen.state.result in _our_failures(seen) and not seen.state.timed_out:
            outcomes = [self.outcome(Status.SKIPPED, group=each.group) for each in wanted]
        else:
            outcomes = [self._looked_at(each, seen) for each in wanted]
            if unheard := self.announced(outcomes):
                raise unheard
        return [self.told(outcome) for outcome in outcomes]

    def _ended_meanwhile(self) -> list[Outcome]:
        try:
            return self._replayed(look(self))
        except Rejected as error:
            return [self.refused(error)]

    def _looked_at(self, wanted: Desired, seen: Look) -> Outcome:
        """A replay, where CONTINUE is on record and the group stands. What was taken out since
        is somebody's choice; unless the hook timed out, and nobody ever put it in."""
        found = self._noted(self.inspected(wanted, Status.PROVISIONED), seen)
        if found.error:
            return found
        group = found.group and replace(
            found.group, backends=() if found.created else found.group.backends
        )
        stands = replace(found, group=group, created=False, plan=replace(found.plan, add=()))
        replayed = not found.created and not (found.plan.add and seen.state.timed_out)
        if seen.state.result == LifecycleResult.CONTINUE.value and replayed:
            return replace(stands, lifecycle_result=LifecycleResult.CONTINUE)
        return ended_otherwise(stands, seen.state.result)


def _our_failures(seen: Look) -> set[str]:
    """The results with which we end an action that failed or was held back."""
    ours = {b.failure_result.value for b in seen.bound} | {b.on_pause.value for b in seen.bound}
    return ours - {LifecycleResult.CONTINUE.value, OnPause.WAIT.value}
