"""The order of the messages in a batch changes nothing: neither what stands afterwards, nor what is
published, nor what becomes of each message."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from builders import a_hook_request, as_bytes, document, failure_record, hook_message, queue_message
from deployments import Deployment, a_binding, context, deployment, servers
from provisioner import handler
from provisioner.triggers import decode

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
    st.sampled_from([*BALANCERS, "lb-9999"]),
    st.sampled_from(["asg-0001", "web", "api"]),
    st.integers(1, 3),
    st.sampled_from([0, 50, 100]),
    st.sampled_from(["refuse", "merge"]),
)
hooks = st.builds(
    lambda group, activity, first: hook_message(
        scalingGroupId=group,
        scalingActivityId=activity,
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
batches = st.lists(st.builds(queue_message, bodies, ids) | odd, min_size=2, max_size=8)


def world(batch: list[Any]) -> Deployment:
    """What is there before the batch comes, whatever its order."""
    cloud = deployment(*BINDINGS)
    cloud.stands(*servers(1, weight=10), name="api")
    for item in decode(as_bytes(batch)):
        action = getattr(item, "action", None)
        if action:
            asked = replace(a_hook_request(), action=action, instances=item.instances)  # type: ignore[union-attr]
            cloud.waits_at_a_hook(asked, token=action.token)
            cloud.scaling_groups.holds(
                action.scaling_group_id, *cloud.scaling_groups.known("asg-0001")
            )
    return cloud


def came_to(batch: list[Any]) -> dict[str, Any]:
    cloud = world(batch)
    answer = json.loads(handler.handle(cloud.app, as_bytes(batch), context()))
    each: dict[str, list[Any]] = defaultdict(list)
    outcomes = iter(answer["outcomes"])
    for item, element in zip(decode(as_bytes(batch)), batch, strict=True):
        key = json.dumps(element, sort_keys=True)
        kinds = _outcomes_of(item)
        for _ in range(kinds):
            told = next(outcomes)
            each[key].append((told["outcome"], told["VServerGroupName"], told["code"]))
    return {
        "groups": sorted(
            (g.load_balancer_id, g.name, sorted((b.server_id, b.port, b.weight) for b in g.backends))
            for g in cloud.load_balancers.groups.values()
        ),
        "published": {result["id"] for result in cloud.notifications.results},
        "kept": {each["id"] for each in cloud.dead_letters.documents},
        "completed": {(a.token, r) for a, r in cloud.scaling_groups.completed},
        "each": {key: sorted(told) for key, told in each.items()},
    }
