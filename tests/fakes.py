"""The ports, in memory. They keep the promises of `provisioner.ports` (the contract suite holds
them to it) and can be told to break: `fail_next("create_vserver_group", error, after_effect=True)`
is a call that took effect and whose answer was lost.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, TypeVar

from provisioner.errors import Code, Fault, ProvisionerError, Rejected, Retryable
from provisioner.model import (
    BACKENDS_PER_CALL,
    ActionState,
    ApiResponse,
    Backend,
    HookTerms,
    LifecycleAction,
    LifecycleResult,
    ScalingActivity,
    ScalingInstance,
    Transition,
    VServerGroup,
)
from provisioner.ports import (
    Clock,
    DeadLetters,
    Heartbeat,
    LoadBalancers,
    Log,
    Notifications,
    ScalingGroups,
)

REGION = "cn-hangzhou"
BACKENDS_PER_LOAD_BALANCER = 200
LONGEST_MESSAGE = 64 * 1024
LONGEST_TAG = 16

T = TypeVar("T")

_GONE: ApiResponse[Any] = ApiResponse(None, 0.0, "")


@dataclass(frozen=True, slots=True)
class Call:
    operation: str
    arguments: tuple[object, ...]


class Scripted:
    """Records every call and fails those that a test has chosen, once each, in order."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._failures: dict[str, deque[tuple[ProvisionerError, bool]]] = defaultdict(deque)

    def fail_next(
        self, operation: str, error: ProvisionerError, *, after_effect: bool = False
    ) -> None:
        assert hasattr(self, operation), f"the port has no {operation}"
        self._failures[operation].append((error, after_effect))

    def calls_of(self, operation: str) -> list[Call]:
        assert hasattr(self, operation), f"the port has no {operation}"
        return [call for call in self.calls if call.operation == operation]

    @contextmanager
    def _call(self, operation: str, *arguments: object, within: float) -> Iterator[None]:
        """The body is the call's effect."""
        if within <= 0:
            raise Retryable(Code.OUT_OF_TIME, f"no time is left for {operation}")
        self.calls.append(Call(operation, arguments))
        waiting = self._failures[operation]
        error, after_effect = waiting.popleft() if waiting else (None, False)
        if error and not after_effect:
            raise error
        yield
        if error:
            raise error


