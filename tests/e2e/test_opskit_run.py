"""`python -m opskit run`, as a person, a script or a demonstration runs it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, build_opener

import pytest

import builders
from builders import ABSENT
from e2e.opskit_calls import called
from e2e.stage import EVENTS, PYTHONPATH, Cloud
from opskit import run
from opskit.function import Function, FunctionFailedError, deployment
from opskit.local import LocalCloud
from opskit.readings import Readings
from opskit.world import REGION
from provisioner.mapping import validation

KEYS = {"outcomes", "groups", "notifications", "lifecycle", "redelivery", "scaleIn"}
READ = ["group", "inbox", "hook", "instances"]  # from the cloud, afterwards
UNCHANGED = "nothing changed; the same notification ids"
NOWHERE = "http://127.0.0.1:9"  # the port that discards; nothing listens there
PROXIES = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), NOWHERE)


@pytest.fixture(autouse=True)
def dead_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, address in PROXIES.items():
        monkeypatch.setenv(name, address)


@contextmanager
def opskit_run(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": PYTHONPATH}
    with subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "opskit", "run", *arguments],
        env=environ | PROXIES,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def ran(*arguments: str) -> tuple[int, str, str]:
    """Status, output and errors. The errors end when the last process that holds them does, and
    localcloud is one: that this returns at all means that it is gone."""
    with opskit_run(*arguments) as process:
        output, errors = process.communicate(timeout=60)
        return process.returncode, output, errors


def ran_here(*arguments: str, given: bytes = b"") -> tuple[int, str, str]:
    """In this process, which has imported the SDKs already."""
    return called("run", *arguments, given=given)


def reported(*arguments: str, given: bytes = b"", status: int = 0) -> tuple[Any, str]:
    """The one document on standard output, and the errors."""
    code, output, errors = ran_here("--json", *arguments, given=given)
    assert (code, errors == "") == (status, status == 0), errors
    return read_report(output), errors


def read_report(output: str) -> Any:
    report = json.loads(output)
    assert report.keys() == KEYS
    for result in report["notifications"]:
        assert validation.validate("result", result) == []
    return report


def test_a_call_to_a_path_that_is_not_there_is_refused() -> None:
    http = {"method": "POST", "path": "/groups"}
    context = {"http": http, "requestId": "req-0001"}
    event = builders.http_event("{}", requestContext=context)

    report, errors = reported("-", given=builders.as_bytes(event), status=3)

    assert report["outcomes"][0]["error"]["code"] == "NotFound"
    assert "NotFound" in errors


@pytest.fixture(scope="module")
def whole_loop() -> Any:
    code, output, errors = ran("--json")
    assert (code, errors) == (0, "")
    return read_report(output)


def test_the_whole_loop_becomes_one_document_about_45_servers_in_service(whole_loop: Any) -> None:
    (outcome,) = whole_loop["outcomes"]
    (group,) = whole_loop["groups"]
    (result,) = whole_loop["notifications"]
    (action,) = whole_loop["lifecycle"]
    assert outcome["outcome"] == "provisioned"
    assert outcome["VServerGroupId"] == group["VServerGroupId"]
    assert result["data"]["VServerGroupId"] == group["VServerGroupId"]
    assert len(group["BackendServers"]["BackendServer"]) == 45
    assert (action["status"], action["result"]) == ("Completed", "CONTINUE")
    again = whole_loop["redelivery"]
    assert again["unchanged"] is True
    assert [result["id"] for result in again["notifications"]] == [result["id"]]
    assert again["outcomes"] == whole_loop["outcomes"]


def test_the_whole_loop_ends_by_scaling_in_by_5_and_the_group_shrinks_to_40(
    whole_loop: Any,
) -> None:
    shrunk = whole_loop["scaleIn"]
    (group,) = shrunk["groups"]
    (result,) = shrunk["notifications"]
    (action,) = shrunk["lifecycle"]
    assert validation.validate("result", result) == []
    assert [outcome["outcome"] for outcome in shrunk["outcomes"]] == ["deregistered"]
    assert group["VServerGroupId"] == whole_loop["groups"][0]["VServerGroupId"]
    assert len(group["BackendServers"]["BackendServer"]) == 40
    assert result["data"]["changes"]["removedCount"] == 5
    assert (action["hook"], action["result"]) == ("ash-local-in", "CONTINUE")
    assert shrunk["instances"] == {"InService": 40}


def test_the_whole_loop_is_told_to_a_person_from_scaling_out_to_a_redelivery_without_effect() -> (
    None
):
    status, output, errors = ran()

    assert (status, errors) == (0, "")
    heads = re.findall(r"^ +\d+\.\d{3} s  (\w+)", output, re.MULTILINE)
    told = ["cloud", "ess", "function", "ess", "mapping", "call", "publish", "complete", "outcome"]
    assert list(dict.fromkeys(heads)) == [*dict.fromkeys(told), *READ, "again"]
    assert heads[-4:] == READ
    for said in (
        "ScaleWithAdjustment: scaling group asg-local scales out by 45",
        "created; 45 backends added, 0 were there",
        "asg-local of lb-local, holds 45 backends",
        "ash-local: Completed CONTINUE",
        "45 InService",
        "again      the hook message is published to topic scaling-events once more",
        f"{UNCHANGED}; calls that write: PublishMessage\n",
        "ScaleWithAdjustment: scaling group asg-local scales in by 5",
        "call       RemoveVServerGroupBackendServers",
        "deregistered: lb-local 5 backends removed, 0 groups deleted",
        "asg-local of lb-local, holds 40 backends",
        "ash-local-in: Completed CONTINUE",
    ):
        assert said in output
    assert output.endswith("40 InService\n")


def test_two_hooks_of_one_activity_that_share_nothing_but_instances_are_both_completed() -> None:
    hooks = ("ash-0001", "ash-0002")
    messages = [
        builders.hook_message(lifecycleHookId=hook, lifecycleActionToken=ABSENT) for hook in hooks
    ]
    report, _ = reported("-", given=builders.as_bytes(messages))
    assert [a["result"] for a in report["lifecycle"]] == ["CONTINUE", "CONTINUE"]

    messages = [
        builders.hook_message(
            lifecycleHookId=hook, scalingActivityId=ABSENT, lifecycleActionToken=f"t[{number}]"
        )
        for number, hook in enumerate(hooks)
    ]
    report, _ = reported("-", given=builders.as_bytes(messages))
    assert [(a["token"], a["result"]) for a in report["lifecycle"]] == [
        ("t[0]", "CONTINUE"),
        ("t[1]", "CONTINUE"),
    ]


@pytest.mark.parametrize("group", ["asg-a.b_c:d", "g" * 256])
def test_a_scaling_group_of_any_id_runs_and_its_id_is_told_as_it_is(group: str) -> None:
    event = builders.hook_message(scalingGroupId=group)

    status, output, errors = ran_here("-", given=builders.as_bytes(event))

    assert (status, errors) == (0, "")
    assert f"scaling group {group} waits" in output
    assert UNCHANGED in output


def test_one_load_balancer_in_two_regions_is_said_and_the_first_region_wins() -> None:
    here, there = builders.document(), builders.document(RegionId="cn-beijing")

    status, output, _ = ran_here("-", given=builders.as_bytes([here, there]))

    assert status == 3
    said = "load balancer lb-0001 is named in cn-hangzhou and in cn-beijing"
    assert f"{said}; here it is in cn-hangzhou only" in output


def test_a_request_description_is_no_event_and_ends_in_status_2() -> None:
    file = str(EVENTS / "http.wsgi.json")
    said = f"opskit run: {file}: describes a WSGI request; it is for tests\n"
    assert ran(file) == (2, "", said)


def test_a_world_that_localcloud_refuses_is_one_line(cloud: Cloud) -> None:
    with pytest.raises(HTTPError) as refused:
        LocalCloud(cloud.url).seed({"LoadBalancers": [{"LoadBalancerId": "lb-1"}]})

    said = run.refusal(refused.value)

    assert said.startswith("localcloud refused (400): ")
    assert "RegionId" in said
    assert "\n" not in said


def test_a_function_that_cannot_start_says_why_in_one_line(cloud: Cloud, tmp_path: Path) -> None:
    bindings = tmp_path / "bindings.json"
    bindings.write_text("[{}]", encoding="utf-8")
    cloud.seed(Functions=[deployment(str(bindings))])
    function = Function(LocalCloud(cloud.url), lambda _name, _fields: None)

    with pytest.raises(FunctionFailedError, match="ConfigurationInvalid: BINDINGS_FILE") as failed:
        function.invoke(b"{}")

    assert "\n" not in str(failed.value)


def test_instances_are_counted_over_all_pages(cloud: Cloud) -> None:
    group = {"ScalingGroupId": "asg-0001", "RegionId": REGION}
    ids = [{"InstanceId": f"i-{n:04}", "ScalingGroupId": "asg-0001"} for n in range(101)]
    cloud.seed(ScalingGroups=[group], ScalingInstances=ids)

    assert Readings(cloud.url).instances("asg-0001") == {"InService": 101}


def test_a_hook_of_another_account_and_region_read_from_standard_input_runs() -> None:
    account, region = "2000000000000002", "ap-southeast-1"
    arn = f"acs:ess:{region}:{account}:scalinggroup/asg-0009"
    top = {"userId": account, "regionId": region, "resourceArn": arn}
    event = builders.hook_message(top, scalingGroupId="asg-0009")

    report, _ = reported("-", given=builders.as_bytes(event))

    (outcome,) = report["outcomes"]
    assert (outcome["outcome"], outcome["VServerGroupName"]) == ("provisioned", "asg-0009")
    assert report["notifications"][0]["data"]["RegionId"] == region
    assert [action["result"] for action in report["lifecycle"]] == ["CONTINUE"]


def test_a_request_of_another_region_read_from_standard_input_runs() -> None:
    event = builders.document(RegionId="cn-beijing")

    report, _ = reported("-", given=builders.as_bytes(event))

    assert [outcome["outcome"] for outcome in report["outcomes"]] == ["provisioned"]
    assert report["notifications"][0]["data"]["RegionId"] == "cn-beijing"


@pytest.mark.parametrize("name", ["http.fc-v1.json", "http.gateway.json"])
def test_an_http_event_is_told_to_a_person_line_by_line(name: str) -> None:
    status, output, errors = ran_here(str(EVENTS / name))

    assert (status, errors) == (0, "")
    heads = re.findall(r"^ +\d+\.\d{3} s  (\w+)", output, re.MULTILINE)
    assert heads[:3] == ["cloud", "event", "function"]
    assert heads[-1] == "outcome"
    assert heads.count("outcome") == 2
    assert "CreateVServerGroup" in output
    assert output.endswith(
        "nothing changed; the same notification ids; calls that write: PublishMessage\n"
    )


def test_a_plan_is_told_without_the_group_that_is_not_there_yet() -> None:
    status, output, errors = ran_here(str(EVENTS / "direct.dry-run-merge.json"))

    assert (status, errors) == (0, "")
    assert "planned: group would be created; 1 backends added" in output


def test_what_is_refused_is_said_with_its_place_and_ends_in_status_3() -> None:
    report, errors = reported(str(EVENTS / "direct.schema-problems.json"), status=3)

    assert [outcome["outcome"] for outcome in report["outcomes"]] == ["refused"]
    assert report["groups"] == []
    assert "InvalidRequest" in errors
    assert "/BackendServers" in errors


def test_what_fails_on_the_cloud_ends_in_status_1() -> None:
    """Two groups of one load balancer that together hold more than it may."""
    messages = [
        builders.queue_message(json.dumps(request_of(150, name)), message_id=name)
        for name in ("first", "second")
    ]

    report, errors = reported("-", given=builders.as_bytes(messages), status=1)

    first, second = report["outcomes"]
    assert (first["outcome"], second["outcome"]) == ("provisioned", "failed")
    assert second["error"]["code"] == "InstanceBackendServerNumberOverLimit"
    assert "InstanceBackendServerNumberOverLimit" in errors
    (group,) = report["groups"]
    assert group["VServerGroupName"] == "first"


def request_of(number: int, name: str) -> dict[str, Any]:
    servers = [{"ServerId": f"i-{name}-{n:04}", "Port": 8080} for n in range(number)]
    return builders.document(VServerGroupName=name, BackendServers=servers)


def test_a_file_that_is_not_there_ends_in_status_2() -> None:
    assert ran("nowhere.json") == (2, "", "opskit run: nowhere.json: No such file or directory\n")


def test_localcloud_ends_by_itself_when_its_parent_is_killed() -> None:
    with opskit_run() as process:
        assert process.stdout
        line = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert found, line
        process.kill()
        process.communicate(timeout=30)  # returns when localcloud holds its standard error no more
    assert process.returncode == -9
    with pytest.raises(URLError, match="refused"):
        build_opener(ProxyHandler({})).open(f"{found[0]}/_cloud/health")
