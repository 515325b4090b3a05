"""This project's own function, on localcloud's Function Compute, against the same localcloud."""

from __future__ import annotations

import json
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from functions import NEWER, Functions, ended, runtime

SOURCES = Path(__file__).parents[2] / "src"
REQUEST = {
    "RegionId": "cn-hangzhou",
    "LoadBalancerId": "lb-local",
    "VServerGroupName": "web-8080",
    "BackendServers": [{"ServerId": "i-0001", "Port": 8080, "Weight": 100}],
}


@pytest.fixture
def provisioner(functions: Functions) -> Functions:
    """The sources as the code; its packages as a layer would bring them."""
    found = runtime("python3.12" if NEWER else "python3.10")
    if f"python{sys.version_info[0]}.{sys.version_info[1]}" != found["Runtime"]:
        pytest.skip("the installed packages are for another interpreter than the runtime's")
    row = {
        "Code": str(SOURCES),
        "Handler": "index.handler",
        "Initializer": "index.initialize",
        "PreStop": "index.pre_stop",
        "Timeout": 60,
        "EnvironmentVariables": {
            "PYTHONPATH": sysconfig.get_path("purelib"),
            "RESULT_TOPIC": "provision-results",
            "SLB_ENDPOINT": functions.url,
            "ESS_ENDPOINT": functions.url,
            "MNS_ENDPOINT": functions.url,
        },
        "IdleSeconds": 60,
        **found,
    }
    functions.register("", "provisioner", **row)
    http = {"Handler": "index.http_handler", "HttpTrigger": {}}
    functions.register("", "web/provisioner", **{**row, **http})
    return functions


def test_it_provisions_a_request_document_with_keys_of_its_own(
    provisioner: Functions, control: Any, mns: Any
) -> None:
    payload = json.dumps(REQUEST).encode()
    first, again = (provisioner.call("provisioner", payload) for _ in range(2))
    assert "x-fc-error-type" not in first.headers, first.body
    (outcome,) = first.json["outcomes"]
    assert outcome["outcome"] == "provisioned"
    (group,) = control.state()["VServerGroups"]
    assert (group["VServerGroupName"], group["VServerGroupId"]) == (
        "web-8080",
        outcome["VServerGroupId"],
    )
    assert again.headers["x-fc-instance-id"] == first.headers["x-fc-instance-id"]
    queue = mns.get_queue("provision-results-inbox")
    queue.set_encoding(False)
    result = json.loads(queue.receive_message(5).message_body)
    assert result["type"] == "vservergroup.provisioned"
    callers = {row["caller"] for row in control.journal() if row["service"] == "slb"}
    assert callers == {"provisioner"}
    (pid,) = provisioner.pids("provisioner")
    control.advance(60)
    assert ended(pid)
    assert "FC PreStop End RequestId" in provisioner.log("provisioner")
    assert "Error" not in provisioner.log("provisioner")


def test_it_answers_http_over_wsgi(provisioner: Functions) -> None:
    health = provisioner.send("GET", "/2016-08-15/proxy/web/provisioner/health")
    assert (health.status, health.json["status"]) == (200, "ok")
    path = "/2016-08-15/proxy/web/provisioner/provision"
    assert provisioner.send("POST", path, json.dumps(REQUEST).encode()).status == 200
    refused = provisioner.send("POST", path, b"{}")
    assert refused.headers["content-type"] == "application/problem+json"