class FakeClock(Clock):
    """Waiting takes no time and moves the clock."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.waits: list[float] = []
        self._now = now

    def now(self) -> float:
        return self._now

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        assert seconds >= 0
        self._now += seconds


class FakeLog(Log):
    """What is bound shares its list of steps with what it is bound from."""

    def __init__(
        self, steps: list[tuple[str, dict[str, object]]] | None = None, **bound: object
    ) -> None:
        self.steps = [] if steps is None else steps
        self._bound = bound

    def write(self, name: str, /, **fields: object) -> None:
        self.steps.append((name, {**self._bound, **fields}))

    def bind(self, /, **fields: object) -> FakeLog:
        return FakeLog(self.steps, **{**self._bound, **fields})

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.steps]


class FakeLoadBalancers(Scripted, LoadBalancers):
    """`groups` is the whole state, by VServerGroupId; a listener refers to those `referred_to`.
    `refuses` says by which code a server, or whatever a group of the name is to get, is refused
    when it is added; `stopped` by which code a server is refused when its weight is set or it is
    removed."""

    def __init__(self, clock: Clock, *load_balancer_ids: str, region_id: str = REGION) -> None:
        super().__init__()
        self.groups: dict[str, VServerGroup] = {}
        self.referred_to: set[str] = set()
        self.refuses: dict[str, str] = {}
        self.stopped: dict[str, str] = {}
        self._clock = clock
        self._quotas: dict[tuple[str, str], int] = {}
        self._group_quotas: dict[tuple[str, str], int] = {}
        self._numbers = count(1)
        for load_balancer_id in load_balancer_ids:
            self.seed(load_balancer_id, region_id=region_id)

    def seed(
        self,
        load_balancer_id: str,
        *,
        region_id: str = REGION,
        quota: int = BACKENDS_PER_LOAD_BALANCER,
        group_quota: int | None = None,
    ) -> None:
        """`quota` is that of backends, `group_quota` that of VServer groups."""
        self._quotas[region_id, load_balancer_id] = quota
        if group_quota is not None:
            self._group_quotas[region_id, load_balancer_id] = group_quota

    def made_by_others(self, group: VServerGroup) -> VServerGroup:
        """A group that stands there without a call of ours."""
        made = replace(group, id=f"rsp-{next(self._numbers):04}")
        self.groups[made.id] = made
        return made

    def named(self, name: str) -> list[VServerGroup]:
        return [group for group in list(self.groups.values()) if group.name == name]

    def list_vserver_groups(
        self, region_id: str, load_balancer_id: str, *, references: bool = False, within: float
    ) -> ApiResponse[tuple[VServerGroup, ...]]:
        with self._call("list_vserver_groups", region_id, load_balancer_id, within=within):
            self._quota(region_id, load_balancer_id)
            found = self._of(region_id, load_balancer_id)
        used = self.referred_to if references else set[str]()
        return self._answer(
            tuple(replace(group, backends=(), in_use=group.id in used) for group in found)
        )

    def read_vserver_group(
        self, region_id: str, vserver_group_id: str, *, within: float
    ) -> ApiResponse[VServerGroup | None]:
        with self._call("read_vserver_group", region_id, vserver_group_id, within=within):
            group = self.groups.get(vserver_group_id)
        if group is None or group.region_id != region_id:
            return _GONE
        return self._answer(group)

    def create_vserver_group(self, wanted: VServerGroup, *, within: float) -> ApiResponse[str]:
        with self._call("create_vserver_group", wanted, within=within):
            self._check_room(wanted, wanted.backends)
            here = (wanted.region_id, wanted.load_balancer_id)
            if len(self._of(*here)) >= self._group_quotas.get(here, len(self.groups) + 1):
                raise Rejected("OverQuota", "no room for a group", fault=Fault.QUOTA)
            created = self.made_by_others(wanted)
        return self._answer(created.id)

    def add_backend_servers(
        self, region_id: str, vserver_group_id: str, backends: Sequence[Backend], *, within: float
    ) -> ApiResponse[None]:
        added = tuple(backends)
        with self._call("add_backend_servers", region_id, vserver_group_id, added, within=within):
            group = self._existing(region_id, vserver_group_id)
            present = {backend.key for backend in group.backends}
            new = tuple(backend for backend in added if backend.key not in present)
            self._check_room(group, new)
            self.groups[group.id] = replace(group, backends=group.backends + new)
        return self._answer(None)

    def remove_backend_servers(
        self, region_id: str, vserver_group_id: str, backends: Sequence[Backend], *, within: float
    ) -> ApiResponse[None]:
        left = tuple(backends)
        assert len(left) <= BACKENDS_PER_CALL, "the port takes at most 20 backends a call"
        with self._call("remove_backend_servers", region_id, vserver_group_id, left, within=within):
            group = self._existing(region_id, vserver_group_id)
            self._check_running(left)
            gone = {backend.key for backend in left}
            kept = tuple(backend for backend in group.backends if backend.key not in gone)
            self.groups[group.id] = replace(group, backends=kept)
        return self._answer(None)

    def set_weights(
        self, region_id: str, vserver_group_id: str, backends: Sequence[Backend], *, within: float
    ) -> ApiResponse[None]:
        wanted = tuple(backends)
        with self._call("set_weights", region_id, vserver_group_id, wanted, within=within):
            group = self._existing(region_id, vserver_group_id)
            self._check_running(wanted)
            weights = {backend.key: backend.weight for backend in wanted}
            if weights.keys() - {backend.key for backend in group.backends}:
                raise Rejected("InvalidParameter", "a backend is not in the group")
            changed = tuple(replace(b, weight=weights.get(b.key, b.weight)) for b in group.backends)
            self.groups[group.id] = replace(group, backends=changed)
        return self._answer(None)

    def rename_vserver_group(
        self, region_id: str, vserver_group_id: str, name: str, *, within: float
    ) -> ApiResponse[None]:
        with self._call("rename_vserver_group", region_id, vserver_group_id, name, within=within):
            group = self._existing(region_id, vserver_group_id)
            self.groups[group.id] = replace(group, name=name)
        return self._answer(None)

    def delete_vserver_group(
        self, region_id: str, vserver_group_id: str, *, within: float
    ) -> ApiResponse[None]:
        with self._call("delete_vserver_group", region_id, vserver_group_id, within=within):
            if vserver_group_id in self.referred_to:
                raise Retryable("RspoolVipExist", "a listener refers to the group")
            gone = self.groups.pop(vserver_group_id, None) is None
        return _GONE if gone else self._answer(None)

    def _of(self, region_id: str, load_balancer_id: str) -> list[VServerGroup]:
        here = (region_id, load_balancer_id)
        there = list(self.groups.values())  # other threads may be adding to it
        return [g for g in there if (g.region_id, g.load_balancer_id) == here]

    def _quota(self, region_id: str, load_balancer_id: str) -> int:
        if (region_id, load_balancer_id) not in self._quotas:
            raise Rejected(
                "InvalidLoadBalancerId.NotFound",
                "no such load balancer",
                fault=Fault.NOT_FOUND,
            )
        return self._quotas[region_id, load_balancer_id]

    def _existing(self, region_id: str, vserver_group_id: str) -> VServerGroup:
        group = self.groups.get(vserver_group_id)
        if group is None or group.region_id != region_id:
            raise Rejected("InvalidParameter", "no such group", fault=Fault.NOT_FOUND)
        return group

    def _check_running(self, backends: tuple[Backend, ...]) -> None:
        for backend in backends:
            if backend.server_id in self.stopped:
                raise Rejected(self.stopped[backend.server_id], "a server is not running")

    def _check_room(self, group: VServerGroup, added: tuple[Backend, ...]) -> None:
        assert len(added) <= BACKENDS_PER_CALL, "the port takes at most 20 backends a call"
        held_ips = {(b.server_ip, b.port): b.server_id for b in group.backends if b.type != "ecs"}
        for backend in added:
            holder = held_ips.get((backend.server_ip, backend.port), backend.server_id)
            if backend.server_ip and holder != backend.server_id:
                raise Rejected("InvalidBackendServers.ServerIpConflict", "the address is held")
        for refused in (group.name, *(backend.server_id for backend in added)):
            if refused in self.refuses:
                raise Rejected(self.refuses[refused], "a server or a group is refused")
        quota = self._quota(group.region_id, group.load_balancer_id)
        held = sum(len(g.backends) for g in self._of(group.region_id, group.load_balancer_id))
        if held + len(added) > quota:
            code = "InstanceBackendServerNumberOverLimit"
            raise Rejected(code, "the load balancer is full", fault=Fault.QUOTA)

    def _answer(self, value: T) -> ApiResponse[T]:
        # A Date header counts whole seconds.
        return ApiResponse(value, float(int(self._clock.now())), f"request-{len(self.calls)}")


@dataclass(frozen=True, slots=True)
class Published:
    document: str
    tag: str
    message_id: str


class FakeNotifications(Scripted, Notifications):
    def __init__(self) -> None:
        super().__init__()
        self.published: list[Published] = []
        self._numbers = count(1)

    def publish(self, document: str, *, tag: str, within: float) -> str:
        message = Published(document, tag, f"message-{next(self._numbers)}")
        with self._call("publish", document, tag, within=within):
            if len(document.encode("utf-8")) > LONGEST_MESSAGE or len(tag) > LONGEST_TAG:
                raise Rejected("InvalidArgument", "the message or its tag is too long")
            self.published.append(message)
        return message.message_id


class FakeDeadLetters(Scripted, DeadLetters):
    """`letters` are the messages in the queue."""

    def __init__(self) -> None:
        super().__init__()
        self.letters: list[str] = []

    def send(self, letter: str, *, within: float) -> str:
        with self._call("send", letter, within=within):
            if len(letter.encode("utf-8")) > LONGEST_MESSAGE:
                raise Rejected("InvalidArgument", "the message is too long")
            self.letters.append(letter)
        return f"letter-{len(self.letters)}"


HEARTBEATS = 20
LONGEST_WAIT = 6 * 3600.0


class FakeScalingGroups(Scripted, ScalingGroups):
    """A test says with `pending` and `ended` what waits at a hook, with `holds` which servers are
    there. What waits is ended by time, with `default_result`; without a clock, time stands still.

    `heartbeat_timeout` is of every hook here; `began` is how long ago an activity had begun when
    its action did; `beats` is how many heartbeats each token had."""

    def __init__(self, clock: Clock | None = None) -> None:
        super().__init__()
        self.completed: list[tuple[LifecycleAction, LifecycleResult]] = []
        self.heartbeat_timeout = 600.0
        self.transitions: dict[
            str, Transition | None
        ] = {}  # of hooks, other than their actions' own
        self.metadata = ""
        self.target = f"acs:mns:{REGION}:1000000000000001:queue/hooks"
        self.default_result = "ABANDON"
        self.began = 0.0
        self.beats: dict[str, int] = defaultdict(int)
        self.over: dict[str, dict[str, ScalingActivity]] = defaultdict(dict)
        self._clock = clock or FakeClock()
        self._actions: dict[tuple[str, str], ActionState] = {}
        self._activities: dict[str, tuple[str, str, float]] = {}
        self._times: dict[str, tuple[float, float]] = {}  # by token: began, ends
        self._instances: dict[tuple[str, str], dict[str, ScalingInstance]] = defaultdict(dict)

    def pending(self, action: LifecycleAction, instance_ids: Sequence[str] = ()) -> ActionState:
        now = self._clock.now()
        self._times[action.token] = (now, now + self.heartbeat_timeout)
        waits = ActionState(action, True, self.default_result, instance_ids=tuple(instance_ids))
        return self._record(waits)

    def ended(
        self, action: LifecycleAction, result: str, *, timed_out: bool = False
    ) -> ActionState:
        return self._record(ActionState(action, False, result, timed_out))

    def holds(
        self, scaling_group_id: str, *instances: ScalingInstance, region_id: str = REGION
    ) -> None:
        there = self._instances[region_id, scaling_group_id]
        there.update({instance.instance_id: instance for instance in instances})

    def releases(self, scaling_group_id: str, *instance_ids: str, region_id: str = REGION) -> None:
        for instance_id in instance_ids:
            del self._instances[region_id, scaling_group_id][instance_id]

    def list_lifecycle_actions(
        self, region_id: str, scaling_activity_id: str, *, within: float
    ) -> tuple[ActionState, ...]:
        with self._call("list_lifecycle_actions", region_id, scaling_activity_id, within=within):
            self._settle()
            wanted = (region_id, scaling_activity_id)
            return tuple(
                replace(state, action=_as_on_record(state.action))
                for state in self._actions.values()
                if (state.action.region_id, state.action.scaling_activity_id) == wanted
            )

    def read_instances(
        self, region_id: str, scaling_group_id: str, instance_ids: Sequence[str], *, within: float
    ) -> Mapping[str, ScalingInstance]:
        asked = tuple(instance_ids)
        with self._call("read_instances", region_id, scaling_group_id, asked, within=within):
            return {
                name: replace(there[name], scaling_group_id=group)
                for (region, group), there in self._instances.items()
                for name in asked
                if region == region_id and scaling_group_id in ("", group) and name in there
            }

    def read_hook_terms(self, action: LifecycleAction, *, within: float) -> HookTerms | None:
        with self._call("read_hook_terms", action, within=within):
            known = self._activities.get(action.scaling_activity_id)
            hooks = {hook_id for hook_id, _ in self._actions}
            if known is None or action.hook_id not in hooks:
                return None
            # Both count whole seconds.
            started, now = float(int(known[2])), float(int(self._clock.now()))
            (own,) = {
                s.action for k, s in self._actions.items() if k == (action.hook_id, action.token)
            }
            return HookTerms(
                started,
                now,
                self.heartbeat_timeout,
                self.transitions.get(action.hook_id, own.transition),
                self.metadata or own.metadata,
                self.target,
                known[1],
            )

    def list_recent_activities(
        self, region_id: str, scaling_group_id: str, *, most: int, within: float
    ) -> tuple[str, ...]:
        with self._call("list_recent_activities", region_id, scaling_group_id, most, within=within):
            here = (region_id, scaling_group_id)
            known = [(each[2], name) for name, each in self._activities.items() if each[:2] == here]
        known.reverse()  # of one moment, the last one made is the newest
        newest_first = sorted(known, key=lambda each: each[0], reverse=True)
        return tuple(name for _, name in newest_first)[:most]

    def list_instances(
        self, region_id: str, scaling_group_id: str, *, within: float
    ) -> Mapping[str, ScalingInstance]:
        with self._call("list_instances", region_id, scaling_group_id, within=within):
            return dict(self._instances[region_id, scaling_group_id])

    def list_activities(
        self, region_id: str, scaling_group_id: str, *, in_progress: bool = False, within: float
    ) -> tuple[ScalingActivity, ...]:
        with self._call("list_activities", region_id, scaling_group_id, in_progress, within=within):
            self._settle()
            here = (region_id, scaling_group_id)
            known = [name for name, each in self._activities.items() if each[:2] == here]
            told = {**dict.fromkeys(known), **self.over.get(scaling_group_id, {})}
            found = [over or self._in_progress(name) for name, over in told.items()]
            return tuple(each for each in found if not in_progress or each.ended is None)

    def _in_progress(self, name: str) -> ScalingActivity:
        """Until its last action has ended; it ended when it began, as far as anybody here asks."""
        states = [s for s in self._actions.values() if s.action.scaling_activity_id == name]
        ended = None if any(s.pending for s in states) else self._activities[name][2]
        return ScalingActivity(name, ended)

    def was(self, scaling_group_id: str, activity: ScalingActivity) -> None:
        self.over[scaling_group_id][activity.scaling_activity_id] = activity

    def record_heartbeat(
        self, action: LifecycleAction, seconds: int, *, within: float
    ) -> Heartbeat:
        assert 30 <= seconds <= 21_600, "what a heartbeat takes"
        with self._call("record_heartbeat", action, seconds, within=within):
            self._settle()
            state = self._actions.get((action.hook_id, action.token))
            if state is None or not state.pending:
                return Heartbeat.ENDED
            began, now = self._times[action.token][0], self._clock.now()
            if self.beats[action.token] >= HEARTBEATS or now + seconds > began + LONGEST_WAIT:
                return Heartbeat.EXHAUSTED
            self.beats[action.token] += 1
            self._times[action.token] = (began, now + seconds)
        return Heartbeat.RECORDED

    def complete_lifecycle_action(
        self, action: LifecycleAction, result: LifecycleResult, *, within: float
    ) -> bool:
        with self._call("complete_lifecycle_action", action, result, within=within):
            self._settle()
            state = self._actions.get((action.hook_id, action.token))
            was_pending = state is not None and state.pending
            if state and state.pending:
                self._record(replace(state, pending=False, result=result.value))
                self.completed.append((action, result))
        return was_pending

    def _settle(self) -> None:
        for key, state in list(self._actions.items()):
            if state.pending and self._times[state.action.token][1] <= self._clock.now():
                ended = replace(state, pending=False, result=self.default_result, timed_out=True)
                self._actions[key] = ended

    def _record(self, state: ActionState) -> ActionState:
        action = state.action
        self._actions[action.hook_id, action.token] = state
        began = self._clock.now() - self.began
        activity = (action.region_id, action.scaling_group_id, began)
        self._activities.setdefault(action.scaling_activity_id, activity)
        return state


def _as_on_record(action: LifecycleAction) -> LifecycleAction:
    """DescribeLifecycleActions tells neither the scaling group nor the transition."""
    return LifecycleAction(
        hook_id=action.hook_id,
        token=action.token,
        scaling_group_id="",
        scaling_activity_id=action.scaling_activity_id,
        region_id=action.region_id,
    )
