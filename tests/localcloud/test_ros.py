"""Stacks over the ROS API, with its SDK."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import alibabacloud_oss_v2 as oss
import pytest
from alibabacloud_ros20190910 import models
from alibabacloud_ros20190910.client import Client
from alibabacloud_tea_openapi.models import Config
from mns.queue import Message

from functions import until
from localcloud.server import Running
from localcloud.services.fc.model import AsyncConfig, HttpTrigger
from recorder import ACCOUNT, REGION, stream, window
from recorder import TOPIC as EVENTS

QUEUE = {"Type": "ALIYUN::MNS::Queue", "Properties": {"QueueName": {"Ref": "Name"}}}
TOPIC = {
    "Type": "ALIYUN::MNS::Topic",
    "Properties": {"TopicName": {"Fn::Sub": "${Queue.QueueName}-events"}},
}


def template(resources: dict[str, Any], **more: Any) -> str:
    head = {"ROSTemplateFormatVersion": "2015-09-01"}
    parameters = {"Name": {"Type": "String", "Default": "q", "AllowedPattern": "[a-z0-9]+"}}
    return json.dumps({**head, "Parameters": parameters, "Resources": resources, **more})


class Ros:
    def __init__(self, url: str) -> None:
        endpoint = url.removeprefix("http://")
        config = Config(
            access_key_id="localcloud",
            access_key_secret="localcloud-secret",
            endpoint=endpoint,
            protocol="http",
        )
        self.client: Any = Client(config)

    def create(self, body: str, name: str = "one", **parameters: str) -> str:
        request = models.CreateStackRequest(
            region_id="cn-hangzhou",
            stack_name=name,
            template_body=body,
            parameters=[
                models.CreateStackRequestParameters(parameter_key=key, parameter_value=value)
                for key, value in parameters.items()
            ],
        )
        stack_id: str = self.client.create_stack(request).body.stack_id
        until(lambda: not self.get(stack_id).status.endswith("_IN_PROGRESS"))
        return stack_id

    def update(self, stack_id: str, body: str) -> None:
        request = models.UpdateStackRequest(
            region_id="cn-hangzhou", stack_id=stack_id, template_body=body
        )
        self.client.update_stack(request)
        until(lambda: not self.get(stack_id).status.endswith("_IN_PROGRESS"))

    def delete(self, stack_id: str) -> None:
        request = models.DeleteStackRequest(region_id="cn-hangzhou", stack_id=stack_id)
        self.client.delete_stack(request)
        until(lambda: not self.get(stack_id).status.endswith("_IN_PROGRESS"))

    def get(self, stack_id: str) -> Any:
        request = models.GetStackRequest(region_id="cn-hangzhou", stack_id=stack_id)
        return self.client.get_stack(request).body


def upload(url: str, code: dict[str, str]) -> None:
    """Put a package, of one empty module, where the function's code is expected."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("index.py", "")
    settings = oss.config.load_default()
    keys = ("localcloud", "localcloud-secret")
    settings.credentials_provider = oss.credentials.StaticCredentialsProvider(*keys)
    settings.region, settings.endpoint = REGION, url
    bucket, key = code["OssBucketName"], code["OssObjectName"]
    request = oss.PutObjectRequest(bucket=bucket, key=key, body=package.getvalue())
    oss.Client(settings).put_object(request)


@pytest.fixture
def ros(served: Running) -> Ros:
    return Ros(served.url)


def names(control: Any) -> tuple[set[str], set[str]]:
    state = control.state()
    queues = {item["QueueName"] for item in state["Queues"]}
    topics = {item["TopicName"] for item in state["Topics"]}
    return queues, topics


