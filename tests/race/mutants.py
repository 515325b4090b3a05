"""Protocols with something wrong, each of which the explorer must find out.

Three are what one would write by hand. The others are the shipped protocol with one rule taken out
in a subclass, or set up in a way that the configuration refuses.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf
from typing import Any

from provisioner.errors import Ambiguous, ProvisionerError, Rejected, Retryable
from provisioner.groups.commands import Command, CreateGroup, DeleteGroup, ListGroups, Protocol
from provisioner.groups.deregister import DeregisterProtocol, Removal
from provisioner.groups.ensure import EnsureProtocol, State, build_created_result
from provisioner.groups.naming import Claim
from provisioner.model import (
    Backend,
    DesiredGroup,
    EnsureResult,
    RejectedBackend,
    VServerGroup,
)

from .explorer import NOTHING_WRONG, Budget
from .racers import Deregister, Ensure
from .world import BAD_SERVER

BAD_CODE = BAD_SERVER.code
TWO_NAMED = "two groups bear the wanted name"
GONE = "reported a group that is not there"
STUCK = "no end within"
KEPT = "failed: InvalidServerId.NotFound"
OVER_QUOTA = "failed: OverQuota"
STILL_THERE = "reported a server gone that is there"


@dataclass(frozen=True)
class Mutant:
    """`what` says in words what is wrong; `violation` is part of what the explorer finds."""

    name: str
    what: str
    violation: str
    ensure: Ensure = EnsureProtocol
    budget: Budget = NOTHING_WRONG
    deregister: Deregister = DeregisterProtocol
    racers: str = "aa"
    world: str = "an empty load balancer"


# What one would write by hand


def create_at_once(desired: DesiredGroup, *, backends_per_call: int) -> EnsureProtocol:
    return EnsureProtocol(desired, False, backends_per_call, state=State.CREATE)


def list_then_create(desired: DesiredGroup, *, backends_per_call: int) -> EnsureProtocol:
    """CLAIM=off, with more than one delivery at a time."""
    return EnsureProtocol(desired, False, backends_per_call)


@dataclass(eq=False)
class KeepTheOldest(Protocol[EnsureResult]):
    """Whoever created too much tidies up. The CreateTime of a group is its load balancer's, so the
    oldest group is the first of the list."""

    desired: DesiredGroup
    backends_per_call: int
    state: str = "list"
    kept: str = ""
    doomed: tuple[str, ...] = ()

    def next_command(self) -> Command | None:
        wanted = self.desired.group
        match self.state:
            case "list":
                return ListGroups()
            case "create":
                return CreateGroup(wanted.name, wanted.tags, wanted.backends)
            case "delete":
                return DeleteGroup(self.doomed[0])
        return None

    def _receive(self, answer: Any) -> None:
        if isinstance(answer, ProvisionerError):
            raise answer
        if self.state == "list":
            named = [g.id for g in answer.value if g.name == self.desired.group.name]
            self.state = "delete" if named else "create"
            self.kept, self.doomed = named[0] if named else "", tuple(named[1:])
        elif self.state == "create":
            self.state = "list"
        else:
            self.doomed = self.doomed[1:]
        if self.state == "delete" and not self.doomed:
            self.state, self.done = "ended", build_created_result(self.desired, self.kept)

    def _fail(self, error: ProvisionerError) -> None:
        self.state, self.error = "ended", error


# The shipped protocol with one rule taken out


class CommitBeforeFill(EnsureProtocol):
    def _fill(self, backends: tuple[Backend, ...]) -> None:
        if self.claim:
            self._go_on(State.COMMIT)
        else:
            super()._fill(backends)

    def _on_committed(self, answer: Any) -> None:
        if isinstance(answer, ProvisionerError):
            super()._on_committed(answer)
        else:
            self.claim = None
            self._fill(self.desired.group.backends)

    def _send_next(self) -> None:
        if self.own_id and not self.adds.chunks:
            self._finish_created()
        else:
            super()._send_next()


class DeletesWhatItCommitted(EnsureProtocol):
    def _enter(self, state: State) -> None:
        self.state = state


class CommitsAfterItsTime(EnsureProtocol):
    def _write_before(self) -> float:
        return inf


class RenewsAgain(EnsureProtocol):
    def _on_renewed(self, answer: Any) -> None:
        lost = isinstance(answer, Ambiguous)
        super()._on_renewed(Retryable("SystemBusy", "no answer") if lost else answer)


class LowestDoesNotWait(EnsureProtocol):
    def _compare_claims(self, claim: Claim, found: VServerGroup | None, live: list[Claim]) -> None:
        lowest = bool(live) and claim < min(live)
        super()._compare_claims(claim, found, [] if lowest else live)


class DoesNotConfirm(EnsureProtocol):
    def _on_created(self, answer: Any) -> None:
        super()._on_created(answer)
        if self.state is State.CONFIRM and self.own_id:
            self._fill(self.desired.group.backends)


class RefusedByTheQuotaAtOnce(EnsureProtocol):
    def _on_created(self, answer: Any) -> None:
        if isinstance(answer, Rejected):
            raise answer
        super()._on_created(answer)


class DeletesOnlyClaimsOnItsName(EnsureProtocol):
    def _in_the_way(self) -> list[tuple[VServerGroup, Claim]]:
        return self._others()


class LeaseIsOverAtOnce(EnsureProtocol):
    def _is_expired(self, claim: Claim) -> bool:  # noqa: ARG002 - that is what is wrong
        return True


class LeaseNeverEnds(EnsureProtocol):
    def _is_expired(self, claim: Claim) -> bool:  # noqa: ARG002 - that is what is wrong
        return False


class BelievesARemoval(DeregisterProtocol):
    def _on_removed(self, answer: Any) -> None:  # noqa: ARG002 - that is what is wrong
        self._finish_group()
        self._go_on()


class OneRefusalKeepsAll(DeregisterProtocol):
    """The refusal of a call is taken as the refusal of each of its servers."""

    def _bisect_first(self) -> None:
        self.rejected = tuple(RejectedBackend(b, BAD_CODE) for b in self.chunks[0])
        self.chunks = self.chunks[1:]


def delete_what_is_wanted_again(removal: Removal) -> DeregisterProtocol:
    """DeleteEmpty with a name that other events want, too."""
    return DeregisterProtocol(replace(removal, delete_empty=True))


MUTANTS = (
    Mutant("naive create", "creates the group, and that is all", TWO_NAMED, create_at_once),
    Mutant(
        "list, then create",
        "creates the group where a list does not show it, which is what CLAIM=off does",
        TWO_NAMED,
        list_then_create,
    ),
    Mutant(
        "keep the oldest by CreateTime",
        "lists, creates, and deletes all but the oldest, whose CreateTime is the load balancer's",
        TWO_NAMED,
        KeepTheOldest,
    ),
    Mutant(
        "commit before fill, with undo",
        "the claim is renamed first and filled then; a failure to fill deletes it",
        GONE,
        CommitBeforeFill,
        Budget(refused=1),
    ),
    Mutant(
        "delete after an ambiguous commit",
        "a run forgets that it has sent a commit, and deletes its claim",
        GONE,
        DeletesWhatItCommitted,
        Budget(ambiguous=1),
    ),
    Mutant(
        "commit after its time",
        "an owner speaks of its claim however old it is",
        GONE,
        CommitsAfterItsTime,
        Budget(ticks=1),
    ),
    Mutant(
        "renew after an ambiguous renewal",
        "a renewal without an answer does not lose the claim, and its owner renames it once more",
        GONE,
        RenewsAgain,
        Budget(ambiguous=1, ticks=1),
    ),
    Mutant(
        "a lowest claim that does not wait",
        "a run goes on as soon as its own claim is the lowest",
        TWO_NAMED,
        LowestDoesNotWait,
    ),
    Mutant(
        "a claim that is not confirmed",
        "a run does not list after its create",
        TWO_NAMED,
        DoesNotConfirm,
    ),
    Mutant(
        "refused by the quota at once",
        "a run does not look whether the claim of another delivery has the last place",
        OVER_QUOTA,
        RefusedByTheQuotaAtOnce,
        world="one place is left",
    ),
    Mutant(
        "the last place is a dead claim's",
        "a run that the quota refused does not delete the expired claims on other names",
        STUCK,
        DeletesOnlyClaimsOnItsName,
        world="a crashed claim on another name has the last place",
    ),
    Mutant(
        "a lease that its owner outlives",
        "a lease is over at once",
        GONE,
        LeaseIsOverAtOnce,
    ),
    Mutant(
        "claims that nobody clears",
        "the lease of a claim never ends",
        STUCK,
        LeaseNeverEnds,
        Budget(crashes=1),
    ),
    Mutant(
        "remove without reading back",
        "a removal is reported that was sent and not answered",
        STILL_THERE,
        budget=Budget(ambiguous=1),
        deregister=BelievesARemoval,
        racers="xx",
        world="the group holds what x takes",
    ),
    Mutant(
        "delete a group that is wanted again",
        "DeleteEmpty with a name that other events want: one adds to the group while it is deleted",
        GONE,
        deregister=delete_what_is_wanted_again,
        racers="ax",
        world="the group holds what x takes",
    ),
    Mutant(
        "one refusal keeps all",
        "a call to remove that is refused because of one server is not halved",
        KEPT,
        deregister=OneRefusalKeepsAll,
        racers="zz",
        world="the group holds what z takes, one is stopped",
    ),
)
