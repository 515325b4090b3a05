"""A lifecycle hook: what ESS says comes first, the one answer to the waiting action comes last.

Do no harm. A hook that no binding knows is never completed. Before anything is written, ESS tells
whether the action still waits and which of its instances are still there, so that a late delivery
never adds a released server. An action that has ended is only looked at.

  looking    what ESS knows of the action, its activity and its instances
  patience   how long the action waits, and the heartbeats that let it wait longer
  scale_out  the work in between, and what an action that has ended is looked at for
  answering  results published, the action completed, once; what if it had ended meanwhile
  breaker    no answer may kill server after server
"""

from __future__ import annotations

from dataclasses import replace

from provisioner.core.model import Request
from provisioner.driver import Invocation
from provisioner.service import Means

from .scale_out import ScaleOut

__all__ = ["ScaleOut", "task"]


def task(means: Means, request: Request, invocation: Invocation) -> ScaleOut:
    action = request.action
    assert action is not None, "a hook's request has an action"
    known = replace(action, region_id=action.region_id or means.policy.region_id)
    return ScaleOut(means, replace(request, action=known), invocation)