def test_resources_are_made_after_those_they_refer_to_and_outputs_are_told(
    ros: Ros, control: Any
) -> None:
    outputs = {"Url": {"Value": {"Fn::GetAtt": ["Queue", "QueueUrl"]}, "Description": "where"}}
    body = template({"Topic": TOPIC, "Queue": QUEUE}, Outputs=outputs)
    stack = ros.get(ros.create(body, Name="mine"))
    assert stack.status == "CREATE_COMPLETE"
    (output,) = stack.outputs
    assert output["OutputValue"].endswith("/queues/mine")
    queues, topics = names(control)
    assert "mine" in queues
    assert "mine-events" in topics


def test_an_update_makes_changes_and_removes_and_a_deletion_leaves_nothing(
    ros: Ros, control: Any
) -> None:
    before = names(control)
    stack_id = ros.create(template({"Topic": TOPIC, "Queue": QUEUE}))
    longer = {**QUEUE, "Properties": {**QUEUE["Properties"], "VisibilityTimeout": 99}}  # type: ignore[dict-item]
    ros.update(stack_id, template({"Queue": longer}))
    assert ros.get(stack_id).status == "UPDATE_COMPLETE"
    (queue,) = (item for item in control.state()["Queues"] if item["QueueName"] == "q")
    assert queue["VisibilityTimeout"] == 99
    assert names(control)[1] == before[1]
    ros.delete(stack_id)
    assert ros.get(stack_id).status == "DELETE_COMPLETE"
    assert names(control) == before


def test_a_message_that_a_stacks_queue_cannot_get_rid_of_moves_to_its_dead_letter_queue(
    ros: Ros, control: Any, mns: Any
) -> None:
    target = {"Fn::GetAtt": ["Dead", "QueueName"]}
    policy = {"Enabled": True, "DeadLetterTargetQueue": target, "MaxReceiveCount": 1}
    dead = {"Type": QUEUE["Type"], "Properties": {"QueueName": "dead"}}
    properties = {"QueueName": "work", "VisibilityTimeout": 30, "DlqPolicy": policy}
    work = {"Type": QUEUE["Type"], "Properties": properties}
    stack_id = ros.create(template({"Work": work, "Dead": dead}))
    mns.get_queue("work").send_message(Message("poison"))
    mns.get_queue("work").receive_message()
    control.advance(30)
    assert mns.get_queue("dead").receive_message().message_body == b"poison"
    ros.delete(stack_id)
    control.seed(Queues=[{"QueueName": "work"}, {"QueueName": "dead"}])
    (made,) = (item for item in control.state()["Queues"] if item["QueueName"] == "work")
    assert made["DlqPolicy"] is None, "the policy went with its queue"


def test_a_queue_whose_dead_letter_queue_is_not_there_is_not_made(ros: Ros, control: Any) -> None:
    before = names(control)
    policy = {"Enabled": True, "DeadLetterTargetQueue": "nobody", "MaxReceiveCount": 1}
    work = {**QUEUE, "Properties": {"QueueName": "work", "DlqPolicy": policy}}
    stack_id = ros.create(template({"Work": work}))
    assert ros.get(stack_id).status == "CREATE_ROLLBACK_COMPLETE"
    assert names(control) == before


def test_what_fails_is_rolled_back_and_the_events_say_at_what(ros: Ros, control: Any) -> None:
    before = names(control)
    hook = {
        "Type": "ALIYUN::ESS::LifecycleHook",
        "DependsOn": "Queue",
        "Properties": {
            "ScalingGroupId": "asg-nobody",
            "LifecycleTransition": "SCALE_OUT",
            "HeartbeatTimeout": 600,
        },
    }
    stack_id = ros.create(template({"Hook": hook, "Queue": QUEUE}))
    stack = ros.get(stack_id)
    assert stack.status == "CREATE_ROLLBACK_COMPLETE"
    assert "InvalidScalingGroupId" in stack.status_reason
    request = models.ListStackEventsRequest(region_id="cn-hangzhou", stack_id=stack_id)
    events = ros.client.list_stack_events(request).body.events
    assert ("Hook", "CREATE_FAILED") in {(e.logical_resource_id, e.status) for e in events}
    assert names(control) == before


