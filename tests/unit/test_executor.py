"""One command, one call, inside the time there is."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from threading import Barrier
from typing import Any

import pytest

from builders import REGION
from deployments import LB, Deployment, a_group, deployment, replayable, servers
from fakes import FakeLoadBalancers, FakeLog
from provisioner.errors import (
    Ambiguous,
    Code,
    ConfigurationError,
    ProvisionerError,
    Rejected,
    Retryable,
)
from provisioner.executor import CommandExecutor
from provisioner.groups import commands
from provisioner.groups.commands import Command, Protocol
from provisioner.invocation import Invocation, WorkWindow
from provisioner.model import ApiResponse, VServerGroup

BUSY = Retryable("SystemBusy", "busy")


@pytest.fixture
def cloud() -> Deployment:
    return deployment()


def drive(cloud: Deployment, seconds: float = 60.0) -> CommandExecutor:
    invocation = cloud.invocation(seconds)
    return CommandExecutor(a_group(), invocation, cloud.load_balancers, cloud.clock, replayable())


class Script(Protocol[list[Any]]):
    """Sends commands one after the other, and keeps the answers; of a call, its value. The first
    error ends it, after `cleanup`."""

    def __init__(self, *asked: Command, cleanup: Command | None = None) -> None:
        self.done = []
        self.times: list[float] = []
        self.asked, self.cleanup = list(asked), cleanup

    def next_command(self) -> Command | None:
        return self.asked[0] if self.asked else None

    def _receive(self, answer: Any) -> None:
        if isinstance(answer, ProvisionerError):
            raise answer
        assert self.done is not None
        self.done.append(getattr(answer, "value", answer))
        self.times.append(self.now)
        del self.asked[0]

    def _fail(self, error: ProvisionerError) -> None:
        self.error = error
        self.asked = [self.cleanup] if self.cleanup else []


class Persistent(Script):
    """Goes on after an error; the last command says how it ends."""

    def _receive(self, answer: Any) -> None:
        super()._receive(answer)
        self.error = None

    def _fail(self, error: ProvisionerError) -> None:
        self.error = error
        del self.asked[0]


def ask(driven: CommandExecutor, *asked: Command) -> list[Any]:
    return driven.run(Script(*asked))


def test_each_command_is_one_call_on_the_load_balancer_of_the_group(cloud: Deployment) -> None:
    driven = drive(cloud)
    (group_id,) = ask(driven, commands.CreateGroup("web", {"a": "b"}, servers(1)))
    _, _, _, read, _, listed = ask(
        driven,
        commands.AddBackends(group_id, servers(1, first=2)),
        commands.SetWeights(group_id, servers(1, weight=7)),
        commands.RenameGroup(group_id, "other", before=inf),
        commands.ReadGroup(group_id),
        commands.DeleteGroup(group_id),
        commands.ListGroups(),
    )
    assert cloud.operations == ["create", "add", "set", "rename", "read", "delete", "list"]
    assert (read.name, read.tags, read.region_id) == ("other", {"a": "b"}, REGION)
    assert set(read.backends) == {*servers(1, weight=7), *servers(1, first=2)}
    assert listed == ()
    assert driven.request_ids == [f"request-{number}" for number in range(1, 8)]


def test_each_call_is_a_step_in_the_log_with_identities_and_counts_only(cloud: Deployment) -> None:
    driven = drive(cloud)
    (group_id,) = ask(driven, commands.CreateGroup("web", {}, servers(2)))
    cloud.load_balancers.fail_next("add_backend_servers", BUSY)
    with pytest.raises(Retryable):
        ask(driven, commands.AddBackends(group_id, servers(1)))
    where = {"LoadBalancerId": "lb-0001"}
    assert cloud.log.steps == [
        (
            "slb.create",
            {**where, "VServerGroupName": "web", "backends": 2, "slb_request_id": "request-1"},
        ),
        (
            "slb.add.failed",
            {**where, "VServerGroupId": group_id, "backends": 1, "code": "SystemBusy"},
        ),
    ]


def test_a_failed_call_is_known_by_its_request_id_too(cloud: Deployment) -> None:
    refused = Retryable("SystemBusy", "busy")
    refused.request_id = "request-of-the-refusal"
    cloud.load_balancers.fail_next("list_vserver_groups", refused)
    driven = drive(cloud)
    with pytest.raises(Retryable):
        ask(driven, commands.ListGroups())
    assert driven.request_ids == ["request-of-the-refusal"]
    assert cloud.log.steps == [
        (
            "slb.list.failed",
            {
                "LoadBalancerId": "lb-0001",
                "slb_request_id": "request-of-the-refusal",
                "code": "SystemBusy",
            },
        )
    ]


def test_what_stands_because_of_us_is_known_however_it_ends(cloud: Deployment) -> None:
    made = cloud.stands()
    driven = drive(cloud)
    ask(driven, commands.ListGroups(), commands.ReadGroup(made.id))
    assert not driven.has_written
    cloud.load_balancers.fail_next("set_weights", Rejected("InvalidParameter", "no"))
    with pytest.raises(Rejected):
        ask(
            driven,
            commands.AddBackends(made.id, servers(2)),
            commands.AddBackends(made.id, servers(1, first=3)),
            commands.SetWeights(made.id, servers(1)),
        )
    assert driven.has_written
    assert driven.added == {made.id: [*servers(3)]}
    ask(driven, commands.DeleteGroup(made.id))
    assert driven.added == {}


def test_a_wait_is_between_half_and_all_of_what_was_asked(cloud: Deployment) -> None:
    ask(drive(cloud), *(commands.Wait(2.0) for _ in range(20)))
    assert all(1.0 <= wait <= 2.0 for wait in cloud.clock.waits)
    assert len(set(cloud.clock.waits)) == 20


def test_a_wait_that_would_outlast_the_time_is_not_begun(cloud: Deployment) -> None:
    with pytest.raises(Retryable) as late:
        ask(drive(cloud, seconds=1.0), commands.Wait(4.0))
    assert late.value.code == Code.OUT_OF_TIME.value
    assert cloud.clock.waits == []


def test_nonces_are_16_hexadecimal_digits_and_differ(cloud: Deployment) -> None:
    nonces = ask(drive(cloud), *(commands.DrawNonce() for _ in range(50)))
    assert len(set(nonces)) == 50
    assert all(len(nonce) == 16 and int(nonce, 16) >= 0 for nonce in nonces)


def test_the_time_there_is_never_early_and_follows_our_clock(cloud: Deployment) -> None:
    cloud.clock.advance(0.7)  # a Date drops the fraction
    cloud.load_balancers.takes["list_vserver_groups"] = [3.0]
    script = Script(commands.ListGroups(), commands.Drain(10.0))
    drive(cloud).run(script)
    listed, drained = script.times
    assert drained >= cloud.clock.now()
    assert drained == listed + 10.0


@pytest.mark.parametrize(("waited", "held_up"), [(0.0, 0.0), (12.0, 0.0), (12.0, 5.0)])
def test_the_time_there_counts_from_when_the_call_was_sent(
    cloud: Deployment, waited: float, held_up: float
) -> None:
    """Not from when the adapter was asked, which may have waited before, nor from when its answer
    came to be read."""

    def listed(*_: object, **__: object) -> ApiResponse[tuple[VServerGroup, ...]]:
        cloud.clock.advance(waited)
        sent_at = cloud.clock.now()
        answer: ApiResponse[tuple[VServerGroup, ...]] = ApiResponse((), 1000.0, "R-1", sent_at)
        cloud.clock.advance(held_up)
        return answer

    cloud.load_balancers.list_vserver_groups = listed  # type: ignore[method-assign]
    script = Script(commands.ListGroups())
    drive(cloud).run(script)
    assert script.now == pytest.approx(1001.0 + held_up)  # a Date drops the fraction of a second


def test_an_answer_without_a_date_tells_nothing_of_the_time(cloud: Deployment) -> None:
    driven, script = drive(cloud), Script(commands.ReadGroup("rsp-9999"))
    driven.run(script)
    assert script.now == -inf
    assert driven.request_ids == []


def test_a_command_about_a_claim_is_not_sent_after_its_hour(cloud: Deployment) -> None:
    made = cloud.stands()
    driven = drive(cloud)
    ask(driven, commands.ListGroups())
    before = cloud.clock.now() + 5.0
    ask(driven, commands.RenameGroup(made.id, "one", before=before))
    cloud.clock.advance(4.0)
    for command in (
        commands.RenameGroup(made.id, "two", before=before),
        commands.AddBackends(made.id, servers(1), before=before),
    ):
        with pytest.raises(Retryable) as late:
            ask(driven, command)
        assert late.value.code == Code.OUT_OF_TIME.value
    assert cloud.writes == ["rename"]


def test_when_time_is_up_only_a_cleanup_is_sent(cloud: Deployment) -> None:
    made = cloud.stands()
    driven = drive(cloud, seconds=0)
    for command in (commands.ListGroups(), commands.DeleteGroup(made.id)):
        with pytest.raises(Retryable) as late:
            ask(driven, command)
        assert late.value.code == Code.OUT_OF_TIME.value
    ask(driven, commands.DeleteGroup(made.id, cleanup=True))
    assert cloud.operations == ["delete"]


def test_out_of_time_tells_the_failure_that_took_it_but_not_one_that_passed(
    cloud: Deployment,
) -> None:
    cloud.load_balancers.fail_next("list_vserver_groups", BUSY)
    with pytest.raises(Retryable) as told:
        drive(cloud).run(Persistent(commands.ListGroups(), commands.Wait(100.0)))
    assert told.value.code == "SystemBusy"

    cloud.load_balancers.fail_next("list_vserver_groups", BUSY)
    passed = (commands.ListGroups(), commands.ListGroups(), commands.Wait(200.0))
    with pytest.raises(Retryable) as told:
        drive(cloud).run(Persistent(*passed))
    assert told.value.code == Code.OUT_OF_TIME.value


def test_time_is_shared_so_that_one_that_hangs_does_not_starve_the_others() -> None:
    whole = Invocation(deadline=60.0, hard_deadline=66.0, log=FakeLog())
    assert whole.slice(0.0, 4).deadline == 15.0
    assert whole.slice(45.0, 1).deadline == 60.0
    assert whole.slice(50.0, 10).deadline == 55.0  # less than five seconds is of no use
    assert whole.slice(58.0, 10).deadline == 60.0
    assert whole.slice(0.0, 4).hard_deadline == 21.0
    assert whole.slice(63.0, 2).hard_deadline == 66.0


# What else limits the work


class Holding:
    """Says how long work may go on, and remembers when it was asked."""

    def __init__(self, cloud: Deployment, until: float = inf, every: float = inf) -> None:
        self.cloud, self.every = cloud, every
        self.until = cloud.clock.now() + until
        self.again = cloud.clock.now() + every
        self.ended = False

    def __call__(self) -> WorkWindow:
        if self.ended:
            raise Rejected(Code.HOOK_ENDED_OTHERWISE, "ended")
        while self.again <= self.cloud.clock.now():
            self.again += self.every
        return WorkWindow(self.until, self.again)


def held(cloud: Deployment, hold: Holding, seconds: float = 60.0) -> CommandExecutor:
    invocation = replace(cloud.invocation(seconds), checkpoint=hold)
    return CommandExecutor(a_group(), invocation, cloud.load_balancers, cloud.clock, replayable())


def test_work_and_waits_end_when_the_hold_does(cloud: Deployment) -> None:
    driven = held(cloud, Holding(cloud, until=10))
    ask(driven, commands.ListGroups(), commands.Wait(4.0))
    with pytest.raises(Retryable):
        ask(driven, commands.Wait(12.0))
    cloud.clock.advance(10)
    with pytest.raises(Retryable) as late:
        ask(driven, commands.ListGroups())
    assert late.value.code == Code.OUT_OF_TIME.value


@pytest.mark.parametrize(
    "command", [commands.ListGroups(), commands.CreateGroup("web", {})], ids=["again", "once"]
)
def test_a_hold_that_cannot_tell_is_asked_once_and_nothing_is_sent(
    cloud: Deployment, command: commands.Command
) -> None:
    asked = []

    def hold() -> WorkWindow:
        asked.append(cloud.clock.now())
        if len(asked) > 1:
            return WorkWindow()
        raise BUSY

    invocation = replace(cloud.invocation(60.0), checkpoint=hold)
    driven = CommandExecutor(a_group(), invocation, cloud.load_balancers, cloud.clock, replayable())
    with pytest.raises(Retryable) as raised:
        ask(driven, command)
    assert raised.value is BUSY
    assert len(asked) == 1
    assert cloud.operations == []


def test_what_the_hold_raises_is_told_to_the_protocol_which_may_still_tidy(
    cloud: Deployment,
) -> None:
    made, hold = cloud.stands(), Holding(cloud)
    hold.ended = True

    added = commands.AddBackends(made.id, servers(1))
    tidying = Script(added, cleanup=commands.DeleteGroup(made.id, cleanup=True))
    with pytest.raises(Rejected) as ended:
        held(cloud, hold).run(tidying)
    assert ended.value.code == Code.HOOK_ENDED_OTHERWISE.value
    assert cloud.operations == ["delete"]


class Stubborn:
    """A call that is tried again until the time that it was given is up, so many times."""

    def __init__(self, cloud: Deployment, times: int, call: Any, error: Retryable = BUSY) -> None:
        self.cloud, self.times, self.error = cloud, times, error
        self.call = call
        self.given: list[float] = []

    def __call__(self, *asked: Any, within: float, **how: Any) -> Any:
        self.given.append(within)
        if len(self.given) > self.times:
            return self.call(*asked, within=within, **how)
        self.cloud.clock.advance(within)
        raise self.error


def stubborn(
    cloud: Deployment,
    times: int,
    error: Retryable = BUSY,
    operation: str = "list_vserver_groups",
) -> Stubborn:
    call = Stubborn(cloud, times, getattr(cloud.load_balancers, operation), error)
    setattr(cloud.load_balancers, operation, call)
    return call


@pytest.mark.parametrize(
    ("operation", "command"),
    [
        ("list_vserver_groups", commands.ListGroups()),
        ("read_vserver_group", commands.ReadGroup("rsp-0001")),
        ("add_backend_servers", commands.AddBackends("rsp-0001", servers(1))),
        ("remove_backend_servers", commands.RemoveBackends("rsp-0001", servers(1))),
    ],
)
def test_what_the_adapter_sends_again_gets_its_time_in_stretches_between_which_the_hold_is_asked(
    cloud: Deployment, operation: str, command: commands.Command
) -> None:
    cloud.stands()
    call = stubborn(cloud, 2, operation=operation)
    ask(held(cloud, Holding(cloud, every=15), seconds=100), command)
    assert call.given == [23.0, 15.0, 15.0]


@pytest.mark.parametrize(
    ("operation", "command"),
    [
        ("create_vserver_group", commands.CreateGroup("web", {})),
        ("rename_vserver_group", commands.RenameGroup("rsp-0001", "other", before=inf)),
        ("set_weights", commands.SetWeights("rsp-0001", servers(1))),
        ("delete_vserver_group", commands.DeleteGroup("rsp-0001")),
    ],
)
def test_a_write_that_the_adapter_sends_once_is_not_sent_again(
    cloud: Deployment, operation: str, command: commands.Command
) -> None:
    cloud.stands()
    call = stubborn(cloud, 1, operation=operation)
    with pytest.raises(Retryable) as raised:
        ask(held(cloud, Holding(cloud, every=15), seconds=100), command)
    assert raised.value is BUSY
    assert len(call.given) == 1


@pytest.mark.parametrize(
    ("every", "error"), [(inf, BUSY), (15, ConfigurationError("no")), (15, Ambiguous("lost"))]
)
def test_without_a_hold_to_ask_and_of_what_is_not_tried_again_there_is_one_stretch(
    cloud: Deployment, every: float, error: Retryable
) -> None:
    call = stubborn(cloud, 9, error)
    with pytest.raises(type(error)):
        ask(held(cloud, Holding(cloud, every=every)), commands.ListGroups())
    assert len(call.given) == 1


def test_a_drain_has_no_jitter_and_its_length_is_the_answer(cloud: Deployment) -> None:
    assert ask(drive(cloud), commands.Drain(7.0)) == [7.0]
    assert cloud.clock.waits == [7.0]


def test_a_single_call_is_answered_and_its_error_raised(cloud: Deployment) -> None:
    made, driven = cloud.stands(*servers(1)), drive(cloud)
    assert driven.execute(commands.ReadGroup(made.id)).value == made
    cloud.load_balancers.fail_next("read_vserver_group", BUSY)
    with pytest.raises(Retryable) as raised:
        driven.execute(commands.ReadGroup(made.id))
    assert raised.value is BUSY


class Meeting(FakeLoadBalancers):
    """A read is answered once `number` reads are under way."""

    def __init__(self, cloud: Deployment, number: int) -> None:
        super().__init__(cloud.clock, LB)
        self._barrier = Barrier(number, timeout=10)

    def read_vserver_group(
        self, region_id: str, vserver_group_id: str, *, within: float
    ) -> ApiResponse[VServerGroup | None]:
        self._barrier.wait()
        return super().read_vserver_group(region_id, vserver_group_id, within=within)


def test_several_groups_are_read_at_the_same_time_and_answered_in_their_order(
    cloud: Deployment,
) -> None:
    """One after the other, 500 groups at 150 ms would take longer than an invocation has."""
    port = Meeting(cloud, 8)
    ids = [port.made_by_others(a_group(name=f"web-{n}")).id for n in range(15)]
    executor = CommandExecutor(a_group(), cloud.invocation(60.0), port, cloud.clock, replayable())
    answer = executor.execute(commands.ReadGroups((*ids, "rsp-gone")))
    assert [group and group.id for group in answer.value] == [*ids, None]
    assert answer.date > 0


def test_one_group_that_cannot_be_read_fails_the_read_of_all(cloud: Deployment) -> None:
    ids = tuple(cloud.stands(name=f"web-{n}").id for n in range(3))
    refused = Rejected("Unknown", "no")
    cloud.load_balancers.fail_next("read_vserver_group", refused)
    with pytest.raises(Rejected) as raised:
        drive(cloud).execute(commands.ReadGroups(ids))
    assert raised.value is refused
