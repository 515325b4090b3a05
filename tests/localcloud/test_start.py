"""How `python -m localcloud` may be started: with a seed file, with TLS, or as it is."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import HTTPSHandler, ProxyHandler, build_opener

import pytest

import localcloud
from functions import PATIENCE, until
from localcloud.documents import check
from localcloud.worlds import read_seed, served_world

SOURCES = Path(localcloud.__file__).parents[1]


@contextmanager
def command(*options: str, scheme: str = "http") -> Iterator[str]:
    """Yields its address."""
    process = subprocess.Popen(  # noqa: S603 - runs this very package
        [sys.executable, "-m", "localcloud", "--port", "0", *options],
        env={**os.environ, "PYTHONPATH": str(SOURCES)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line.startswith(f"localcloud ready at {scheme}://127.0.0.1:"), line
            yield line.split()[-1]
            process.terminate()
            assert process.wait(timeout=PATIENCE) == 0
            assert process.stdout.read() == ""
        finally:
            process.kill()


def get(url: str, ca_file: str | None = None, body: Any = None) -> Any:
    trust = HTTPSHandler(context=ssl.create_default_context(cafile=ca_file))
    raw = None if body is None else json.dumps(body).encode()
    with build_opener(ProxyHandler({}), trust).open(url, raw, timeout=PATIENCE) as answer:
        return json.load(answer)


YAML = """
LoadBalancers:
  - &balancer {LoadBalancerId: lb-1, RegionId: cn-hangzhou, CreateTime: 2026-01-01T00:00:00Z}
ScalingGroups:
  - ScalingGroupId: asg-1
    RegionId: cn-hangzhou
    LifecycleHooks: [{LifecycleHookId: ash-1, LifecycleTransition: SCALE_IN}]
Queues: [{QueueName: q}]
Topics: [{TopicName: t}]
Subscriptions:
  - {TopicName: t, SubscriptionName: s, Endpoint: "{endpoint}/nowhere"}
Triggers:
  - FunctionName: fn
    TriggerName: every-day
    TriggerType: timer
    TriggerConfig: {cronExpression: "0 0 12 * * *"}
"""


def test_a_seed_file_may_be_yaml(tmp_path: Path) -> None:
    seed = tmp_path / "world.yml"
    seed.write_text(YAML)
    with command("--seed-file", str(seed)) as url:
        state = get(f"{url}/_cloud/state")
    (balancer,) = state["LoadBalancers"]
    assert balancer["LoadBalancerId"] == "lb-1"
    assert [item["ScalingGroupId"] for item in state["ScalingGroups"]] == ["asg-1"]
    assert [item["Endpoint"] for item in state["Subscriptions"]] == [f"{url}/nowhere"]
    assert [item["TriggerName"] for item in state["Triggers"]] == ["every-day"]


def test_yaml_and_json_say_the_same(tmp_path: Path) -> None:
    yaml, as_json = tmp_path / "world.yaml", tmp_path / "world.json"
    yaml.write_text(YAML)
    as_json.write_text(json.dumps(read_seed(yaml)))
    assert read_seed(as_json) == read_seed(yaml)


@pytest.mark.parametrize("text", ["a: [", "!!python/object/apply:os.getcwd []", "\t- a"])
def test_yaml_that_is_none_or_not_safe_is_refused(tmp_path: Path, text: str) -> None:
    seed = tmp_path / "world.yaml"
    seed.write_text(text)
    with pytest.raises(ValueError, match=r"world\.yaml|tag|<unicode string>"):
        read_seed(seed)


def test_with_no_file_the_function_of_this_checkout_is_there_and_wired() -> None:
    check(served_world(), "world")
    with command() as url:
        state = get(f"{url}/_cloud/state")
    (function,) = state["Functions"]
    assert (function["FunctionName"], function["Handler"]) == ("provisioner", "index.handler")
    assert function["Code"] == str(SOURCES.parent / "src")
    assert [(item["TriggerName"], item["TriggerType"]) for item in state["Triggers"]] == [
        ("scaling-events", "mns_topic"),
        ("provision-requests", "eventbridge"),
        ("provision-failures", "eventbridge"),
        ("sweep", "timer"),
    ]
    (pushed,) = (item for item in state["Subscriptions"] if item["TopicName"] == "scaling-events")
    assert pushed["Endpoint"].endswith(":functions/provisioner")


def test_tls_is_certified_by_an_authority_of_its_own(tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    with command("--tls", "--ca-file", str(ca_file), scheme="https") as url:
        health = get(f"{url}/_cloud/health", str(ca_file))
        assert (health["ca_file"], health["endpoint"]) == (str(ca_file), url)
        with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
            get(f"{url}/_cloud/health")
    assert b"PRIVATE" not in ca_file.read_bytes()


def test_the_authoritys_file_goes_with_the_server_unless_it_was_asked_for() -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with command("--tls", scheme="https") as url:
        opener = build_opener(ProxyHandler({}), HTTPSHandler(context=context))
        with opener.open(f"{url}/_cloud/health", timeout=PATIENCE) as answer:
            ca_file = json.load(answer)["ca_file"]
        assert get(f"{url}/_cloud/health", ca_file)["status"] == "ready"
    assert not Path(ca_file).exists()


def test_the_function_of_this_checkout_completes_its_hook_over_tls(tmp_path: Path) -> None:
    ca_file = str(tmp_path / "ca.pem")
    with command("--tls", "--ca-file", ca_file, scheme="https") as url:
        get(f"{url}/_cloud/scale", ca_file, {"ScalingGroupId": "asg-local", "Adjustment": 2})

        def states() -> list[str]:
            instances = get(f"{url}/_cloud/state", ca_file)["ScalingInstances"]
            return [item["LifecycleState"] for item in instances]

        until(lambda: states() == ["InService"] * 2, states)


def test_an_authoritys_file_without_tls_is_a_mistake(tmp_path: Path) -> None:
    ran = subprocess.run(  # noqa: S603 - runs this very package
        [sys.executable, "-m", "localcloud", "--ca-file", str(tmp_path / "ca.pem")],
        env={**os.environ, "PYTHONPATH": str(SOURCES)},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "--ca-file is for --tls" in ran.stderr


def test_the_vendors_sdks_speak_to_it_over_tls(tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    program = """
import sys
from alibabacloud_slb20140515 import client, models
from alibabacloud_tea_openapi.models import Config
from mns.account import Account
from mns.topic import TopicMessage
key = {"access_key_id": "localcloud", "access_key_secret": "localcloud-secret"}
config = Config(**key, endpoint=sys.argv[1].partition("//")[2], protocol="https")
request = models.DescribeVServerGroupsRequest(
    region_id="cn-hangzhou", load_balancer_id="lb-local"
)
assert client.Client(config).describe_vserver_groups(request).status_code == 200
account = Account(sys.argv[1], *key.values())
assert account.get_topic("provision-results").publish_message(TopicMessage("m")).message_id
account.mns_client.close_connection()
"""
    with command("--tls", "--ca-file", str(ca_file), scheme="https") as url:
        environ = {"PATH": os.environ["PATH"], "SSL_CERT_FILE": str(ca_file)}
        subprocess.run(  # noqa: S603 - this very interpreter
            [sys.executable, "-c", program, url], env=environ, check=True, timeout=PATIENCE
        )