def test_an_update_that_fails_is_rolled_back_to_the_template_before(ros: Ros, control: Any) -> None:
    stack_id = ros.create(template({"Queue": QUEUE}))
    before = names(control)
    hook = {
        "Type": "ALIYUN::ESS::LifecycleHook",
        "DependsOn": ["Queue", "Topic"],
        "Properties": {
            "ScalingGroupId": "asg-nobody",
            "LifecycleTransition": "SCALE_OUT",
            "HeartbeatTimeout": 600,
        },
    }
    ros.update(stack_id, template({"Hook": hook, "Queue": QUEUE, "Topic": TOPIC}))
    stack = ros.get(stack_id)
    assert stack.status == "ROLLBACK_COMPLETE"
    assert "InvalidScalingGroupId" in stack.status_reason
    assert names(control) == before
    ros.update(stack_id, template({"Queue": QUEUE, "Topic": TOPIC}))
    assert ros.get(stack_id).status == "UPDATE_COMPLETE"


def test_a_name_is_taken_until_its_stack_is_deleted(
    ros: Ros, refused: Callable[..., tuple[str, int]]
) -> None:
    body = template({"Queue": QUEUE})
    stack_id = ros.create(body)
    assert refused(ros.create, body) == ("StackExists", 409)
    ros.delete(stack_id)
    ros.create(body)


def test_the_same_stack_is_not_updated(ros: Ros, refused: Callable[..., tuple[str, int]]) -> None:
    body = template({"Queue": QUEUE})
    stack_id = ros.create(body)
    assert refused(ros.update, stack_id, body) == ("NotSupported", 400)


def test_a_stack_at_work_is_not_updated(
    ros: Ros, served: Running, refused: Callable[..., tuple[str, int]]
) -> None:
    stack_id = ros.create(template({"Queue": QUEUE}))
    # Said for it: what it has to do is done before another request can come.
    served.cloud.stacks[stack_id].status = "UPDATE_IN_PROGRESS"
    body = template({"Queue": QUEUE, "Topic": TOPIC})
    assert refused(ros.update, stack_id, body) == ("ActionInProgress", 409)
    assert not served.cloud.stacks[stack_id].source.template["Resources"].keys() & {"Topic"}


def test_an_update_and_a_preview_that_cannot_work_are_refused(
    ros: Ros, refused: Callable[..., tuple[str, int]]
) -> None:
    stack_id = ros.create(template({"Queue": QUEUE}))
    body = template({"Topic": TOPIC})
    preview = ros.client.preview_stack
    assert refused(ros.update, stack_id, body) == ("StackValidationFailed", 400)
    for name, code in (
        (stack_id, ("StackValidationFailed", 400)),
        ("gone", ("StackNotFound", 404)),
    ):
        asked = models.PreviewStackRequest(
            region_id="cn-hangzhou", stack_id=name, template_body=body
        )
        assert refused(preview, asked) == code
    check = models.ValidateTemplateRequest(region_id="cn-hangzhou", template_body=body)
    assert refused(ros.client.validate_template, check) == ("StackValidationFailed", 400)


@pytest.mark.parametrize(
    "policy",
    [
        {"DeadLetterTargetQueue": "dead", "MaxReceiveCount": 1},
        {"Enabled": True, "DeadLetterTargetQueue": "dead", "MaxReceiveCount": "many"},
        {"Enabled": True},
    ],
    ids=["not enabled", "no number", "no target"],
)
def test_a_dead_letter_policy_that_is_incomplete_fails_the_stack(
    ros: Ros, control: Any, policy: dict[str, Any]
) -> None:
    control.seed(Queues=[{"QueueName": "dead"}])
    work = {**QUEUE, "Properties": {"QueueName": "work", "DlqPolicy": policy}}
    stack = ros.get(ros.create(template({"Work": work})))
    assert stack.status == "CREATE_ROLLBACK_COMPLETE"
    assert stack.status_reason.startswith("StackValidationFailed")


