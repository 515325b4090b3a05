"""PAUSE: nothing is written, and the binding says what becomes of a hook."""

from __future__ import annotations

from typing import Any

import pytest

from builders import a_hook_request
from deployments import (
    Deployment,
    a_binding,
    answers,
    codes,
    deployment,
    servers,
    untouched,
    waiting,
)
from provisioner.errors import Retryable
from provisioner.model import LifecycleResult, OnPause
from provisioner.results.outcome import Status

HOOK = a_hook_request()
CONTINUE, ABANDON, _ = LifecycleResult


def paused(*choices: OnPause, **policy: Any) -> Deployment:
    """Its bindings, one for each choice, wait unless they say otherwise."""
    bound = [
        a_binding(name_template=f"{{scaling_group_id}}-{n}", ports=(8080 + n,), on_pause=choice)
        for n, choice in enumerate(choices)
    ]
    return waiting(*bound, paused=True, **policy)


def test_a_hook_is_left_pending_for_the_next_delivery() -> None:
    cloud = paused()
    with pytest.raises(Retryable, match="Paused"):
        cloud.complete(HOOK)
    assert untouched(cloud)
    assert cloud.notifications.published == []
    assert "paused" in cloud.log.names


@pytest.mark.parametrize("choice", [OnPause.CONTINUE, OnPause.ABANDON])
def test_a_binding_may_have_its_hooks_answered_at_once(choice: OnPause) -> None:
    cloud = paused(choice)
    (outcome,) = cloud.complete(HOOK)
    assert outcome.status is Status.REFUSED
    assert cloud.operations == []
    assert cloud.notifications.kinds == ["refused"]
    assert codes(cloud) == ["Paused"]
    assert [answer.value for answer in answers(cloud)] == [choice.value]


@pytest.mark.parametrize(
    ("choices", "answered"),
    [
        ((OnPause.CONTINUE, OnPause.WAIT), []),
        ((OnPause.CONTINUE, OnPause.ABANDON), [ABANDON]),
        ((OnPause.CONTINUE, OnPause.CONTINUE), [CONTINUE]),
    ],
)
def test_of_several_bindings_one_that_waits_and_then_one_that_abandons_decides(
    choices: tuple[OnPause, ...], answered: list[LifecycleResult]
) -> None:
    cloud = paused(*choices)
    if answered:
        cloud.complete(HOOK)
    else:
        with pytest.raises(Retryable):
            cloud.complete(HOOK)
    assert answers(cloud) == answered


def test_an_answer_by_pause_is_told_once() -> None:
    cloud = paused(OnPause.ABANDON)
    cloud.complete(HOOK)
    (again,) = cloud.complete(HOOK)
    assert again.status is Status.SKIPPED
    assert cloud.notifications.kinds == ["refused"]


def test_a_replay_of_an_ended_action_is_served() -> None:
    cloud = deployment(a_binding(), paused=True)
    cloud.ended_at_a_hook(HOOK, "CONTINUE")
    cloud.stands(*servers(2), name="asg-0001")
    (outcome,) = cloud.complete(HOOK)
    assert outcome.status is Status.PROVISIONED
    assert untouched(cloud)


def test_when_the_pause_is_over_the_event_is_done() -> None:
    cloud = paused()
    with pytest.raises(Retryable):
        cloud.complete(HOOK)
    cloud.policy["paused"] = False
    cloud.complete(HOOK)
    assert answers(cloud) == [CONTINUE]
