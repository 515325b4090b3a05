"""Actions that still wait after half of their time: the ordinary hook task handles them, with an
action recovered from ESS.

Whose. A binding names the scaling group, not the hook, and others may have theirs there. One whose
message goes to a queue, a topic or an event bus may be ours; one that starts a template or tells
nobody is not, and is only told of.

Not while it drains. A delivery at work on a scale-in waits for the drain of one load balancer after
the other. A second one has the time of a sweep only, and would cut that short.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .model import Binding, LifecycleAction, Transition
from .scaling import ActionState, HookTerms
from .sweep import Finding, Kind, Remedy, Scaling

_AROUND_A_DRAIN = 60.0  # seconds, for what comes before and after it
_MAY_BE_OURS = frozenset({"queue", "topic", "eventbus"})


def stuck(scaling: Scaling, bound: Iterable[Binding]) -> Iterator[Finding]:
    """`bound` are the bindings of the scaling group."""
    drain = sum(binding.drain for binding in bound)
    for state, terms in scaling.waiting:
        if terms.now - terms.started <= _patience(terms, drain):
            continue
        action = _recovered(state.action, scaling.scaling_group_id, terms)
        known = bool(action.token and state.instance_ids and terms.transition)
        yield Finding(
            Kind.STUCK_HOOK,
            Remedy.HANDLE if known and _may_be_ours(terms) else Remedy.NONE,
            f"hook {action.hook_id} still waits in activity {action.scaling_activity_id}",
            region_id=action.region_id,
            scaling_group_id=scaling.scaling_group_id,
            server_ids=state.instance_ids,
            state=ActionState(action, True, state.result, instance_ids=state.instance_ids),
        )


def _patience(terms: HookTerms, drain: float) -> float:
    half = terms.heartbeat_timeout / 2
    if not drain or terms.transition is not Transition.SCALE_IN:
        return half
    return max(half, drain + _AROUND_A_DRAIN)


def _may_be_ours(terms: HookTerms) -> bool:
    """By the kind in its NotificationArn, which is acs:…:kind/name."""
    kind, _, _ = terms.target.rpartition(":")[2].partition("/")
    return kind in _MAY_BE_OURS


def _recovered(action: LifecycleAction, group: str, terms: HookTerms) -> LifecycleAction:
    return LifecycleAction(
        action.hook_id,
        action.token,
        group,
        action.scaling_activity_id,
        terms.transition or Transition.SCALE_OUT,
        action.region_id,
        terms.metadata,
    )