def test_a_dead_letter_policy_may_say_its_number_as_text(ros: Ros, control: Any) -> None:
    control.seed(Queues=[{"QueueName": "dead"}])
    policy = {"Enabled": "true", "DeadLetterTargetQueue": "dead", "MaxReceiveCount": "3"}
    work = {**QUEUE, "Properties": {"QueueName": "work", "DlqPolicy": policy}}
    ros.create(template({"Work": work}))
    (made,) = (item for item in control.state()["Queues"] if item["QueueName"] == "work")
    assert made["DlqPolicy"] == {**policy, "Enabled": True, "MaxReceiveCount": 3}


def test_a_function_whose_code_is_not_in_its_bucket_fails_the_stack(ros: Ros) -> None:
    code = {"OssBucketName": "mine", "OssObjectName": "gone.zip"}
    properties = {"FunctionName": "fn", "Handler": "index.handler", "Runtime": "python3.10"}
    function = {"Type": "ALIYUN::FC3::Function", "Properties": {**properties, "Code": code}}
    stack = ros.get(ros.create(template({"Function": function})))
    assert stack.status == "CREATE_ROLLBACK_COMPLETE"
    assert "gone.zip of the bucket mine does not exist" in stack.status_reason


CODE = {"OssBucketName": "mine", "OssObjectName": "code.zip"}
ASYNCHRONOUS = {"MaxAsyncRetryAttempts": 5, "MaxAsyncEventAgeInSeconds": 600}
SUCCESS, FAILURE = (f"acs:mns:{REGION}:{ACCOUNT}:/queues/{name}/messages" for name in ("s", "f"))
FUNCTION = {
    "FunctionName": "fn",
    "Handler": "index.handler",
    "Runtime": "python3.10",
    "Code": CODE,
    "Timeout": 77,
    "MemorySize": 256,
    "EnvironmentVariables": {"NAME": "value"},
}
TRIGGERS: dict[str, dict[str, Any]] = {
    "timer": {"cronExpression": "@every 4m", "enable": False, "payload": "tick"},
    "mns_topic": {"notifyContentFormat": "JSON", "notifyStrategy": "EXPONENTIAL_DECAY_RETRY"},
    "eventbridge": stream(errorsTolerance="ALL", batchWindow=window(7, 3)),
    "http": {"authType": "function", "methods": ["GET"]},
}


def generation_3(**changes: Any) -> dict[str, Any]:
    cycle = {
        "Initializer": {"Handler": "index.initialize", "Timeout": 50},
        "PreStop": {"Handler": "index.pre_stop", "Timeout": 20},
    }
    where = {"OnSuccess": {"Destination": SUCCESS}, "OnFailure": {"Destination": FAILURE}}
    config = {"FunctionName": "fn", **ASYNCHRONOUS, "DestinationConfig": where}
    function = {**FUNCTION, "InstanceLifecycleConfig": cycle, **changes}
    return {
        "Function": {"Type": "ALIYUN::FC3::Function", "Properties": function},
        "Config": {
            "Type": "ALIYUN::FC3::AsyncInvokeConfig",
            "DependsOn": "Function",
            "Properties": config,
        },
        **triggers("ALIYUN::FC3::Trigger", {"FunctionName": "fn"}),
    }


def generation_2(**changes: Any) -> dict[str, Any]:
    function = {
        **FUNCTION,
        "ServiceName": "svc",
        "Initializer": "index.initialize",
        "InitializationTimeout": 50,
        "InstanceLifecycleConfig": {"PreStop": {"Handler": "index.pre_stop", "Timeout": 20}},
        "AsyncConfiguration": {
            **ASYNCHRONOUS,
            "Destination": {"OnSuccess": SUCCESS, "OnFailure": FAILURE},
        },
        **changes,
    }
    return {
        "Service": {"Type": "ALIYUN::FC::Service", "Properties": {"ServiceName": "svc"}},
        "Function": {
            "Type": "ALIYUN::FC::Function",
            "DependsOn": "Service",
            "Properties": function,
        },
        **triggers("ALIYUN::FC::Trigger", {"ServiceName": "svc", "FunctionName": "fn"}),
    }


