"""No payload and no credential in any log, at any level, not even from the SDKs' own loggers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from worlds import LocalCloud

TESTS = Path(__file__).parent.parent

# A process of its own: the SDKs bind handlers to the real stderr when they are imported.
PROGRAM = """
import logging, sys
when, url, topic, lb = sys.argv[1:]
from provisioner.aliyun.log import build_log, silence_sdk_loggers

def silence():
    if when == "before":
        silence_sdk_loggers()

logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
silence()
from fakes import REGION, FakeClock
from worlds import replayable
from provisioner.aliyun.client import Connection
from provisioner.aliyun.ess import EssScalingGroups
from provisioner.aliyun.mns import MnsNotifications
from provisioner.aliyun.slb import SlbLoadBalancers
from provisioner.errors import ProvisionerError
from provisioner.model import Backend, LifecycleAction, LifecycleResult, VServerGroup
from provisioner.ports import Credentials
if when == "after":
    silence_sdk_loggers()
logging.getLogger("urllib3").setLevel(logging.DEBUG)
logging.getLogger("urllib3.connectionpool").setLevel(logging.DEBUG)
logging.getLogger("darabonba-core").setLevel(logging.DEBUG)

log = build_log("DEBUG")
keys = Credentials("STS.canary-key", "canary-secret", "canary-token")
connection = Connection(lambda: keys, url)
slb = SlbLoadBalancers(connection, FakeClock(), replayable())
ess = EssScalingGroups(connection, FakeClock(), replayable())
mns = MnsNotifications(connection, topic, FakeClock(), replayable())
member = Backend("i-canary-server", 80, description="canary-description")
action = LifecycleAction("ash-1", "canary-hook-token", "asg-1", "asa-1", region_id=REGION)

def attempt(name, call):
    try:
        call()
        log.write(name, ended="well")
    except ProvisionerError as error:
        log.write(name, ended="badly", code=error.code, error=str(error))

for balancer in (lb, "lb-of-nobody"):
    group = VServerGroup(REGION, balancer, "web", (member,))
    attempt("create", lambda: slb.create_vserver_group(group, within=5))
attempt("publish", lambda: mns.publish('{"id": "canary-document"}', tag="t", within=5))
result = LifecycleResult.CONTINUE
attempt("complete", lambda: ess.complete_lifecycle_action(action, result, within=5))
logging.getLogger("host").debug("the host goes on")
mns.close()
"""


def run(cloud: LocalCloud, when: str) -> tuple[str, str]:
    key = {
        "AccessKeyId": "STS.canary-key",
        "AccessKeySecret": "canary-secret",
        "SecurityToken": "canary-token",
    }
    cloud.seed(Keys=[key])
    command = [sys.executable, "-c", PROGRAM, when, cloud.url, cloud.topic(), cloud.load_balancer()]
    path = os.pathsep.join([str(TESTS.parent / "src"), str(TESTS.parent / "tools"), str(TESTS)])
    done = subprocess.run(  # noqa: S603 - our own program
        command,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": path, "DEBUG": "sdk"},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout, done.stderr


@pytest.mark.parametrize("when", ["before", "after"])
def test_nothing_leaks_from_real_calls_whenever_the_sdks_are_imported(
    cloud: LocalCloud, when: str
) -> None:
    steps, logs = run(cloud, when)

    assert "canary" not in steps
    assert "canary" not in logs
    assert "the host goes on" in logs
    assert [line.count('"ended":"well"') for line in steps.splitlines()] == [1, 0, 1, 1]


def test_without_the_silence_these_calls_do_leak(cloud: LocalCloud) -> None:
    _, logs = run(cloud, "never")

    for canary in ("canary-token", "i-canary-server", "canary-hook-token"):
        assert canary in logs
