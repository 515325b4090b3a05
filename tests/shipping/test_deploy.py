"""From nothing but a load balancer and a scaling group to servers in service, and back to nothing:
`opskit deploy`, a scale-out, `opskit destroy`, with the vendor's SDKs against localcloud.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from mns.account import Account as MnsAccount
from mns.queue import Message
from typer.testing import CliRunner

from e2e.test_default_world import World
from localcloud.server import running
from opskit.__main__ import app
from opskit.deploy import commands, config
from opskit.package import Package
from shipping.templates import GENERATION_3, Template, load

RUNTIME = "python3.12" if sys.version_info >= (3, 12) else "python3.10"
ACCOUNT = {
    "LoadBalancers": [{"LoadBalancerId": "lb-local", "RegionId": "cn-hangzhou"}],
    "ScalingGroups": [{"ScalingGroupId": "asg-local", "RegionId": "cn-hangzhou"}],
    "Buckets": [{"BucketName": "code-of-mine"}],
}
OPERATIONS = (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8")
REHEARSAL = re.findall(r"^```yaml\n(.*?)^```", OPERATIONS, re.DOTALL | re.MULTILINE)
NOBODY = "http://127.0.0.1:1"
MADE = ("Functions", "Triggers", "Topics", "Queues", "Subscriptions")


class Account(World):
    def __init__(self, url: str, folder: Path) -> None:
        super().__init__(url)
        self.file = folder / "config.yml"

    def configured(self, **changes: Any) -> None:
        endpoints = {f"{name}Endpoint": self.url for name in ("Slb", "Ess", "Mns")}
        parameters = {"LoadBalancerId": "lb-local", "ScalingGroupId": "asg-local", **endpoints}
        document = {
            "StackName": "provisioner",
            "RegionId": "cn-hangzhou",
            "CodeBucket": "code-of-mine",
            "Runtime": RUNTIME,
            "Endpoints": {"ROS": self.url, "OSS": self.url},
            "Parameters": {**parameters, **changes.pop("Parameters", {})},
            **changes,
        }
        self.file.write_text(yaml.safe_dump(document), encoding="utf-8")

    def opskit(self, command: str, status: int = 0) -> Any:
        ran = CliRunner().invoke(app, [command, "--config", str(self.file), "--json"])
        assert ran.exit_code == status, ran.output
        return json.loads(ran.stdout) if status == 0 else ran.stderr

    def hooks(self) -> dict[str, str]:
        (group,) = self.ask("state")["ScalingGroups"]
        return {
            hook["LifecycleTransition"]: hook["DefaultResult"] for hook in group["LifecycleHooks"]
        }

    def made(self) -> dict[str, int]:
        state = self.ask("state")
        return {name: len(state[name]) for name in MADE}


@pytest.fixture
def account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, light_package: Package
) -> Iterator[Account]:
    monkeypatch.setattr(commands, "build", lambda _runtime: light_package)
    monkeypatch.setattr("opskit.deploy.stack._PAUSE", 0.05)
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "localcloud")
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "localcloud-secret")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    with running(ACCOUNT) as cloud:
        account = Account(cloud.url, tmp_path)
        account.configured()
        yield account


def test_a_deployed_stack_processes_a_scale_out_and_a_destroyed_one_leaves_nothing(
    account: Account, package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "build", lambda _runtime: package)
    nothing = account.made()

    report = account.opskit("deploy")

    assert account.hooks() == {"SCALE_OUT": "ABANDON", "SCALE_IN": "CONTINUE"}
    outputs = {item["OutputKey"]: item["OutputValue"] for item in report["Outputs"]}
    assert outputs["FunctionName"] == "vservergroups"
    assert outputs["HttpUrl"].startswith(account.url)

    account.scale(3)
    completed = account.until("CompleteLifecycleAction")
    assert (completed["caller"], completed["status"]) == ("vservergroups", 200)
    states = account.states()
    assert list(states.values()) == ["InService"] * 3
    assert account.groups() == {"asg-local": sorted(states)}

    assert account.opskit("destroy")["StackId"] == report["StackId"]
    assert account.made() == nothing == dict.fromkeys(MADE, 0)
    assert account.hooks() == {}
    assert account.opskit("destroy")["StackId"] is None


def test_a_deployed_stack_takes_requests_from_its_queue_and_over_http_only_signed_ones(
    account: Account,
) -> None:
    report = account.opskit("deploy")
    outputs = {item["OutputKey"]: item["OutputValue"] for item in report["Outputs"]}
    backend = {"ServerId": "i-1", "Port": 8080, "Weight": 100}
    request = {
        "LoadBalancerId": "lb-local",
        "VServerGroupName": "asked-for",
        "BackendServers": [backend],
    }
    mns = MnsAccount(account.url, "localcloud", "localcloud-secret")
    queue = mns.get_queue(outputs["RequestQueue"])
    queue.send_message(Message(json.dumps(request)))
    mns.mns_client.close_connection()
    account.until("PushEvents")
    assert account.groups() == {"asked-for": ["i-1"]}

    url = urlsplit(outputs["HttpUrl"])
    with closing(HTTPConnection(url.netloc, timeout=30)) as client:
        client.request("GET", f"{url.path}/health")
        assert client.getresponse().status == 403


def test_generation_2_processes_a_scale_out_too_and_leaves_nothing_either(
    account: Account,
) -> None:
    account.configured(Generation=2)
    report = account.opskit("deploy")
    outputs = {item["OutputKey"]: item["OutputValue"] for item in report["Outputs"]}
    assert (outputs["ServiceName"], outputs["FunctionName"]) == ("vservergroups", "events")
    functions = {row["FunctionName"]: row for row in account.ask("state")["Functions"]}
    assert functions["vservergroups/events"]["AsyncConfig"]["on_failure"].endswith("messages")
    assert functions["vservergroups/http"]["HttpTrigger"]["auth_type"] == "function"

    account.scale(2)
    completed = account.until("CompleteLifecycleAction")
    assert (completed["caller"], completed["status"]) == ("vservergroups/events", 200)
    assert account.groups() == {"asg-local": sorted(account.states())}

    account.opskit("destroy")
    assert account.made() == dict.fromkeys(MADE, 0)
    assert account.hooks() == {}


def test_the_account_keeps_the_policy_that_the_template_gives_the_role(account: Account) -> None:
    account.opskit("deploy")
    (stack,) = account.ask("state")["Stacks"]
    kept = {item["LogicalResourceId"]: item for item in stack["Resources"]}
    (policy,) = kept["Role"]["Properties"]["Policies"]
    wanted = Template(load(GENERATION_3)).properties("Role")["Policies"][0]["PolicyDocument"]
    actions = [statement["Action"] for statement in policy["PolicyDocument"]["Statement"]]
    assert actions == [statement["Action"] for statement in wanted["Statement"]]
    assert "acs:slb:cn-hangzhou:1000000000000001:loadbalancer/lb-local" in str(policy)


def test_a_plan_says_what_would_be_made_and_makes_nothing(account: Account) -> None:
    plan = account.opskit("plan-deploy")
    assert {change["Action"] for change in plan["Changes"]} == {"Add"}
    assert len(plan["Changes"]) == len(load(GENERATION_3)["Resources"])
    assert account.made() == dict.fromkeys(MADE, 0)
    assert account.hooks() == {}


def test_a_change_of_the_configuration_changes_what_it_is_about_and_nothing_else(
    account: Account,
) -> None:
    deployed = account.opskit("deploy")
    assert {change["Action"] for change in account.opskit("plan-deploy")["Changes"]} == {"None"}
    assert account.opskit("deploy")["StackId"] == deployed["StackId"]

    changes = {"FunctionTimeout": 300, "SweepSchedule": "@every 20m", "CircuitBreaker": 0}
    account.configured(Parameters=changes)
    plan = account.opskit("plan-deploy")
    changed = {item["LogicalResourceId"] for item in plan["Changes"] if item["Action"] != "None"}
    assert changed == {"Function", "SweepTrigger"}

    account.opskit("deploy")
    (function,) = account.ask("state")["Functions"]
    assert function["Timeout"] == 300
    assert function["HttpTrigger"]["auth_type"] == "function"
    assert function["AsyncConfig"]["retries"] == 8
    account.scale(1)
    account.until("CompleteLifecycleAction")


def test_a_stack_that_cannot_be_made_is_rolled_back_and_says_why(account: Account) -> None:
    account.configured(Parameters={"ScalingGroupId": "asg-nobody"})
    assert "ScalingGroup" in account.opskit("deploy", status=1)
    assert account.made() == dict.fromkeys(MADE, 0)
    account.configured()
    account.opskit("deploy")
    assert account.made()["Functions"] == 1


def test_a_bucket_that_there_is_not_is_named(account: Account) -> None:
    account.configured(CodeBucket="nobodys-bucket")
    assert "NoSuchBucket" in account.opskit("deploy", status=1)


@pytest.mark.parametrize("service", ["ROS", "OSS"])
def test_an_endpoint_that_does_not_answer_is_named_with_what_to_see_to(
    account: Account, service: str
) -> None:
    endpoints = {"ROS": account.url, "OSS": account.url, service: NOBODY}
    account.configured(Endpoints=endpoints)
    said = account.opskit("deploy", status=1)
    assert said.startswith("no readable answer from ")
    assert f"Endpoints/{service}" in said
    assert account.made() == dict.fromkeys(MADE, 0)


def test_a_look_at_the_stack_that_nobody_answers_is_made_again(account: Account) -> None:
    lost = {"service": "ros", "action": "GetStack", "kind": "reset_before", "count": 2}
    account.ask("faults", [lost])
    account.opskit("deploy")
    assert account.made()["Functions"] == 1


def test_a_stack_that_nobody_tells_of_any_more_is_not_waited_for(account: Account) -> None:
    account.ask(
        "faults", [{"service": "ros", "action": "GetStack", "kind": "reset_before", "count": 50}]
    )
    assert "goes on by itself" in account.opskit("deploy", status=1)


def test_a_wrong_secret_is_refused_by_both_services(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "another")
    assert "SignatureDoesNotMatch" in account.opskit("deploy", status=1)
    monkeypatch.setattr("opskit.deploy.stack.Stacks.find", lambda _self: "")
    refusal = account.opskit("deploy", status=1)
    assert "OSS refused" in refusal
    assert "SignatureDoesNotMatch" in refusal


def test_everything_that_is_missing_is_named_at_once_and_nothing_is_asked_of_the_cloud(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET")
    document = {
        "StackName": "provisioner",
        "Region": "cn-hangzhou",
        "Runtime": "python3.9",
        "Parameters": {"LoadBalancerId": "lb-1", "HeartbeatTimeout": 5, "FailureResult": "STOP"},
    }
    account.file.write_text(yaml.safe_dump(document), encoding="utf-8")
    said = account.opskit("deploy", status=2)
    for problem in (
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET is missing",
        "Region is not a key",
        "RegionId is missing",
        "CodeBucket is missing",
        "Runtime must be one of",
        "Parameters/ScalingGroupId is missing",
        "Parameters/HeartbeatTimeout must be from 601 to 86400",
        "Parameters/FailureResult must be one of ABANDON, CONTINUE",
    ):
        assert problem in said
    assert account.ask("journal")["entries"] == []


@pytest.mark.usefixtures("account")  # its keys, package and clean environment
def test_a_deployment_can_be_rehearsed_as_the_documents_say(tmp_path: Path) -> None:
    world, configuration = REHEARSAL
    with running(yaml.safe_load(world)) as cloud:
        rehearsed = Account(cloud.url, tmp_path)
        text = configuration.replace("http://127.0.0.1:8900", cloud.url)
        rehearsed.file.write_text(text.replace("python3.10", RUNTIME), encoding="utf-8")
        ran = CliRunner().invoke(app, ["deploy", "--config", str(rehearsed.file)])
        assert ran.exit_code == 0, ran.output
        assert "UPLOADED" in ran.stdout
        assert "CREATE_COMPLETE      ScaleOutHook" in ran.stdout
        rehearsed.ask("scale", {"ScalingGroupId": "asg-0001", "Adjustment": 3})
        rehearsed.until("CompleteLifecycleAction")
        assert list(rehearsed.states().values()) == ["InService"] * 3


def test_the_example_needs_nothing_but_names_of_ones_own(account: Account) -> None:
    example = config.FILE.with_name("config.example.yml").read_text("utf-8")
    account.file.write_text(example.replace("python3.10", RUNTIME), encoding="utf-8")
    keys = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "a", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "b"}
    found = config.read(account.file, keys)
    assert found.stack_name == yaml.safe_load(example)["StackName"]
    assert repr(found.credentials) == "Credentials()"