def triggers(type_: str, names: dict[str, str]) -> dict[str, Any]:
    """One of each kind."""
    topic = {"SourceArn": f"acs:mns:{REGION}:{ACCOUNT}:/topics/{EVENTS}"}
    properties = {
        kind: {
            **names,
            "TriggerName": kind.replace("_", "-"),
            "TriggerType": kind,
            "TriggerConfig": config,
            **(topic if kind == "mns_topic" else {}),
        }
        for kind, config in TRIGGERS.items()
    }
    return {
        kind.title().replace("_", ""): {
            "Type": type_,
            "DependsOn": "Function",
            "Properties": properties[kind],
        }
        for kind in TRIGGERS
    }


@pytest.fixture
def package(served: Running, control: Any) -> None:
    """The function's code is in its bucket, and the queues of its results are there."""
    control.seed(Buckets=[{"BucketName": "mine"}], Queues=[{"QueueName": "s"}, {"QueueName": "f"}])
    upload(served.url, CODE)


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize(("resources", "name"), [(generation_2, "svc/fn"), (generation_3, "fn")])
def test_a_function_and_its_triggers_keep_their_configuration_also_when_one_changes(
    ros: Ros, served: Running, control: Any, resources: Callable[..., dict[str, Any]], name: str
) -> None:
    def check(timeout: int, payload: str) -> None:
        function = served.cloud.world.functions[name]
        assert (function.timeout, function.memory_size) == (timeout, 256)
        assert function.variables == {"NAME": "value"}
        assert (function.initializer, function.initialization_timeout) == ("index.initialize", 50)
        assert (function.pre_stop, function.pre_stop_timeout) == ("index.pre_stop", 20)
        assert function.asynchronous == AsyncConfig(5, 600, SUCCESS, FAILURE)
        assert function.http_trigger == HttpTrigger("function", ("GET",))
        state = control.state()
        wanted = {**TRIGGERS, "timer": {**TRIGGERS["timer"], "payload": payload}}
        del wanted["http"]
        assert {row["TriggerType"]: row["TriggerConfig"] for row in state["Triggers"]} == wanted
        assert {row["FunctionName"] for row in state["Triggers"]} == {name}
        (pushed,) = (
            row for row in state["Subscriptions"] if row["Endpoint"].endswith("functions/fn")
        )
        assert (pushed["TopicName"], pushed["NotifyContentFormat"]) == (EVENTS, "JSON")

    stack_id = ros.create(template(resources()))
    assert ros.get(stack_id).status == "CREATE_COMPLETE", ros.get(stack_id).status_reason
    check(77, "tick")
    changed = resources(Timeout=78)
    timer = changed["Timer"]["Properties"]
    timer["TriggerConfig"] = {**timer["TriggerConfig"], "payload": "tock"}
    ros.update(stack_id, template(changed))
    assert ros.get(stack_id).status == "UPDATE_COMPLETE", ros.get(stack_id).status_reason
    check(78, "tock")
    ros.delete(stack_id)
    assert control.state()["Functions"] == control.state()["Triggers"] == []


@pytest.mark.usefixtures("package")
def test_a_function_without_its_asynchronous_configuration_has_the_default_again(
    ros: Ros, served: Running
) -> None:
    resources = generation_3()
    stack_id = ros.create(template(resources))
    del resources["Config"]
    ros.update(stack_id, template(resources))
    assert served.cloud.world.functions["fn"].asynchronous == AsyncConfig()


