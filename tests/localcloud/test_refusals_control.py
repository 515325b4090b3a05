"""Functions and the control endpoint: what is refused has changed nothing; and nothing that writes,
of whichever service, is left out of these tests.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions import HERE, Functions
from localcloud import control as control_endpoint
from localcloud.registry import SERVICES
from refusals import MNS_WRITES, OSS_WRITES, QUIET, REGION, ROS_WRITES, WRITES, unchanged, world

QUESTIONS = ("Describe", "List", "Get", "Peek", "BatchPeek", "Preview", "Validate")
FC_WRITES = {"InvokeFunction", "TriggerByHttp"}
NAMES = st.sampled_from(["fn", "fn", "gone", "svc/gone"])
PAYLOAD = st.sampled_from([b"x", b"x" * (129 << 10)])
HEADERS = st.fixed_dictionaries(
    {
        "x_fc_invocation_type": st.sampled_from(["Sync", "Async", "Later"]),
        "x_fc_log_type": st.sampled_from(["None", "Tail", "Head"]),
    }
)
BALANCER = {"LoadBalancerId": "lb-2", "RegionId": REGION}
FUNCTION = {"FunctionName": "other", "Code": "/", "Handler": "index.handler", **HERE}
POLICY = {"Enabled": True, "DeadLetterTargetQueue": "q", "MaxReceiveCount": 1}
SECTIONS: dict[str, list[Any]] = {
    "LoadBalancers": [[BALANCER], [BALANCER, {**BALANCER, "RegionId": ""}], [{}]],
    "VServerGroups": [[{"LoadBalancerId": "lb-9", "VServerGroupName": "x"}]],
    "Instances": [[{"InstanceId": "i-7", "RegionId": REGION}], [{"InstanceId": ""}]],
    "Queues": [
        [{"QueueName": "new"}],
        [{"QueueName": "new"}, {"QueueName": "under_score"}],
        [{"QueueName": "new", "DlqPolicy": POLICY}],
        [{"QueueName": "new", "DlqPolicy": {**POLICY, "DeadLetterTargetQueue": "gone"}}],
    ],
    "Topics": [[{"TopicName": "new"}], [{"TopicName": "t", "MaximumMessageSize": 2000}]],
    "Functions": [[FUNCTION], [{**FUNCTION, "Code": "/nowhere"}], [{**FUNCTION, "Timeout": -1}]],
    "Settings": [{"StrictInstances": True}, {"StrictInstances": "yes"}],
}
FAULT = {"kind": "error", "action": "SendMessage", "status": 500, "code": "InternalError"}
# By method and path: the documents, fine and not.
DOCUMENTS: dict[tuple[str, str], st.SearchStrategy[Any]] = {
    ("POST", "/seed"): st.fixed_dictionaries(
        {}, optional={name: st.sampled_from(rows) for name, rows in SECTIONS.items()}
    ),
    ("POST", "/reset"): st.none(),
    ("POST", "/clock"): st.sampled_from(
        [{"advance": 1}, {"advance": "x"}, {"set": "2200-13-01T00:00:00Z"}, {"set": 1e12}, {}]
    ),
    ("POST", "/scale"): st.sampled_from(
        [
            {"ScalingGroupId": group, "Adjustment": by}
            for group in ("asg-1", "asg-busy", "asg-9")
            for by in (1, -1, -900, "x")
        ]
    ),
    ("POST", "/settings"): st.sampled_from(
        [
            {"ProcessingSeconds": 1, "StrictInstances": True},
            {"StrictInstances": True, "ProcessingSeconds": -1},
            {"CreateRateLimit": True, "Other": 1},
            {"StrictInstances": True, "DuplicateDelivery": {"Every": 1, "Probability": 0.5}},
        ]
    ),
    ("POST", "/load-balancers"): st.sampled_from(
        [
            {"LoadBalancerId": "lb-1", "LoadBalancerStatus": "locked", "ForSeconds": 5},
            {"LoadBalancerId": "lb-1", "VServerGroupQuota": 0, "ForSeconds": 5},
            {"LoadBalancerId": "lb-1", "BackendQuota": 1, "LoadBalancerStatus": "asleep"},
            {"LoadBalancerId": "lb-9", "LoadBalancerStatus": "locked"},
        ]
    ),
    ("POST", "/servers"): st.sampled_from(
        [
            {"ServerId": "i-1", "Status": "Stopped"},
            {"ServerId": "eni-1", "Status": "Stopped"},
            {"ServerId": "i-1", "Status": "Asleep"},
            {"ServerId": "i-9", "Status": "Released"},
        ]
    ),
    ("POST", "/backend-health"): st.sampled_from(
        [
            {"ServerId": "i-1", "FlapSeconds": 5},
            {"ServerId": "i-1", "FlapSeconds": 5, "ServerHealthStatus": "normal"},
            {"ServerId": "i-1", "LoadBalancerId": "lb-9"},
        ]
    ),
    ("POST", "/functions"): st.sampled_from(
        [
            FUNCTION,
            {**FUNCTION, "Code": "/nowhere"},
            {**FUNCTION, "EnvironmentVariables": {"FC_X": "1"}},
            {**FUNCTION, "Runtime": "cobol"},
            {},
        ]
    ),
    ("DELETE", "/functions/{name:path}/instances"): st.none(),
    ("POST", "/faults"): st.sampled_from(
        [
            [FAULT],
            [FAULT, {"kind": "other"}],
            [FAULT, {**FAULT, "probability": 2}],
            [FAULT, {**FAULT, "action": "Invent"}],
            FAULT,
        ]
    ),
    ("DELETE", "/faults"): st.none(),
}


def test_nothing_that_writes_is_left_out() -> None:
    writes = {
        (service.name, action)
        for service in SERVICES
        for action in service.operations
        if not action.startswith(QUESTIONS)
    }
    others = {"mns": MNS_WRITES, "fc": FC_WRITES, "ros": ROS_WRITES, "oss": OSS_WRITES}
    tried = {(service, action) for service, actions in others.items() for action in actions}
    assert writes == tried | set(WRITES)


def test_no_control_call_that_writes_is_left_out() -> None:
    routes = {(method, path) for method, path, _ in control_endpoint.ROUTES if method != "GET"}
    assert routes == set(DOCUMENTS)


@pytest.mark.parametrize("route", sorted(DOCUMENTS), ids=" ".join)
@settings(max_examples=20, **QUIET)
@given(data=st.data())
def test_a_refused_control_call_changes_nothing(
    control: Any, route: tuple[str, str], data: st.DataObject
) -> None:
    control.send("POST", "/_cloud/reset")
    world(control)
    method, path = route
    document = data.draw(DOCUMENTS[route])
    garbled = data.draw(st.booleans()) and document is not None
    body = None if document is None else json.dumps(document)[: -1 if garbled else None]
    before = unchanged(control)
    target = "/_cloud" + path.replace("{name:path}", data.draw(NAMES))
    answer = control.send(method, target, body)
    assert answer.status < 500, answer.body
    assert answer.status == 200 or unchanged(control) == before, answer.body


@pytest.mark.parametrize("action", sorted(FC_WRITES))
@settings(max_examples=15, **QUIET)
@given(asked=st.tuples(NAMES, PAYLOAD, HEADERS))
def test_a_refused_call_of_a_function_changes_nothing(
    functions: Functions, control: Any, action: str, asked: tuple[str, bytes, dict[str, str]]
) -> None:
    name, payload, headers = asked
    control.send("POST", "/_cloud/reset")
    functions.register(HttpTrigger={})
    functions.register("def handler(event, context): return {}", "closed")
    before = unchanged(control)
    if action == "InvokeFunction":
        answer = functions.call(name, payload, **headers)
    else:
        sent = {key.replace("_", "-"): value for key, value in headers.items()}
        path = name.replace("fn", "fn/path").replace("svc/gone", "closed")
        answer = functions.send("POST", f"/_http/{path}", payload, sent)
    # An event that comes back is no response document: the function ran, and answered badly.
    refused = answer.status >= 400 and answer.status != 502
    assert control.journal()[-1]["action"] == action
    assert not refused or unchanged(control) == before, answer.body
