"""The world that is invented for an event: who is named is there once, and nothing contradicts."""

from __future__ import annotations

from typing import Any

import builders
from opskit.world import LOAD_BALANCER, SCALING_GROUP, World, world_of
from provisioner.mapping.config import parse_bindings
from provisioner.model import Request
from provisioner.triggers import decode


def world(*events: dict[str, Any]) -> World:
    items = decode(builders.as_bytes(list(events)))
    requests = [item for item in items if isinstance(item, Request)]
    assert len(requests) == len(events), items
    made = world_of(requests)
    assert parse_bindings(list(made.bindings.values()))[1] == []
    return made


def hook(number: int = 1, **content: Any) -> dict[str, Any]:
    return builders.hook_message(lifecycleHookId=f"ash-{number:04}", **content)


def scaled(group: Any = "asg-0001", balancer: Any = "lb-0001", **more: Any) -> dict[str, Any]:
    """A document with instances."""
    unnamed = {"VServerGroupName": builders.ABSENT, "BackendServers": builders.ABSENT}
    named = {"ScalingGroupId": group, "LoadBalancerId": balancer, "Instances": ["i-0001"]}
    return builders.document(**unnamed | named | more)


def tokens(made: World) -> list[str]:
    return [action["LifecycleActionToken"] for action in made.seed()["LifecycleActions"]]


def activities(made: World) -> set[str]:
    return {action["ScalingActivityId"] for action in made.actions}


def test_two_hooks_of_one_activity_without_tokens_get_one_each() -> None:
    bare = {"lifecycleActionToken": builders.ABSENT}

    made = world(hook(1, **bare), hook(2, **bare))

    assert len(set(tokens(made))) == 2
    assert activities(made) == {"asa-0001"}


def test_of_two_hooks_that_share_a_token_the_first_keeps_it() -> None:
    first, second = tokens(world(hook(1), hook(2)))

    assert first == builders.TOKEN
    assert second not in {"", builders.TOKEN}


def test_a_message_without_its_token_is_about_the_action_that_another_one_tells_of() -> None:
    made = world(hook(lifecycleActionToken=builders.ABSENT), hook())

    assert tokens(made) == [builders.TOKEN]


def test_hooks_of_one_group_with_tokens_only_wait_in_one_activity() -> None:
    made = world(
        hook(1, scalingActivityId=builders.ABSENT, lifecycleActionToken="t1"),
        hook(2, scalingActivityId=builders.ABSENT, lifecycleActionToken="t2"),
    )

    assert tokens(made) == ["t1", "t2"]
    assert len(activities(made)) == 1
    assert {i["ScalingActivityId"] for i in made.instances.values()} == activities(made)


def test_a_hook_without_its_activity_takes_the_one_that_another_names_wherever_it_stands() -> None:
    made = world(
        hook(1, scalingActivityId=builders.ABSENT, lifecycleActionToken="t1"),
        hook(2, lifecycleActionToken="t2"),
    )

    assert activities(made) == {"asa-0001"}


def test_the_same_instances_in_another_group_are_in_another_activity() -> None:
    bare = {"scalingActivityId": builders.ABSENT}
    made = world(
        hook(1, **bare, lifecycleActionToken="t1"),
        hook(2, **bare, lifecycleActionToken="t2", scalingGroupId="asg-0002"),
    )

    assert len(activities(made)) == 2


def test_a_binding_is_of_the_region_of_its_load_balancer() -> None:
    made = world(builders.hook_message({"regionId": "cn-beijing"}))

    (binding,) = made.bindings.values()
    (balancer,) = made.load_balancers.values()
    assert (binding["LoadBalancerId"], binding["RegionId"]) == (
        f"{LOAD_BALANCER}-cn-beijing",
        "cn-beijing",
    )
    assert balancer["RegionId"] == "cn-beijing"


def test_what_is_named_in_two_regions_is_in_the_first_and_that_is_said_once() -> None:
    here, there = scaled(), scaled(RegionId="cn-beijing")

    made = world(here, there, there)

    assert [b["RegionId"] for b in made.load_balancers.values()] == ["cn-hangzhou"]
    assert [b["RegionId"] for b in made.bindings.values()] == ["cn-hangzhou"]
    (note,) = made.notes
    assert note.startswith("load balancer lb-0001 is named in cn-hangzhou and in cn-beijing")


def test_a_document_about_a_hooks_group_that_names_no_load_balancer_adds_no_binding() -> None:
    made = world(scaled(balancer=builders.ABSENT), hook())

    assert list(made.bindings) == [("asg-0001", LOAD_BALANCER)]


def test_a_hook_goes_to_the_load_balancer_that_a_document_names_for_its_group() -> None:
    made = world(hook(), scaled())

    assert list(made.bindings) == [("asg-0001", "lb-0001")]
    assert list(made.load_balancers) == ["lb-0001"]


def test_a_group_of_which_documents_name_two_load_balancers_is_bound_to_both() -> None:
    made = world(scaled(), scaled(balancer="lb-0002"), hook())

    assert list(made.bindings) == [("asg-0001", "lb-0001"), ("asg-0001", "lb-0002")]


def test_a_document_without_a_scaling_group_uses_the_binding_of_its_load_balancer() -> None:
    made = world(scaled(group=builders.ABSENT), scaled())

    assert list(made.bindings) == [("asg-0001", "lb-0001")]


def test_an_invented_scaling_group_is_nobodys_who_waits_at_a_hook() -> None:
    made = world(scaled(group=builders.ABSENT), hook(scalingGroupId=SCALING_GROUP))

    assert list(made.bindings) == [
        (SCALING_GROUP, LOAD_BALANCER),
        (f"{SCALING_GROUP}-of-lb-0001", "lb-0001"),
    ]


def test_a_group_whose_id_is_no_name_of_a_vserver_group_is_given_one() -> None:
    id_ = "g" * 256
    (binding,) = world(hook(scalingGroupId=id_)).bindings.values()
    assert binding["ScalingGroupId"] == id_
    assert binding["VServerGroupName"].startswith("scaling-group-")


def test_instances_that_leave_are_in_the_group_that_the_function_made_for_them() -> None:
    made = world(hook(lifecycleTransition="SCALE_IN"))

    assert {i["LifecycleState"] for i in made.instances.values()} == {"Removing:Wait"}
    (scaling_group,) = made.scaling_groups.values()
    (waiting,) = scaling_group["LifecycleHooks"]
    assert (waiting["LifecycleTransition"], waiting["DefaultResult"]) == ("SCALE_IN", "CONTINUE")
    (group,) = made.seed()["VServerGroups"]
    assert group["VServerGroupName"] == "asg-0001"
    assert [backend["ServerId"] for backend in group["BackendServers"]] == ["i-0001", "i-0002"]
    assert "vservergroup-provisioner" in {tag["Key"] for tag in group["Tags"]}
