"""The order of the messages in a batch changes nothing: neither what stands afterwards, nor what is
published, nor what becomes of each message."""

from __future__ import annotations

import json
from collections import defaultdict
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from builders import as_bytes, document, failure_record, hook_message, queue_message
from deployments import Deployment, a_binding, deployment, servers
from provisioner.batch import handle_items
from provisioner.errors import ProvisionerError
from provisioner.model import Request, ScalingInstance
from provisioner.results.outcome import Outcome
from provisioner.sweep import SweepReport
from provisioner.triggers import decode, decode_items

BALANCERS = ("lb-0001", "lb-0002")
BINDINGS = (
    a_binding(),
    a_binding(scaling_group_id="asg-0002"),
    a_binding(scaling_group_id="asg-0002", load_balancer_id="lb-0002", ports=(8081,)),
)


def request(balancer: str, name: str, server: int, weight: int, on: str) -> dict[str, Any]:
    backends = [{"ServerId": f"i-{server:04}", "Port": 8080, "Weight": weight}]
    return document(
        LoadBalancerId=balancer, VServerGroupName=name, BackendServers=backends, OnExisting=on
    )


requests = st.builds(
    request,
    st.sampled_from([*BALANCERS, "lb-0001", "lb-9999"]),
    st.sampled_from(["web", "web", "api", "asg-0001"]),
    st.integers(1, 3),
    st.sampled_from([0, 50, 100]),
    st.sampled_from(["refuse", "merge"]),
)
hooks = st.builds(
    lambda group, activity, first: hook_message(
        scalingGroupId=group,
        scalingActivityId=f"{activity}-of-{group}",
        lifecycleHookId=f"ash-of-{group}",
        lifecycleActionToken=f"token-{group}-{activity}",
        instanceIds=[f"i-{first:04}", f"i-{first + 1:04}"],
    ),
    st.sampled_from(["asg-0001", "asg-0002", "asg-unbound"]),
    st.sampled_from(["asa-1", "asa-2"]),
    st.just(1),
)
odd = st.sampled_from(["hello", 7, {"key": 1}, {"triggerTime": "1", "triggerName": "t"}])
bodies = requests | hooks | odd | st.builds(lambda one: failure_record(json.dumps(one)), requests)
ids = st.sampled_from([f"M{number}" for number in range(6)])  # some messages come twice
messages = st.builds(queue_message, requests, ids) | st.builds(queue_message, bodies, ids) | odd
# A list without any document is refused as one, so each has at least one object.
batches = st.lists(messages, min_size=2, max_size=8).filter(
    lambda batch: any(isinstance(each, dict) for each in batch)
)


def world(batch: list[Any]) -> Deployment:
    """What is there before the batch comes, whatever its order."""
    cloud = deployment(*BINDINGS)
    cloud.stands(*servers(1, weight=10), name="api")
    for item in decode(as_bytes(batch)):
        if isinstance(item, Request) and item.action:
            names = [each.instance_id for each in item.instances]
            cloud.scaling_groups.pending(item.action)
            there = [ScalingInstance(name, "Pending:Wait", "", "") for name in names]
            cloud.scaling_groups.holds(item.action.scaling_group_id, *there)
    return cloud


def came_to(batch: list[Any]) -> dict[str, Any]:
    cloud = world(batch)
    ended = handle_items(cloud.means, decode_items(as_bytes(batch)), cloud.invocation())
    each: dict[str, list[Any]] = defaultdict(list)
    for element, came in zip(batch, ended, strict=True):
        assert not isinstance(came, ProvisionerError), came
        outcomes = () if isinstance(came, SweepReport) else came
        each[json.dumps(element)].append([told(outcome) for outcome in outcomes])
    return {
        "groups": sorted(
            (g.load_balancer_id, g.name, sorted((b.key, b.weight) for b in g.backends))
            for g in cloud.load_balancers.groups.values()
        ),
        "published": {result["id"] for result in cloud.notifications.results},
        "kept": {document["id"] for document in cloud.dead_letters.documents},
        "completed": {(action.token, r) for action, r in cloud.scaling_groups.completed},
        "each": {key: sorted(outcomes) for key, outcomes in each.items()},
    }


def told(outcome: Outcome) -> tuple[str, str, str]:
    group, error = outcome.group, outcome.error
    return outcome.status.value, group.name if group else "", error.code if error else ""


@settings(deadline=None, max_examples=60)  # a slow machine proves nothing here
@given(batches, st.randoms(use_true_random=False))
def test_any_permutation_of_a_batch_comes_to_the_same(batch: list[Any], random: Random) -> None:
    shuffled = list(batch)
    random.shuffle(shuffled)
    assert came_to(shuffled) == came_to(batch[::-1]) == came_to(batch)
