"""The configuration: what each variable does, and that every problem is told at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import astuple
from typing import Any

import pytest

from deployments import a_binding
from provisioner.errors import ConfigurationError
from provisioner.model import LifecycleResult, OnPause, SweepMode
from provisioner.settings import VARIABLES, Settings

SECRET = "canary-4f1d"
PLATFORM = {"FC_REGION": "cn-hangzhou", "FC_ACCOUNT_ID": "1000000000000001"}
NEEDED = {**PLATFORM, "RESULT_TOPIC": "results"}
ROLE = "acs:ram::2000000000000002:role/balancers"
ONE = {
    **NEEDED,
    "SCALING_GROUP_ID": "asg-0001",
    "LOAD_BALANCER_ID": "lb-0001",
    "BACKEND_PORTS": "8080",
}
MANY = [
    {"ScalingGroupId": "asg-0001", "LoadBalancerId": lb, "Ports": [8080]}
    for lb in ("lb-0001", "lb-0002")
]


def read(environ: dict[str, str], files: dict[str, str] | None = None) -> Settings:
    return Settings.from_environ(environ, (files or {}).__getitem__)


def refused(environ: dict[str, str], read_file: Callable[[str], str] | None = None) -> Any:
    with pytest.raises(ConfigurationError) as raised:
        Settings.from_environ(environ, read_file)
    error = raised.value
    for problem in error.problems:
        assert f"{problem.path}: {problem.message}" in error.message
    return {problem.path: problem.message for problem in error.problems}


def test_what_the_platform_does_not_say_is_one_topic_only() -> None:
    settings = read(NEEDED)
    assert settings.config.region_id == "cn-hangzhou"
    assert settings.config.bindings == ()
    assert settings.result_topic == "results"
    assert settings.mns_endpoint == "https://1000000000000001.mns.cn-hangzhou.aliyuncs.com"


def test_the_declared_defaults_are_those_that_hold() -> None:
    without = read(ONE)
    literal = {v.name: v.default for v in VARIABLES if v.default and " " not in v.default}
    del literal["REGION_ID"]  # the name of the variable that stands in
    assert read({**literal, **ONE}) == without
    assert without.config.bindings == (a_binding(),)


EFFECTS: dict[str, tuple[str, Callable[[Settings], object], object]] = {
    "RESULT_TOPIC": ("other", lambda s: s.result_topic, "other"),
    "DEAD_LETTER_QUEUE": ("dead", lambda s: s.dead_letter_queue, "dead"),
    "REGION_ID": ("cn-beijing", lambda s: s.config.region_id, "cn-beijing"),
    "REGIONS": (
        "cn-beijing, cn-shanghai",
        lambda s: s.config.regions,
        {"cn-beijing", "cn-shanghai"},
    ),
    "MERGE_FOREIGN": ("on", lambda s: s.config.merge_foreign, True),
    "UNBOUND_HOOKS": ("Skip", lambda s: s.config.skip_unbound_hooks, True),
    "SCALING_GROUP_ID": ("a", lambda s: s.config.bindings[0].scaling_group_id, "a"),
    "LOAD_BALANCER_ID": ("b", lambda s: s.config.bindings[0].load_balancer_id, "b"),
    "BACKEND_PORTS": ("81, 80", lambda s: s.config.bindings[0].ports, (81, 80)),
    "BACKEND_WEIGHT": ("0", lambda s: s.config.bindings[0].weight, 0),
    "BACKEND_TYPE": ("eci", lambda s: s.config.bindings[0].type, "eci"),
    "BACKEND_DESCRIPTION": ("blue", lambda s: s.config.bindings[0].description, "blue"),
    "VSERVER_GROUP_NAME": ("web", lambda s: s.config.bindings[0].name_template, "web"),
    "ON_PARTIAL": ("fail", lambda s: s.config.bindings[0].accept_partial, False),
    "FAILURE_RESULT": (
        "ROLLBACK",
        lambda s: s.config.bindings[0].failure_result,
        LifecycleResult.ROLLBACK,
    ),
    "SCALE_IN_FAILURE_RESULT": (
        "ROLLBACK",
        lambda s: s.config.bindings[0].scale_in_failure_result,
        LifecycleResult.ROLLBACK,
    ),
    "DRAIN": ("30", lambda s: s.config.bindings[0].drain, 30),
    "DELETE_EMPTY": ("on", lambda s: s.config.bindings[0].delete_empty, True),
    "ON_PAUSE": ("ABANDON", lambda s: s.config.bindings[0].on_pause, OnPause.ABANDON),
    "METADATA_MAY_OVERRIDE": (
        "Weight, Ports",
        lambda s: s.config.bindings[0].metadata_may_override,
        {"Weight", "Ports"},
    ),
    "BACKEND_QUOTA": ("400", lambda s: s.config.backend_quota, 400),
    "CONCURRENCY": ("3", lambda s: s.concurrency, 3),
    "CIRCUIT_BREAKER": ("0", lambda s: s.config.circuit_breaker, 0),
    "PAUSE": ("on", lambda s: s.config.paused, True),
    "SWEEP": ("apply", lambda s: s.config.sweep, SweepMode.APPLY),
    "CLAIM": ("OFF", lambda s: s.config.claiming, False),
    "SLB_ENDPOINT": ("slb.example", lambda s: s.slb_endpoint, "slb.example"),
    "SLB_ROLE_ARN": (ROLE, lambda s: s.slb_role_arn, ROLE),
    "NETWORK": ("VPC", lambda s: s.slb_endpoint, "slb-vpc.{region_id}.aliyuncs.com"),
    "STS_ENDPOINT": ("sts.example", lambda s: s.sts_endpoint, "sts.example"),
    "ESS_ENDPOINT": ("ess.example", lambda s: s.ess_endpoint, "ess.example"),
    "MNS_ENDPOINT": ("http://mns.example/", lambda s: s.mns_endpoint, "http://mns.example"),
    "REQUEST_TIMEOUT": ("2.5", lambda s: s.request_timeout, 2.5),
    "LOG_LEVEL": ("debug", lambda s: s.log_level, "DEBUG"),
}


@pytest.mark.parametrize("name", EFFECTS)
def test_every_variable_has_the_effect_that_it_is_declared_for(name: str) -> None:
    value, effect, expected = EFFECTS[name]
    assert effect(read(ONE)) != expected
    by_content = {"VSERVER_GROUP_NAME": "{content_hash}"} if name == "DELETE_EMPTY" else {}
    assert effect(read({**ONE, **by_content, name: value})) == expected


def test_inside_a_vpc_every_endpoint_is_its_own_but_that_of_auto_scaling() -> None:
    inside = read({**ONE, "NETWORK": "vpc"})
    account = PLATFORM["FC_ACCOUNT_ID"]
    assert inside.mns_endpoint == f"http://{account}.mns.cn-hangzhou-internal-vpc.aliyuncs.com"
    assert inside.slb_endpoint == "slb-vpc.{region_id}.aliyuncs.com"
    assert inside.sts_endpoint == "sts-vpc.{region_id}.aliyuncs.com"
    assert inside.ess_endpoint == ""
    told = {"MNS_ENDPOINT": "https://mns.example", "SLB_ENDPOINT": "slb.example"}
    named = read({**ONE, "NETWORK": "vpc", **told})
    assert (named.mns_endpoint, named.slb_endpoint) == tuple(told.values())


def test_bindings_are_read_from_a_variable_or_from_a_file() -> None:
    text = json.dumps(MANY)
    bound = (a_binding(), a_binding(load_balancer_id="lb-0002"))
    assert read({**NEEDED, "BINDINGS": text}).config.bindings == bound
    by_file = read({**NEEDED, "BINDINGS_FILE": "bindings.json"}, {"bindings.json": text})
    assert by_file.config.bindings == bound


def test_every_declared_variable_is_tested_for_its_effect() -> None:
    assert {v.name for v in VARIABLES} == {*EFFECTS, "BINDINGS", "BINDINGS_FILE"}
    assert all(variable.meaning for variable in VARIABLES)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BACKEND_PORTS", "http"),
        ("BACKEND_PORTS", "0"),
        ("BACKEND_PORTS", ","),
        ("BACKEND_PORTS", "80,80"),
        ("BACKEND_WEIGHT", "heavy"),
        ("BACKEND_WEIGHT", "101"),
        ("BACKEND_TYPE", "nlb"),
        ("BACKEND_DESCRIPTION", "two words"),
        ("VSERVER_GROUP_NAME", "{time}"),
        ("FAILURE_RESULT", "RETRY"),
        ("ON_PARTIAL", "maybe"),
        ("SCALE_IN_FAILURE_RESULT", "RETRY"),
        ("DRAIN", "3601"),
        ("DRAIN", "-1"),
        ("DRAIN", "1.5"),
        ("DELETE_EMPTY", "perhaps"),
        ("METADATA_MAY_OVERRIDE", "LoadBalancerId"),
        ("REGIONS", "cn-hangzhou;cn-beijing"),
        ("REGIONS", "cn-hangzhou,example.com/"),
        ("UNBOUND_HOOKS", "on"),
        ("BACKEND_QUOTA", "0"),
        ("BACKEND_QUOTA", "many"),
        ("SWEEP", "on"),
        ("CLAIM", "maybe"),
        ("NETWORK", "classic"),
        ("SLB_ROLE_ARN", "acs:ram::2:user/somebody"),
        ("SLB_ROLE_ARN", "balancers"),
        ("MNS_ENDPOINT", "mns.example"),
        ("REQUEST_TIMEOUT", "9"),
        ("REQUEST_TIMEOUT", "nan"),
        ("REQUEST_TIMEOUT", "0"),
        ("LOG_LEVEL", "LOUD"),
        ("BINDINGS", "[]"),
        ("BINDINGS_FILE", "bindings.json"),
    ],
)
def test_a_value_that_cannot_be_is_told_by_the_name_of_its_variable(name: str, value: str) -> None:
    (path,) = refused({**ONE, name: value})
    assert path.split(", ")[0] == name


def test_every_problem_is_told_at_once_and_none_of_the_values() -> None:
    wrong = dict.fromkeys(EFFECTS, f"{SECRET} ") | {"REGIONS": f"{SECRET}/"}
    problems = refused({**PLATFORM, **wrong})
    assert problems.keys() == {
        "RESULT_TOPIC",
        "REGION_ID",
        "REGIONS",
        "UNBOUND_HOOKS",
        "MERGE_FOREIGN",
        "SCALING_GROUP_ID",
        "LOAD_BALANCER_ID",
        "BACKEND_PORTS",
        "BACKEND_WEIGHT",
        "BACKEND_TYPE",
        "BACKEND_DESCRIPTION",
        "VSERVER_GROUP_NAME",
        "FAILURE_RESULT",
        "SCALE_IN_FAILURE_RESULT",
        "DRAIN",
        "DELETE_EMPTY",
        "ON_PAUSE",
        "ON_PARTIAL",
        "METADATA_MAY_OVERRIDE",
        "BACKEND_QUOTA",
        "CONCURRENCY",
        "DEAD_LETTER_QUEUE",
        "CIRCUIT_BREAKER",
        "SWEEP",
        "PAUSE",
        "CLAIM",
        "NETWORK",
        "SLB_ROLE_ARN",
        "MNS_ENDPOINT",
        "REQUEST_TIMEOUT",
        "LOG_LEVEL",
    }
    assert SECRET not in str(problems)


def test_an_empty_environment_lacks_what_only_the_deployment_can_say() -> None:
    assert refused({}) == {
        "REGION_ID": "is required where Function Compute gives no FC_REGION",
        "RESULT_TOPIC": "is required",
        "MNS_ENDPOINT": "is required where there is no FC_ACCOUNT_ID",
    }
    assert refused(dict.fromkeys(("FC_REGION", "FC_ACCOUNT_ID", "RESULT_TOPIC"), "  ")).keys() == {
        "REGION_ID",
        "RESULT_TOPIC",
        "MNS_ENDPOINT",
    }


def test_deleting_empty_groups_needs_a_name_that_is_never_wanted_again() -> None:
    problems = refused({**ONE, "DELETE_EMPTY": "on"})
    assert problems.keys() == {"VSERVER_GROUP_NAME"}
    assert "where DeleteEmpty is on" in problems["VSERVER_GROUP_NAME"]


def test_half_a_binding_tells_the_variables_of_the_other_half() -> None:
    assert refused({**NEEDED, "BACKEND_WEIGHT": "50"}) == {
        "SCALING_GROUP_ID": "is required",
        "LOAD_BALANCER_ID": "is required",
        "BACKEND_PORTS": "is required",
    }


@pytest.mark.parametrize(
    "two",
    [
        {"BINDINGS": "[]", "BINDINGS_FILE": "f"},
        {"BINDINGS": "[]", "BACKEND_WEIGHT": "50"},
        {"BINDINGS_FILE": "f", "LOAD_BALANCER_ID": "lb-0001"},
    ],
)
def test_bindings_in_two_places_are_refused_naming_both(two: dict[str, str]) -> None:
    assert refused({**NEEDED, **two}) == {
        ", ".join(two): "give the bindings in one of these places only"
    }


def test_problems_of_many_bindings_are_told_with_their_place_in_the_list() -> None:
    text = json.dumps([*MANY, {**MANY[0], "Ports": [0], "Weight": SECRET}])
    problems = refused({**NEEDED, "BINDINGS": text})
    assert problems == {
        "BINDINGS/2/Ports/0": "must be at least 1",
        "BINDINGS/2/Weight": "must be an integer, is a string",
    }


@pytest.mark.parametrize("text", ["{", f"[{SECRET}]", "[" * 100_000])
def test_bindings_that_are_no_json_are_refused(text: str) -> None:
    assert refused({**NEEDED, "BINDINGS": text}) == {"BINDINGS": "is not JSON in UTF-8"}


def test_a_file_that_cannot_be_read_is_told_with_the_reason() -> None:
    def missing(path: str) -> str:
        raise FileNotFoundError(2, "No such file or directory", path)

    def latin(_: str) -> str:
        return b"\xe4".decode("utf-8")

    environ = {**NEEDED, "BINDINGS_FILE": "bindings.json"}
    assert refused(environ, missing) == {
        "BINDINGS_FILE": "cannot be read: No such file or directory"
    }
    assert refused(environ, latin) == {"BINDINGS_FILE": "is not JSON in UTF-8"}


def test_the_platforms_credentials_are_no_part_of_the_settings() -> None:
    secrets = {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": SECRET,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": SECRET,
        "ALIBABA_CLOUD_SECURITY_TOKEN": SECRET,
    }
    assert SECRET not in repr(astuple(read({**ONE, **secrets})))
    assert SECRET not in str(refused(secrets))
