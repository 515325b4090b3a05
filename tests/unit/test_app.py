"""The parts, built once for each instance of the function."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deployments import SECRET, context, deployment, replayable
from provisioner.aliyun.ess import EssScalingGroups
from provisioner.aliyun.mns import MnsNotifications
from provisioner.aliyun.slb import SlbLoadBalancers
from provisioner.app import RoleCredentials, build_app
from provisioner.errors import ConfigurationError
from provisioner.ports import Credentials

ENVIRON = {
    "FC_REGION": "cn-hangzhou",
    "FC_ACCOUNT_ID": "1000000000000001",
    "RESULT_TOPIC": "results",
    "SCALING_GROUP_ID": "asg-0001",
    "LOAD_BALANCER_ID": "lb-0001",
    "BACKEND_PORTS": "8080",
}


def test_every_part_that_is_passed_in_is_used() -> None:
    cloud, random = deployment(), replayable()
    parts: dict[str, Any] = {
        "load_balancers": cloud.load_balancers,
        "notifications": cloud.notifications,
        "scaling_groups": cloud.scaling_groups,
        "clock": cloud.clock,
        "random": random,
    }
    app = build_app(ENVIRON, log=cloud.log, **parts)
    for name, part in parts.items():
        assert getattr(app.deps, name) is part
    assert app.log is cloud.log
    assert app.deps.config.bindings[0].scaling_group_id == "asg-0001"


def test_parts_that_are_not_passed_in_speak_to_the_cloud_and_are_closed() -> None:
    app = build_app({**ENVIRON, "LOG_LEVEL": "ERROR"})
    assert isinstance(app.deps.load_balancers, SlbLoadBalancers)
    assert isinstance(app.deps.notifications, MnsNotifications)
    assert isinstance(app.deps.scaling_groups, EssScalingGroups)
    app.close()


def test_an_environment_that_cannot_work_is_told_with_all_its_problems() -> None:
    with pytest.raises(ConfigurationError) as raised:
        build_app({})
    assert [problem.path for problem in raised.value.problems] == [
        "REGION_ID",
        "RESULT_TOPIC",
        "MNS_ENDPOINT",
    ]


def test_a_file_of_bindings_is_read_relative_to_the_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = '[{"ScalingGroupId": "asg-0009", "LoadBalancerId": "lb-0001", "Ports": [80]}]'
    (tmp_path / "bindings.json").write_text(text)
    monkeypatch.setenv("FC_FUNC_CODE_PATH", str(tmp_path))
    environ = {name: ENVIRON[name] for name in ("FC_REGION", "FC_ACCOUNT_ID", "RESULT_TOPIC")}
    app = build_app({**environ, "BINDINGS_FILE": "bindings.json"})
    assert app.deps.config.bindings[0].scaling_group_id == "asg-0009"
    with pytest.raises(ConfigurationError, match="BINDINGS_FILE: cannot be read"):
        build_app({**environ, "BINDINGS_FILE": "missing.json"})


@pytest.mark.parametrize(
    ("timeout", "work", "whole"),
    [(60, 53.5, 59.5), ("60", 53.5, 59.5), (3, 1.95, 2.7), (None, 1.95, 2.7), (600, 593.5, 599.5)],
)
def test_an_invocation_ends_its_work_in_time_to_undo_to_publish_and_to_answer(
    timeout: Any, work: float, whole: float
) -> None:
    cloud = deployment()
    invocation = cloud.app.start_invocation(context(timeout))
    assert invocation.deadline - cloud.clock.now() == pytest.approx(work)
    assert invocation.hard_deadline - cloud.clock.now() == pytest.approx(whole)


def test_an_invocation_is_known_in_the_log_by_its_request_id() -> None:
    cloud = deployment()
    invocation = cloud.app.start_invocation(context())
    invocation.log.write("one")
    assert cloud.log.steps == [("one", {"fc_request_id": "fc-0001"})]
    assert invocation.fc_request_id == "fc-0001"


def test_a_role_is_asked_anew_for_every_call_and_shows_no_secret() -> None:
    role = RoleCredentials()
    assert role() == Credentials("", "")
    role.credentials = Credentials("key", SECRET, SECRET)
    assert role().access_key_secret == SECRET
    assert SECRET not in repr(role)
