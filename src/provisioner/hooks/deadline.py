"""How long an action waits at its hook, and the heartbeats that let it wait longer.

ESS tells when the activity began and how long its hook waits; the wait itself begins somewhat
later, and an earlier delivery may have prolonged it. So what follows from the two is a lower bound.
As long as ESS has the action as pending there is time: past half of the known time, or past all of
it, a heartbeat asks for more. Only when ESS grants none is the known deadline the last word.

An action has 20 heartbeats and 6 hours in all (doc), shared by every delivery. One invocation plans
on `_PLANNED` at most, evenly; each counts from the moment it is sent (unknown; the safe reading).
"""

from __future__ import annotations

from math import inf
from threading import Lock

from provisioner.errors import Code, Fault, Rejected, Retryable
from provisioner.invocation import Invocation, WorkWindow
from provisioner.model import LifecycleAction
from provisioner.ports import Heartbeat, HookTerms
from provisioner.provisioning import Dependencies

COMPLETING = 5.0  # seconds of the hook's time, kept for publishing and completing
LONGEST_WAIT = 6 * 3600.0  # seconds that an action waits in all (doc)
SHORTEST_HEARTBEAT = 30  # seconds (sdk)
_PLANNED = 16  # heartbeats; four of the twenty are left to others
_LEAST_PAUSE = 5.0  # seconds after a heartbeat that was not answered
_DATE_RESOLUTION = 1.0  # seconds: a Date header drops the fraction


class HookDeadline:
    """Of one action, in one invocation. All times are the clock's, unless they say otherwise.

    `ended`: ESS said to a heartbeat that the action had ended; from then on nothing is written.
    """

    def __init__(
        self,
        means: Dependencies,
        action: LifecycleAction,
        terms: HookTerms,
        asked: float,
        on: Invocation,
    ) -> None:
        """`asked` is the time before `terms` were."""
        self.ended = False
        self._lock = Lock()  # the groups of a hook are worked on at once, and ask alike
        self._means, self._action, self._log = means, action, on.log
        self._now = means.clock.now
        self._ends = on.hard_deadline
        self._timeout = terms.heartbeat_timeout
        # When the activity began, by a clock of ours that is never late.
        began = asked - (terms.now + _DATE_RESOLUTION - terms.started)
        self._last_moment = began + LONGEST_WAIT
        self._until = began + self._timeout
        self._interval = max(self._timeout / 2, (on.hard_deadline - asked) / _PLANNED)
        self._due = began + self._timeout / 2

    def checkpoint(self) -> WorkWindow:
        """Sends a heartbeat if one is due. Raises `Rejected` once the action has ended."""
        with self._lock:
            if self._now() >= self._due and not self.ended:
                self._send_heartbeat()
            if self.ended:
                raise Rejected(
                    Code.HOOK_ENDED_OTHERWISE,
                    "the lifecycle action ended while its servers were being added; nothing more "
                    "was written",
                    fault=Fault.CONFLICT,
                )
            return WorkWindow(self._until - COMPLETING, self._due)

    def is_expired(self) -> bool:
        """The known time is up, and ESS grants no more."""
        return self._due == inf and self._now() >= self._until - COMPLETING

    @property
    def expires_at(self) -> float:
        """When ESS may end the action by itself."""
        return self._until

    def _send_heartbeat(self) -> None:
        now = self._now()
        wanted = max(self._timeout, 2 * self._interval)
        seconds = int(min(wanted, self._last_moment - now))
        if seconds < SHORTEST_HEARTBEAT or now + seconds <= self._until:
            self._due = inf  # its six hours are used up
            return
        try:
            said = self._means.scaling_groups.record_heartbeat(
                self._action, seconds, within=max(self._ends - now, 0.0)
            )
        except Rejected as error:
            self._write_log("heartbeat.failed", code=error.code)
            said = Heartbeat.EXHAUSTED
        except Retryable as error:
            self._write_log("heartbeat.failed", code=error.code)
            self._postpone_heartbeat(error)
            return
        self._write_log("heartbeat", said=said.value, seconds=seconds)
        self.ended = said is Heartbeat.ENDED
        self._due = inf
        if said is Heartbeat.RECORDED:
            self._until = now + seconds
            self._due = now + min(self._interval, seconds / 2)

    def _postpone_heartbeat(self, error: Retryable) -> None:
        """Asked again when half of the time that is left has passed. With none left, nobody knows
        whether the action still waits: the error is the answer."""
        now = self._now()
        left = self._until - COMPLETING - now
        if left <= 0:
            raise error
        self._due = now + max(left / 2, _LEAST_PAUSE)

    def _write_log(self, step: str, **fields: object) -> None:
        action = self._action
        self._log.write(
            step,
            LifecycleHookId=action.hook_id,
            ScalingActivityId=action.scaling_activity_id,
            **fields,
        )


def load_deadline(
    means: Dependencies, action: LifecycleAction, on: Invocation
) -> HookDeadline | None:
    """None where ESS does not know the activity or the hook: then only the invocation limits the
    work. Raises `Retryable`."""
    asked = means.clock.now()
    try:
        terms = means.scaling_groups.read_hook_terms(action, within=on.hard_deadline - asked)
    except Rejected:
        terms = None
    return HookDeadline(means, action, terms, asked, on) if terms else None
