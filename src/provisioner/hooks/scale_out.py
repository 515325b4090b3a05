"""Instances that come: every binding's group is ensured, then the action is answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from provisioner.errors import Code, Fault, Rejected, Retryable
from provisioner.model import Binding, DesiredGroup, Instance, LifecycleResult, VServerGroup
from provisioner.results.outcome import Outcome, Status

from .action import LEAVING, ActionContext
from .base import Hook, Performed
from .completion import mark_ended_otherwise


@dataclass(frozen=True, slots=True)
class ScaleOut(Hook):
    DONE: ClassVar[Status] = Status.PROVISIONED

    def perform(self, seen: ActionContext) -> Performed:
        self._require_addresses(seen)
        kept = self._select_instances(seen)
        wanted = self.map_groups(kept)
        ended = (
            self.ensure_groups(wanted) if kept else [self._reject_all_gone(each) for each in wanted]
        )
        noted = [self._add_dropped(outcome, kept) for outcome in ended]
        return list(zip(noted, [each.failure_result for each in wanted], strict=True))

    def inspect_ended(self, seen: ActionContext) -> list[Outcome]:
        kept = self._select_instances(seen)
        return [self._inspect_group(each, seen, kept) for each in self.map_groups(kept)]

    def subjects(self, seen: ActionContext) -> Sequence[VServerGroup]:  # noqa: ARG002 - the request tells
        return [each.group for each in self.map_groups(())]

    def failure_result(self, binding: Binding) -> LifecycleResult:
        return binding.failure_result

    def _require_addresses(self, seen: ActionContext) -> None:
        """An ENI or ECI is known by its address, which ESS may not have of a fresh instance yet."""
        if all(binding.type == "ecs" for binding in seen.bindings):
            return
        missing = [each for each in seen.instances.values() if not each.private_ip]
        if missing:
            raise Retryable(
                Code.INSTANCES_NOT_READY,
                f"{len(missing)} instance(s) have no private address yet; the next delivery asks "
                "again",
            )

    def _select_instances(self, seen: ActionContext) -> tuple[Instance, ...]:
        """The instances that may get traffic, with the address that ESS knows of them."""
        found = [(each, seen.instances.get(each.instance_id)) for each in self.request.instances]
        return tuple(
            Instance(instance.instance_id, instance.weight, there.private_ip)
            for instance, there in found
            if there is not None and there.lifecycle_state not in LEAVING
        )

    def _add_dropped(self, outcome: Outcome, kept: Sequence[Instance]) -> Outcome:
        if len(kept) == len(self.request.instances):
            return outcome
        stay = {instance.instance_id for instance in kept}
        gone = [i.instance_id for i in self.request.instances if i.instance_id not in stay]
        return replace(outcome, dropped_instance_ids=tuple(gone))

    def _reject_all_gone(self, wanted: DesiredGroup) -> Outcome:
        error = Rejected(
            Code.INSTANCES_GONE,
            "none of the event's instances is in its scaling group any more",
            fault=Fault.CONFLICT,
        )
        group = replace(wanted.group, backends=())
        return self.new_outcome(Status.REFUSED, group=group, error=error)

    def _inspect_group(
        self, wanted: DesiredGroup, seen: ActionContext, kept: Sequence[Instance]
    ) -> Outcome:
        """A replay, where CONTINUE is on record and the group stands. What was taken out since
        is somebody's choice; unless the hook timed out, and nobody ever put it in."""
        found = self._add_dropped(self.inspect(wanted, Status.PROVISIONED), kept)
        if found.error:
            return found
        group = found.group and replace(
            found.group, backends=() if found.created else found.group.backends
        )
        stands = replace(found, group=group, created=False, plan=replace(found.plan, add=()))
        replayed = not found.created and not (found.plan.add and seen.state.timed_out)
        if seen.state.result == LifecycleResult.CONTINUE.value and replayed:
            return replace(stands, lifecycle_result=LifecycleResult.CONTINUE)
        return mark_ended_otherwise(stands, seen.state.result)
