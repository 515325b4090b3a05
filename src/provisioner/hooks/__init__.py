"""Handle a lifecycle hook: read what ESS knows first, answer the waiting action once, last.

Do no harm. A hook that no binding knows is never completed. Before anything is written, ESS says
whether the action still waits and which of its instances are still there, so that a late delivery
never adds a released server. For an action that has ended, nothing is written.
"""

from __future__ import annotations

from dataclasses import replace

from provisioner.invocation import Invocation
from provisioner.model import Request, Transition
from provisioner.provisioning import Dependencies, ProvisionTask
from provisioner.results.outcome import Outcome

from .lifecycle_hook import LifecycleHook
from .scale_in import ScaleIn
from .scale_out import ScaleOut

__all__ = ["handle_hook"]

_WORK = {Transition.SCALE_OUT: ScaleOut, Transition.SCALE_IN: ScaleIn}


def handle_hook(deps: Dependencies, request: Request, invocation: Invocation) -> list[Outcome]:
    """Handle a request that came from a lifecycle hook. Raises `Retryable`."""
    action = request.action
    assert action is not None, "a hook's request has an action"
    if not action.region_id:
        request = replace(request, action=replace(action, region_id=deps.config.region_id))
    task = ProvisionTask(deps, request, invocation)
    return LifecycleHook(task, _WORK[action.transition]()).handle()
