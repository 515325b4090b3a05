"""Runs the commands of a protocol on the real load balancer, inside the time of the invocation.

The executor knows what a protocol does not: how to wait with jitter, what the time is at the load
balancer, when to stop, and what has been written so far.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import inf
from random import Random
from typing import Any, TypeVar

from .concurrency import run_all
from .errors import Ambiguous, Code, ConfigurationError, ProvisionerError, Retryable
from .groups import commands
from .invocation import Invocation, WorkWindow
from .model import ApiResponse, Backend, VServerGroup
from .ports import Clock, LoadBalancers

T = TypeVar("T")

# All in seconds.
_CLEANUP = 3.0  # for deleting a claim when the time is over: it would block other runs
_PAST_CHECKPOINT = 8.0  # a call may last so long after the next checkpoint is due
_DATE_RESOLUTION = 1.0  # a Date header drops the fraction of the second
_AFTER_DRAIN = 8.0  # what a drain leaves for the calls after it

_READS_AT_ONCE = 8  # 500 groups at 150 ms are read in 10 s

# The adapter sends these again by itself; it sends every other call once.
_REPEATABLE = (
    commands.ListGroups,
    commands.ReadGroup,
    commands.AddBackends,
    commands.RemoveBackends,
)


class CommandExecutor:
    """One run on one load balancer.

    Afterwards `has_written`, `added`, `weights_set`, `drained_seconds` and `request_ids` say what
    was done, whether the run succeeded or not. `added` and `weights_set` are by VServerGroupId.
    """

    def __init__(
        self,
        group: VServerGroup,
        invocation: Invocation,
        load_balancers: LoadBalancers,
        clock: Clock,
        random: Random,
    ) -> None:
        self.has_written = False
        self.added: dict[str, list[Backend]] = {}
        self.weights_set: dict[str, list[Backend]] = {}
        self.drained_seconds = 0.0
        self.request_ids: list[str] = []
        self._group = group
        self._load_balancers = load_balancers
        self._clock = clock
        self._random = random
        self._log = invocation.log
        self._deadline = invocation.deadline
        self._checkpoint = invocation.checkpoint
        self._date_offset = -inf  # the load balancer's time is at most the clock's plus this
        self._last_failure: ProvisionerError | None = None

    def run(self, protocol: commands.Protocol[T]) -> T:
        """Run a protocol to its end. Returns and raises what the protocol comes to."""
        while (command := protocol.next_command()) is not None:
            answer: Any
            try:
                answer = self._execute(command)
            except ProvisionerError as error:
                answer = self._last_failure = error
            protocol.receive(answer, self._load_balancer_time())
        return protocol.result()

    def execute(self, call: commands.Call) -> Any:
        """Run one call and return its `ApiResponse`. Raises `Rejected` or `Retryable`."""
        if isinstance(call, commands.ReadGroups):
            return self._read_groups(call.ids)
        while True:
            within, window = self._time_for(call)  # what this raises is no answer to the call
            try:
                return self._call_once(call, within)
            except (Ambiguous, ConfigurationError):
                raise
            except Retryable as error:
                # The adapter was given the time until the next checkpoint. If that has been moved
                # on, there is more.
                if not isinstance(call, _REPEATABLE) or self._checkpoint() == window:
                    raise
                self._last_failure = error

    def _read_groups(self, ids: Sequence[str]) -> ApiResponse[tuple[VServerGroup | None, ...]]:
        """Read several groups, some at the same time. Raises the first error."""
        answers: list[ApiResponse[VServerGroup | None]] = []
        for start in range(0, len(ids), _READS_AT_ONCE):
            calls = map(commands.ReadGroup, ids[start : start + _READS_AT_ONCE])
            answers += run_all([partial(self.execute, call) for call in calls])
        date = max((answer.date for answer in answers), default=0.0)
        return ApiResponse(tuple(answer.value for answer in answers), date, "")

    def _execute(self, command: commands.Command) -> Any:
        match command:
            case commands.Wait(seconds=seconds, least=least):
                return self._wait(seconds, least)
            case commands.Drain(seconds=seconds):
                return self._drain(seconds)
            case commands.DrawNonce():
                return f"{self._random.getrandbits(64):016x}"
            case _:
                return self.execute(command)

    def _load_balancer_time(self) -> float:
        """Return an upper bound of the time at the load balancer, in seconds since 1970."""
        return self._clock.now() + self._date_offset

    def _call_once(
        self, call: commands.ReadGroup | commands.ListGroups | commands.Write, within: float
    ) -> Any:
        name, about, send = self._describe_call(call)
        sent_at = self._clock.now()
        self.has_written = self.has_written or isinstance(call, commands.Write)
        balancer = self._group.load_balancer_id
        try:
            answer = send(within=within)
        except ProvisionerError as error:
            if error.request_id:
                self.request_ids.append(error.request_id)
                about["slb_request_id"] = error.request_id
            step = f"slb.{name}.failed"
            self._log.write(step, code=error.code, LoadBalancerId=balancer, **about)
            raise
        if answer.date:
            self._date_offset = answer.date + _DATE_RESOLUTION - max(sent_at, answer.sent_at)
        if answer.request_id:
            self.request_ids.append(answer.request_id)
        self._last_failure = None
        self._record_write(call)
        request_id = answer.request_id
        self._log.write(f"slb.{name}", slb_request_id=request_id, LoadBalancerId=balancer, **about)
        return answer

    def _describe_call(
        self, call: commands.ReadGroup | commands.ListGroups | commands.Write
    ) -> tuple[str, dict[str, object], Callable[..., ApiResponse[Any]]]:
        """Return the name of the step in the log, its fields, and a function that sends the call
        and takes the seconds `within` which it may last."""
        port, group = self._load_balancers, self._group
        region, balancer = group.region_id, group.load_balancer_id
        about: dict[str, object]
        match call:
            case commands.ListGroups(references=references):
                send = partial(port.list_vserver_groups, references=references)
                return "list", {}, partial(send, region, balancer)
            case commands.ReadGroup(id=id_):
                about = {"VServerGroupId": id_}
                return "read", about, partial(port.read_vserver_group, region, id_)
            case commands.CreateGroup(name=name, tags=tags, backends=backends):
                about = {"VServerGroupName": name, "backends": len(backends)}
                wanted = VServerGroup(region, balancer, name, backends, tags)
                return "create", about, partial(port.create_vserver_group, wanted)
            case commands.AddBackends(id=id_, backends=backends):
                about = {"VServerGroupId": id_, "backends": len(backends)}
                return "add", about, partial(port.add_backend_servers, region, id_, backends)
            case commands.RemoveBackends(id=id_, backends=backends):
                about = {"VServerGroupId": id_, "backends": len(backends)}
                return "remove", about, partial(port.remove_backend_servers, region, id_, backends)
            case commands.SetWeights(id=id_, backends=backends):
                about = {"VServerGroupId": id_, "backends": len(backends)}
                return "set_weights", about, partial(port.set_weights, region, id_, backends)
            case commands.RenameGroup(id=id_, name=name):
                about = {"VServerGroupId": id_, "VServerGroupName": name}
                return "rename", about, partial(port.rename_vserver_group, region, id_, name)
            case commands.DeleteGroup(id=id_):
                about = {"VServerGroupId": id_}
                return "delete", about, partial(port.delete_vserver_group, region, id_)

    def _time_for(self, call: commands.Call) -> tuple[float, WorkWindow]:
        """Return the seconds that a call may last, and what the checkpoint says. Raises `Retryable`
        if there are none."""
        if isinstance(call, commands.DeleteGroup) and call.cleanup:
            return max(self._deadline - self._clock.now(), _CLEANUP), WorkWindow()
        window = until, again = self._checkpoint()
        now = self._clock.now()
        left = min(self._deadline, until, max(again, now) + _PAST_CHECKPOINT) - now
        if left <= 0:
            raise self._out_of_time_error()
        before: float = getattr(call, "before", inf)
        left = min(left, before - self._load_balancer_time())
        if left <= 0:
            raise Retryable(
                Code.OUT_OF_TIME, "the claim expired before the call about it could be sent"
            )
        return left, window

    def _wait(self, seconds: float, least: float) -> None:
        """Wait between half and all of `seconds`, and at least `least`."""
        ends = self._clock.now() + self._random.uniform(max(seconds / 2, least), seconds)
        if ends >= self._deadline:
            raise self._out_of_time_error()
        while (now := self._clock.now()) < ends:
            step = min(ends, now + _PAST_CHECKPOINT)
            if step >= self._checkpoint().until:
                raise self._out_of_time_error()
            self._clock.wait(step - now)

    def _drain(self, seconds: float) -> float:
        """Wait `seconds`, or as long as there is time; a heartbeat may add some meanwhile."""
        started = self._clock.now()
        ends = min(started + seconds, self._deadline - _AFTER_DRAIN)
        while (now := self._clock.now()) < ends:
            step = min(ends, now + _PAST_CHECKPOINT, self._checkpoint().until - _AFTER_DRAIN)
            if step <= now:
                break
            self._clock.wait(step - now)
        self.drained_seconds = self._clock.now() - started
        self._log.write("drained", seconds=round(self.drained_seconds, 1), wanted=seconds)
        return self.drained_seconds

    def _out_of_time_error(self) -> Retryable:
        """Return the failure that took the time, which says more than that the time is over."""
        failure = self._last_failure
        if isinstance(failure, Retryable):
            return failure
        if failure is not None:  # a refusal that the protocol waits for, as for room in a quota
            return Retryable(failure.code, failure.message)
        return Retryable(
            Code.OUT_OF_TIME,
            "this invocation has no time left; the next delivery of the event goes on from here",
        )

    def _record_write(self, call: commands.Call) -> None:
        match call:
            case commands.AddBackends(id=id_, backends=backends):
                self.added.setdefault(id_, []).extend(backends)
            case commands.SetWeights(id=id_, backends=backends):
                self.weights_set.setdefault(id_, []).extend(backends)
            case commands.DeleteGroup(id=id_):
                self.added.pop(id_, None)
