"""Drives the protocols on the real load balancer: one command, one call, inside the time there is.

The driver knows what the protocol must not: how to wait (with jitter), what the time is at the load
balancer (from its own Date headers, never early), when to stop, and what has been done so far.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from math import inf
from random import Random
from typing import Any, TypeVar

from .errors import Ambiguous, Code, ConfigurationError, ProvisionerError, Retryable
from .groups import commands
from .invocation import Invocation, WorkWindow
from .model import ApiResponse, Backend, VServerGroup
from .ports import Clock, LoadBalancers

T = TypeVar("T")

# Seconds for deleting our own unfinished group when time is up: else it is in the way of others.
_SECONDS_TO_DELETE = 3.0
_SECONDS_BETWEEN_CHECKPOINTS = (
    8.0  # seconds that a call gets beyond the time when the hold has to be asked again
)
_DATE_RESOLUTION = 1.0  # seconds: a Date header drops the fraction
_MAY_BE_REPEATED = (
    commands.ListGroups,
    commands.ReadGroup,
    commands.AddBackends,
    commands.RemoveBackends,
)
_SECONDS_AFTER_DRAIN = 8.0  # seconds that a drain leaves for what comes after it


class CommandExecutor:
    """One run on one load balancer. Afterwards `wrote`, `added`, `reweighed`, `drained` and
    `request_ids` say what was done, however it ended."""

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
        self.drained_seconds = 0.0  # seconds
        self.request_ids: list[str] = []
        self._group = group
        self._load_balancers = load_balancers
        self._clock = clock
        self._random = random
        self._log = invocation.log
        self._deadline = invocation.deadline
        self._checkpoint = invocation.checkpoint
        self._window = WorkWindow()  # as it was when the last call was sent
        self._date_offset = -inf  # of the clock: the load balancer's time at most
        self._last_failure: ProvisionerError | None = None

    def run(self, steps: Generator[commands.Command, Any, T]) -> T:
        """Raises what the protocol raises."""
        try:
            command = next(steps)
            while True:
                try:
                    answer = self._execute(command)
                except ProvisionerError as error:
                    self._last_failure = error
                    command = steps.throw(error)
                else:
                    command = steps.send(answer)
        except StopIteration as end:
            result: T = end.value
            return result

    def _execute(self, command: commands.Command) -> Any:
        match command:
            case commands.Wait(seconds=seconds, whole=whole, least=least):
                return self._drain(seconds) if whole else self._wait(seconds, least)
            case commands.Time():
                return self._clock.now() + self._date_offset
            case commands.Nonce():
                return f"{self._random.getrandbits(64):016x}"
            case _:
                return self._call_with_retry(command)

    def _call_with_retry(
        self, command: commands.ListGroups | commands.ReadGroup | commands.Write
    ) -> Any:
        """What the adapter tries again as long as it has time gets that in stretches, each until
        the hold has to be asked again."""
        while True:
            within = self._seconds_left(command)  # what the hold raises is no answer to the call
            try:
                return self._call_once(command, within)
            except (Ambiguous, ConfigurationError):
                raise
            except Retryable as error:
                # Where the hold is as it was, the adapter had all the time that there is.
                if not isinstance(command, _MAY_BE_REPEATED) or self._checkpoint() == self._window:
                    raise
                self._last_failure = error

    def _call_once(
        self, command: commands.ListGroups | commands.ReadGroup | commands.Write, within: float
    ) -> Any:
        name, about, call = self._describe_call(command)
        sent_at = self._clock.now()
        self.has_written = self.has_written or isinstance(command, commands.Write)
        balancer = self._group.load_balancer_id
        try:
            answer = call(within=within)
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
        self._record_write(command)
        request_id = answer.request_id
        self._log.write(f"slb.{name}", slb_request_id=request_id, LoadBalancerId=balancer, **about)
        return answer

    def _describe_call(
        self, command: commands.ListGroups | commands.ReadGroup | commands.Write
    ) -> tuple[str, dict[str, object], Callable[..., ApiResponse[Any]]]:
        """The name of the step, what the log tells of it, and the call, which takes `within`."""
        port, group = self._load_balancers, self._group
        region, balancer = group.region_id, group.load_balancer_id
        about: dict[str, object]
        match command:
            case commands.ListGroups(references=references):
                call = partial(port.list_vserver_groups, references=references)
                return "list", {}, partial(call, region, balancer)
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

    def _seconds_left(self, command: commands.Command) -> float:
        before: float = getattr(command, "before", inf)
        if isinstance(command, commands.DeleteGroup) and before == inf:
            return max(self._deadline - self._clock.now(), _SECONDS_TO_DELETE)
        self._window = until, again = self._checkpoint()
        now = self._clock.now()
        left = min(self._deadline, until, max(again, now) + _SECONDS_BETWEEN_CHECKPOINTS) - now
        if left <= 0:
            raise self._out_of_time_error()
        left = min(left, before - (now + self._date_offset))
        if left <= 0:
            raise Retryable(Code.OUT_OF_TIME, "the claim is too old to be spoken of")
        return left

    def _wait(self, seconds: float, least: float) -> float:
        pause = self._random.uniform(max(seconds / 2, least), seconds)
        ends = self._clock.now() + pause
        if ends >= self._deadline:
            raise self._out_of_time_error()
        while (now := self._clock.now()) < ends:
            step = min(ends, now + _SECONDS_BETWEEN_CHECKPOINTS)
            if step >= self._checkpoint().until:
                raise self._out_of_time_error()
            self._clock.wait(step - now)
        return pause

    def _drain(self, seconds: float) -> float:
        """No longer than what there is time for, which a heartbeat may prolong meanwhile."""
        begun = self._clock.now()
        ends = min(begun + seconds, self._deadline - _SECONDS_AFTER_DRAIN)
        while (now := self._clock.now()) < ends:
            step = min(
                ends,
                now + _SECONDS_BETWEEN_CHECKPOINTS,
                self._checkpoint().until - _SECONDS_AFTER_DRAIN,
            )
            if step <= now:
                break
            self._clock.wait(step - now)
        self.drained_seconds = self._clock.now() - begun
        self._log.write("drained", seconds=round(self.drained_seconds, 1), wanted=seconds)
        return self.drained_seconds

    def _out_of_time_error(self) -> Retryable:
        """What kept us is more telling than that it did."""
        if isinstance(self._last_failure, Retryable):
            return self._last_failure
        return Retryable(
            Code.OUT_OF_TIME,
            "this invocation has no time left; the next delivery of the event goes on from here",
        )

    def _record_write(self, command: commands.Command) -> None:
        """What stands because of us."""
        match command:
            case commands.AddBackends(id=id_, backends=backends):
                self.added.setdefault(id_, []).extend(backends)
            case commands.SetWeights(id=id_, backends=backends):
                self.weights_set.setdefault(id_, []).extend(backends)
            case commands.DeleteGroup(id=id_):
                self.added.pop(id_, None)
