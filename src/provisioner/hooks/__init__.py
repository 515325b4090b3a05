"""A lifecycle hook: what ESS says comes first, the one answer to the waiting action comes last.

Do no harm. A hook that no binding knows is never completed. Before anything is written, ESS tells
whether the action still waits and which of its instances are still there, so that a late delivery
never adds a released server. An action that has ended is only looked at.

  looking    what ESS knows of the action, its activity and its instances
  patience   how long the action waits, and the heartbeats that let it wait longer
  hook       what every hook has in common, around the work of one
  scale_out  instances come, and what an action that has ended is looked at for
  scale_in   instances leave, likewise
  answering  results published, the action completed, once; what if it had ended meanwhile
  breaker    no answer may kill server after server
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from provisioner.invocation import Invocation
from provisioner.model import Request, Transition
from provisioner.provisioning import Dependencies

from .base import Hook
from .scale_in import ScaleIn
from .scale_out import ScaleOut

__all__ = ["Hook", "ScaleIn", "ScaleOut", "build_hook"]

_HOOKS: Mapping[Transition, type[Hook]] = {
    Transition.SCALE_OUT: ScaleOut,
    Transition.SCALE_IN: ScaleIn,
}


def build_hook(means: Dependencies, request: Request, invocation: Invocation) -> Hook:
    action = request.action
    assert action is not None, "a hook's request has an action"
    if not action.region_id:
        request = replace(request, action=replace(action, region_id=means.config.region_id))
    return _HOOKS[action.transition](means, request, invocation)
