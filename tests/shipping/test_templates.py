"""The templates against the vendor's schemas, against the code, and against each other."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from opskit import policy
from provisioner.groups.lease import LEASE
from provisioner.model import SweepRequest
from provisioner.settings import VARIABLES, Settings
from provisioner.triggers import decode
from shipping.ros_schema import Unknown, resource_types
from shipping.templates import (
    GENERATION_2,
    GENERATION_3,
    SERVERLESS_DEVS,
    Template,
    load,
    names_in,
)

# The forms that are on record; a hook's is the one with a singular and without a slash.
HERE = "${ALIYUN::Region}:${ALIYUN::TenantId}"
PLACE = r"\$\{ALIYUN::Region\}:\$\{ALIYUN::TenantId\}"
ARNS = (
    rf"acs:mns:{PLACE}:/(topics|queues)/[\w-]+(/messages)?",
    rf"acs:mns:{PLACE}:topic/[\w-]+",
    rf"acs:slb:{PLACE}:loadbalancer/\$\{{LoadBalancerId\}}",
    rf"acs:ecs:{PLACE}:instance/\*",
    rf"acs:log:{PLACE}:project/[\w$\{{}}:-]+/logstore/\w+",
    rf"acs:ess:{PLACE}:scalinggroup/\$\{{ScalingGroupId\}}",
    rf"acs:fc:{PLACE}:functions/[\w-]+(/\*)?",
    rf"acs:fc:{PLACE}:services/[\w-]+(\.\*)?/functions/events",
)
WILDCARDS = {"acs:ecs:${ALIYUN::Region}:${ALIYUN::TenantId}:instance/*"}


@pytest.fixture(params=[GENERATION_3, GENERATION_2], ids=["fc3", "fc2"])
def path(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


@pytest.fixture
def template(path: Path) -> Template:
    return Template(load(path))


def functions(template: Template) -> list[dict[str, Any]]:
    return [*template.of_type("FC3::Function").values(), *template.of_type("FC::Function").values()]


def statements(template: Template, role: str = "Role") -> list[dict[str, Any]]:
    (policy,) = template.properties(role)["Policies"]
    found: list[dict[str, Any]] = policy["PolicyDocument"]["Statement"]
    return found


# What the function's role is for besides the function itself; template.yml says so at its line.
PLATFORM = [
    ("mns:SendMessage", f"acs:mns:{HERE}:/queues/vservergroups-failures/messages"),
    (
        "log:PostLogStoreLogs",
        f"acs:log:{HERE}:project/vservergroups-${{ALIYUN::TenantId}}/logstore/function",
    ),
]


@pytest.mark.parametrize("assumes_role", [False, True])
def test_the_role_may_do_what_opskit_policy_prints_and_what_the_platform_does_in_its_name(
    path: Path, assumes_role: bool
) -> None:
    holding = frozenset({"HasSlbRole"} if assumes_role else ())
    template = Template(load(path), holding)
    names = policy.Names(
        region="${ALIYUN::Region}",
        account="${ALIYUN::TenantId}",
        topic="vservergroups-results",
        queue="vservergroups-dead-letters",
        load_balancers=(policy.Place("${ALIYUN::Region}", "${LoadBalancerId}"),),
        scaling_groups=(policy.Place("${ALIYUN::Region}", "${ScalingGroupId}"),),
    )
    needed = policy.needed(assumes_role=assumes_role, quarantines=True)
    wanted = granted(policy.statements(names, needed))
    assert granted(statements(template)) - set(PLATFORM) == wanted
    assert set(PLATFORM) <= granted(statements(template))
    environ = functions(template)[0]["EnvironmentVariables"]
    assert ("SLB_ROLE_ARN" in environ) is assumes_role


@pytest.mark.parametrize(
    ("role", "service"), [("Role", "fc.aliyuncs.com"), ("TriggerRole", "mns.aliyuncs.com")]
)
def test_each_role_is_taken_on_by_the_one_service_that_it_is_for(
    template: Template, role: str, service: str
) -> None:
    (trust,) = template.properties(role)["AssumeRolePolicyDocument"]["Statement"]
    assert trust == {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": [service]},
    }


def test_what_the_topic_calls_with_may_invoke_that_function_and_nothing_else(
    template: Template,
) -> None:
    (called,) = (
        trigger
        for trigger in template.of_type("::Trigger").values()
        if trigger["TriggerType"] == "mns_topic"
    )
    name, service = called["FunctionName"], called.get("ServiceName")
    arns = (
        [f"services/{service}{versions}/functions/{name}" for versions in ("", ".*")]
        if service
        else [f"functions/{name}{versions}" for versions in ("", "/*")]
    )
    assert granted(statements(template, "TriggerRole")) == {
        ("fc:InvokeFunction", f"acs:fc:{HERE}:{arn}") for arn in arns
    }
    assert called["InvocationRole"] == "${TriggerRole.Arn}"


def granted(statements: list[dict[str, Any]]) -> set[tuple[str, str]]:
    assert {statement["Effect"] for statement in statements} == {"Allow"}
    return {
        (action, resource)
        for statement in statements
        for action in statement["Action"]
        for resource in statement["Resource"]
    }


# (doc) What stands around the properties, which no schema of a resource type covers.
GRAMMAR = {
    "": {
        *("ROSTemplateFormatVersion", "Description", "Parameters"),
        *("Conditions", "Resources", "Outputs"),
    },
    "Parameters": {
        *("Type", "Label", "Description", "Default", "AllowedValues", "AllowedPattern"),
        *("ConstraintDescription", "MinValue", "MaxValue", "MinLength", "MaxLength"),
    },
    "Resources": {"Type", "Properties", "DependsOn"},
    "Outputs": {"Description", "Value"},
}


def test_every_key_around_the_properties_is_one_of_a_templates(template: Template) -> None:
    assert unknown_keys(template.document) == []
    kinds = {parameter["Type"] for parameter in template.document["Parameters"].values()}
    assert kinds <= {"String", "Number", "Boolean"}


def unknown_keys(document: dict[str, Any]) -> list[str]:
    found = [f"/{key}" for key in document.keys() - GRAMMAR[""]]
    for part in ("Parameters", "Resources", "Outputs"):
        for name, entry in document.get(part, {}).items():
            found += [f"/{part}/{name}/{key}" for key in entry.keys() - GRAMMAR[part]]
    return found


def test_a_key_that_is_misspelt_is_found_wherever_it_stands() -> None:
    document = load(GENERATION_3)
    document["Resources"]["ScaleOutHook"]["DependOn"] = ["TopicTrigger"]
    document["Parameters"]["Name"]["Defualt"] = "vservergroups"
    document["Output"] = {}
    wrong = ["/Output", "/Parameters/Name/Defualt", "/Resources/ScaleOutHook/DependOn"]
    assert sorted(unknown_keys(document)) == wrong


def test_hooks_wait_for_whoever_answers_them(template: Template) -> None:
    hooks = [each for each in template.resources.values() if each["Type"].endswith("LifecycleHook")]
    assert len(hooks) == 2
    for hook in hooks:
        assert {"TopicTrigger", "FailureTrigger"} <= set(hook["DependsOn"])


def test_logs_begin_by_a_rule_that_there_is(template: Template) -> None:
    rules = {config.get("LogBeginRule", "None") for config in log_configs(template)}
    assert rules <= {"None", "DefaultRegex"}


def log_configs(template: Template) -> list[dict[str, Any]]:
    found = [*template.of_type("FC3::Function").values(), *template.of_type("FC::Service").values()]
    return [each["LogConfig"] for each in found]


def test_every_type_property_and_value_is_one_that_ros_knows(template: Template) -> None:
    known, problems = resource_types(), []
    for name, resource in template.resources.items():
        if resource["Type"] not in known:
            problems.append(f"{name} is of no known type")
            continue
        found = known[resource["Type"]].problems(template.properties(name))
        problems += [f"{name}{problem}" for problem in found]
    assert problems == []


@pytest.mark.parametrize(
    ("resource", "change", "problem"),
    [
        ("Function", {"Handlers": "index.handler"}, "/Handlers is no property"),
        ("Function", {"Timeout": 0}, "/Timeout: 0 breaks Range"),
        ("Function", {"MemorySize": "512"}, "/MemorySize: '512' is of another type"),
        ("Function", {"Code": {"OssBucket": "b"}}, "/Code/OssBucket is no property"),
        ("ScaleOutHook", {"DefaultResult": "STOP"}, "/DefaultResult: 'STOP' breaks AllowedValues"),
        (
            "RequestQueue",
            {"DlqPolicy": {"Enabled": True}},
            "/DlqPolicy/MaxReceiveCount is required",
        ),
        ("Role", {"Policies": [{}]}, "/Policies/0/PolicyName is required"),
    ],
)
def test_what_ros_does_not_know_is_found(
    resource: str, change: dict[str, Any], problem: str
) -> None:
    template = Template(load(GENERATION_3))
    checked = resource_types()[template.resources[resource]["Type"]]
    assert problem in list(checked.problems({**template.properties(resource), **change}))


def test_every_reference_leads_somewhere_and_every_parameter_and_condition_is_used(
    template: Template,
) -> None:
    template.resolved(template.document["Resources"])
    template.resolved(template.document["Conditions"])
    template.resolved(template.document["Outputs"])
    assert template.problems == []
    assert set(template.document["Parameters"]) - template.used == set()
    said = set(names_in(template.document["Resources"]))
    assert set(template.document["Conditions"]) - said == set()
    for resource in template.resources.values():
        assert set(resource.get("DependsOn", [])) <= set(template.resources)


def test_a_reference_to_nothing_is_found() -> None:
    template = Template(load(GENERATION_3))
    template.resolved({"Ref": "Nobody"})
    template.resolved({"Fn::GetAtt": ["Role", "Nothing"]})
    template.resolved({"Fn::Sub": "${Nobody.Arn}"})
    assert len(template.problems) == 3


def test_every_parameter_says_what_it_is_and_what_it_takes(template: Template) -> None:
    limits = {"AllowedPattern", "AllowedValues", "MinValue", "MinLength", "MaxLength"}
    for name, parameter in template.document["Parameters"].items():
        assert parameter["Description"], name
        assert parameter["Label"], name
        assert limits & parameter.keys() or parameter["Type"] == "Boolean", name
        default = parameter.get("Default")
        if isinstance(default, str) and "AllowedPattern" in parameter:
            assert re.fullmatch(parameter["AllowedPattern"], default), name
        assert default is None or default in parameter.get("AllowedValues", [default]), name


def test_the_load_balancer_the_scaling_group_and_the_code_are_all_that_has_to_be_given(
    template: Template,
) -> None:
    needed = {
        n for n, parameter in template.document["Parameters"].items() if "Default" not in parameter
    }
    assert needed == {"LoadBalancerId", "ScalingGroupId", "CodeBucket", "CodeKey"}


def test_handlers_are_functions_of_the_code(template: Template) -> None:
    for function in functions(template):
        cycle = function["InstanceLifecycleConfig"]
        initializer = function.get("Initializer") or cycle["Initializer"]["Handler"]
        for handler in (function["Handler"], initializer, cycle["PreStop"]["Handler"]):
            module, _, name = handler.rpartition(".")
            assert callable(getattr(importlib.import_module(module), name))


def test_environment_names_are_those_that_the_code_reads_and_the_values_work(
    template: Template,
) -> None:
    known = {variable.name for variable in VARIABLES}
    for function in functions(template):
        environ = function["EnvironmentVariables"]
        assert environ.keys() <= known
        given = {name: fill(str(value)) for name, value in environ.items()}
        settings = Settings.from_environ(
            {**given, "FC_REGION": "cn-hangzhou", "FC_ACCOUNT_ID": "1000000000000001"}
        )
        assert len(settings.config.bindings) == 1


def fill(text: str) -> str:
    return re.sub(r"\$\{\w+\}", "something-1", text)


def test_there_is_time_for_a_claim_to_end_and_for_the_hook_to_be_answered(
    template: Template,
) -> None:
    parameters = template.document["Parameters"]
    timeout, heartbeat = parameters["FunctionTimeout"], parameters["HeartbeatTimeout"]
    assert timeout["MinValue"] >= LEASE + 15
    assert timeout["MaxValue"] < heartbeat["MinValue"]
    for queue in template.of_type("MNS::Queue").values():
        assert queue.get("VisibilityTimeout", timeout["MaxValue"] + 1) > timeout["MaxValue"]
    memory, cpu = parameters["MemorySize"]["Default"] / 1024, parameters["Cpu"]["Default"]
    assert memory / 4 <= cpu <= memory
    assert round(cpu / 0.05, 6).is_integer()


def test_a_scale_out_that_nobody_answers_is_abandoned_and_a_scale_in_goes_on(
    template: Template,
) -> None:
    hooks = template.of_type("ESS::LifecycleHook").values()
    assert {hook["LifecycleTransition"]: hook["DefaultResult"] for hook in hooks} == {
        "SCALE_OUT": "ABANDON",
        "SCALE_IN": "CONTINUE",
    }


def test_every_arn_is_of_a_form_that_is_on_record(template: Template) -> None:
    texts = names_in([template.properties(name) for name in template.resources])
    arns = [text for text in texts if text.startswith("acs:")]
    assert len(arns) > 10
    assert [arn for arn in arns if not any(re.fullmatch(form, arn) for form in ARNS)] == []
    for hook in template.of_type("ESS::LifecycleHook").values():
        assert ":topic/" in hook["NotificationArn"]


def test_each_wildcard_is_known_and_says_its_reason(path: Path, template: Template) -> None:
    wild = {
        resource
        for statement in statements(template)
        for resource in statement["Resource"]
        if "*" in resource
    }
    assert wild == WILDCARDS
    lines = path.read_text("utf-8").splitlines()
    for index, line in enumerate(lines):
        if re.search(r"/\*'|\.\*/|\['\*'\]", line):
            before = "\n".join(lines[max(0, index - 9) : index])
            assert re.search(r"^ +# ", before, re.MULTILINE), line


def test_both_generations_and_serverless_devs_agree() -> None:
    three, two = Template(load(GENERATION_3)), Template(load(GENERATION_2))
    (function,), (events, http) = functions(three), functions(two)
    for name in (
        "Handler",
        "EnvironmentVariables",
        "MemorySize",
        "Timeout",
        "Cpu",
        "Runtime",
        "Code",
    ):
        assert function[name] == events[name], name
        assert name == "Handler" or function[name] == http[name], name
    assert statements(three) == statements(two)
    assert three.document["Parameters"] == two.document["Parameters"]
    for name in ("TopicTrigger", "RequestTrigger", "FailureTrigger", "SweepTrigger"):
        assert three.properties(name)["TriggerConfig"] == two.properties(name)["TriggerConfig"]
    assert http["Handler"] == "index.http_handler"


def test_serverless_devs_deploys_the_same_function() -> None:
    template, document = Template(load(GENERATION_3)), load(SERVERLESS_DEVS)
    props = document["resources"]["function"]["props"]
    (function,) = functions(template)
    plain = {
        "handler": "Handler",
        "runtime": "Runtime",
        "memorySize": "MemorySize",
        "timeout": "Timeout",
        "cpu": "Cpu",
        "diskSize": "DiskSize",
        "instanceConcurrency": "InstanceConcurrency",
        "internetAccess": "InternetAccess",
    }
    assert {key: props[key] for key in plain} == {
        key: function[word] for key, word in plain.items()
    }
    given = {key: devs(value) for key, value in props["environmentVariables"].items()}
    assert given == {key: str(value) for key, value in function["EnvironmentVariables"].items()}
    assert devs(props["role"]).endswith(f"role/{template.properties('Role')['RoleName']}")
    config = template.properties("AsyncInvokeConfig")
    told = props["asyncInvokeConfig"]
    assert told["maxAsyncRetryAttempts"] == config["MaxAsyncRetryAttempts"]
    assert told["maxAsyncEventAgeInSeconds"] == config["MaxAsyncEventAgeInSeconds"]
    where = config["DestinationConfig"]["OnFailure"]["Destination"]
    assert devs(told["destinationConfig"]["onFailure"]["destination"]) == where


def test_serverless_devs_makes_the_same_triggers() -> None:
    template, document = Template(load(GENERATION_3)), load(SERVERLESS_DEVS)
    made = {
        trigger["triggerName"]: (trigger["triggerType"], devs(trigger["triggerConfig"]))
        for trigger in document["resources"]["function"]["props"]["triggers"]
    }
    wanted = template.of_type("FC3::Trigger").values()
    assert made == {
        trigger["TriggerName"]: (trigger["TriggerType"], texts(trigger["TriggerConfig"]))
        for trigger in wanted
    }


def devs(value: Any) -> Any:
    """Its variables in the words of ROS."""
    if isinstance(value, dict):
        return {key: devs(item) for key, item in value.items()}
    if not isinstance(value, str):
        return value
    words = {
        "${vars.name}": "vservergroups",
        "${vars.region}": "${ALIYUN::Region}",
        "${vars.account}": "${ALIYUN::TenantId}",
        "${env('SCALING_GROUP_ID')}": "${ScalingGroupId}",
        "${env('LOAD_BALANCER_ID')}": "${LoadBalancerId}",
    }
    for theirs, ours in words.items():
        value = value.replace(theirs, ours)
    return value


def texts(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: texts(item) for key, item in value.items()}
    # s.yaml writes out what GetAtt gives.
    written = {"${EventsTopic.ARN.WithSlash}": "events", "${DeadLetterQueue.ARN.WithSlash}": ""}
    if isinstance(value, Unknown) and value in written:
        return "acs:mns:${ALIYUN::Region}:${ALIYUN::TenantId}:/queues/vservergroups-dead-letters"
    return str(value) if isinstance(value, Unknown) else value


def test_the_sweeps_payload_is_one_that_the_function_reads() -> None:
    trigger = Template(load(GENERATION_3)).properties("SweepTrigger")
    tick = {"triggerTime": "2026-01-01T00:00:00Z", "triggerName": trigger["TriggerName"]}
    event = {**tick, "payload": trigger["TriggerConfig"]["payload"]}
    (asked,) = decode(json.dumps(event).encode())
    assert isinstance(asked, SweepRequest)
    assert asked.mode is None, "SWEEP decides"
