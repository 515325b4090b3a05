"""Which VServer groups a scaling group feeds, and what each of them should hold."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from builders import REGION, a_hook_request, a_request
from deployments import a_binding, servers
from provisioner.errors import Fault, Rejected, Skip
from provisioner.groups import naming
from provisioner.mapping import bindings
from provisioner.mapping.config import DeploymentConfig, parse_bindings
from provisioner.model import (
    Binding,
    DesiredGroup,
    EventRef,
    Instance,
    LifecycleResult,
    OnExisting,
    Request,
)

CANARY = "canary-4f1d"


def element(**changes: Any) -> dict[str, Any]:
    return {"ScalingGroupId": "asg-0001", "LoadBalancerId": "lb-0001", "Ports": [8080], **changes}


def problems(*elements: Any) -> dict[str, str]:
    read, found = parse_bindings(list(elements))
    assert read == ()
    return {problem.path: problem.message for problem in found}


def policy(*bound: Binding, **changes: Any) -> DeploymentConfig:
    return replace(DeploymentConfig(REGION, bound), **changes)


def mapped(request: Request, policy: DeploymentConfig) -> tuple[DesiredGroup, ...]:
    bound = bindings.find_bindings(request, policy) if request.backends is None else ()
    return bindings.map_request(request, bound, request.instances, policy)


def refused(request: Request, policy: DeploymentConfig) -> Rejected:
    with pytest.raises(Rejected) as raised:
        mapped(request, policy)
    return raised.value


def asks_for(*instance_ids: str, **changes: Any) -> Request:
    """Instances by a message, not by a hook."""
    request = Request(EventRef("direct", "e-1"), instances=tuple(map(Instance, instance_ids)))
    return replace(request, **changes)


def test_a_binding_is_read_with_all_its_keys_and_with_defaults() -> None:
    full = element(
        RegionId="cn-beijing",
        Weight=0,
        Type="eni",
        Description="blue",
        VServerGroupName="web-{content_hash}",
        FailureResult="ROLLBACK",
        MetadataMayOverride=["Weight"],
    )
    read, found = parse_bindings([element(), full])
    assert found == []
    assert read == (
        a_binding(),
        a_binding(
            region_id="cn-beijing",
            weight=0,
            type="eni",
            description="blue",
            name_template="web-{content_hash}",
            failure_result=LifecycleResult.ROLLBACK,
            metadata_may_override=frozenset({"Weight"}),
        ),
    )


def test_whole_numbers_are_read_as_such_however_json_wrote_them() -> None:
    (read,), _ = parse_bindings([element(Ports=[8080.0], Weight=50.0)])
    assert repr((read.ports, read.weight)) == "((8080,), 50)"


def test_every_problem_of_every_binding_is_told_at_once() -> None:
    assert problems(
        {"ScalingGroupId": "", "Ports": []},
        element(Ports=[0, "80"], Weight=101, Type="nlb", Wieght=1, VServerGroupName="{time}"),
        element(FailureResult="RETRY", MetadataMayOverride=["LoadBalancerId", "Weight", "Weight"]),
        7,
    ).keys() == {
        "/0/LoadBalancerId",
        "/0/Ports",
        "/0/ScalingGroupId",
        "/1/Ports/0",
        "/1/Ports/1",
        "/1/Type",
        "/1/VServerGroupName",
        "/1/Weight",
        "/1/Wieght",
        "/2/FailureResult",
        "/2/MetadataMayOverride",
        "/2/MetadataMayOverride/0",
        "/3",
    }


def test_a_template_that_no_event_can_fill_is_told_with_its_place() -> None:
    assert problems(element(), element(VServerGroupName="{time}")).keys() == {"/1/VServerGroupName"}


@pytest.mark.parametrize("value", [None, {}, "text", 7])
def test_bindings_are_a_list(value: Any) -> None:
    assert parse_bindings(value)[0] == ()
    assert [problem.path for problem in parse_bindings(value)[1]] == [""]


def test_two_bindings_that_would_fill_one_group_are_told() -> None:
    same = problems(element(), element(LoadBalancerId="lb-0002"), element(Ports=[8443]))
    assert same == {
        "/2/VServerGroupName": "names the same VServer group as /0; give each a VServerGroupName"
    }


def test_one_group_for_each_listener_is_no_collision() -> None:
    read, found = parse_bindings(
        [
            element(VServerGroupName="{scaling_group_id}-8080"),
            element(VServerGroupName="{scaling_group_id}-8443", Ports=[8443]),
            element(ScalingGroupId="asg-0002", VServerGroupName="{scaling_group_id}-8080"),
        ]
    )
    assert (len(read), found) == (3, [])


def test_a_hook_is_mapped_by_every_binding_of_its_scaling_group() -> None:
    other = a_binding(scaling_group_id="asg-0002")
    one, two = (
        a_binding(name_template=f"{{scaling_group_id}}-{port}", ports=(port,))
        for port in (8080, 8443)
    )
    first, second = mapped(a_hook_request(), policy(one, other, two))
    assert first.group.name == "asg-0001-8080"
    assert first.group.backends == servers(2)
    assert second.group.name == "asg-0001-8443"
    assert second.group.backends == servers(2, port=8443)
    assert first.from_hook
    assert first.on_existing is OnExisting.EXTEND


@pytest.mark.parametrize(
    ("group", "path"), [("asg-0002", "/ScalingGroupId"), ("", "/content/scalingGroupId")]
)
def test_a_hook_that_no_binding_knows_is_refused(group: str, path: str) -> None:
    error = refused(a_hook_request(scaling_group_id=group), policy(a_binding()))
    assert (error.code, error.path) == ("NoBinding", path)


def test_instances_without_a_scaling_group_are_mapped_by_the_only_binding_of_the_balancer() -> None:
    request = asks_for("i-0001", load_balancer_id="lb-0001")
    (desired,) = mapped(request, policy(a_binding(), a_binding(load_balancer_id="lb-0002")))
    assert desired.group.load_balancer_id == "lb-0001"
    assert desired.group.name == "asg-0001"
    assert not desired.from_hook


@pytest.mark.parametrize(
    ("bound", "path"),
    [
        ((), "/LoadBalancerId"),
        ((a_binding(), a_binding(scaling_group_id="asg-0002")), "/ScalingGroupId"),
    ],
)
def test_without_a_scaling_group_none_or_several_bindings_of_a_balancer_are_refused(
    bound: tuple[Binding, ...], path: str
) -> None:
    error = refused(asks_for("i-0001", load_balancer_id="lb-0001"), policy(*bound))
    assert (error.code, error.path) == ("NoBinding", path)


def test_a_balancer_named_besides_the_scaling_group_chooses_among_its_bindings() -> None:
    request = asks_for("i-0001", scaling_group_id="asg-0001", load_balancer_id="lb-0002")
    (desired,) = mapped(request, policy(a_binding(), a_binding(load_balancer_id="lb-0002")))
    assert desired.group.load_balancer_id == "lb-0002"


def test_one_name_does_not_fit_several_bindings() -> None:
    request = asks_for("i-0001", scaling_group_id="asg-0001", vserver_group_name="web")
    error = refused(request, policy(a_binding(), a_binding(load_balancer_id="lb-0002")))
    assert (error.code, error.path) == ("BindingUnfit", "/VServerGroupName")


def test_an_explicit_name_is_refused_where_it_stands_unless_asked_otherwise() -> None:
    request = asks_for("i-0001", scaling_group_id="asg-0001", vserver_group_name="web")
    (desired,) = mapped(request, policy(a_binding()))
    assert (desired.group.name, desired.on_existing) == ("web", OnExisting.REFUSE)
    (desired,) = mapped(replace(request, on_existing=OnExisting.MERGE), policy(a_binding()))
    assert desired.on_existing is OnExisting.MERGE


@pytest.mark.parametrize("region_id", ["", REGION, "cn-beijing", "cn-shanghai", "cn-shenzhen"])
def test_a_region_of_the_deployment_is_accepted(region_id: str) -> None:
    config = policy(
        a_binding(region_id="cn-beijing"), regions=frozenset({"cn-shanghai", "cn-shenzhen"})
    )
    bindings.check_region(a_request("direct", "e-1", region_id=region_id), config)
    bindings.check_region(a_hook_request(region_id=region_id), config)


@pytest.mark.parametrize("region_id", ["cn-hangzho", "oss-cn-hangzhou", "cn-beijing"])
def test_any_other_region_is_refused_where_it_is_named(region_id: str) -> None:
    for request, path in (
        (a_request("direct", "e-1", region_id=region_id), "/RegionId"),
        (a_hook_request(region_id=region_id), "/regionId"),
    ):
        with pytest.raises(Rejected) as raised:
            bindings.check_region(request, policy(a_binding()))
        assert (raised.value.code, raised.value.path) == ("InvalidRequest", path)
        assert region_id not in raised.value.message


def test_a_hook_that_no_binding_knows_is_skipped_where_the_deployment_says_so() -> None:
    config = policy(a_binding(), skip_unbound_hooks=True)
    with pytest.raises(Skip, match="without a binding"):
        bindings.find_bindings(a_hook_request(scaling_group_id="asg-0002"), config)
    assert bindings.find_bindings(a_hook_request(), config) == (a_binding(),)
    request = asks_for("i-0001", scaling_group_id="asg-0002")
    assert refused(request, config).code == "NoBinding"
    assert refused(a_hook_request(scaling_group_id=""), config).code == "NoBinding"


@pytest.mark.parametrize(
    ("of_binding", "of_request", "region"),
    [
        ("cn-beijing", "cn-shanghai", "cn-beijing"),
        ("", "cn-shanghai", "cn-shanghai"),
        ("", "", REGION),
    ],
)
def test_the_region_is_the_bindings_or_the_requests_or_the_functions(
    of_binding: str, of_request: str, region: str
) -> None:
    request = a_hook_request(region_id=of_request)
    (desired,) = mapped(request, policy(a_binding(region_id=of_binding)))
    assert desired.group.region_id == region


def test_backends_that_are_named_need_no_binding() -> None:
    doubled = (*servers(2), *servers(2))
    (desired,) = mapped(a_request("direct", "e-1", backends=doubled, region_id=""), policy())
    assert desired.group.backends == servers(2)
    assert (desired.group.region_id, desired.on_existing) == (REGION, OnExisting.REFUSE)


def test_backends_without_a_name_are_refused_also_where_a_binding_could_name_their_group() -> None:
    request = a_request("direct", "e-1", vserver_group_name="")
    error = refused(request, policy(a_binding()))
    assert error.path == "/VServerGroupName"


@pytest.mark.parametrize(
    ("metadata", "weight", "ports"),
    [
        ('{"Weight": 7}', 7, (8080,)),
        ('{"Weight": "7"}', 7, (8080,)),
        ('{"Ports": [81, 80], "Weight": 7}', 7, (80, 81)),
        ('{"Type": "eci", "LoadBalancerId": "lb-0002"}', 100, (8080,)),
        ("{}", 100, (8080,)),
        ("not JSON", 100, (8080,)),
        ("[1]", 100, (8080,)),
        ("7", 100, (8080,)),
        ("[" * 100_000, 100, (8080,)),
        ("", 100, (8080,)),
    ],
)
def test_metadata_changes_what_the_binding_opens_to_it_and_nothing_else(
    metadata: str, weight: int, ports: tuple[int, ...]
) -> None:
    binding = a_binding(metadata_may_override=frozenset({"Weight", "Ports"}))
    (desired,) = mapped(a_hook_request(metadata=metadata), policy(binding))
    assert {(b.port, b.weight, b.type) for b in desired.group.backends} == {
        (port, weight, "ecs") for port in ports
    }
    assert desired.group.load_balancer_id == "lb-0001"


@pytest.mark.parametrize(
    ("metadata", "path"),
    [
        ({"Weight": 101}, "/NotificationMetadata/Weight"),
        ({"Weight": CANARY}, "/NotificationMetadata/Weight"),
        ({"Ports": [80, CANARY]}, "/NotificationMetadata/Ports/1"),
        ({"VServerGroupName": f"{CANARY} "}, "/NotificationMetadata/VServerGroupName"),
    ],
)
def test_metadata_that_breaks_a_rule_is_refused_with_its_place_and_not_repeated(
    metadata: Any, path: str
) -> None:
    binding = a_binding(metadata_may_override=frozenset({"Weight", "Ports", "VServerGroupName"}))
    error = refused(a_hook_request(metadata=json.dumps(metadata)), policy(binding))
    assert (error.code, error.path) == ("BindingUnfit", path)
    assert CANARY not in str(error)


@pytest.mark.parametrize(
    ("template", "metadata"),
    [("asg-0001", ""), ("web-2", '{"VServerGroupName": "asg-0001"}')],
)
def test_two_bindings_that_come_to_one_group_by_different_ways_are_refused(
    template: str, metadata: str
) -> None:
    twin = a_binding(
        ports=(8443,), name_template=template, metadata_may_override=frozenset({"VServerGroupName"})
    )
    error = refused(a_hook_request(metadata=metadata), policy(a_binding(), twin))
    assert (error.code, error.path) == ("BindingUnfit", "/VServerGroupName")


@pytest.mark.parametrize(("number", "fits"), [(200, True), (201, False)])
def test_more_backends_than_one_balancer_may_hold_are_refused_before_any_call(
    number: int, fits: bool
) -> None:
    request = a_request("direct", "e-1", backends=servers(number))
    if fits:
        assert len(mapped(request, policy())[0].group.backends) == number
        return
    error = refused(request, policy())
    assert (error.code, error.fault) == ("QuotaExceeded", Fault.CONFLICT)
    assert len(mapped(request, policy(backend_quota=201))[0].group.backends) == 201


@pytest.mark.parametrize("kind", ["eni", "eci"])
def test_an_instance_without_the_address_that_its_type_needs_is_refused(kind: str) -> None:
    error = refused(a_hook_request(), policy(a_binding(type=kind)))
    assert (error.code, error.path) == ("BindingUnfit", "/Instances")
    assert "2 instance(s)" in error.message


def test_an_instance_is_not_sent_as_a_network_interface() -> None:
    at = [Instance(f"i-{n}", server_ip=f"10.0.0.{n}") for n in (1, 2)]
    request = replace(asks_for(scaling_group_id="asg-0001"), instances=tuple(at))
    error = refused(request, policy(a_binding(type="eni")))
    assert (error.code, error.path) == ("BindingUnfit", "/Instances")
    assert "2 instance(s)" in error.message
    by_interface = replace(request, instances=(replace(at[0], instance_id="eni-1"),))
    (desired,) = mapped(by_interface, policy(a_binding(type="eni")))
    assert desired.group.backends[0].server_id == "eni-1"


def test_a_name_that_comes_out_too_long_is_refused() -> None:
    long = "x" * 70 + "{scaling_activity_id}"
    error = refused(
        a_hook_request(scaling_activity_id="asa-" + "0" * 20), policy(a_binding(name_template=long))
    )
    assert (error.code, error.path) == ("BindingUnfit", "/VServerGroupName")


def test_a_name_by_the_activity_is_refused_where_an_event_has_none() -> None:
    by_activity = a_binding(name_template="web-{scaling_activity_id}")
    error = refused(asks_for("i-0001", scaling_group_id="asg-0001"), policy(by_activity))
    assert (error.code, error.path) == ("BindingUnfit", "/VServerGroupName")
    (desired,) = mapped(a_hook_request(), policy(by_activity))
    assert desired.group.name == "web-asa-0001"


def test_ownership_is_marked_by_tags_beside_the_requests_own() -> None:
    (desired,) = mapped(a_request("direct", "e-1", tags={"team": "a"}), policy())
    assert desired.group.tags == {"team": "a", **naming.build_owner_tags(desired.fingerprint)}
    assert desired.group.backends[0].description == ""


def test_a_name_that_the_binding_alone_tells_is_checked_at_once() -> None:
    one = {"ScalingGroupId": "asg:1", "LoadBalancerId": "lb-1", "Ports": [80]}
    _, found = parse_bindings([one])
    assert [problem.path for problem in found] == ["/0/VServerGroupName"]


@pytest.mark.parametrize("name", ["{scaling_group_id}", "web"])
def test_an_empty_group_is_not_deleted_if_its_name_may_be_wanted_again(name: str) -> None:
    one = {"ScalingGroupId": "asg-1", "LoadBalancerId": "lb-1", "Ports": [80]}
    _, found = parse_bindings([one | {"DeleteEmpty": True, "VServerGroupName": name}])
    (problem,) = found
    assert problem.path == "/0/VServerGroupName"
    assert "must hold {scaling_activity_id} or {content_hash}" in problem.message
    for fact in ("scaling_activity_id", "content_hash"):
        unique = one | {"DeleteEmpty": True, "VServerGroupName": f"web-{{{fact}}}"}
        assert parse_bindings([unique])[1] == []


def test_metadata_cannot_name_a_group_that_is_then_deleted_although_it_is_wanted_again() -> None:
    binding = a_binding(
        name_template="web-{content_hash}",
        delete_empty=True,
        metadata_may_override=frozenset({"VServerGroupName"}),
    )
    named = a_hook_request(metadata='{"VServerGroupName": "web"}')
    error = refused(named, policy(binding))
    assert (error.code, error.path) == ("BindingUnfit", "/NotificationMetadata/VServerGroupName")
    renamed = a_hook_request(metadata='{"VServerGroupName": "other-{content_hash}"}')
    (desired,) = mapped(renamed, policy(binding))
    assert desired.group.name.startswith("other-")


def test_a_content_hash_covers_the_instances_that_the_event_named_gone_or_not() -> None:
    request = a_hook_request()
    rules = policy(a_binding(name_template="web-{content_hash}"))
    bound = bindings.find_bindings(request, rules)
    all_there = bindings.map_request(request, bound, request.instances, rules)
    one_gone = bindings.map_request(request, bound, request.instances[:1], rules)
    assert all_there[0].group.name == one_gone[0].group.name
    assert all_there[0].fingerprint == one_gone[0].fingerprint
