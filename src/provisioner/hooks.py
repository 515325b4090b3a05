"""A lifecycle hook: what ESS says comes first, the one answer to the waiting action comes last.

Do no harm. A hook that no binding knows is never completed. Before anything is written, ESS tells
whether the action still waits and which of its instances are still there, so that a late delivery
never adds a released server. An action that has ended is only looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from .core import bindings, naming
from .core.errors import Code, Fault, ProvisionerError, Rejected, Retryable
from .core.model import (
    Binding,
    Desired,
    Instance,
    LifecycleAction,
    LifecycleResult,
    Outcome,
    Request,
    Status,
)
from .driver import Invocation
from .ports import ActionState, ScalingInstance
from .service import Means, Task

# LifecycleState of DescribeScalingInstances: on its way out, or not running.
_LEAVING = frozenset({"Removing", "Removing:Wait", "Stopped"})


def task(means: Means, request: Request, invocation: Invocation) -> HookTask:
    action = request.action
    assert action is not None, "a hook's request has an action"
    region_id = action.region_id or means.policy.region_id
    return HookTask(means, request, invocation, replace(action, region_id=region_id))


@dataclass(frozen=True, slots=True)
class HookTask(Task):
    """`asked` is the action as the message has it: without a token where that was missing."""

    asked: LifecycleAction

    def completed(self) -> list[Outcome]:
        try:
            there = self._there() if not self.request.scaling_group_id else None
            known = self._with_group(there) if there is not None else self
            bound = bindings.applicable(known.request, self.means.policy)
            there = known._there() if there is None else there  # noqa: SLF001 - it is this task
            state = known._state(there)  # noqa: SLF001
        except Rejected as error:
            return [self.refused(error)]
        # From here on the action is whole: the message may have lacked its activity.
        return known._with_action(state.action)._carried_out(bound, state, there)  # noqa: SLF001

    def _with_group(self, there: Mapping[str, ScalingInstance]) -> HookTask:
        """A message may lack its scaling group: its instances are in one."""
        groups = sorted({instance.scaling_group_id for instance in there.values()} - {""})
        group = groups[0] if len(groups) == 1 else ""
        request = replace(self.request, scaling_group_id=group)
        return replace(self, request=request, asked=replace(self.asked, scaling_group_id=group))

    def _with_action(self, action: LifecycleAction) -> HookTask:
        id_ = naming.hook_event_id(action.hook_id, action.scaling_activity_id, action.token)
        event = replace(self.request.event, id=id_)
        return replace(self, request=replace(self.request, action=action, event=event))

    def _carried_out(
        self, bound: Sequence[Binding], state: ActionState, there: Mapping[str, ScalingInstance]
    ) -> list[Outcome]:
        if state.pending:
            self._wait_for_addresses(bound, there)
        try:
            wanted = self.desired(self._kept(there))
        except Rejected as error:
            return self._unmapped(error, bound, state)
        if not state.pending:
            return self._replayed(wanted, state, there)
        if self._kept(there):
            ended = self.ensured(wanted)
        else:
            ended = [self._all_gone(each) for each in wanted]
        answer = _lifecycle_result(wanted, ended)
        return self._answered(state.action, answer, [self._noted(o, there) for o in ended])

    def _replayed(
        self, wanted: Sequence[Desired], state: ActionState, there: Mapping[str, ScalingInstance]
    ) -> list[Outcome]:
        """The action has ended. As we end one that fails: an earlier delivery told all about it."""
        ours = {each.failure_result.value for each in wanted} - {LifecycleResult.CONTINUE.value}
        if state.result in ours and not state.timed_out:
            outcomes = [self.outcome(Status.SKIPPED, group=each.group) for each in wanted]
            return [self.told(outcome) for outcome in outcomes]
        looked_at = [self._looked_at(each, state, there) for each in wanted]
        return [self.told(self.published(outcome)) for outcome in looked_at]

    def _wait_for_addresses(
        self, bound: Sequence[Binding], there: Mapping[str, ScalingInstance]
    ) -> None:
        """An ENI or ECI is known by its address, which ESS may not have of a fresh instance yet."""
        missing = [name for name, instance in there.items() if not instance.private_ip]
        if missing and any(binding.type != "ecs" for binding in bound):
            raise Retryable(
                Code.INSTANCES_NOT_READY,
                f"{len(missing)} instance(s) have no private address yet; the next delivery asks "
                "again",
            )

    def _unmapped(
        self, error: Rejected, bound: Sequence[Binding], state: ActionState
    ) -> list[Outcome]:
        """An unfit binding is the deployment's doing and leaves the hook alone; an event that asks
        for too much is answered."""
        if error.code == Code.BINDING_UNFIT.value or not state.pending:
            return [self.refused(error)]
        refused = self.outcome(Status.REFUSED, error=error)
        return self._answered(state.action, bound[0].failure_result, [refused])

    def _there(self) -> Mapping[str, ScalingInstance]:
        return self.means.scaling_groups.instances(
            self.asked.region_id,
            self.asked.scaling_group_id,
            [instance.instance_id for instance in self.request.instances],
            within=self.time_left(),
        )

    def _state(self, there: Mapping[str, ScalingInstance]) -> ActionState:
        """The action as ESS has it on record; the token comes from there where it was missing."""
        asked = self.asked
        activities = sorted({i.scaling_activity_id for i in there.values()} - {""})
        activity = asked.scaling_activity_id or next(iter(activities), "")
        found = [
            state
            for state in self._states(activity)
            if state.action.hook_id == asked.hook_id and asked.token in ("", state.action.token)
        ]
        if not found:
            raise Rejected(
                Code.LIFECYCLE_ACTION_NOT_FOUND,
                "ESS has no such lifecycle action on record; nothing was written, and if one is "
                "waiting after all, its hook's DefaultResult will end it",
                fault=Fault.NOT_FOUND,
            )
        action = replace(asked, token=found[0].action.token, scaling_activity_id=activity)
        self.invocation.log.step(
            "hook",
            LifecycleHookId=action.hook_id,
            ScalingActivityId=activity,
            pending=found[0].pending,
            instances=len(there),
        )
        return replace(found[0], action=action)

    def _states(self, scaling_activity_id: str) -> tuple[ActionState, ...]:
        if not scaling_activity_id:
            return ()
        return self.means.scaling_groups.lifecycle_actions(
            self.asked.region_id, scaling_activity_id, within=self.time_left()
        )

    def _kept(self, there: Mapping[str, ScalingInstance]) -> tuple[Instance, ...]:
        """The instances that may get traffic, with the address that ESS knows of them."""
        return tuple(
            replace(instance, server_ip=there[instance.instance_id].private_ip)
            for instance in self.request.instances
            if instance.instance_id in there
            and there[instance.instance_id].lifecycle_state not in _LEAVING
        )

    def _noted(self, outcome: Outcome, there: Mapping[str, ScalingInstance]) -> Outcome:
        kept = {instance.instance_id for instance in self._kept(there)}
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

    def _looked_at(
        self, wanted: Desired, state: ActionState, there: Mapping[str, ScalingInstance]
    ) -> Outcome:
        """A replay, where CONTINUE is on record and the group stands. What was taken out since
        is somebody's choice; unless the hook timed out, and nobody ever put it in."""
        seen = self._noted(self.inspected(wanted, Status.PROVISIONED), there)
        if seen.error:
            return seen
        group = seen.group and replace(
            seen.group, backends=() if seen.created else seen.group.backends
        )
        stands = replace(seen, group=group, created=False, plan=replace(seen.plan, add=()))
        replayed = not seen.created and not (seen.plan.add and state.timed_out)
        if state.result == LifecycleResult.CONTINUE.value and replayed:
            return replace(stands, lifecycle_result=LifecycleResult.CONTINUE)
        return self._ended_otherwise(stands, state.result)

    def _answered(
        self, action: LifecycleAction, answer: LifecycleResult, ended: Sequence[Outcome]
    ) -> list[Outcome]:
        """Publishes, then completes. Servers that are ready go live even if nobody heard of it;
        the redelivery publishes."""
        outcomes = [replace(o, action=action, lifecycle_result=answer) for o in ended]
        unheard: ProvisionerError | None = None
        for outcome in outcomes:
            try:
                self.published(outcome)
            except ProvisionerError as error:
                unheard = unheard or error
        if unheard and answer is not LifecycleResult.CONTINUE:
            raise unheard
        outcomes = self._completed(action, answer, outcomes)
        if unheard:
            raise unheard
        return [self.told(outcome) for outcome in outcomes]

    def _completed(
        self, action: LifecycleAction, answer: LifecycleResult, outcomes: list[Outcome]
    ) -> list[Outcome]:
        try:
            ours = self.means.scaling_groups.complete(action, answer, within=self.time_left())
        except Rejected as error:
            failed = [replace(o, status=Status.FAILED, error=error) for o in outcomes]
            return [self.published(outcome) for outcome in failed]
        said = answer.value if ours else self._on_record(action)
        if said != answer.value:
            changed = [self._ended_otherwise(outcome, said) for outcome in outcomes]
            return [self.published(outcome) for outcome in changed]
        self.invocation.log.step(
            "completed",
            LifecycleHookId=action.hook_id,
            ScalingActivityId=action.scaling_activity_id,
            LifecycleActionResult=answer.value,
        )
        return outcomes

    def _on_record(self, action: LifecycleAction) -> str:
        states = self._states(action.scaling_activity_id)
        results = (state.result for state in states if state.action.token == action.token)
        return next(results, "nothing")

    def _ended_otherwise(self, outcome: Outcome, said: str) -> Outcome:
        error = Rejected(
            Code.HOOK_ENDED_OTHERWISE,
            f"the lifecycle action had ended before ({said} is on record); what the group holds "
            "is as reported here, and nothing more was written",
            fault=Fault.CONFLICT,
        )
        return replace(outcome, status=Status.FAILED, error=error, lifecycle_result=None)


def _lifecycle_result(wanted: Sequence[Desired], ended: Sequence[Outcome]) -> LifecycleResult:
    """One action, one result: the first group that failed decides."""
    for each, outcome in zip(wanted, ended, strict=True):
        if outcome.status is not Status.PROVISIONED:
            return each.failure_result
    return LifecycleResult.CONTINUE