ELSEWHERE = {"OnFailure": {"Destination": "acs:mns:cn-beijing:1:/queues/q/messages"}}


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize(
    ("resource", "changes", "reason"),
    [
        ("Function", {"FunctionName": "taken"}, "The function taken exists already"),
        ("Function", {"EnvironmentVariables": {"FC_X": "1"}}, "/EnvironmentVariables/FC_X"),
        ("Function", {"Timeout": 0}, "/Timeout"),
        ("Config", {"DestinationConfig": ELSEWHERE}, "/onFailure/destination"),
        ("Timer", {"FunctionName": "gone"}, "FunctionNotFound"),
        ("Timer", {"TriggerConfig": {}}, "/TriggerConfig"),
        ("Timer", {"TriggerConfig": {"cronExpression": "now"}}, "/TriggerConfig/cronExpression"),
    ],
)
def test_a_function_or_a_trigger_that_cannot_be_fails_its_stack(
    ros: Ros, served: Running, resource: str, changes: dict[str, Any], reason: str
) -> None:
    taken = {"Type": "ALIYUN::FC3::Function", "Properties": {**FUNCTION, "FunctionName": "taken"}}
    ros.create(template({"Function": taken}))
    resources = generation_3()
    properties = resources[resource]["Properties"]
    resources[resource]["Properties"] = {**properties, **changes}

    stack = ros.get(ros.create(template(resources), "another"))

    assert stack.status == "CREATE_ROLLBACK_COMPLETE"
    assert reason in stack.status_reason
    assert set(served.cloud.world.functions) == {"taken"}


def test_a_stack_that_there_is_not_is_not_found(
    ros: Ros, refused: Callable[..., tuple[str, int]]
) -> None:
    for call in (ros.get, ros.delete):
        assert refused(call, "nobody") == ("StackNotFound", 404)
    body = template({"Queue": QUEUE})
    assert refused(ros.update, "nobody", body) == ("StackNotFound", 404)
    events = models.ListStackEventsRequest(region_id="cn-hangzhou", stack_id="nobody")
    assert refused(ros.client.list_stack_events, events) == ("StackNotFound", 404)


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "{}",
        template({"Queue": QUEUE, "Topic": {**TOPIC, "DependsOn": "Queue"}}, Parameters={}),
        template({"Topic": TOPIC}),
        template({"Queue": {**QUEUE, "DependsOn": "Topic"}, "Topic": TOPIC}),
        template({"Queue": QUEUE}, Outputs={"No": {"Value": {"Fn::GetAtt": ["Nobody", "Arn"]}}}),
        template({"Queue": {**QUEUE, "Properties": {"QueueName": {"Fn::If": ["No", "a", "b"]}}}}),
    ],
    ids=[
        "unreadable",
        "no version",
        "no parameter",
        "no resource",
        "circle",
        "output",
        "condition",
    ],
)
def test_a_template_that_cannot_work_is_refused_before_anything_is_made(
    ros: Ros, control: Any, refused: Callable[..., tuple[str, int]], body: str
) -> None:
    before = names(control)
    assert refused(ros.create, body) == ("StackValidationFailed", 400)
    assert names(control) == before


@pytest.mark.parametrize("given", [{"Name": "Not This"}, {"Nobody": "x"}])
def test_parameters_are_held_to_what_the_template_allows(
    ros: Ros, refused: Callable[..., tuple[str, int]], given: dict[str, str]
) -> None:
    def create() -> None:
        ros.create(template({"Queue": QUEUE}), **given)

    assert refused(create) == ("StackValidationFailed", 400)


def test_a_type_that_is_missing_here_says_so(
    ros: Ros, refused: Callable[..., tuple[str, int]]
) -> None:
    body = template({"Vpc": {"Type": "ALIYUN::ECS::VPC", "Properties": {}}})
    request = models.ValidateTemplateRequest(region_id="cn-hangzhou", template_body=body)
    assert refused(ros.client.validate_template, request) == ("NotImplemented", 501)


def test_a_valid_template_tells_its_parameters(ros: Ros) -> None:
    body = template({"Queue": QUEUE}, Description="one queue")
    request = models.ValidateTemplateRequest(region_id="cn-hangzhou", template_body=body)
    told = ros.client.validate_template(request).body
    assert told.description == "one queue"
    assert [item["ParameterKey"] for item in told.parameters] == ["Name"]
