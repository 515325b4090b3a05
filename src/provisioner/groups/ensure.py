"""Ensure that a load balancer has exactly one VServer group of a name, with the wanted backends.

CreateVServerGroup has no ClientToken and names need not be unique, so two deliveries of one event
can create two groups. The protocol prevents this with the load balancer's own list of groups as the
only shared state. `docs/protocol.md` explains it and its assumptions.

  find     A group of the name stands: adopt it. Several do: the one that bears our tag is ours, if
           it is the only such one. A live claim: wait, list again.
  claim    Create an empty group under a claim's name, and list until this claim stands alone. Of
           two claims the lower nonce stays and waits; the owner of the other deletes it.
  fill     Add the backends, 20 a call.
  commit   Rename the claim to the wanted name. So a group that bears the name is complete, and
           what a run undoes was never seen under the name.

The states. "wait X" means WAIT, then X. An error that a row does not name ends the run; our own
unfinished group is deleted before that (RELEASE). ADD and READ are about our own unfinished group
after CREATE, and about the group that stands after FIND.

  state           command       the answer, and the state that follows
  FIND            ListGroups    first, the expired claims are deleted, and those that we gave up;
                                the group stands: READ; a live claim: wait FIND; else DRAW_NONCE,
                                or end, if the quota is used up for good
  READ_EXPIRED    ReadGroup     still a claim: DELETE_EXPIRED; else on with the list
  DELETE_EXPIRED  DeleteGroup   on with the list, whether it was deleted or not
  DRAW_NONCE      DrawNonce     CREATE
  CREATE          CreateGroup   CONFIRM, also if no answer came; busy, or the quota is used up:
                                wait FIND
  CONFIRM         ListGroups    as FIND first; our claim stands alone: ADD; a higher nonce too:
                                wait CONFIRM; a lower nonce, or the group itself: RELEASE;
                                our claim is not there: wait FIND
  ADD             AddBackends   the next call; all are added: COMMIT (ours), SET_WEIGHTS or READ;
                                busy, no answer, or an instance is not ready: wait READ; gone: READ;
                                a server is rejected: ADD the halves; a hook, and the quota is
                                used up: wait READ
  SET_WEIGHTS     SetWeights    the next call, then READ; busy, or no answer: wait READ
  READ            ReadGroup     something is missing: ADD, SET_WEIGHTS; else COMMIT (ours) or end;
                                gone, or renamed: RELEASE (ours) or FIND
  RENEW           RenameGroup   on with what it was due for; no answer, or gone: RELEASE
  COMMIT          RenameGroup   end; no answer, or gone: FIND; busy: wait COMMIT
  RELEASE         DeleteGroup   FIND or end, whether it was deleted or not

The quota of VServer groups counts claims, too: the last place may be taken by the claim of another
delivery of this event, or by one that a crash left. So a refused CREATE lists again, and from then
on the expired claims on any name are deleted. The run is refused only after _MAX_REFUSALS refusals
in a row, if the lists in between show neither the group, nor a live claim on its name, nor room.
A hook is tried again by the next delivery even then, while it has time.
The quota of backends can be used up by servers that leave: a hook waits for the room that they
make.

The lease. Before ADD and COMMIT, and before CONFIRM after a wait, the age of our claim decides:
from RENEW_AFTER on, the claim is renewed (RENEW) with a new stamp, for which a new Date is read
first if needed; after STOP_WRITING_AFTER, it is given up (RELEASE). A claim whose commit was sent
may bear the wanted name: this run deletes it only when its lease is over.

With `claiming=False` the caller is alone on the load balancer: CREATE makes the group under its
wanted name with the first backends, ADD adds the rest, and there is no claim. A group that a crash
leaves half filled is known by its tag, and the next delivery completes it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum, auto
from math import inf
from typing import Any

from provisioner.errors import (
    Ambiguous,
    Code,
    ConfigurationError,
    Fault,
    ProvisionerError,
    Rejected,
    Retryable,
)
from provisioner.model import (
    BACKENDS_PER_CALL,
    ApiResponse,
    Backend,
    DesiredGroup,
    EnsureResult,
    OnExisting,
    Plan,
    RejectedBackend,
    VServerGroup,
)

from . import diff, lease, naming
from .bisect_rejected import AddQueue, is_backend_error, rejection_error, split_into_chunks
from .commands import (
    AddBackends,
    Command,
    CreateGroup,
    DeleteGroup,
    DrawNonce,
    Execute,
    ListGroups,
    Protocol,
    ReadGroup,
    RenameGroup,
    SetWeights,
    Wait,
)
from .lease import LONGEST_WAIT, SHORTEST_WAIT, backoff_seconds, wait_to_retry
from .ownership import add_references, list_others_in_use, require_changeable

_MAX_REFUSALS = 3  # of CREATE by the quota, with a list after each
_MAX_ROUNDS = 3  # of adding to a group that something else changes at the same time

Groups = tuple[VServerGroup, ...]


class State(Enum):
    """The command that the run waits for; the head of the module has the table."""

    FIND = auto()
    READ_EXPIRED = auto()
    DELETE_EXPIRED = auto()
    DRAW_NONCE = auto()
    CREATE = auto()
    CONFIRM = auto()
    ADD = auto()
    SET_WEIGHTS = auto()
    READ = auto()
    RENEW = auto()
    COMMIT = auto()
    RELEASE = auto()
    WAIT = auto()
    ENDED = auto()


@dataclass(eq=False)
class EnsureProtocol(Protocol[EnsureResult]):
    """One run for one desired group. It ends with `Rejected` or `Retryable` where it fails, and
    leaves no claim behind then, unless a call about it may still take effect."""

    desired: DesiredGroup
    claiming: bool = True
    backends_per_call: int = BACKENDS_PER_CALL

    state: State = State.FIND
    resume: State = State.FIND  # what follows WAIT and RENEW
    wait: Wait | None = None
    pause: float = SHORTEST_WAIT  # seconds of the next wait for a claim of another run
    failures: int = 0  # calls without effect, for the backoff

    # FIND and CONFIRM: the last list, its Date, and the claims in it that are to be deleted
    listed: Groups = ()
    listed_at: float = 0.0
    expired: Groups = ()
    others_in_use: tuple[str, ...] = ()  # ids of other groups of ours, by the last list

    # while the quota refuses CREATE: its error, the refusals in a row, and the most groups that a
    # list has shown
    over_quota: Rejected | None = None
    refusals: int = 0
    most_groups: int = 0

    # our own unfinished group, from CREATE on
    claim: naming.Claim | None = None
    own_id: str = ""  # empty until the answer to CREATE is known
    date: float = 0.0  # the newest Date of the load balancer, with which a claim is stamped
    uncommitted: frozenset[str] = frozenset()  # nonces of our claims whose commit was never sent
    first: tuple[Backend, ...] = ()  # without claims: the backends that CREATE sends
    create_until: float = -inf  # without claims: until then, a lost CREATE may take effect

    # the group that stands, and what the rounds until now were to change in it
    found: VServerGroup = field(init=False)
    plan: Plan = field(default_factory=Plan)
    rounds: int = 0

    # what is still to be sent to the one or the other
    adds: AddQueue = field(default_factory=AddQueue)
    weights: tuple[Backend, ...] = ()

    def __post_init__(self) -> None:
        self.found = self.desired.group
        self.first = self.desired.group.backends[: self.backends_per_call]

    def next_command(self) -> Command | None:  # noqa: C901, PLR0912 - a table
        wanted = self.desired.group
        match self.state:
            case State.FIND | State.CONFIRM:
                return ListGroups(references=True)
            case State.READ_EXPIRED:
                return ReadGroup(self.expired[0].id)
            case State.DELETE_EXPIRED:
                return DeleteGroup(self.expired[0].id, cleanup=True)
            case State.DRAW_NONCE:
                return DrawNonce()
            case State.CREATE if self.claim:
                return CreateGroup(self.claim.name, wanted.tags)
            case State.CREATE:
                return CreateGroup(wanted.name, wanted.tags, self.first)
            case State.ADD:
                chunk = self.adds.chunks[0]
                return AddBackends(self.own_id or self.found.id, chunk, self._write_before())
            case State.SET_WEIGHTS:
                return SetWeights(self.found.id, self.weights[: self.backends_per_call])
            case State.READ:
                return ReadGroup(self.own_id or self.found.id)
            case State.RENEW:
                return RenameGroup(self.own_id, self._renew_claim().name, self._write_before())
            case State.COMMIT:
                return RenameGroup(self.own_id, wanted.name, self._write_before())
            case State.RELEASE:
                return DeleteGroup(self.own_id, cleanup=True)
            case State.WAIT:
                return self.wait
        return None

    def _receive(self, answer: Any) -> None:  # noqa: C901, PLR0912 - a table
        match self.state:
            case State.DELETE_EXPIRED:
                self._on_expired_handled(is_gone=not isinstance(answer, ProvisionerError))
            case State.RELEASE:
                self._on_released()
            case _ if isinstance(answer, ConfigurationError):
                raise answer
            case State.CREATE:
                self._on_created(answer)
            case State.ADD:
                self._on_added(answer)
            case State.SET_WEIGHTS:
                self._on_weights_set(answer)
            case State.RENEW:
                self._on_renewed(answer)
            case State.COMMIT:
                self._on_committed(answer)
            case _ if isinstance(answer, ProvisionerError):
                raise answer
            case State.FIND | State.CONFIRM:
                self._on_listed(answer)
            case State.READ_EXPIRED:
                self._on_expired_read(answer.value)
            case State.DRAW_NONCE:
                self._on_nonce(answer)
            case State.READ if self.own_id:
                self._on_own_read(answer)
            case State.READ:
                self._on_found_read(answer.value)
            case State.WAIT:
                self._go_on(self.resume)

    # Find: does the group stand, or is somebody at work on it?

    def _find(self) -> None:
        """Start again, with no group and no claim of our own."""
        self.state, self.pause = State.FIND, SHORTEST_WAIT
        self.claim, self.own_id = None, ""
        self.found, self.plan, self.rounds = self.desired.group, Plan(), 0
        self.adds, self.weights = AddQueue(), ()

    def _on_listed(self, answer: ApiResponse[Groups]) -> None:
        self.listed, self.listed_at = answer.value, answer.date
        self.expired = tuple(group for group, claim in self._in_the_way() if self._is_over(claim))
        self._clear_expired()

    def _on_expired_read(self, group: VServerGroup | None) -> None:
        """A late commit may have given it the wanted name."""
        if group is not None and group.name == self.expired[0].name:
            self.state = State.DELETE_EXPIRED
        else:
            self._on_expired_handled(is_gone=group is None)

    def _on_expired_handled(self, *, is_gone: bool) -> None:
        if is_gone:
            self.refusals = 0  # there is room
        self.expired = self.expired[1:]
        self._clear_expired()

    def _clear_expired(self) -> None:
        if self.expired:
            self.state = State.READ_EXPIRED
            return
        live = [claim for _, claim in self._others() if not self._is_over(claim)]
        found = self._find_unique()
        if self.claim:
            self._compare_claims(self.claim, found, live)
        else:
            self._choose(found, live)
        self.others_in_use = list_others_in_use(self.listed, self.desired)
        self.listed, self.listed_at = (), 0.0

    def _look_for_room(self) -> None:
        """Raise the refusal by the quota if it lasts and no list shows room.

        There is room if an expired claim was deleted, or if there are fewer groups than before.
        A hook is `Retryable`: claims that come and go between the lists would look the same.
        """
        if len(self.listed) < self.most_groups:
            self.refusals = 0
        if self.over_quota and self.refusals == _MAX_REFUSALS:
            if self.desired.from_hook:
                raise Retryable(self.over_quota.code, self.over_quota.message)
            raise self.over_quota
        self.most_groups = max(self.most_groups, len(self.listed))

    def _forget_quota(self) -> None:
        self.over_quota, self.refusals, self.most_groups = None, 0, 0

    def _find_unique(self) -> VServerGroup | None:
        """A hook cannot choose another name: which of several groups to use is the deployment's
        decision, and no reason to release servers."""
        try:
            return find_unique(self.listed, self.desired)
        except Rejected as error:
            if not self.desired.from_hook:
                raise
            raise ConfigurationError(error.message, code=error.code) from error

    def _choose(self, found: VServerGroup | None, live: list[naming.Claim]) -> None:
        if found is not None:
            self.found, self.state = found, State.READ
        elif live or self.now < self.create_until:
            self._forget_quota()
            self._poll(State.FIND)
        else:
            self._look_for_room()
            self.date = self.listed_at
            self.state = State.DRAW_NONCE if self.claiming else State.CREATE

    # Claim: create an empty group under a claim's name, and make sure that it stands alone.

    def _on_nonce(self, nonce: str) -> None:
        self.uncommitted |= {nonce}
        self.claim = naming.make_claim(self.desired.group.name, self.date, nonce)
        self.state, self.pause = State.CREATE, SHORTEST_WAIT

    def _on_created(self, answer: Any) -> None:
        if isinstance(answer, Rejected) and answer.fault is Fault.QUOTA:
            self.over_quota, self.refusals = answer, self.refusals + 1
        else:
            self._forget_quota()
        match answer:
            case Ambiguous() if self.claiming:
                self.state = State.CONFIRM  # the list shows our nonce, or does not
            case Ambiguous():
                self.create_until = self.now + lease.MAX_IN_FLIGHT
                self._find()
            case Retryable():
                self._find()
                self._wait(wait_to_retry(answer, LONGEST_WAIT), State.FIND)
            case Rejected() if self._may_create_empty(answer):
                self.first = ()  # ADD finds out which of them are rejected, or waits for room
            case Rejected(fault=Fault.QUOTA):
                self._find()  # shows whether a claim has the last place
                self._wait_after_failure(State.FIND)
            case Rejected():
                raise answer
            case _:
                self.own_id, self.date = answer.value, answer.date
                if self.claiming:
                    self.state = State.CONFIRM
                else:
                    self._fill(self.desired.group.backends[len(self.first) :])

    def _may_create_empty(self, error: Rejected) -> bool:
        if self.claiming or not self.first:
            return False
        return is_backend_error(error, self.desired) or self._waits_for_room(error)

    def _waits_for_room(self, error: Rejected) -> bool:
        """Tell whether servers that leave may make room in time for those that come."""
        return error.fault is Fault.QUOTA and self.desired.from_hook

    def _compare_claims(
        self, claim: naming.Claim, found: VServerGroup | None, live: list[naming.Claim]
    ) -> None:
        """The list is younger than our claim, so of two claims one run at least sees both."""
        own = next(((g, c) for g, c in self._claims() if c.nonce == claim.nonce), None)
        if own:
            self.own_id, self.claim, self.date = own[0].id, own[1], self.listed_at
        if found is not None or self._has_to_yield(claim, live):
            self._give_up()
        elif own and not live:
            self._fill(self.desired.group.backends)
        elif self.own_id:
            self._poll(State.CONFIRM)
        else:
            self._find()
            self._wait_after_failure(State.FIND)

    def _has_to_yield(self, claim: naming.Claim, live: list[naming.Claim]) -> bool:
        return bool(live) and min(live) < claim

    # Fill our own group, or complete the one that stands.

    def _fill(self, backends: tuple[Backend, ...]) -> None:
        self.failures = 0
        self._queue(backends)
        self._send_next()

    def _queue(self, backends: tuple[Backend, ...]) -> None:
        self.adds = replace(self.adds, chunks=split_into_chunks(backends, self.backends_per_call))

    def _send_next(self) -> None:
        if self.adds.chunks:
            self._go_on(State.ADD)
        elif self.weights:
            self.state = State.SET_WEIGHTS
        elif self.own_id:
            self.adds.raise_if_unacceptable(self.desired)
            if self.claiming:
                self._go_on(State.COMMIT)
            else:
                self._finish_created()
        else:
            self.rounds += 1
            self.state = State.READ

    def _on_added(self, answer: Any) -> None:
        match answer:
            case Retryable() | Rejected(fault=Fault.NOT_FOUND):
                self._wait_after_failure(State.READ, answer)  # reading shows what it has done
            case Rejected() if self.adds.may_wait(answer, self.desired):
                self.adds = self.adds.count_wait()
                self._wait(Wait(LONGEST_WAIT), State.READ)
            case Rejected() if self._waits_for_room(answer):
                self._wait(Wait(LONGEST_WAIT), State.READ)
            case Rejected():
                chunk = self.adds.chunks[0]
                self.adds = self.adds.bisect_first(answer, self.desired)
                if not self.desired.accept_partial and not self.own_id:
                    # The good half would stay in the group although its servers are released.
                    rejected = [RejectedBackend(backend, answer.code) for backend in chunk]
                    raise rejection_error(self.desired, rejected) from answer
                self._send_next()
            case _:
                self.date = answer.date
                self.adds = self.adds.drop_first()
                self._send_next()

    def _on_weights_set(self, answer: Any) -> None:
        match answer:
            case Retryable():
                self._wait_after_failure(State.READ, answer)
            case Rejected():
                raise answer
            case _:
                self.weights = self.weights[self.backends_per_call :]
                self._send_next()

    def _on_own_read(self, answer: ApiResponse[VServerGroup | None]) -> None:
        if answer.value is None:
            self._give_up()
            return
        self.date = answer.date
        wanted = self.desired.group.backends
        plan = diff.diff_backends(answer.value.backends, wanted, OnExisting.EXTEND)
        self._queue(self.adds.apply_to(plan).add)
        self._send_next()

    def _on_found_read(self, group: VServerGroup | None) -> None:
        if group is None or group.name != self.desired.group.name:
            self._find()
            return
        judged = assess_group(self.desired, self.found, group, finished=self.claiming)
        plan = self.adds.apply_to(judged.plan)
        if plan.is_empty:
            self.adds.raise_if_unacceptable(self.desired)
            self._finish(replace(judged, plan=self.adds.apply_to(_merge_plans(self.plan, plan))))
            return
        if self.rounds == _MAX_ROUNDS:
            raise Retryable(
                Code.STILL_CHANGING,
                f"VServer group {self.found.id} loses what is added to it: something else changes "
                "it at the same time",
            )
        self.plan = _merge_plans(self.plan, plan)  # what does not get done is planned again
        self._queue(plan.add)
        self.weights = plan.update_weight
        self._send_next()

    # The lease: renew our claim in time, or give it up.

    def _go_on(self, state: State) -> None:
        """Enter a state. If it relies on our claim, look at the age of the claim first."""
        if self.claim and state in (State.ADD, State.COMMIT, State.CONFIRM):
            if self.now > self._write_before():
                self._give_up()
                return
            if self.now >= self.claim.stamped + lease.RENEW_AFTER:
                if self.date > self.claim.stamped:
                    self.state, self.resume = State.RENEW, state
                    return
                if state is not State.CONFIRM:  # which lists again anyway
                    self.state = State.READ
                    return
        self._enter(state)

    def _enter(self, state: State) -> None:
        self.state = state
        if state is State.COMMIT and self.claim:
            self.uncommitted -= {self.claim.nonce}

    def _renew_claim(self) -> naming.Claim:
        assert self.claim is not None
        return naming.make_claim(self.desired.group.name, self.date, self.claim.nonce)

    def _on_renewed(self, answer: Any) -> None:
        match answer:
            case Ambiguous() | Rejected(fault=Fault.NOT_FOUND):
                self._give_up()  # a second rename could undo a commit, or be undone by a late one
            case Retryable():
                self._enter(self.resume)  # the next step tries again, while the old stamp lasts
            case Rejected():
                raise answer
            case _:
                self.claim, self.date = self._renew_claim(), answer.date
                self._enter(self.resume)

    def _write_before(self) -> float:
        return self.claim.stamped + lease.STOP_WRITING_AFTER if self.claim else inf

    # Commit, or release.

    def _on_committed(self, answer: Any) -> None:
        match answer:
            case Ambiguous() | Rejected(fault=Fault.NOT_FOUND):
                self._find()
            case Retryable():
                self._wait(wait_to_retry(answer, SHORTEST_WAIT), State.COMMIT)
            case Rejected():
                raise answer
            case _:
                self._finish_created()

    def _finish_created(self) -> None:
        self._finish(self.adds.apply_to_created(build_created_result(self.desired, self.own_id)))

    def _fail(self, error: ProvisionerError) -> None:
        self.error = error
        self._give_up()

    def _give_up(self) -> None:
        """Delete our own unfinished group, unless it may bear the wanted name by now.

        One that cannot be deleted now expires. Without claims it bears the name from the start: it
        is deleted if the request is rejected, and otherwise the next delivery completes it.
        """
        ours = self._may_delete(self.claim) if self.claim else isinstance(self.error, Rejected)
        if self.own_id and ours:
            self.state = State.RELEASE
        else:
            self._on_released()

    def _on_released(self) -> None:
        self._find()
        if self.error:
            self.state = State.ENDED

    # Helpers.

    def _claims(self) -> list[tuple[VServerGroup, naming.Claim]]:
        return lease.find_claims(self.listed, self.desired.group.name)

    def _others(self) -> list[tuple[VServerGroup, naming.Claim]]:
        own = self.claim.nonce if self.claim else ""
        return [(group, claim) for group, claim in self._claims() if claim.nonce != own]

    def _in_the_way(self) -> list[tuple[VServerGroup, naming.Claim]]:
        """Return the claims of others that may keep us from creating the group."""
        return lease.list_claims(self.listed) if self.over_quota else self._others()

    def _is_over(self, claim: naming.Claim) -> bool:
        return self._may_delete(claim) or self._is_expired(claim)

    def _is_expired(self, claim: naming.Claim) -> bool:
        return lease.is_expired(claim, self.listed_at)

    def _may_delete(self, claim: naming.Claim) -> bool:
        """Tell whether a claim is ours and certainly not committed."""
        return claim.nonce in self.uncommitted

    def _wait(self, wait: Wait, resume: State) -> None:
        self.state, self.wait, self.resume = State.WAIT, wait, resume

    def _poll(self, resume: State) -> None:
        self._wait(Wait(self.pause), resume)
        self.pause = min(2 * self.pause, LONGEST_WAIT)

    def _wait_after_failure(self, resume: State, error: ProvisionerError | None = None) -> None:
        self.failures += 1
        self._wait(wait_to_retry(error, backoff_seconds(self.failures)), resume)

    def _finish(self, result: EnsureResult) -> None:
        self.done = add_references(result, self.found, self.others_in_use)
        self.state = State.ENDED


def inspect(desired: DesiredGroup, execute: Execute) -> EnsureResult:
    """Return what `EnsureProtocol` would do, by reading only. If it would create the group, the
    `group.id` is empty."""
    listed: Groups = execute(ListGroups(references=True)).value
    found = find_unique(listed, desired)
    group: VServerGroup | None = execute(ReadGroup(found.id)).value if found else None
    if found is None or group is None:
        result = build_created_result(desired, "")
    else:
        result = assess_group(desired, found, group, finished=True)
    return add_references(result, found, list_others_in_use(listed, desired))


def assess_group(
    desired: DesiredGroup, listed: VServerGroup, group: VServerGroup, *, finished: bool
) -> EnsureResult:
    """Return what it takes to adopt a group as it is.

    `finished` says that a group which bears the name is complete. Raises `Rejected` if the group
    differs and the request must not change it.
    """
    on_existing = desired.on_existing
    if on_existing is OnExisting.REFUSE:
        plan = diff.diff_backends(group.backends, desired.group.backends, on_existing)
        if plan.is_empty and not plan.unmanaged:
            return EnsureResult(group, created=False, plan=plan)
        created_by = (listed.tags.get(naming.REQUEST_TAG), group.tags.get(naming.REQUEST_TAG))
        if desired.fingerprint not in created_by:
            raise Rejected(
                Code.VSERVER_GROUP_DIFFERS,
                f"VServer group {listed.id} bears this name and holds other backends "
                f"({len(plan.add)} missing, {len(plan.update_weight)} with another Weight, "
                f"{len(plan.unmanaged)} more); choose another VServerGroupName, "
                "or OnExisting merge",
                path="/VServerGroupName",
                fault=Fault.CONFLICT,
            )
        if finished:
            return EnsureResult(group, created=False, plan=replace(plan, add=(), update_weight=()))
        on_existing = OnExisting.EXTEND
    plan = diff.diff_backends(group.backends, desired.group.backends, on_existing)
    return require_changeable(desired, listed, EnsureResult(group, created=False, plan=plan))


def find_unique(groups: Groups, desired: DesiredGroup) -> VServerGroup | None:
    """Return the group that bears the wanted name; of several, the one that bears our tag.

    Raises `Rejected` if none or several of them bear it.
    """
    named = [group for group in groups if group.name == desired.group.name]
    if len(named) <= 1:
        return named[0] if named else None
    ours = [group for group in named if naming.OWNER_TAG in group.tags]
    if len(ours) == 1:
        return ours[0]
    raise Rejected(
        Code.VSERVER_GROUP_NAME_NOT_UNIQUE,
        f"{len(named)} VServer groups bear this name ({', '.join(g.id for g in named)}), and "
        f"{len(ours)} of them bear the tag {naming.OWNER_TAG}; rename or delete all but one, or "
        "choose another VServerGroupName",
        path="/VServerGroupName",
        fault=Fault.CONFLICT,
    )


def build_created_result(desired: DesiredGroup, group_id: str) -> EnsureResult:
    """Return the result for a new group that holds every wanted backend."""
    return EnsureResult(
        replace(desired.group, id=group_id), created=True, plan=Plan(desired.group.backends)
    )


def _merge_plans(earlier: Plan, later: Plan) -> Plan:
    """Return one plan for all rounds: a backend that an earlier one added was not there before."""
    added = {b.key: b for b in (*earlier.add, *later.add)}
    reweighed = {b.key: b for b in (*earlier.update_weight, *later.update_weight)}
    present = [b for b in later.already_present if b.key not in added and b.key not in reweighed]
    return replace(
        later,
        add=tuple(added.values()),
        update_weight=tuple(reweighed.values()),
        already_present=tuple(present),
    )
