"""How long an action waits at its hook, and the heartbeats that let it wait longer.

ESS says when the activity began and how long its hook waits. The wait itself begins somewhat later,
and an earlier delivery may have prolonged it, so the deadline that follows from the two is a lower
bound. While ESS has the action as pending there is time: past half of the known time a heartbeat
asks for more. Only when ESS itself grants no more, the known deadline is final: our clock and the
Date of a response may be wrong, so no action is given up by them alone.

An action has 20 heartbeats and 6 hours in all (doc), shared by every delivery. One invocation plans
at most `_PLANNED_HEARTBEATS`, evenly; each counts from the moment it is sent (unknown; the safe
reading).
"""

from __future__ import annotations

from math import inf
from threading import Lock

from provisioner.errors import Code, Fault, Rejected, Retryable
from provisioner.invocation import Invocation, WorkWindow
from provisioner.ports import Heartbeat
from provisioner.provisioning import Dependencies

from .action import ActionContext

SECONDS_TO_COMPLETE = 5.0  # of the hook's time, kept for publishing and completing
LONGEST_WAIT = 6 * 3600.0  # seconds that an action waits in all (doc)
SHORTEST_HEARTBEAT = 30  # seconds (sdk)
# Work stops up to some seconds before its time ends, where a wait or a call would not fit. The next
# delivery comes later than that.
_SECONDS_TO_REDELIVER = 10.0
_PLANNED_HEARTBEATS = 16  # four of the twenty are left to other deliveries
_SHORTEST_PAUSE = 5.0  # seconds after a heartbeat without an answer
_DATE_RESOLUTION = 1.0  # seconds: a Date header drops the fraction


class HookDeadline:
    """The deadline of one action in one invocation. Times are those of the function's clock.

    `has_ended`: ESS answered a heartbeat that the action has ended; nothing is written any more.
    """

    def __init__(self, deps: Dependencies, context: ActionContext, invocation: Invocation) -> None:
        terms = context.terms
        assert terms is not None, "a pending action has terms"
        self.has_ended = False
        self._lock = Lock()  # the groups of a hook are worked on at the same time
        self._scaling_groups, self._action = deps.scaling_groups, context.action
        self._log = invocation.log
        self._now = deps.clock.now
        self._hard_deadline = invocation.hard_deadline
        self._timeout = terms.heartbeat_timeout
        # The start of the activity, never too late by our own clock.
        started_at = context.asked_at - (terms.now + _DATE_RESOLUTION - terms.started)
        self._last_moment = started_at + LONGEST_WAIT
        self._expires_at = started_at + self._timeout
        seconds = invocation.hard_deadline - context.asked_at
        self._interval = max(self._timeout / 2, seconds / _PLANNED_HEARTBEATS)
        self._next_heartbeat = started_at + self._timeout / 2

    @property
    def expires_at(self) -> float:
        """When ESS may end the action by itself."""
        return self._expires_at

    def is_expired(self) -> bool:
        """Whether the known time is over and ESS grants no more."""
        return self._next_heartbeat == inf and self._now() >= self._work_ends_at()

    def is_over_for_retries(self) -> bool:
        """Whether ESS grants no more time, and too little is left for another delivery."""
        return (
            self._next_heartbeat == inf
            and self._now() >= self._work_ends_at() - _SECONDS_TO_REDELIVER
        )

    def checkpoint(self) -> WorkWindow:
        """Send a heartbeat if one is due, and return how long work may go on.

        Raises `Rejected` when the action has ended, `Retryable` when the time is over and the
        heartbeat has no answer.
        """
        with self._lock:
            if self._now() >= self._next_heartbeat and not self.has_ended:
                self._send_heartbeat()
            if self.has_ended:
                raise Rejected(
                    Code.HOOK_ENDED_OTHERWISE,
                    "the lifecycle action ended while the work was going on; nothing more was "
                    "written",
                    fault=Fault.CONFLICT,
                )
            return WorkWindow(self._work_ends_at(), self._next_heartbeat)

    def _work_ends_at(self) -> float:
        return self._expires_at - SECONDS_TO_COMPLETE

    def _send_heartbeat(self) -> None:
        now = self._now()
        wanted = min(max(self._timeout, 2 * self._interval), self._last_moment - now)
        seconds = max(int(wanted), SHORTEST_HEARTBEAT)
        if now + seconds <= self._expires_at:  # it would shorten the wait
            self._next_heartbeat = self._work_ends_at()
            return
        try:
            answer = self._scaling_groups.record_heartbeat(
                self._action, seconds, within=max(self._hard_deadline - now, 0.0)
            )
        except Rejected as error:
            self._write_log("heartbeat.failed", code=error.code)
            answer = Heartbeat.EXHAUSTED
        except Retryable as error:
            self._write_log("heartbeat.failed", code=error.code)
            self._postpone_heartbeat(error)
            return
        self._write_log("heartbeat", answer=answer.value, seconds=seconds)
        self.has_ended = answer is Heartbeat.ENDED
        self._next_heartbeat = inf
        if answer is Heartbeat.RECORDED:
            self._expires_at = now + seconds
            self._next_heartbeat = now + min(self._interval, seconds / 2)

    def _postpone_heartbeat(self, error: Retryable) -> None:
        """Plan the next heartbeat for half of the time that is left. With no time left, nobody
        knows whether the action still waits: raise the error."""
        now = self._now()
        left = self._work_ends_at() - now
        if left <= 0:
            raise error
        self._next_heartbeat = now + max(left / 2, _SHORTEST_PAUSE)

    def _write_log(self, step: str, **fields: object) -> None:
        self._log.write(
            step,
            LifecycleHookId=self._action.hook_id,
            ScalingActivityId=self._action.scaling_activity_id,
            **fields,
        )
