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
from provisioner.provisioning import ProvisionTask
from provisioner.results.outcome import Outcome, Status

from .action import ActionContext, load_action_context, read_final_result
from .completion import complete, complete_failed
from .deadline import HookDeadline, load_deadline

Performed = Sequence[tuple[Outcome, LifecycleResult]]
"""Each with the answer that it leads to if it is a failure."""

_Self = TypeVar("_Self", bound="Hook")


@dataclass(frozen=True, slots=True)
class Hook(ProvisionTask, ABC):
    DONE: ClassVar[Status]

    @abstractmethod
    def perform(self, seen: ActionContext) -> Performed:
        """Raises `Retryable` after everything was tried, `Rejected` before anything was."""

    @abstractmethod
    def inspect_ended(self, seen: ActionContext) -> list[Outcome]:
        """What stands after an action that has ended. Reads only; may raise `Rejected`."""

    @abstractmethod
    def subjects(self, seen: ActionContext) -> Sequence[VServerGroup]:
        """What the results are about. May raise `Rejected`."""

    @abstractmethod
    def failure_result(self, binding: Binding) -> LifecycleResult: ...

    def handle(self) -> list[Outcome]:
        try:
            seen = load_action_context(self)
        except Rejected as error:
            return [self.reject(error)]
        known = replace(self, request=seen.request)
        if not seen.state.pending:
            return known.handle_replay(seen)
        if self.deps.config.paused:
            return known.handle_paused(seen)
        return known.run(seen)

    def run(self, seen: ActionContext) -> list[Outcome]:
        time = load_deadline(self.deps, seen.action, self.invocation)
        try:
            if time and _is_expired(time):
                return self._complete_too_late(seen, time)
            ended = _with_deadline(self, time).perform(seen)
        except ConfigurationError:
            raise
        except Rejected as error:
            return self._complete_rejected(error, seen, time)
        except Retryable:
            if time is None or not time.is_expired():
                raise
            return self._complete_too_late(seen, time)
        if time and time.ended:
            return self._handle_ended()
        return self._complete(seen, ended, time)

    def handle_paused(self, seen: ActionContext) -> list[Outcome]:
        """While `PAUSE` is on: a binding that waits keeps the action waiting, then the first that
        does not continue decides."""
        choices = [binding.on_pause for binding in seen.bindings]
        self.invocation.log.write("paused", OnPause=[choice.value for choice in choices])
        if OnPause.WAIT in choices:
            raise self.paused_error()
        error = Rejected(
            Code.PAUSED,
            "PAUSE is on: nothing was written, and the action is answered as its binding says",
            fault=Fault.CONFLICT,
        )
        try:
            groups = self.subjects(seen)
        except Rejected as unfit:
            return self._complete_rejected(unfit, seen, None)
        ended = [self.new_outcome(Status.REFUSED, group=group, error=error) for group in groups]
        answer = OnPause.ABANDON if OnPause.ABANDON in choices else OnPause.CONTINUE
        return complete(self, seen.action, LifecycleResult(answer.value), ended)

    def handle_replay(self, seen: ActionContext) -> list[Outcome]:
        """The action has ended. As we end one that fails: an earlier delivery told all about it."""
        try:
            if seen.state.result in self._own_failure_results(seen) and not seen.state.timed_out:
                groups = self.subjects(seen)
                outcomes = [self.new_outcome(Status.SKIPPED, group=group) for group in groups]
                return [self.log_outcome(outcome) for outcome in outcomes]
            outcomes = self.inspect_ended(seen)
        except Rejected as error:
            return [self.reject(error)]
        if unheard := self.publish_all(outcomes):
            raise unheard
        return [self.log_outcome(outcome) for outcome in outcomes]

    def _complete(
        self, seen: ActionContext, ended: Performed, time: HookDeadline | None
    ) -> list[Outcome]:
        """One action, one result: the first that failed decides."""
        outcomes = [outcome for outcome, _ in ended]
        for outcome, answer in ended:
            if outcome.status is not self.DONE:
                return complete_failed(self, seen.action, answer, outcomes, time)
        return complete(self, seen.action, LifecycleResult.CONTINUE, outcomes, time)

    def _complete_too_late(self, seen: ActionContext, time: HookDeadline) -> list[Outcome]:
        """One attempt to answer before ESS does; what was written until now stays."""
        error = Rejected(
            Code.HOOK_DEADLINE_PASSED,
            "the hook's time is over and ESS grants no more; nothing more was written, and the "
            "action gets the failure result",
            fault=Fault.CONFLICT,
        )
        groups = self.subjects(seen)
        ended = [self.new_outcome(Status.FAILED, group=group, error=error) for group in groups]
        return complete_failed(
            self, seen.action, self.failure_result(seen.bindings[0]), ended, time
        )

    def _complete_rejected(
        self, error: Rejected, seen: ActionContext, time: HookDeadline | None
    ) -> list[Outcome]:
        """An unfit binding is the deployment's doing and leaves the hook alone; an event that asks
        for too much is answered."""
        if error.code == Code.HOOK_ENDED_OTHERWISE.value:
            return self._handle_ended()
        if error.code == Code.BINDING_UNFIT.value:
            return [self.reject(error)]
        refused = self.new_outcome(Status.REFUSED, error=error)
        return complete_failed(
            self, seen.action, self.failure_result(seen.bindings[0]), [refused], time
        )

    def _handle_ended(self) -> list[Outcome]:
        try:
            seen = load_action_context(self)
            read_final_result(seen.state)
            return self.handle_replay(seen)
        except Rejected as error:
            return [self.reject(error)]

    def _own_failure_results(self, seen: ActionContext) -> set[str]:
        """The results with which we end an action that failed or was held back."""
        ours = {self.failure_result(binding).value for binding in seen.bindings}
        ours |= {binding.on_pause.value for binding in seen.bindings}
        return ours - {LifecycleResult.CONTINUE.value, OnPause.WAIT.value}


def _is_expired(time: HookDeadline) -> bool:
    """Asks for more time first, where half of it has passed."""
    time.checkpoint()
    return time.is_expired()


def _with_deadline(hook: _Self, time: HookDeadline | None) -> _Self:
    if time is None:
        return hook
    return replace(hook, invocation=replace(hook.invocation, checkpoint=time.checkpoint))
