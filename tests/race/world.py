"""A model of the load balancer: groups, a clock, and calls whose effect is still to come.

`World.call` is the one place that says what a command does and what is answered. Names need not be
unique, a list has no backends and no CreateTime of a group's own, and a group that is not there is
a 404.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

from provisioner.errors import IN_USE, Ambiguous, Code, Fault, Rejected, Retryable
from provisioner.groups import commands, diff, naming
from provisioner.model import ApiResponse, Backend, VServerGroup

from .canonical import Shape, find_shape

START = 150000  # seconds; six digits that begin with 1 are times, wherever they stand
OVER_QUOTA = Rejected("OverQuota", "no more groups", fault=Fault.QUOTA)
NOT_FOUND = Rejected("InvalidParameter", "no such group", fault=Fault.NOT_FOUND)
BAD_SERVER = Rejected("InvalidServerId.NotFound", "no such server")
REFERRED_TO = Retryable(min(IN_USE), "a listener or a rule refers to the group")
TOO_LATE = Retryable(Code.OUT_OF_TIME, "the claim expired before the call could be sent")
OURS = naming.build_owner_tags("mark")


@dataclass(frozen=True)
class Group:
    id: str
    name: str
    backends: tuple[Backend, ...] = ()
    in_use: bool = False

    @cached_property
    def shape(self) -> Shape:
        return find_shape(repr((self.id, self.name, self.backends)))  # nothing changes `in_use`

    def as_listed(self, *, references: bool) -> VServerGroup:
        in_use = references and self.in_use
        return VServerGroup("r", "lb", self.name, (), OURS, self.id, in_use=in_use)

    def as_read(self) -> VServerGroup:
        return VServerGroup("r", "lb", self.name, self.backends, OURS, self.id)


class LateCall(NamedTuple):
    """A call whose effect may still come, until the given time at the latest."""

    command: Any
    until: float
    shape: Shape


class Reply(NamedTuple):
    """What a run receives: an answer or an error. Replies with equal keys are the same."""

    value: Any
    key: Hashable


AMBIGUOUS = Reply(Ambiguous("no answer"), "ambiguous")
BUSY = Reply(Retryable("SystemBusy", "try again later"), "busy")
REFUSED = Reply(Rejected("InvalidParameter", "refused for good"), "refused")
UNSENT = Reply(TOO_LATE, "too late")


class World(NamedTuple):
    """`refuses`: servers that no group may hold. `stopped`: servers for which a removal is refused.
    `drawn`: the nonces that runs have drawn. `quota`: the most groups, claims among them."""

    groups: tuple[Group, ...] = ()
    late: tuple[LateCall, ...] = ()
    time: float = START
    created: int = 0
    drawn: tuple[str, ...] = ()
    refuses: tuple[str, ...] = ()
    stopped: tuple[str, ...] = ()
    quota: int = 100

    def call(self, command: Any) -> tuple[World, Reply]:
        """Return the world after `command` has taken effect, and its reply."""
        match command:
            case commands.ListGroups(references=references):
                listed = tuple(g.as_listed(references=references) for g in self.groups)
                return self, self._answer(listed, tuple((g.id, g.name) for g in listed))
            case commands.ReadGroup(id=id_):
                read = self.group(id_)
                return self, self._answer(read and read.as_read(), read)
            case commands.ReadGroups(ids=ids):
                read_all = tuple(g and g.as_read() for g in map(self.group, ids))
                return self, self._answer(read_all, tuple(map(self.group, ids)))
            case commands.CreateGroup() if len(self.groups) >= self.quota:
                return self, Reply(OVER_QUOTA, "over quota")
            case commands.CreateGroup(name=name, backends=servers):
                created = Group(f"rsp-{self.created}", name, servers)
                world = self._replace(groups=(*self.groups, created), created=self.created + 1)
                return world, self._answer(created.id, created.id)
        group = self.group(command.id)
        if group is None and isinstance(command, commands.DeleteGroup):
            return self, self._answer(None, None)  # the port deletes a group that is gone
        if group is None:
            return self, Reply(NOT_FOUND, "not found")
        refusal = self._find_refusal(group, command)
        if refusal is not None:
            return self, Reply(refusal, refusal.code)
        return self._change(group, command), self._answer(None, None)

    def _find_refusal(self, group: Group, command: Any) -> Rejected | Retryable | None:
        match command:
            case commands.AddBackends(backends=servers):
                bad = any(server.server_id in self.refuses for server in servers)
                return BAD_SERVER if bad else None
            case commands.RemoveBackends(backends=servers):
                bad = any(server.server_id in self.stopped for server in servers)
                return BAD_SERVER if bad else None
            case commands.DeleteGroup():
                return REFERRED_TO if group.in_use else None
        return None

    def _change(self, group: Group, command: Any) -> World:
        match command:
            case commands.RenameGroup(name=name):
                return self._with(replace(group, name=name))
            case commands.AddBackends(backends=servers):
                backends = diff.deduplicate((*group.backends, *servers))
                return self._with(replace(group, backends=backends))
            case commands.RemoveBackends(backends=servers):
                gone = {server.key for server in servers}
                kept = tuple(server for server in group.backends if server.key not in gone)
                return self._with(replace(group, backends=kept))
            case commands.DeleteGroup():
                return self._replace(groups=tuple(g for g in self.groups if g is not group))
        raise AssertionError(command)

    def group(self, id_: str) -> Group | None:
        return next((g for g in self.groups if g.id == id_), None)

    def may_send(self, command: Any) -> bool:
        """The executor sends nothing about a claim that is too old."""
        return self.time <= float(getattr(command, "before", self.time))

    def delay(self, command: Any, until: float) -> World:
        late = LateCall(command, until, find_shape(repr((command, until))))
        return self._replace(late=(*self.late, late))

    def take_effect(self, late: LateCall) -> World:
        rest = tuple(other for other in self.late if other is not late)
        return self._replace(late=rest).call(late.command)[0]

    def advance(self, seconds: float) -> World:
        """A call takes effect in time or never: what is too late by then is gone."""
        now = self.time + seconds
        return self._replace(time=now, late=tuple(late for late in self.late if now <= late.until))

    def _with(self, changed: Group) -> World:
        return self._replace(
            groups=tuple(changed if g.id == changed.id else g for g in self.groups)
        )

    def _answer(self, value: Any, key: Hashable) -> Reply:
        """A Date header drops the fraction of the second."""
        return Reply(ApiResponse(value, float(int(self.time)), ""), (int(self.time), key))


EMPTY = World()
