"""localcloud over TLS, as a process of its own, with the small world that the bench measures in."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

from bench.cores import CLOUD, on
from bench.package import ROOT

REGION, BALANCER, GROUP, HOOK = "cn-hangzhou", "lb-bench", "asg-bench", "ash-bench"
TOPIC = "provision-results"
ACTIVITY, TOKEN = "asa-bench", "token-bench"
_MANY = 1_000_000


@dataclass
class Cloud:
    url: str
    ca_file: str
    connection: HTTPSConnection
    pid: int

    def environ(self) -> dict[str, str]:
        """Return the settings of the function. SLB and ESS are on different hosts, as they are in
        the cloud; MNS has its own client."""
        port = self.url.rpartition(":")[2]
        return {
            "SLB_ENDPOINT": f"https://127.0.0.1:{port}",
            "ESS_ENDPOINT": f"https://localhost:{port}",
            "MNS_ENDPOINT": f"https://127.0.0.1:{port}",
            "RESULT_TOPIC": TOPIC,
            "SCALING_GROUP_ID": GROUP,
            "LOAD_BALANCER_ID": BALANCER,
            "BACKEND_PORTS": "8080",
            "VSERVER_GROUP_NAME": "{scaling_activity_id}",
            "BACKEND_QUOTA": "10000",
            "FC_REGION": REGION,
            "ALIBABA_CLOUD_ACCESS_KEY_ID": "localcloud",
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "localcloud-secret",
            "SSL_CERT_FILE": self.ca_file,
            "REQUESTS_CA_BUNDLE": self.ca_file,
        }

    def reset(self, instances: int, *, latency: float = 0.0, balancers: int = 1) -> None:
        """Reset the world: nothing is provisioned, and the hook waits for so many instances."""
        self.ask("POST", "reset")
        self.ask("POST", "seed", world(instances, balancers))
        if latency:
            rule = {"kind": "latency", "seconds": latency, "count": _MANY}
            self.ask("POST", "faults", [rule])

    def calls(self) -> list[str]:
        """Return the actions that were called since the last reset."""
        return [
            entry["action"] for entry in self.ask("GET", "journal")["entries"] if entry["caller"]
        ]

    def cpu(self) -> float:
        """Return the seconds of CPU that localcloud has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def ask(self, method: str, path: str, document: Any = None) -> Any:
        body = None if document is None else json.dumps(document)
        self.connection.request(method, f"/_cloud/{path}", body)
        answer = self.connection.getresponse()
        content = json.loads(answer.read())
        if answer.status != 200:
            raise SystemExit(f"localcloud refuses {path}: {content}")
        return content


def world(instances: int, balancers: int = 1) -> dict[str, Any]:
    ids = [instance_id(number) for number in range(instances)]
    group = {"ScalingGroupId": GROUP, "ScalingActivityId": ACTIVITY}
    hook = {"LifecycleHookId": HOOK, "LifecycleTransition": "SCALE_OUT", "DefaultResult": "ABANDON"}
    action = {"LifecycleHookId": HOOK, "ScalingActivityId": ACTIVITY, "LifecycleActionToken": TOKEN}
    return {
        "LoadBalancers": [
            {"LoadBalancerId": balancer_id(number), "RegionId": REGION, "BackendQuota": 10_000}
            for number in range(balancers)
        ],
        "ScalingGroups": [{"ScalingGroupId": GROUP, "RegionId": REGION, "LifecycleHooks": [hook]}],
        "ScalingActivities": [{**group, "StatusCode": "InProgress"}],
        "ScalingInstances": [
            {**group, "InstanceId": id_, "LifecycleState": "Pending:Wait"} for id_ in ids
        ],
        "LifecycleActions": [{**action, "InstanceIds": ids}],
        "Topics": [{"TopicName": TOPIC}],
    }


def bindings(balancers: int) -> dict[str, str]:
    """Return the settings of a scaling group that is bound to so many load balancers."""
    each = {"ScalingGroupId": GROUP, "Ports": [8080], "VServerGroupName": "{scaling_activity_id}"}
    bound = [{**each, "LoadBalancerId": balancer_id(number)} for number in range(balancers)]
    single = ("SCALING_GROUP_ID", "LOAD_BALANCER_ID", "BACKEND_PORTS", "VSERVER_GROUP_NAME")
    return {**dict.fromkeys(single, ""), "BINDINGS": json.dumps(bound)}


def balancer_id(number: int) -> str:
    return f"{BALANCER}-{number}" if number else BALANCER


def instance_id(number: int) -> str:
    return f"i-bench{number:012}"


@contextmanager
def localcloud() -> Iterator[Cloud]:
    with tempfile.TemporaryDirectory() as folder:
        ca_file = Path(folder) / "ca.pem"
        command = [sys.executable, "-m", "localcloud", "--port", "0", "--empty", "--tls"]
        command += ["--ca-file", str(ca_file), "--until-stdin-closes"]
        pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with on(CLOUD):
            started = subprocess.Popen(command, cwd=ROOT / "tools", text=True, **pipes)
        with started as process:
            try:
                assert process.stdout is not None
                url = process.stdout.readline().split()[-1]
                context = ssl.create_default_context(cafile=str(ca_file))
                host = url.removeprefix("https://")
                with closing(HTTPSConnection(host, context=context, timeout=30)) as connection:
                    yield Cloud(url, str(ca_file), connection, process.pid)
            finally:
                process.terminate()
