"""What the SLB adapter puts on the wire, and how it reads answers that no API documents."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from canned import DATE, DATE_SECONDS, Canned, canned
from fakes import REGION, FakeClock
from provisioner.aliyun.client import Connection
from provisioner.aliyun.slb import SlbLoadBalancers
from provisioner.errors import (
    Ambiguous,
    Code,
    ConfigurationError,
    ProvisionerError,
    Rejected,
    Retryable,
)
from provisioner.model import Backend, VServerGroup
from provisioner.ports import Credentials
from worlds import forget_connections, replayable

LONG = 0.001  # for one attempt: the clock stands still unless it is waited
HANGING = 60.0  # seconds, for a test that fails
GROUP = VServerGroup(REGION, "lb-1", "web")


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Canned]:
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    with canned() as server:
        yield server
        forget_connections()


@pytest.fixture
def port(api: Canned) -> SlbLoadBalancers:
    connection = Connection(lambda: Credentials("key", "secret"), api.url)
    return SlbLoadBalancers(connection, FakeClock(), replayable())


def said(**body: Any) -> str:
    return json.dumps({"RequestId": "R-1", **body})


def create(port: SlbLoadBalancers, group: VServerGroup = GROUP) -> object:
    return port.create_vserver_group(group, within=LONG)


def groups(port: SlbLoadBalancers) -> tuple[VServerGroup, ...]:
    return port.list_vserver_groups(REGION, "lb-1", within=LONG).value


def read(port: SlbLoadBalancers) -> VServerGroup | None:
    return port.read_vserver_group(REGION, "rsp-1", within=LONG).value


def test_a_group_is_created_with_strict_json_and_with_nothing_that_was_not_given(
    api: Canned, port: SlbLoadBalancers
) -> None:
    api.say(said(VServerGroupId="rsp-1"))

    create(port, VServerGroup(REGION, "lb-1", "web", (Backend("i-1", 80, 5),), {"k": "v"}))

    (query,) = api.asked
    assert query == {
        "Action": "CreateVServerGroup",
        "RegionId": REGION,
        "LoadBalancerId": "lb-1",
        "VServerGroupName": "web",
        "BackendServers": '[{"ServerId":"i-1","Port":80,"Weight":5}]',
        "Tag.1.Key": "k",
        "Tag.1.Value": "v",
    }


def test_a_removal_names_its_backends_without_their_descriptions(
    api: Canned, port: SlbLoadBalancers
) -> None:
    api.say(said(VServerGroupId="rsp-1"))

    port.remove_backend_servers(
        REGION, "rsp-1", [Backend("i-1", 80, 5, description="blue")], within=LONG
    )

    (query,) = api.asked
    assert query["Action"] == "RemoveVServerGroupBackendServers"
    assert query["BackendServers"] == '[{"ServerId":"i-1","Port":80,"Weight":5}]'


@pytest.mark.parametrize("references", [True, False])
def test_references_are_asked_for_only_where_they_are_needed(
    api: Canned, port: SlbLoadBalancers, references: bool
) -> None:
    api.say(said(VServerGroups={"VServerGroup": [{"VServerGroupId": "rsp-1"}]}))

    listed = port.list_vserver_groups(REGION, "lb-1", references=references, within=LONG).value

    assert ("IncludeListener" in api.asked[0], "IncludeRule" in api.asked[0]) == (references,) * 2
    assert [group.in_use for group in listed] == [False]


def test_an_empty_group_is_created_without_a_list_of_backends(
    api: Canned, port: SlbLoadBalancers
) -> None:
    api.say(said(VServerGroupId="rsp-1"))

    create(port)

    assert "BackendServers" not in api.asked[0]


def test_type_address_and_description_are_sent_where_they_say_something(
    api: Canned, port: SlbLoadBalancers
) -> None:
    api.say(said())
    members = [
        Backend("eni-1", 80, 1, "eni", "10.0.0.1"),
        Backend("i-1", 80, 2, server_ip="10.0.0.2", description="blue"),
    ]

    port.add_backend_servers(REGION, "rsp-1", members, within=LONG)

    assert json.loads(api.asked[0]["BackendServers"]) == [
        {"ServerId": "eni-1", "Port": 80, "Weight": 1, "Type": "eni", "ServerIp": "10.0.0.1"},
        {"ServerId": "i-1", "Port": 80, "Weight": 2, "Description": "blue"},
    ]


def test_a_rename_sends_no_backends_and_a_weight_no_name_and_no_description(
    api: Canned, port: SlbLoadBalancers
) -> None:
    api.say(said())
    api.say(said())

    port.rename_vserver_group(REGION, "rsp-1", "new", within=LONG)
    port.set_weights(REGION, "rsp-1", [Backend("i-1", 80, 3, description="blue")], within=LONG)

    common = {
        "Action": "SetVServerGroupAttribute",
        "RegionId": REGION,
        "VServerGroupId": "rsp-1",
    }
    assert api.asked == [
        common | {"VServerGroupName": "new"},
        common | {"BackendServers": '[{"ServerId":"i-1","Port":80,"Weight":3}]'},
    ]


def test_an_answer_bears_the_date_of_its_header_and_the_request_id_of_its_body(
    api: Canned, port: SlbLoadBalancers
) -> None:
    api.say(said(VServerGroups={"VServerGroup": []}))

    answer = port.list_vserver_groups(REGION, "lb-1", within=LONG)

    assert (answer.date, answer.request_id) == (DATE_SECONDS, "R-1")


def test_numbers_may_come_as_strings_and_what_is_unset_may_be_missing(
    api: Canned, port: SlbLoadBalancers
) -> None:
    members = [{"ServerId": "i-1", "Port": "80", "Weight": "7"}, {"ServerId": "i-2", "Port": 81}]
    api.say(said(VServerGroupId="rsp-1", BackendServers={"BackendServer": members}))

    group = read(port)

    assert group
    assert group.backends == (Backend("i-1", 80, 7), Backend("i-2", 81, 100))
    assert (group.name, group.tags, group.load_balancer_id) == ("", {}, "")


@pytest.mark.parametrize(
    "more", [{}, {"VServerGroups": {}}, {"VServerGroups": {"VServerGroup": []}}]
)
def test_a_list_that_is_missing_is_empty(
    api: Canned, port: SlbLoadBalancers, more: dict[str, Any]
) -> None:
    api.say(said(**more))

    assert groups(port) == ()


NONSENSE = [
    pytest.param({"body": said(), "status": 301}, id="a status that is not success"),
    pytest.param({"body": "{}"}, id="no RequestId"),
    pytest.param({"body": '"text"'}, id="a JSON string"),
    pytest.param({"body": "[]"}, id="a JSON list"),
    pytest.param({"body": "null"}, id="null"),
    pytest.param({"body": ""}, id="nothing"),
    pytest.param({"body": "<xml/>"}, id="XML"),
    pytest.param({"body": said(VServerGroupId="rsp-1"), "headers": {}}, id="no Date"),
    pytest.param({"body": said(), "headers": {"Date": "yesterday"}}, id="an unreadable Date"),
    pytest.param({"body": '{"RequestId": "R"}', "status": 400}, id="an error without a code"),
    pytest.param({"body": '{"Code": "None"}', "status": 400}, id="an error with no code"),
    pytest.param({"body": "[]", "status": 400}, id="an error that is a list"),
]


@pytest.mark.parametrize("nonsense", NONSENSE)
def test_a_write_whose_answer_is_not_the_apis_is_ambiguous(
    api: Canned, port: SlbLoadBalancers, nonsense: dict[str, Any]
) -> None:
    api.say(**nonsense)

    with pytest.raises(Ambiguous, match=r"may have taken effect: no readable answer \([A-Za-z]"):
        port.delete_vserver_group(REGION, "rsp-1", within=LONG)


@pytest.mark.parametrize("nonsense", NONSENSE)
def test_a_read_whose_answer_is_not_the_apis_is_to_be_repeated(
    api: Canned, port: SlbLoadBalancers, nonsense: dict[str, Any]
) -> None:
    api.say(**nonsense)

    with pytest.raises(Retryable) as failed:
        groups(port)
    assert not isinstance(failed.value, Ambiguous)


def test_a_refusal_in_xml_is_read_too(api: Canned, port: SlbLoadBalancers) -> None:
    headers = {"Date": DATE, "Content-Type": "text/xml;charset=utf-8"}
    error = "<Error><RequestId>R-7</RequestId><Code>OverQuota</Code></Error>"
    api.say(f'<?xml version="1.0" encoding="UTF-8"?>{error}', 400, headers=headers)

    with pytest.raises(Rejected) as refused:
        create(port)

    assert (refused.value.code, refused.value.request_id) == ("OverQuota", "R-7")


@pytest.mark.parametrize("group_id", [None, "", 7])
def test_a_create_that_tells_no_id_is_ambiguous(
    api: Canned, port: SlbLoadBalancers, group_id: object
) -> None:
    api.say(said(VServerGroupId=group_id))

    with pytest.raises(Ambiguous):
        create(port)


@pytest.mark.parametrize(
    "member",
    [{"ServerId": "i-1"}, {"ServerId": "i-1", "Port": "http"}, {"Port": 80}, 7, None],
)
def test_a_backend_that_cannot_be_read_makes_the_answer_unreadable(
    api: Canned, port: SlbLoadBalancers, member: object
) -> None:
    api.say(said(VServerGroupId="rsp-1", BackendServers={"BackendServer": [member]}))

    with pytest.raises(Retryable):
        read(port)


def test_a_debug_switch_of_the_sdk_that_trips_over_a_status_makes_a_write_ambiguous(
    api: Canned, port: SlbLoadBalancers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEBUG", "sdk")
    api.say(said(VServerGroupId="rsp-1"), 299)  # darabonba knows no name for it: TypeError

    with pytest.raises(Ambiguous):
        create(port)


@pytest.mark.parametrize(
    ("status", "said_id", "known"),
    [(400, "R-9", "R-9"), (500, "R-9", "R-9"), (400, None, "")],
)
def test_a_refusal_carries_the_request_id_that_it_was_answered_with(
    api: Canned, port: SlbLoadBalancers, status: int, said_id: str | None, known: str
) -> None:
    api.say(json.dumps({"Code": "NeverHeardOf", "RequestId": said_id}), status)

    with pytest.raises(ProvisionerError) as failed:
        create(port)

    assert failed.value.request_id == known


def test_an_endpoint_that_is_none_is_the_deployments_fault() -> None:
    connection = Connection(lambda: Credentials("key", "secret"), "http://[::1")
    port = SlbLoadBalancers(connection, FakeClock(), replayable())

    with pytest.raises(ConfigurationError):
        create(port)


def test_a_write_that_the_sdk_could_not_even_sign_was_not_sent(api: Canned) -> None:
    secret: Any = 7
    connection = Connection(lambda: Credentials("key", secret), api.url)
    port = SlbLoadBalancers(connection, FakeClock(), replayable())

    with pytest.raises(Retryable) as failed:
        create(port)

    assert failed.value.code == Code.UNREACHABLE.value
    assert api.asked == []


CALLS: dict[str, Callable[[SlbLoadBalancers], object]] = {
    "list": groups,
    "read": read,
    "create": create,
}


@pytest.mark.parametrize("call", CALLS)
def test_no_error_of_ours_repeats_what_the_api_or_the_request_said(
    api: Canned, port: SlbLoadBalancers, call: str
) -> None:
    refusal = {"Code": "NeverHeardOf", "Message": "CANARY-1", "RequestId": "CANARY-2"}
    api.say(json.dumps(refusal), 400, headers={"Date": DATE, "x-acs-retry-after": "nonsense"})

    with pytest.raises(ProvisionerError) as failed:
        CALLS[call](port)

    for text in (str(failed.value), repr(failed.value), failed.value.message):
        assert "CANARY" not in text
        assert "lb-1" not in text


class Gate:
    """Holds an answer back until the test lets it go."""

    def __init__(self) -> None:
        self._asked, self._open = threading.Event(), threading.Event()

    def hold(self) -> None:
        self._asked.set()
        self._open.wait(60)

    @contextmanager
    def held(self, call: Callable[[], object]) -> Iterator[None]:
        """While `call` waits for its answer."""
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(call)
            assert self._asked.wait(60)
            try:
                yield
            finally:
                self._open.set()
            waiting.result()


def test_one_load_balancer_is_changed_by_one_call_at_a_time(
    api: Canned, port: SlbLoadBalancers
) -> None:
    gate = Gate()
    api.say(said(VServerGroups={"VServerGroup": [{"VServerGroupId": "rsp-of-lb-1"}]}))
    api.say(said(VServerGroupId="rsp-1"), before=gate.hold)
    groups(port)

    with gate.held(lambda: create(port)), pytest.raises(Retryable) as late:
        port.rename_vserver_group(REGION, "rsp-of-lb-1", "new", within=0.01)

    assert late.value.code == Code.OUT_OF_TIME.value
    assert [query["Action"] for query in api.asked] == [
        "DescribeVServerGroups",
        "CreateVServerGroup",
    ]


def test_reads_and_changes_of_other_load_balancers_do_not_wait(
    api: Canned, port: SlbLoadBalancers
) -> None:
    gate = Gate()
    api.say(said(VServerGroupId="rsp-1"), before=gate.hold)
    api.say(said())
    api.say(said(VServerGroupId="rsp-2"))

    with gate.held(lambda: create(port)):
        assert groups(port) == ()
        assert create(port, VServerGroup(REGION, "lb-2", "web"))


class WatchedClock(FakeClock):
    def __init__(self) -> None:
        super().__init__()
        self.looked_at = threading.Event()

    def now(self) -> float:
        self.looked_at.set()
        return super().now()


def test_a_call_whose_turn_comes_too_late_is_not_sent(api: Canned) -> None:
    clock, gate = WatchedClock(), Gate()
    connection = Connection(lambda: Credentials("key", "secret"), api.url)
    port = SlbLoadBalancers(connection, clock, replayable())
    api.say(said(VServerGroupId="rsp-1"), before=gate.hold)

    with ThreadPoolExecutor(1) as pool, gate.held(lambda: create(port)):
        clock.looked_at.clear()
        second = pool.submit(port.create_vserver_group, GROUP, within=50)
        assert clock.looked_at.wait(60)
        clock.advance(100)
    with pytest.raises(Retryable) as late:
        second.result()

    assert late.value.code == Code.OUT_OF_TIME.value
    assert len(api.asked) == 1


def test_a_refused_change_ends_its_turn(api: Canned, port: SlbLoadBalancers) -> None:
    api.say(said(Code="InvalidParameter"), status=400)
    api.say(said(VServerGroupId="rsp-1"))

    with pytest.raises(Rejected):
        create(port)

    assert port.create_vserver_group(GROUP, within=0.5).value == "rsp-1"


def test_a_write_on_a_connection_that_the_server_has_closed_unsaid_is_sent_on_a_new_one(
    api: Canned, port: SlbLoadBalancers
) -> None:
    for name in ("first", "second"):
        api.say(said(VServerGroupId=name), then_close=True)

    assert port.create_vserver_group(GROUP, within=LONG).value == "first"
    assert api.closed.acquire(timeout=HANGING)
    assert port.create_vserver_group(GROUP, within=LONG).value == "second"
    assert len(api.asked) == 2


@pytest.mark.parametrize("why", [KeyError("a role"), None])
def test_why_there_are_no_credentials_stays_with_the_error_and_the_sdks_own_is_not_told(
    api: Canned, why: Exception | None
) -> None:
    missing = ConfigurationError("there are no credentials")
    missing.__cause__, missing.__suppress_context__ = why, False

    def nobody() -> Credentials:
        raise missing

    port = SlbLoadBalancers(Connection(nobody, api.url), FakeClock(), replayable())

    with pytest.raises(ConfigurationError) as refused:
        groups(port)

    assert refused.value is missing
    assert missing.__cause__ is why
    assert missing.__suppress_context__
    assert api.asked == []
