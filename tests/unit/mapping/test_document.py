"""The request document: what it may look like, and what is said of what it may not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from builders import ABSENT, document
from provisioner.errors import Fault, Rejected
from provisioner.mapping.document import (
    parse_request,
    parse_whole_number,
    render_backend_servers,
)
from provisioner.mapping.strict_json import parse_json
from provisioner.model import Backend, EventRef, Instance, OnExisting, Request

CANARY = "canary-4f1d"
EVENT = EventRef("direct", "e-1")
API_PAGE_EXAMPLE = (
    "[{'ServerId':'vm-233','Port':'80','Weight':'100'},"
    "{'ServerId':'vm-232','Port':'90','Weight':'100'},"
    "{'ServerId':'vm-231','Port':'70','Weight':'100'}]"
)
NAME_RULE = "must be 1 to 80 letters, digits (Chinese characters too) or any of - / . _"
TAG_RULE = (
    "must not begin with aliyun or acs:, and not contain http://, https:// or control characters"
)
ADDRESS_RULE = "must be an IPv4 or IPv6 address"
TOP_KEYS = (
    "the keys are Action, BackendServers, DryRun, Instances, LoadBalancerId, OnExisting, "
    "RegionId, ScalingGroupId, Tag, VServerGroupName"
)
BACKEND_KEYS = "the keys are Description, Port, ServerId, ServerIp, Type, Weight"


def read(**changes: Any) -> Request:
    return parse_request(document(**changes), EVENT)


def refused(value: Any) -> dict[str, str]:
    with pytest.raises(Rejected) as raised:
        parse_request(value, EVENT)
    assert raised.value.code == "InvalidRequest"
    assert raised.value.fault is Fault.INVALID
    problems = raised.value.problems
    assert len({problem.path for problem in problems}) == len(problems), problems
    return {problem.path: problem.message for problem in problems}


def server(**changes: Any) -> dict[str, Any]:
    given = {"ServerId": "i-0001", "Port": 8080, "Weight": 100, **changes}
    return {key: value for key, value in given.items() if value is not ABSENT}


def test_a_request_is_read_as_it_is_written() -> None:
    tags = [{"Key": "team", "Value": ""}]
    assert read(Tag=tags, OnExisting="merge", DryRun=True, Action="CreateVServerGroup") == Request(
        event=EVENT,
        region_id="cn-hangzhou",
        load_balancer_id="lb-0001",
        vserver_group_name="web-8080",
        backends=(Backend("i-0001", 8080, 100),),
        tags={"team": ""},
        on_existing=OnExisting.MERGE,
        dry_run=True,
    )


def test_the_example_of_the_api_page_is_read() -> None:
    assert read(BackendServers=API_PAGE_EXAMPLE).backends == (
        Backend("vm-233", 80, 100),
        Backend("vm-232", 90, 100),
        Backend("vm-231", 70, 100),
    )


@pytest.mark.parametrize("spell", [json.dumps, str, lambda servers: servers])
def test_backends_are_read_from_json_from_the_apis_string_form_and_from_a_list(spell: Any) -> None:
    servers = spell([server(Port="8080", Weight=7.0)])
    assert read(BackendServers=servers).backends == (Backend("i-0001", 8080, 7),)


def test_a_quote_within_real_json_stays_a_quote() -> None:
    problems = refused(document(BackendServers=json.dumps([server(Description="it's")])))
    assert problems == {"/BackendServers/0/Description": NAME_RULE}


def respell_keys(value: Any, spell: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {spell(key): respell_keys(each, spell) for key, each in value.items()}
    return [respell_keys(each, spell) for each in value] if isinstance(value, list) else value


SPELLINGS = [str, str.lower, str.upper, str.swapcase]


@pytest.mark.parametrize("spell", SPELLINGS)
def test_keys_match_in_any_case(spell: Callable[[str], str]) -> None:
    backend = server(Type="eni", ServerId="eni-0001", ServerIp="10.0.0.1", Description="blue")
    written = document(
        Action="CreateVServerGroup",
        BackendServers=[backend],
        Tag=[{"Key": "Team", "Value": "A"}],
        ScalingGroupId="asg-0001",
        OnExisting="merge",
        DryRun=True,
    )
    assert parse_request(respell_keys(written, spell), EVENT) == Request(
        event=EVENT,
        region_id="cn-hangzhou",
        load_balancer_id="lb-0001",
        vserver_group_name="web-8080",
        scaling_group_id="asg-0001",
        backends=(
            Backend("eni-0001", 8080, 100, type="eni", server_ip="10.0.0.1", description="blue"),
        ),
        tags={"Team": "A"},
        on_existing=OnExisting.MERGE,
        dry_run=True,
    )


@pytest.mark.parametrize("spell", SPELLINGS)
def test_keys_of_instances_match_in_any_case(spell: Callable[[str], str]) -> None:
    instance = {"InstanceId": "i-0001", "Weight": 50, "ServerIp": "10.0.0.1"}
    written = document(BackendServers=ABSENT, Instances=[instance])
    request = parse_request(respell_keys(written, spell), EVENT)
    assert request.instances == (Instance("i-0001", 50, "10.0.0.1"),)


def test_the_description_of_a_backend_is_kept() -> None:
    request = read(BackendServers=[server(Description="blue"), server(Port=81)])
    assert [backend.description for backend in request.backends or ()] == ["blue", ""]


def test_an_instance_is_an_id_or_an_object() -> None:
    request = read(
        BackendServers=ABSENT,
        ScalingGroupId="asg-0001",
        Instances=["i-0001", {"instanceid": "i-0002", "Weight": "0", "ServerIp": "10.0.0.2"}],
    )
    assert request.instances == (Instance("i-0001"), Instance("i-0002", 0, "10.0.0.2"))
    assert request.backends is None


def test_a_weight_left_out_is_100_and_counts_as_not_named() -> None:
    request = read(BackendServers=[server(Weight=ABSENT), server(Port=81, Weight=100)])
    assert request.backends is not None
    assert [(b.weight, b.weight_is_explicit) for b in request.backends] == [
        (100, False),
        (100, True),
    ]


@pytest.mark.parametrize("empty", [[], "[]", ABSENT])
def test_a_group_without_backends_is_an_empty_group(empty: Any) -> None:
    assert read(BackendServers=empty).backends == ()


def test_tags_may_be_given_as_tag_or_as_tags() -> None:
    tags = [{"Key": "env", "Value": "prod"}]
    assert read(Tag=tags) == read(Tags=tags) == read(TAGS=tags)
    assert read(Tag=tags).tags == {"env": "prod"}


def test_an_address_may_be_of_either_version() -> None:
    servers = [server(Type="eni", ServerIp=address) for address in ("10.0.0.1", "2001:db8::1")]
    addresses = [backend.server_ip for backend in read(BackendServers=servers).backends or ()]
    assert addresses == ["10.0.0.1", "2001:db8::1"]


def test_the_suffix_of_an_endpoint_inside_a_vpc_is_no_part_of_a_region() -> None:
    assert read(RegionId="cn-hangzhou-vpc").region_id == "cn-hangzhou"


@pytest.mark.parametrize(("spelt", "meant"), [("true", True), ("False", False), (True, True)])
def test_dry_run_may_be_spelt_as_a_string(spelt: Any, meant: bool) -> None:
    assert read(DryRun=spelt).dry_run is meant


@pytest.mark.parametrize("spelt", ["merge", "Merge", "MERGE"])
def test_on_existing_is_known_in_any_case(spelt: str) -> None:
    assert read(OnExisting=spelt).on_existing is OnExisting.MERGE


def test_what_to_do_with_an_existing_group_is_open_where_nothing_is_said() -> None:
    assert read().on_existing is None


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("80", 80),
        (" 80 ", 80),
        (80.0, 80),
        ("80.0", "80.0"),
        ("", ""),
        ("-1", "-1"),
        ("٨٠", "٨٠"),
        ("1" * 10, "1" * 10),
        (80.5, 80.5),
        (True, True),
        (None, None),
    ],
)
def test_a_whole_number_is_read_only_from_what_plainly_spells_one(value: Any, meant: Any) -> None:
    read_as = parse_whole_number(value)
    assert (read_as, type(read_as)) == (meant, type(meant))


def long(length: int) -> str:
    return "x" * length


RULES: list[tuple[dict[str, Any], dict[str, str]]] = [
    # the document
    ({"Wieght": 1}, {"/Wieght": f"unknown key 'Wieght'; {TOP_KEYS}"}),
    ({"ClientToken": "t"}, {"/ClientToken": f"unknown key 'ClientToken'; {TOP_KEYS}"}),
    ({"Action": "DeleteVServerGroup"}, {"/Action": "must be CreateVServerGroup"}),
    ({"regionid": "cn-beijing"}, {"/RegionId": "RegionId is given twice"}),
    ({"RegionId": 7}, {"/RegionId": "must be a string, is an integer"}),
    ({"RegionId": "HZ"}, {"/RegionId": "must be a region like cn-hangzhou"}),
    ({"RegionId": "cn-hangzhou\n"}, {"/RegionId": "must be a region like cn-hangzhou"}),
    ({"RegionId": "a-" + long(64)}, {"/RegionId": "must have at most 64 characters"}),
    ({"LoadBalancerId": ABSENT}, {"/LoadBalancerId": "is required"}),
    ({"LoadBalancerId": ""}, {"/LoadBalancerId": "must have at least 1 character(s)"}),
    ({"LoadBalancerId": None}, {"/LoadBalancerId": "must be a string, is null"}),
    ({"LoadBalancerId": long(257)}, {"/LoadBalancerId": "must have at most 256 characters"}),
    ({"VServerGroupName": "a b"}, {"/VServerGroupName": NAME_RULE}),
    ({"VServerGroupName": "web\n"}, {"/VServerGroupName": NAME_RULE}),
    ({"VServerGroupName": long(81)}, {"/VServerGroupName": "must have at most 80 characters"}),
    (
        {"VServerGroupName": "pending-claim/x"},
        {
            "/VServerGroupName": (
                "must not begin with pending-claim/, which marks unfinished groups"
            )
        },
    ),
    ({"ScalingGroupId": ""}, {"/ScalingGroupId": "must have at least 1 character(s)"}),
    ({"OnExisting": "extend"}, {"/OnExisting": "must be one of refuse, merge"}),
    ({"OnExisting": True}, {"/OnExisting": "must be one of refuse, merge"}),
    ({"DryRun": "yes"}, {"/DryRun": "must be a boolean, is a string"}),
    ({"DryRun": 1}, {"/DryRun": "must be a boolean, is an integer"}),
    # what is wanted
    ({"VServerGroupName": ABSENT}, {"/VServerGroupName": "is required"}),
    (
        {"VServerGroupName": ABSENT, "ScalingGroupId": "asg-0001"},
        {"/VServerGroupName": "is required"},
    ),
    ({"Instances": ["i-0001"]}, {"": "must not have both BackendServers and Instances"}),
    (
        {"BackendServers": ABSENT, "ScalingGroupId": "asg-0001"},
        {"": "must have Instances (or BackendServers) beside ScalingGroupId"},
    ),
    (
        {"BackendServers": ABSENT, "Instances": ["i-0001"], "LoadBalancerId": ABSENT},
        {"/LoadBalancerId": "is required"},
    ),
    (
        {"BackendServers": ABSENT, "Instances": []},
        {"/Instances": "must have at least 1 element(s)"},
    ),
    (
        {"BackendServers": ABSENT, "Instances": "i-0001"},
        {"/Instances": "must be a list, is a string"},
    ),
    (
        {"BackendServers": ABSENT, "Instances": [7, {}, {"InstanceId": ""}, {"Ip": 1}]},
        {
            "/Instances/0": "must be an object, is an integer",
            "/Instances/1/InstanceId": "is required",
            "/Instances/2/InstanceId": "must have at least 1 character(s)",
            "/Instances/3/InstanceId": "is required",
            "/Instances/3/Ip": "unknown key 'Ip'; the keys are InstanceId, ServerIp, Weight",
        },
    ),
    (
        {"BackendServers": ABSENT, "Instances": [{"InstanceId": "i", "Weight": 101}]},
        {"/Instances/0/Weight": "must be at most 100"},
    ),
    # backends
    ({"BackendServers": None}, {"/BackendServers": "must be a list, is null"}),
    ({"BackendServers": "{}"}, {"/BackendServers": "must be a list, is an object"}),
    (
        {"BackendServers": "i-0001:80"},
        {"/BackendServers": "must be a list or a string with a JSON list"},
    ),
    ({"BackendServers": ["i-1"]}, {"/BackendServers/0": "must be an object, is a string"}),
    (
        {"BackendServers": [{}]},
        {
            "/BackendServers/0/ServerId": "is required",
            "/BackendServers/0/Port": "is required",
        },
    ),
    (
        {"BackendServers": [server(), server(Wieght=1)]},
        {"/BackendServers/1/Wieght": f"unknown key 'Wieght'; {BACKEND_KEYS}"},
    ),
    (
        {"BackendServers": [server(port=1)]},
        {"/BackendServers/0/Port": "Port is given twice"},
    ),
    ({"BackendServers": [server(Port=0)]}, {"/BackendServers/0/Port": "must be at least 1"}),
    (
        {"BackendServers": [server(Port=65536)]},
        {"/BackendServers/0/Port": "must be at most 65535"},
    ),
    (
        {"BackendServers": [server(Port="http")]},
        {"/BackendServers/0/Port": "must be an integer, is a string"},
    ),
    (
        {"BackendServers": [server(Port=80.5)]},
        {"/BackendServers/0/Port": "must be an integer, is a number"},
    ),
    (
        {"BackendServers": [server(Port=True)]},
        {"/BackendServers/0/Port": "must be an integer, is a boolean"},
    ),
    ({"BackendServers": [server(Weight=-1)]}, {"/BackendServers/0/Weight": "must be at least 0"}),
    ({"BackendServers": [server(Weight=101)]}, {"/BackendServers/0/Weight": "must be at most 100"}),
    (
        {"BackendServers": [server(Weight=None)]},
        {"/BackendServers/0/Weight": "must be an integer, is null"},
    ),
    (
        {"BackendServers": [server(ServerId=[])]},
        {"/BackendServers/0/ServerId": "must be a string, is a list"},
    ),
    (
        {"BackendServers": [server(Type="nlb")]},
        {"/BackendServers/0/Type": "must be one of ecs, eni, eci"},
    ),
    (
        {"BackendServers": [server(Type="eni"), server(Type="eci", Port=81)]},
        {
            "/BackendServers/0/ServerIp": "is required",
            "/BackendServers/1/ServerIp": "is required",
        },
    ),
    (
        {"BackendServers": [server(Description="a b")]},
        {"/BackendServers/0/Description": NAME_RULE},
    ),
    (
        {"BackendServers": [server(Weight=1), server(Weight=2)]},
        {"/BackendServers/1/Weight": "differs from the Weight of the same backend before it"},
    ),
    (
        {"BackendServers": [server(Weight=ABSENT), server(Weight=50)]},
        {"/BackendServers/1/Weight": "differs from the Weight of the same backend before it"},
    ),
    *(
        (
            {"BackendServers": [server(Type="eni", ServerIp=address)]},
            {"/BackendServers/0/ServerIp": ADDRESS_RULE},
        )
        for address in ("", "10.0.0", "10.0.0.256", "10.0.0.1/24", "host", "10.0.0.1\n", long(65))
    ),
    (
        {"BackendServers": [server(Type="eni", ServerIp=7)]},
        {"/BackendServers/0/ServerIp": "must be a string, is an integer"},
    ),
    (
        {"BackendServers": ABSENT, "Instances": [{"InstanceId": "i", "ServerIp": "host"}]},
        {"/Instances/0/ServerIp": ADDRESS_RULE},
    ),
    # tags
    ({"Tag": [{"Key": "a", "Value": "\t"}]}, {"/Tag/0/Value": TAG_RULE}),
    ({"Tag": [], "Tags": []}, {"/Tag": "Tag is given twice"}),
    ({"Tag": {"a": "b"}}, {"/Tag": "must be a list, is an object"}),
    (
        {"Tag": [{"Key": f"k{n}", "Value": ""} for n in range(19)]},
        {"/Tag": "must have at most 18 elements"},
    ),
    ({"Tag": [{"Key": "a"}]}, {"/Tag/0/Value": "is required"}),
    (
        {"Tag": [{"Key": "", "Value": ""}]},
        {"/Tag/0/Key": "must have at least 1 character(s)"},
    ),
    (
        {"Tag": [{"Key": long(65), "Value": long(129)}]},
        {
            "/Tag/0/Key": "must have at most 64 characters",
            "/Tag/0/Value": "must have at most 128 characters",
        },
    ),
    *(
        (
            {"Tag": [{"Key": key, "Value": ""}]},
            {"/Tag/0/Key": TAG_RULE},
        )
        for key in ("aliyun-x", "acs:x", "see https://x", "a http://x", "a\nb", "\x00", "\x7f")
    ),
    (
        {"Tag": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]},
        {"/Tag/1/Key": "is given before, or reserved; use another Key"},
    ),
    (
        {"Tag": [{"Key": "vservergroup-provisioner", "Value": "1"}]},
        {"/Tag/0/Key": "is given before, or reserved; use another Key"},
    ),
    (
        {"Tag": [{"Key": "vservergroup-provisioner-request", "Value": "1"}]},
        {"/Tag/0/Key": "is given before, or reserved; use another Key"},
    ),
]


@pytest.mark.parametrize(("changes", "problems"), RULES)
def test_what_breaks_a_rule_is_refused_with_its_pointer_and_the_rule(
    changes: dict[str, Any], problems: dict[str, str]
) -> None:
    assert refused(document(**changes)) == problems


@pytest.mark.parametrize(
    ("value", "problems"),
    [
        ([], {"": "must be an object, is a list"}),
        (None, {"": "must be an object, is null"}),
        ("text", {"": "must be an object, is a string"}),
        (
            {},
            {
                "/LoadBalancerId": "is required",
                "/VServerGroupName": "is required",
            },
        ),
    ],
)
def test_what_is_no_request_at_all_is_refused(value: Any, problems: dict[str, str]) -> None:
    assert refused(value) == problems


def test_every_problem_is_told_at_once_in_the_order_of_the_document() -> None:
    problems = refused(document(RegionId=7, BackendServers=[server(Port=0)] * 11))
    assert list(problems)[-3:] == [
        "/BackendServers/9/Port",
        "/BackendServers/10/Port",
        "/RegionId",
    ]
    assert len(problems) == 12


def test_of_a_document_that_is_all_wrong_the_first_hundred_problems_are_told() -> None:
    assert len(refused(document(BackendServers=[server(Port=0)] * 5000))) == 100


def test_two_backends_that_differ_by_address_may_differ_in_weight() -> None:
    servers = [server(Type="eni", ServerIp=f"10.0.0.{n}", Weight=n) for n in (1, 2)]
    assert len(read(BackendServers=servers).backends or ()) == 2


def test_a_message_holds_no_value_of_the_document() -> None:
    poison = {
        **dict.fromkeys(("Action", "OnExisting", "DryRun", "Tag", "Instances"), CANARY),
        "RegionId": f"{CANARY}/",
        "VServerGroupName": f"{CANARY} ",
        "BackendServers": [
            server(Port=CANARY, Weight=[CANARY], Type=CANARY, Description=f"{CANARY} ")
        ],
    }
    with pytest.raises(Rejected) as raised:
        parse_request(document(**poison), EVENT)
    told = [f"{problem.path} {problem.message}" for problem in raised.value.problems]
    assert len(told) >= 10
    assert not [text for text in [str(raised.value), *told] if CANARY in text]


def test_a_key_is_named_but_not_at_any_length_and_in_ascii() -> None:
    (path,) = refused(document(**{"k" * 500: 1}))
    assert len(path) < 80
    (path,) = refused(document(**{"ключ/~": 1}))
    assert path == r"/\u043a\u043b\u044e\u0447~1~0"


@pytest.mark.parametrize("text", ['{"Port": NaN}', "[Infinity]", "-Infinity"])
def test_what_json_does_not_know_is_no_json(text: str) -> None:
    with pytest.raises(Rejected) as raised:
        parse_json(text, part="the body")
    assert raised.value.fault is Fault.UNREADABLE
    assert refused(document(BackendServers=text)).keys() == {"/BackendServers"}


@pytest.mark.parametrize("text", ["\ufeff{}", "[" * 100_000, "{'a': 1}", ""])
def test_a_text_that_is_no_json_is_unreadable_and_not_repeated(text: str) -> None:
    with pytest.raises(Rejected) as raised:
        parse_json(text, part="the body")
    assert raised.value.message == "the body is not JSON in UTF-8"


def test_backend_servers_nested_without_end_are_refused() -> None:
    assert refused(document(BackendServers="[" * 100_000)).keys() == {"/BackendServers"}


def test_backends_are_written_in_the_apis_words() -> None:
    assert render_backend_servers(
        [
            Backend("i-1", 80, 0, server_ip="10.0.0.9", description="blue"),
            Backend("eni-1", 80, type="eni", server_ip="10.0.0.1"),
            Backend("eni-2", 80, type="eni"),
        ]
    ) == [
        {"ServerId": "i-1", "Port": 80, "Weight": 0, "Description": "blue"},
        {"ServerId": "eni-1", "Port": 80, "Weight": 100, "Type": "eni", "ServerIp": "10.0.0.1"},
        {"ServerId": "eni-2", "Port": 80, "Weight": 100, "Type": "eni"},
    ]
