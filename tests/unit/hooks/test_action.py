"""A message claims, ESS knows: what a hook's message says is checked against ESS's record."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from builders import a_hook_request
from deployments import (
    Deployment,
    a_binding,
    answers,
    codes,
    deployment,
    instance,
    servers,
    untouched,
    waiting,
)
from provisioner.model import Instance, LifecycleResult, Request, Transition

HOOK = a_hook_request()
WEIGHTS = a_binding(metadata_may_override=frozenset({"Weight"}))


def claim(**changes: Any) -> Request:
    """The message of the hook, with something else in it."""
    assert HOOK.action
    group = changes.get("scaling_group_id", HOOK.scaling_group_id)
    return replace(HOOK, action=replace(HOOK.action, **changes), scaling_group_id=group)


def is_left_alone(cloud: Deployment, message: Request, path: str) -> None:
    (outcome,) = cloud.complete(message)
    assert outcome.error
    assert (outcome.error.code, outcome.error.path) == ("HookMessageDiffers", path)
    assert codes(cloud) == ["HookMessageDiffers"]
    assert untouched(cloud)


@pytest.mark.parametrize("named", [("i-0009",), ("i-0001", "i-0002", "i-0009")])
def test_a_message_with_a_foreign_instance_is_refused_and_the_hook_left_alone(
    named: tuple[str, ...],
) -> None:
    cloud = waiting()
    cloud.scaling_groups.holds("asg-0001", instance(9))
    message = replace(HOOK, instances=tuple(map(Instance, named)))
    is_left_alone(cloud, message, "/content/instanceIds")


def test_instances_that_the_message_lacks_are_taken_from_the_record() -> None:
    cloud = waiting()
    cloud.complete(replace(HOOK, instances=(Instance("i-0002"),)))
    assert cloud.held("asg-0001") == set(servers(2))
    assert answers(cloud) == [LifecycleResult.CONTINUE]


def test_a_message_that_turns_the_transition_round_is_refused() -> None:
    cloud = waiting()
    message = claim(transition=Transition.SCALE_IN)
    is_left_alone(cloud, message, "/content/lifecycleTransition")


def test_a_message_that_names_another_bound_scaling_group_is_refused() -> None:
    cloud = deployment(a_binding(), a_binding(scaling_group_id="asg-0002"))
    cloud.waits_at_a_hook(HOOK)
    message = claim(scaling_group_id="asg-0002")
    is_left_alone(cloud, message, "/content/scalingGroupId")


def test_a_message_of_a_hook_that_the_scaling_group_does_not_have_is_refused() -> None:
    cloud = waiting()
    cloud.scaling_groups.read_hook_terms = lambda *_, **__: None  # type: ignore[method-assign]
    is_left_alone(cloud, HOOK, "/content/scalingGroupId")


def test_metadata_that_is_not_the_hooks_own_sets_nothing() -> None:
    cloud = waiting(WEIGHTS)
    cloud.scaling_groups.metadata = '{"Weight": 50}'
    is_left_alone(cloud, claim(metadata='{"Weight": 1}'), "/content/notificationMetadata")


@pytest.mark.parametrize("text", ["", '{"Weight":50}', '{ "Weight": 50 }'])
def test_metadata_is_the_hooks_own_however_the_message_spells_it(text: str) -> None:
    cloud = waiting(WEIGHTS)
    cloud.scaling_groups.metadata = '{"Weight": 50}'
    cloud.complete(claim(metadata=text))
    assert {backend.weight for backend in cloud.held("asg-0001")} == {50}


def test_metadata_that_nothing_is_opened_to_may_say_anything() -> None:
    cloud = waiting()
    cloud.scaling_groups.metadata = "of the hook"
    cloud.complete(claim(metadata="of the message"))
    assert answers(cloud) == [LifecycleResult.CONTINUE]


def test_every_difference_is_named_at_once() -> None:
    cloud = waiting()
    message = claim(transition=Transition.SCALE_IN)
    message = replace(message, instances=(Instance("i-0009"),))
    (outcome,) = cloud.complete(message)
    assert outcome.error
    assert [problem.path for problem in outcome.error.problems] == [
        "/content/instanceIds",
        "/content/lifecycleTransition",
    ]
