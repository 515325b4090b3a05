"""What both transitions have in common: from ESS's record of the action to its one answer.

`Retryable` leaves the action pending for the next delivery. When the hook's time is over, nothing
more is written, and the action gets the failure result while it still takes one. The result then
has the code of the failure that took the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from provisioner.errors import Code, ConfigurationError, Fault, Rejected, Retryable
from provisioner.model import Binding, LifecycleResult, OnPause, VServerGroup
from provisioner.provisioning import ProvisionTask
from provisioner.results.outcome import Outcome, Status

from .action import ActionContext, load_action_context, require_final_result
from .completion import choose_failure_result, complete
from .deadline import HookDeadline

Performed = Sequence[tuple[Outcome, LifecycleResult]]
"""The outcomes, each with the answer that it leads to if it is a failure."""


class TransitionWork(Protocol):
    """What a hook does for one transition."""

    @property
    def done(self) -> Status:
        """The status of an outcome that succeeded."""

    def perform(self, task: ProvisionTask, context: ActionContext) -> Performed:
        """Raises `Retryable` after everything was tried, `Rejected` before anything was."""

    def inspect_ended(self, task: ProvisionTask, context: ActionContext) -> list[Outcome]:
        """Return what stands after an action that has ended. Reads only; may raise `Rejected`."""

    def put_back(self, task: ProvisionTask, context: ActionContext) -> None:
        """Put back what this delivery has changed, where the action ended while it was at work and
        the instances are not what it had worked for."""

    def subjects(self, task: ProvisionTask, context: ActionContext) -> Sequence[VServerGroup]:
        """Return the groups that the results are about. May raise `Rejected`."""

    def undo(
        self, task: ProvisionTask, context: ActionContext, outcomes: Sequence[Outcome]
    ) -> list[Outcome]:
        """Undo what was done, before the action gets a failure result that releases its servers.

        Returns the outcomes as they then are. Raises `Retryable`.
        """

    def failure_result(self, binding: Binding) -> LifecycleResult: ...


@dataclass(frozen=True, slots=True)
class LifecycleHook:
    """One hook in one invocation."""

    task: ProvisionTask
    work: TransitionWork

    def handle(self) -> list[Outcome]:
        """Raises `Retryable`."""
        try:
            context = load_action_context(self.task)
        except Rejected as error:
            return [self.task.reject(error)]
        return replace(self, task=replace(self.task, request=context.request)).answer(context)

    def answer(self, context: ActionContext) -> list[Outcome]:
        """Do what the state of the action asks for. Raises `Retryable`."""
        if not context.state.pending:
            return self._handle_replay(context)
        if self.task.deps.config.paused:
            return self._handle_paused(context)
        return self._run(context)

    def _run(self, context: ActionContext) -> list[Outcome]:
        deadline = HookDeadline(self.task.deps, context, self.task.invocation)
        try:
            deadline.checkpoint()  # asks for more time if half of it has passed
            if deadline.is_expired():
                return self._complete_too_late(context, deadline)
            performed = self.work.perform(self._limit_task(deadline), context)
        except ConfigurationError:
            raise
        except Rejected as error:
            return self._complete_rejected(error, context, deadline)
        except Retryable as error:
            if not deadline.is_over_for_retries():
                raise
            return self._complete_too_late(context, deadline, error)
        if deadline.has_ended:
            return self._handle_ended()
        return self._complete(context, performed, deadline)

    def _handle_paused(self, context: ActionContext) -> list[Outcome]:
        """While `PAUSE` is on, a binding that waits keeps the action pending; otherwise the action
        is abandoned if one of the bindings says so."""
        choices = [binding.on_pause for binding in context.bindings]
        self.task.invocation.log.write("paused", OnPause=[choice.value for choice in choices])
        if OnPause.WAIT in choices:
            raise self.task.build_paused_error()
        error = Rejected(
            Code.PAUSED,
            "PAUSE is on: nothing was written, and the action is answered as its binding says",
            fault=Fault.CONFLICT,
        )
        try:
            outcomes = self._outcomes(context, Status.REFUSED, error)
        except Rejected as unfit:
            return self._complete_rejected(unfit, context, None)
        answer = OnPause.ABANDON if OnPause.ABANDON in choices else OnPause.CONTINUE
        return complete(self.task, context.action, LifecycleResult(answer.value), outcomes)

    def _handle_replay(self, context: ActionContext) -> list[Outcome]:
        """The action has ended. If it ended with our own failure result, an earlier delivery has
        published everything about it."""
        try:
            if context.state.result in self._own_failure_results(context) and (
                not context.state.timed_out
            ):
                outcomes = self._outcomes(context, Status.SKIPPED)
                return [self.task.log_outcome(outcome) for outcome in outcomes]
            outcomes = self.work.inspect_ended(self.task, context)
        except Rejected as error:
            return [self.task.reject(error)]
        return self.task.publish_and_log(outcomes)

    def _handle_ended(self) -> list[Outcome]:
        """The action ended while the work was going on."""
        try:
            context = load_action_context(self.task)
            require_final_result(context.state)
        except Rejected as error:
            return [self.task.reject(error)]
        self.work.put_back(self.task, context)
        return self._handle_replay(context)

    def _complete(
        self, context: ActionContext, performed: Performed, deadline: HookDeadline
    ) -> list[Outcome]:
        """One action has one result: the first outcome that failed decides."""
        outcomes = [outcome for outcome, _ in performed]
        for outcome, failure_result in performed:
            if outcome.status is not self.work.done:
                result = choose_failure_result(self.task, context.action, failure_result, deadline)
                if result is not LifecycleResult.CONTINUE:
                    outcomes = self.work.undo(self._limit_task(deadline), context, outcomes)
                return self._complete_failed(context, failure_result, result, outcomes, deadline)
        return complete(self.task, context.action, LifecycleResult.CONTINUE, outcomes, deadline)

    def _complete_too_late(
        self, context: ActionContext, deadline: HookDeadline, failure: Retryable | None = None
    ) -> list[Outcome]:
        """Try once to answer before ESS does.

        The code of the result is that of the `failure` that took the time, if there is one.
        """
        code, message = Code.HOOK_DEADLINE_PASSED.value, ""
        if failure and failure.code != Code.OUT_OF_TIME.value:
            code, message = failure.code, f"; the last failure: {failure.message}"
        error = Rejected(
            code,
            "the hook's time is over and ESS grants no more; the action gets the failure "
            f"result{message}",
            fault=Fault.CONFLICT,
        )
        outcomes = self._outcomes(context, Status.FAILED, error)
        return self._complete_by_first_binding(
            context, outcomes, deadline, undo=failure is not None
        )

    def _complete_rejected(
        self, error: Rejected, context: ActionContext, deadline: HookDeadline | None
    ) -> list[Outcome]:
        """A binding that does not fit is the deployment's fault and leaves the action pending; an
        event that asks for too much is answered."""
        if error.code == Code.HOOK_ENDED_OTHERWISE.value:
            return self._handle_ended()
        if error.code == Code.BINDING_UNFIT.value:
            return [self.task.reject(error)]
        outcome = self.task.new_outcome(Status.REFUSED, error=error)
        return self._complete_by_first_binding(context, [outcome], deadline)

    def _complete_by_first_binding(
        self,
        context: ActionContext,
        outcomes: list[Outcome],
        deadline: HookDeadline | None,
        *,
        undo: bool = False,
    ) -> list[Outcome]:
        """Complete an action that failed before, besides or, with `undo`, during the work on its
        groups. What cannot be undone in time stays: the answer must not be late."""
        wanted = self.work.failure_result(context.bindings[0])
        result = choose_failure_result(self.task, context.action, wanted, deadline)
        if deadline and undo and result is not LifecycleResult.CONTINUE:
            try:
                outcomes = self.work.undo(self._limit_task(deadline), context, outcomes)
            except (Rejected, Retryable) as error:
                self.task.invocation.log.write("undo.failed", code=error.code)
        return self._complete_failed(context, wanted, result, outcomes, deadline)

    def _complete_failed(
        self,
        context: ActionContext,
        wanted: LifecycleResult,
        result: LifecycleResult,
        outcomes: list[Outcome],
        deadline: HookDeadline | None,
    ) -> list[Outcome]:
        """`wanted` is the binding's result; another `result` is the circuit breaker's."""
        if result is not wanted:
            outcomes = [replace(outcome, circuit_breaker=True) for outcome in outcomes]
        return complete(self.task, context.action, result, outcomes, deadline)

    def _limit_task(self, deadline: HookDeadline) -> ProvisionTask:
        """Return the task with the hook's deadline as a limit of its work."""
        invocation = replace(self.task.invocation, checkpoint=deadline.checkpoint)
        return replace(self.task, invocation=invocation)

    def _outcomes(
        self, context: ActionContext, status: Status, error: Rejected | None = None
    ) -> list[Outcome]:
        """Return one outcome for each group that the hook is about. May raise `Rejected`."""
        groups = self.work.subjects(self.task, context)
        return [self.task.new_outcome(status, group=group, error=error) for group in groups]

    def _own_failure_results(self, context: ActionContext) -> set[str]:
        """Return the results that this function gives to an action that failed or was paused."""
        results = {self.work.failure_result(binding).value for binding in context.bindings}
        results |= {binding.on_pause.value for binding in context.bindings}
        return results - {LifecycleResult.CONTINUE.value, OnPause.WAIT.value}
