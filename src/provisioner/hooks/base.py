"""What every hook has in common: ESS first, one answer last, and the ways around the work between.

`Retryable` leaves the action pending for the next delivery, unless the hook's time is over: then
nothing more is written, and the action gets the failure result while it still takes one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, TypeVar

from provisioner.errors import Code, ConfigurationError, Fault, Rejected, Retryable
from provisioner.model import Binding, LifecycleResult, OnPause, VServerGroup
from provisioner.provisioning import Task
from provisioner.results.outcome import Outcome, Status

from .action import Look, ended_by, look
from .completion import answered, failed
from .deadline import Patience, patience

Worked = Sequence[tuple[Outcome, LifecycleResult]]
"""Each with the answer that it leads to if it is a failure."""

_Self = TypeVar("_Self", bound="Hook")


@dataclass(frozen=True, slots=True)
class Hook(Task, ABC):
    DONE: ClassVar[Status]

    @abstractmethod
    def worked(self, seen: Look) -> Worked:
        """Raises `Retryable` after everything was tried, `Rejected` before anything was."""

    @abstractmethod
    def looked_at(self, seen: Look) -> list[Outcome]:
        """What stands after an action that has ended. Reads only; may raise `Rejected`."""

    @abstractmethod
    def about(self, seen: Look) -> Sequence[VServerGroup]:
        """What the results are about. May raise `Rejected`."""

    @abstractmethod
    def failure_result(self, binding: Binding) -> LifecycleResult: ...

    def completed(self) -> list[Outcome]:
        try:
            seen = look(self)
        except Rejected as error:
            return [self.refused(error)]
        known = replace(self, request=seen.request)
        if not seen.state.pending:
            return known.replayed(seen)
        if self.means.policy.paused:
            return known.held_back(seen)
        return known.carried_out(seen)

    def carried_out(self, seen: Look) -> list[Outcome]:
        time = patience(self.means, seen.action, self.invocation)
        try:
            if time and _is_late(time):
                return self._too_late(seen, time)
            ended = _within(self, time).worked(seen)
        except ConfigurationError:
            raise
        except Rejected as error:
            return self._unmapped(error, seen, time)
        except Retryable:
            if time is None or not time.is_over():
                raise
            return self._too_late(seen, time)
        if time and time.ended:
            return self._ended_meanwhile()
        return self._answered(seen, ended, time)

    def held_back(self, seen: Look) -> list[Outcome]:
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
            groups = self.about(seen)
        except Rejected as unfit:
            return self._unmapped(unfit, seen, None)
        ended = [self.outcome(Status.REFUSED, group=group, error=error) for group in groups]
        answer = OnPause.ABANDON if OnPause.ABANDON in choices else OnPause.CONTINUE
        return answered(self, seen.action, LifecycleResult(answer.value), ended)

    def replayed(self, seen: Look) -> list[Outcome]:
        """The action has ended. As we end one that fails: an earlier delivery told all about it."""
        try:
            if seen.state.result in self._our_failures(seen) and not seen.state.timed_out:
                groups = self.about(seen)
                outcomes = [self.outcome(Status.SKIPPED, group=group) for group in groups]
                return [self.told(outcome) for outcome in outcomes]
            outcomes = self.looked_at(seen)
        except Rejected as error:
            return [self.refused(error)]
        if unheard := self.announced(outcomes):
            raise unheard
        return [self.told(outcome) for outcome in outcomes]

    def _answered(self, seen: Look, ended: Worked, time: Patience | None) -> list[Outcome]:
        """One action, one result: the first that failed decides."""
        outcomes = [outcome for outcome, _ in ended]
        for outcome, answer in ended:
            if outcome.status is not self.DONE:
                return failed(self, seen.action, answer, outcomes, time)
        return answered(self, seen.action, LifecycleResult.CONTINUE, outcomes, time)

    def _too_late(self, seen: Look, time: Patience) -> list[Outcome]:
        """One attempt to answer before ESS does; what was written until now stays."""
        error = Rejected(
            Code.HOOK_DEADLINE_PASSED,
            "the hook's time is over and ESS grants no more; nothing more was written, and the "
            "action gets the failure result",
            fault=Fault.CONFLICT,
        )
        groups = self.about(seen)
        ended = [self.outcome(Status.FAILED, group=group, error=error) for group in groups]
        return failed(self, seen.action, self.failure_result(seen.bound[0]), ended, time)

    def _unmapped(self, error: Rejected, seen: Look, time: Patience | None) -> list[Outcome]:
        """An unfit binding is the deployment's doing and leaves the hook alone; an event that asks
        for too much is answered."""
        if error.code == Code.HOOK_ENDED_OTHERWISE.value:
            return self._ended_meanwhile()
        if error.code == Code.BINDING_UNFIT.value:
            return [self.refused(error)]
        refused = self.outcome(Status.REFUSED, error=error)
        return failed(self, seen.action, self.failure_result(seen.bound[0]), [refused], time)

    def _ended_meanwhile(self) -> list[Outcome]:
        try:
            seen = look(self)
            ended_by(seen.state)
            return self.replayed(seen)
        except Rejected as error:
            return [self.refused(error)]

    def _our_failures(self, seen: Look) -> set[str]:
        """The results with which we end an action that failed or was held back."""
        ours = {self.failure_result(binding).value for binding in seen.bound}
        ours |= {binding.on_pause.value for binding in seen.bound}
        return ours - {LifecycleResult.CONTINUE.value, OnPause.WAIT.value}


def _is_late(time: Patience) -> bool:
    """Asks for more time first, where half of it has passed."""
    time.hold()
    return time.is_over()


def _within(hook: _Self, time: Patience | None) -> _Self:
    if time is None:
        return hook
    return replace(hook, invocation=replace(hook.invocation, hold=time.hold))
