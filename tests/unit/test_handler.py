"""The edge: what goes in as bytes or WSGI comes out as an answer or as one error."""

from __future__ import annotations

import io
import json
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

import index
from builders import (
    ABSENT,
    a_hook_request,
    as_bytes,
    document,
    hook_message,
    http_event,
    queue_message,
)
from deployments import (
    NAME,
    SECRET,
    Deployment,
    a_binding,
    context,
    deployment,
    hold_to_the_schema,
    servers,
)
from provisioner import handler
from provisioner.errors import ConfigurationError, Fault, Rejected, Retryable
from provisioner.model import LifecycleResult
from provisioner.ports import Credentials
from provisioner.results import dead_letter
from provisioner.settings import VARIABLES

CANARY = "canary-4f1d"
BUSY = Retryable("Throttling", "slow down")
PROBLEM = "application/problem+json"


@pytest.fixture
def cloud() -> Deployment:
    return deployment(a_binding())


def handled(cloud: Deployment, event: Any, **shape: Any) -> list[dict[str, Any]]:
    """What an asynchronous event comes to."""
    payload = event if isinstance(event, bytes) else as_bytes(event)
    answer = json.loads(handler.handle_event(cloud.app, payload, context(**shape)))
    outcomes: list[dict[str, Any]] = answer.pop("outcomes")
    assert answer == {}
    return outcomes


def raised(cloud: Deployment, event: Any) -> Retryable:
    with pytest.raises(Retryable) as error:
        handler.handle_event(cloud.app, as_bytes(event), context())
    return error.value


# Asynchronous events


def test_a_request_is_answered_by_a_summary_of_its_outcomes(cloud: Deployment) -> None:
    assert handled(cloud, document()) == [
        {
            "outcome": "provisioned",
            "VServerGroupId": "rsp-0001",
            "VServerGroupName": NAME,
            "code": "",
        }
    ]


def test_a_hook_message_comes_to_an_answer_for_its_action(cloud: Deployment) -> None:
    cloud.waits_at_a_hook(a_hook_request())
    (outcome,) = handled(cloud, hook_message())
    assert outcome["VServerGroupName"] == "asg-0001"
    assert cloud.scaling_groups.completed[0][1] is LifecycleResult.CONTINUE


@pytest.mark.parametrize(
    ("event", "path"),
    [
        (document(RegionId="oss-cn-hangzhou"), "/RegionId"),
        (document(RegionId="cn-hangzho", DryRun=True), "/RegionId"),
        (document(RegionId="cn-hangzho", BackendServers=ABSENT, Instances=["i-1"]), "/RegionId"),
        (hook_message({"regionId": "cn-hangzho"}), "/regionId"),
        (hook_message({"regionId": "cn-hangzho"}, scalingGroupId=ABSENT), "/regionId"),
    ],
)
def test_a_message_of_a_foreign_region_is_refused_before_any_call(
    cloud: Deployment, event: Any, path: str
) -> None:
    cloud.waits_at_a_hook(a_hook_request())
    (outcome,) = handled(cloud, event)
    assert (outcome["outcome"], outcome["code"]) == ("refused", "InvalidRequest")
    (fields,) = [fields for name, fields in cloud.log.steps if name == "outcome"]
    error: Any = fields["error"]
    assert error["path"] == path
    assert cloud.operations == []
    assert cloud.scaling_groups.calls == []


def test_a_hook_of_another_consumer_of_the_topic_is_skipped_where_the_deployment_says_so() -> None:
    cloud = deployment(a_binding(), skip_unbound_hooks=True)
    cloud.waits_at_a_hook(a_hook_request())
    foreign = hook_message({"resourceArn": ABSENT}, scalingGroupId="asg-0009")
    assert handled(cloud, [queue_message(foreign, "M1"), queue_message(hook_message(), "M2")])
    assert cloud.notifications.kinds == ["provisioned"]
    assert cloud.dead_letters.documents == []
    skipped = [fields for _, fields in cloud.log.steps if fields.get("outcome") == "skipped"]
    assert [fields["reason"] for fields in skipped] == [
        "a lifecycle hook of a scaling group without a binding; UNBOUND_HOOKS is skip"
    ]


def test_what_asks_for_nothing_is_acknowledged_and_the_reason_logged(cloud: Deployment) -> None:
    assert handled(cloud, hook_message(lifecycleTransition="TEST")) == []
    assert ("outcome", "skipped", "a test event") in [
        (name, fields.get("outcome"), fields.get("reason")) for name, fields in cloud.log.steps
    ]
    assert cloud.notifications.published == []


@pytest.mark.parametrize(
    "event", [b"\xff", b"{", b"7", as_bytes({"key": CANARY}), as_bytes(document(Wieght=CANARY))]
)
def test_what_cannot_be_read_is_published_as_refused_and_acknowledged(
    cloud: Deployment, event: bytes
) -> None:
    (outcome,) = handled(cloud, event)
    assert outcome["outcome"] == "refused"
    assert outcome["code"]
    assert cloud.notifications.kinds == ["refused"]
    handled(cloud, event)
    first, second = cloud.notifications.results
    assert first["id"] == second["id"]
    assert CANARY not in repr(cloud.notifications.published) + repr(cloud.log.steps)


@pytest.mark.parametrize(
    "event",
    [
        document(**{CANARY: 1}),
        document(BackendServers=[{"ServerId": "i-1", "Port": 80, CANARY: 1}]),
        {CANARY: 1},
        [document(), {CANARY: 1}],
        queue_message({"LoadBalancer": 1, CANARY: 2}),
    ],
)
def test_the_name_of_an_unknown_key_is_in_the_result_and_in_no_line_of_the_log(
    cloud: Deployment, event: Any
) -> None:
    handled(cloud, event)
    assert CANARY in repr(cloud.notifications.results)
    assert CANARY not in repr(cloud.log.steps)


def test_a_poison_item_does_not_block_the_rest_of_its_batch(cloud: Deployment) -> None:
    batch = [
        queue_message(document(), "M1"),
        queue_message(document(Wieght=1), "M2"),
        queue_message(document(VServerGroupName="web-2"), "M3"),
    ]
    outcomes = handled(cloud, batch)
    assert [outcome["outcome"] for outcome in outcomes] == ["provisioned", "refused", "provisioned"]
    assert cloud.names == ["web-2", NAME]
    (refused,) = [r for r in cloud.notifications.results if r["type"] == "vservergroup.refused"]
    assert refused["data"]["correlation"]["eventId"] == "M2"


def test_two_unread_items_of_one_batch_are_two_results(cloud: Deployment) -> None:
    handled(cloud, [queue_message("one", ""), queue_message("two", "")])
    assert len({result["id"] for result in cloud.notifications.results}) == 2


def test_a_batch_raises_for_a_retryable_item_after_all_were_tried(cloud: Deployment) -> None:
    cloud.load_balancers.fail_next("list_vserver_groups", BUSY)
    batch = [queue_message(document(), "M1"), queue_message(document(VServerGroupName="b"), "M2")]
    error = raised(cloud, batch)
    assert (error.code, error.message) == ("Throttling", "slow down")
    assert cloud.names == ["b"]
    handled(cloud, batch)
    assert cloud.names == ["b", NAME]


def test_the_error_that_is_raised_has_neither_cause_nor_context(cloud: Deployment) -> None:
    cause = ValueError(CANARY)
    busy = Retryable("Throttling", "slow down")
    busy.__cause__ = cause
    cloud.load_balancers.fail_next("list_vserver_groups", busy)
    error = raised(cloud, document())
    assert error.__cause__ is None
    assert error.__context__ is None
    assert CANARY not in "".join(traceback.format_exception(error))


def broken(cloud: Deployment) -> None:
    """A defect: something that no port may raise, with a payload in its text."""
    cloud.load_balancers.fail_next("list_vserver_groups", KeyError(CANARY))  # type: ignore[arg-type]


def test_a_defect_keeps_the_event_and_tells_nothing_of_the_payload(cloud: Deployment) -> None:
    broken(cloud)
    error = raised(cloud, document())
    assert error.code == "InternalError"
    assert "KeyError" in error.message
    told = "".join(traceback.format_exception(error)) + repr(cloud.log.steps)
    assert CANARY not in told
    assert cloud.notifications.published == []


def test_a_defect_in_one_item_does_not_block_the_rest(cloud: Deployment) -> None:
    broken(cloud)
    batch = [queue_message(document(), "M1"), queue_message(document(VServerGroupName="b"), "M2")]
    assert raised(cloud, batch).code == "InternalError"
    assert cloud.names == ["b"]


def test_a_plan_changes_and_publishes_nothing(cloud: Deployment) -> None:
    (outcome,) = handled(cloud, document(DryRun=True))
    assert outcome["outcome"] == "planned"
    assert cloud.writes == []
    assert cloud.notifications.published == []


def test_a_plan_that_would_be_refused_is_acknowledged(cloud: Deployment) -> None:
    event = document(DryRun=True, BackendServers=ABSENT, Instances=["i-1"], ScalingGroupId="asg-9")
    (outcome,) = handled(cloud, event)
    assert (outcome["outcome"], outcome["code"]) == ("refused", "NoBinding")
    assert cloud.notifications.published == []


def test_a_refusal_that_cannot_be_published_keeps_the_event(cloud: Deployment) -> None:
    cloud.notifications.fail_next("publish", BUSY)
    assert raised(cloud, {"key": 1}).code == "Throttling"


@pytest.mark.parametrize("timeout", [60, "60", None])
def test_a_timeout_of_any_kind_is_enough_for_an_event(cloud: Deployment, timeout: Any) -> None:
    (outcome,) = handled(cloud, document(), timeout=timeout)
    assert outcome["outcome"] == "provisioned"


def test_every_line_of_the_log_names_the_event_and_the_invocation(cloud: Deployment) -> None:
    handled(cloud, [queue_message(document(), "M1")])
    assert "outcome" in [name for name, _ in cloud.log.steps]
    for _, fields in cloud.log.steps:
        assert (fields["correlation_id"], fields["fc_request_id"]) == ("M1", "fc-0001")


# HTTP calls, in three forms

Answered = tuple[int, dict[str, str], Any]
Caller = Callable[..., Answered]


def by_function_compute(cloud: Deployment, method: str, path: str, body: str) -> Answered:
    http = {"method": method, "path": path}
    event = http_event(body, requestContext={"http": http, "requestId": "req-0001"})
    return answered(handler.handle_event(cloud.app, as_bytes(event), context()))


def by_gateway(cloud: Deployment, method: str, path: str, body: str) -> Answered:
    event = {"httpMethod": method, "path": path, "body": body, "isBase64Encoded": "false"}
    return answered(handler.handle_event(cloud.app, as_bytes(event), context()))


def by_wsgi(cloud: Deployment, method: str, path: str, body: str, **environ: Any) -> Answered:
    status, headers, answer = call_wsgi(cloud, method, path, body, **environ)
    return status, headers, json.loads(answer)


def call_wsgi(
    cloud: Deployment, method: str, path: str, body: str, **more: Any
) -> tuple[int, dict[str, str], bytes]:
    sent: list[Any] = []
    environ = {
        **more,
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "CONTENT_LENGTH": str(len(body.encode())),
        "wsgi.input": io.BytesIO(body.encode()),
        "fc.context": context(),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(handler, "_app", cloud.app)
        (answer,) = handler.http_handler(environ, lambda *said: sent.extend(said))
    status, headers = sent
    return int(status.split()[0]), dict(headers), answer


def answered(text: str) -> Answered:
    response = json.loads(text)
    assert response.keys() == {"statusCode", "headers", "isBase64Encoded", "body"}
    assert response["isBase64Encoded"] is False
    return response["statusCode"], response["headers"], json.loads(response["body"])


FORMS: list[Caller] = [by_function_compute, by_gateway, by_wsgi]


@pytest.fixture(params=FORMS)
def call(request: pytest.FixtureRequest, cloud: Deployment) -> Callable[..., Answered]:
    def called(
        body: Any = "", method: str = "POST", path: str = "/", on: Deployment = cloud
    ) -> Answered:
        text = body if isinstance(body, str) else json.dumps(body)
        answer: Answered = request.param(on, method, path, text)
        return answer

    return called


@pytest.mark.parametrize("path", ["/", "/provision", "/provision/", ""])
def test_a_call_is_answered_by_its_result_document(
    cloud: Deployment, call: Caller, path: str
) -> None:
    status, headers, result = call(document(), path=path)
    assert status == 200
    assert headers["Content-Type"] == "application/json"
    hold_to_the_schema(result)
    assert result["type"] == "vservergroup.provisioned"
    assert cloud.notifications.results == [result]
    assert cloud.held() == set(servers(1))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("{", 400),
        ("", 400),
        (document(Wieght=1), 422),
        (document(LoadBalancerId="lb-9999"), 404),
        (document(BackendServers=[]), 409),
        (
            document(BackendServers=[{"ServerId": "i-1", "Port": port} for port in range(1, 202)]),
            409,
        ),
    ],
)
def test_what_is_the_callers_fault_is_a_problem_with_its_own_status(
    cloud: Deployment, call: Caller, body: Any, status: int
) -> None:
    cloud.stands(*servers(3))
    got, headers, problem = call(body)
    assert (got, problem["status"]) == (status, status)
    assert headers["Content-Type"] == PROBLEM
    assert problem["type"] == f"urn:provisioner:{problem['code']}"
    assert problem["retryable"] is False
    assert cloud.writes == []


def test_every_schema_error_is_answered_with_its_pointer(call: Caller) -> None:
    body = document(RegionId=7, BackendServers=[{"Port": CANARY}], Wieght=CANARY)
    status, _, problem = call(body)
    assert status == 422
    assert {error["pointer"] for error in problem["errors"]} == {
        "/RegionId",
        "/BackendServers/0/Port",
        "/BackendServers/0/ServerId",
        "/Wieght",
    }
    assert CANARY not in json.dumps(problem)


def test_what_may_pass_is_503_with_the_time_to_come_again(cloud: Deployment, call: Caller) -> None:
    slow_down = Retryable("Throttling", "slow down", retry_after=7)
    cloud.load_balancers.fail_next("list_vserver_groups", slow_down)
    status, headers, problem = call(document())
    assert (status, headers["Retry-After"]) == (503, "7")
    assert problem["retryable"] is True


def test_a_defect_is_500_and_tells_nothing_of_the_payload(cloud: Deployment, call: Caller) -> None:
    broken(cloud)
    status, _, problem = call(document())
    assert (status, problem["code"]) == (500, "InternalError")
    assert CANARY not in json.dumps(problem) + repr(cloud.log.steps)


@pytest.mark.parametrize(("body", "path"), [(document(), "/plan"), (document(DryRun=True), "/")])
def test_a_plan_is_answered_and_nothing_changed_or_published(
    cloud: Deployment, call: Caller, body: Any, path: str
) -> None:
    status, _, result = call(body, path=path)
    assert (status, result["type"]) == (200, "vservergroup.planned")
    hold_to_the_schema(result)
    assert result["data"]["changes"]["created"] is True
    assert cloud.writes == []
    assert cloud.notifications.published == []


@pytest.mark.parametrize("path", ["/plan", "/"])
def test_a_plan_that_would_be_refused_is_a_problem_and_not_published(
    cloud: Deployment, call: Caller, path: str
) -> None:
    body = document(DryRun=True, BackendServers=ABSENT, Instances=["i-1"], ScalingGroupId="asg-9")
    status, _, problem = call(body, path=path)
    assert (status, problem["code"]) == (422, "NoBinding")
    assert cloud.notifications.published == []


def test_while_paused_events_are_kept_calls_are_503_and_plans_and_health_go_on(
    call: Caller,
) -> None:
    cloud = deployment(a_binding(), paused=True)
    error = raised(cloud, document())
    assert error.code == "Paused"
    status, headers, problem = answered(
        handler.handle_event(cloud.app, as_bytes(http_event(json.dumps(document()))), context())
    )
    assert (status, headers["Retry-After"], problem["code"]) == (503, "60", "Paused")
    assert cloud.operations == []
    assert cloud.notifications.published == []
    failed = [fields for name, fields in cloud.log.steps if name == "outcome"]
    assert [fields["outcome"] for fields in failed] == ["failed", "failed"]
    assert handled(cloud, document(DryRun=True))[0]["outcome"] == "planned"
    assert call(method="GET", path="/health", on=cloud)[2]["status"] == "paused"


def test_health_is_told_without_a_call_to_the_cloud(cloud: Deployment, call: Caller) -> None:
    assert call(method="GET", path="/health")[::2] == (200, {"status": "ok", "bindings": 1})
    assert cloud.operations == []
    assert cloud.notifications.published == []


def test_what_asks_for_nothing_is_answered_with_the_reason(cloud: Deployment, call: Caller) -> None:
    status, _, body = call([])
    assert (status, body) == (200, {"outcome": "skipped", "reason": "the batch is empty"})
    assert cloud.notifications.published == []


@pytest.mark.parametrize(
    ("asked", "status", "allow"),
    [
        ("GET /", 405, "POST"),
        ("DELETE /plan", 405, "POST"),
        ("POST /health", 405, "GET, HEAD"),
        ("POST /groups", 404, None),
        ("GET /health/x", 404, None),
    ],
)
def test_another_path_is_404_and_another_method_405(
    call: Caller, asked: str, status: int, allow: str | None
) -> None:
    method, path = asked.split()
    cloud = deployment()
    got, headers, body = call(document(), method=method, path=path, on=cloud)
    assert (got, headers.get("Allow")) == (status, allow)
    assert (headers["Content-Type"], body["status"]) == (PROBLEM, status)
    assert cloud.operations == []
    code = {404: "NotFound", 405: "MethodNotAllowed"}[status]
    assert body["code"] == code
    ((name, told),) = cloud.log.steps
    assert (name, told["outcome"]) == ("outcome", "refused")
    assert told["error"] == {"code": code, "message": body["detail"], "path": ""}


def test_a_call_is_known_in_the_log_by_the_id_that_its_gateway_gave_it(cloud: Deployment) -> None:
    event = {
        "httpMethod": "POST",
        "path": "/",
        "body": json.dumps(document()),
        "headers": {"X-Ca-Request-Id": "req-0002"},
    }
    assert answered(handler.handle_event(cloud.app, as_bytes(event), context()))[0] == 200
    assert {fields["http_request_id"] for _, fields in cloud.log.steps} == {"req-0002"}


@pytest.mark.parametrize("form", ["event", "WSGI"])
def test_every_problem_of_a_refused_event_is_in_the_log(cloud: Deployment, form: str) -> None:
    body = document(RegionId=7, BackendServers=[{"Port": CANARY}])
    if form == "event":
        handled(cloud, body)
    else:
        by_wsgi(cloud, "POST", "/", json.dumps(body))
    (told,) = [fields for name, fields in cloud.log.steps if name == "outcome"]
    error: Any = told["error"]
    assert [problem["path"] for problem in error["problems"]] == [
        "/BackendServers/0/Port",
        "/BackendServers/0/ServerId",
        "/RegionId",
    ]
    assert CANARY not in repr(cloud.log.steps)


def test_a_group_that_failed_is_a_problem_that_holds_the_result(
    cloud: Deployment, call: Caller
) -> None:
    full = Rejected("InstanceBackendServerNumberOverLimit", "full", fault=Fault.CONFLICT)
    cloud.load_balancers.fail_next("add_backend_servers", full)
    status, _, problem = call(document())
    assert status == 409
    assert problem["result"] == cloud.notifications.results[0]


def test_the_three_forms_agree_on_every_answer() -> None:
    calls: list[tuple[Any, str, str]] = [
        (document(), "POST", "/"),
        (document(BackendServers=[]), "POST", "/"),
        (document(Wieght=1), "POST", "/plan"),
        ("{", "POST", "/"),
        ("", "GET", "/health"),
        ("", "PUT", "/"),
        ("", "GET", "/nothing"),
    ]
    clouds = {form: deployment(a_binding()) for form in FORMS}
    for body, method, path in calls:
        text = body if isinstance(body, str) else json.dumps(body)
        first, *others = (form(on, method, path, text) for form, on in clouds.items())
        assert others == [first, first]


def test_a_call_whose_body_cannot_be_decoded_is_400(cloud: Deployment) -> None:
    event = http_event("not base64", isBase64Encoded=True)
    status, _, problem = answered(handler.handle_event(cloud.app, as_bytes(event), context()))
    assert (status, problem["code"]) == (400, "Unreadable")


@pytest.mark.parametrize("path", ["/", "/plan"])
def test_a_hook_message_by_http_is_refused_and_touches_no_hook(
    cloud: Deployment, call: Caller, path: str
) -> None:
    cloud.waits_at_a_hook(a_hook_request())
    status, _, problem = call(hook_message(), path=path)
    assert status == 422
    assert problem["detail"].startswith("the body is a lifecycle hook message")
    assert cloud.scaling_groups.calls == []


def test_a_body_longer_than_a_megabyte_is_413(cloud: Deployment, call: Caller) -> None:
    status, _, problem = call(json.dumps(document()).ljust(1024 * 1024 + 1))
    assert (status, problem["code"]) == (413, "TooLarge")
    assert cloud.operations == []


# Calls that nobody waits for


def call_asynchronously(cloud: Deployment, body: Any, path: str = "/", **event: Any) -> Any:
    text = body if isinstance(body, str) else json.dumps(body)
    http = {"method": "POST", "path": path}
    headers = {"x-fc-invocation-type": "Async"}
    sent = http_event(text, headers=headers, requestContext={"http": http}, **event)
    return json.loads(handler.handle_event(cloud.app, as_bytes(sent), context()))


def call_wsgi_asynchronously(cloud: Deployment, body: Any, path: str = "/") -> Any:
    text = body if isinstance(body, str) else json.dumps(body)
    headers = {"HTTP_X_FC_INVOCATION_TYPE": "Async"}
    status, _, answer = by_wsgi(cloud, "POST", path, text, **headers)
    assert status == 200
    return answer


@pytest.fixture(params=[call_asynchronously, call_wsgi_asynchronously])
def call_async(request: pytest.FixtureRequest) -> Callable[..., Any]:
    call: Callable[..., Any] = request.param
    return call


def test_a_call_that_nobody_waits_for_is_an_asynchronous_event(
    cloud: Deployment, call_async: Callable[..., Any]
) -> None:
    (outcome,) = call_async(cloud, document())["outcomes"]
    assert outcome["outcome"] == "provisioned"
    assert cloud.notifications.kinds == ["provisioned"]


def test_a_call_that_nobody_waits_for_is_raised_where_it_is_to_be_retried(
    cloud: Deployment, call_async: Callable[..., Any]
) -> None:
    cloud.load_balancers.fail_next("list_vserver_groups", BUSY)
    with pytest.raises(Retryable, match="Throttling"):
        call_async(cloud, document())
    assert cloud.notifications.published == []
    assert call_async(cloud, document())["outcomes"][0]["outcome"] == "provisioned"


@pytest.mark.parametrize(
    ("body", "path", "code"),
    [
        (document(Wieght=1), "/", "InvalidRequest"),
        ("{", "/", "Unreadable"),
        (document(LoadBalancerId="lb-9999"), "/", "InvalidLoadBalancerId.NotFound"),
        (document(), "/groups", "NotFound"),
        (hook_message(), "/", "InvalidRequest"),
    ],
)
def test_a_call_that_nobody_waits_for_is_published_and_kept_where_it_is_refused(
    cloud: Deployment, call_async: Callable[..., Any], body: Any, path: str, code: str
) -> None:
    (outcome,) = call_async(cloud, body, path)["outcomes"]
    assert (outcome["outcome"], outcome["code"]) == ("refused", code)
    assert cloud.notifications.kinds == ["refused"]
    (letter,) = cloud.dead_letters.documents
    assert letter["data"]["reason"]["code"] == code


def test_an_unreadable_body_that_nobody_waits_for_is_kept_too(cloud: Deployment) -> None:
    answer = call_asynchronously(cloud, "not base64", isBase64Encoded=True)
    assert answer["outcomes"][0]["code"] == "Unreadable"
    assert len(cloud.dead_letters.documents) == 1


def test_the_letter_of_a_call_that_nobody_waited_for_is_an_event_that_does_the_same(
    cloud: Deployment, call_async: Callable[..., Any]
) -> None:
    refused = document(LoadBalancerId="lb-9999")
    call_async(cloud, refused)
    (letter,) = cloud.dead_letters.documents
    payload = dead_letter.restore_payload(letter)
    assert payload is not None
    (outcome,) = handled(cloud, payload)
    assert outcome["code"] == "InvalidLoadBalancerId.NotFound"


def test_a_plan_that_nobody_waits_for_writes_and_publishes_nothing(
    cloud: Deployment, call_async: Callable[..., Any]
) -> None:
    assert call_async(cloud, document(), "/plan")["outcomes"][0]["outcome"] == "planned"
    assert cloud.writes == []
    assert cloud.notifications.published == []


def test_a_health_check_by_head_is_answered_without_a_body(cloud: Deployment) -> None:
    http = {"method": "HEAD", "path": "/health"}
    event = http_event("", isBase64Encoded=True, requestContext={"http": http})
    answer = json.loads(handler.handle_event(cloud.app, as_bytes(event), context()))
    assert (answer["statusCode"], answer["body"]) == (200, "")
    assert call_wsgi(cloud, "HEAD", "/health", "")[::2] == (200, b"")
    assert call_wsgi(cloud, "HEAD", "/", "")[::2] == (405, b"")
    assert cloud.operations == []


# One app for each instance


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A fresh instance, whose environment is empty of what concerns us."""
    monkeypatch.setattr(handler, "_app", None)
    platform = ("FC_REGION", "FC_ACCOUNT_ID")
    roles = ("ACCESS_KEY_ID", "ACCESS_KEY_SECRET", "SECURITY_TOKEN")
    for name in (*platform, *(v.name for v in VARIABLES)):
        monkeypatch.delenv(name, raising=False)
    for name in roles:
        monkeypatch.delenv(f"ALIBABA_CLOUD_{name}", raising=False)
    return monkeypatch


def test_initialize_fails_with_every_problem_and_the_next_instance_may_succeed(
    environment: pytest.MonkeyPatch,
) -> None:
    for _ in range(2):
        with pytest.raises(ConfigurationError) as error:
            index.initialize(context())
        assert {problem.path for problem in error.value.problems} == {
            "REGION_ID",
            "RESULT_TOPIC",
            "MNS_ENDPOINT",
        }
    for name in ("FC_REGION", "FC_ACCOUNT_ID", "RESULT_TOPIC"):
        environment.setenv(name, "cn-hangzhou")
    index.initialize(context())
    assert handler._app is not None
    index.pre_stop(context())


@pytest.mark.parametrize(("claim", "timeout"), [("on", 59), ("on", "3"), ("on", 59.9)])
def test_a_timeout_that_cannot_outlast_a_claim_is_refused_at_once_and_by_every_call(
    environment: pytest.MonkeyPatch, claim: str, timeout: Any
) -> None:
    for name in ("FC_REGION", "FC_ACCOUNT_ID", "RESULT_TOPIC"):
        environment.setenv(name, "cn-hangzhou")
    environment.setenv("CLAIM", claim)
    with pytest.raises(ConfigurationError, match="at least 60 s, or CLAIM=off") as error:
        index.initialize(context(timeout))
    assert [problem.path for problem in error.value.problems] == ["Timeout"]
    with pytest.raises(Retryable, match="ConfigurationInvalid"):
        index.handler(as_bytes(document()), context(timeout))
    assert answered(index.handler(as_bytes(http_event("{}")), context(timeout)))[0] == 503


@pytest.mark.parametrize(("claim", "timeout"), [("on", 60), ("on", None), ("off", 3)])
def test_a_timeout_is_not_refused_where_it_will_do_or_is_not_told(
    environment: pytest.MonkeyPatch, claim: str, timeout: Any
) -> None:
    for name in ("FC_REGION", "FC_ACCOUNT_ID", "RESULT_TOPIC"):
        environment.setenv(name, "cn-hangzhou")
    environment.setenv("CLAIM", claim)
    index.initialize(context(timeout))
    index.pre_stop(context(timeout))


@pytest.mark.usefixtures("environment")
def test_a_configuration_error_keeps_an_event_that_comes_before_it_is_mended() -> None:
    with pytest.raises(Retryable) as error:
        index.handler(as_bytes(document()), context())
    assert (type(error.value), error.value.code) == (Retryable, "ConfigurationInvalid")
    assert (error.value.__cause__, error.value.__context__) == (None, None)


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(
    "event", [http_event("{}"), http_event("not base64", isBase64Encoded=True)]
)
def test_a_call_that_comes_before_the_configuration_is_mended_is_503(event: Any) -> None:
    status, headers, problem = answered(index.handler(as_bytes(event), context()))
    assert (status, headers["Content-Type"]) == (503, PROBLEM)
    assert (problem["code"], problem["retryable"]) == ("ConfigurationInvalid", True)


@pytest.mark.usefixtures("environment")
def test_a_call_that_nobody_waits_for_is_kept_while_the_configuration_cannot_work() -> None:
    headers = {"X-Fc-Invocation-Type": "Async"}
    event = http_event("{}", headers=headers)
    with pytest.raises(Retryable, match="ConfigurationInvalid"):
        index.handler(as_bytes(event), context())
    environ = {"fc.context": context(), "HTTP_X_FC_INVOCATION_TYPE": "Async"}
    with pytest.raises(Retryable, match="ConfigurationInvalid"):
        index.http_handler(environ, lambda *_: None)


@pytest.mark.usefixtures("environment")
def test_over_wsgi_too_a_configuration_that_cannot_work_is_503() -> None:
    sent: list[Any] = []
    (answer,) = index.http_handler({"fc.context": context()}, lambda *said: sent.extend(said))
    assert sent[0] == "503 Service Unavailable"
    assert json.loads(answer)["code"] == "ConfigurationInvalid"


def test_a_defect_while_the_instance_is_built_is_500_and_tells_nothing(
    environment: pytest.MonkeyPatch,
) -> None:
    def build() -> None:
        raise KeyError(CANARY)

    environment.setattr(handler, "build_app", build)
    status, _, problem = answered(index.handler(as_bytes(http_event("{}")), context()))
    assert (status, problem["code"]) == (500, "InternalError")
    assert CANARY not in json.dumps(problem)


def test_the_functions_entry_points_work_on_the_instances_app(
    cloud: Deployment, environment: pytest.MonkeyPatch
) -> None:
    environment.setattr(handler, "build_app", lambda: cloud.app)
    index.initialize(context())
    answer = json.loads(index.handler(as_bytes(document()), context()))
    assert answer["outcomes"][0]["outcome"] == "provisioned"
    index.pre_stop(context())
    assert cloud.closed == 1


@pytest.mark.usefixtures("environment")
def test_an_instance_that_was_never_used_stops_without_a_word(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    index.pre_stop(context())
    assert (capfd.readouterr(), caplog.records) == (("", ""), [])


def test_concurrent_first_calls_build_one_app(
    cloud: Deployment, environment: pytest.MonkeyPatch
) -> None:
    built: list[bool] = []

    def build() -> Any:
        built.append(handler._lock.locked())
        return cloud.app

    environment.setattr(handler, "build_app", build)
    with ThreadPoolExecutor(8) as pool:
        apps = list(pool.map(handler.get_app, [context()] * 64))
    assert built == [True], "one was built, and while nobody else could"
    assert len({id(app) for app in apps}) == 1


# Contexts of every runtime


def role(number: int) -> SimpleNamespace:
    return SimpleNamespace(
        access_key_id=f"key-{number}",
        access_key_secret=f"{SECRET}-{number}",
        security_token=f"token-{number}",
    )


@pytest.mark.parametrize(
    "shape",
    [
        {"service": SimpleNamespace(name="svc"), "timeout": "60", "tracing": None},
        {"timeout": 60, "retry_count": "0"},
    ],
)
def test_credentials_of_the_context_rotate_on_a_warm_instance(
    cloud: Deployment, environment: pytest.MonkeyPatch, shape: dict[str, Any]
) -> None:
    environment.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "key-of-environ")
    for number in (1, 2):
        handled(cloud, document(), credentials=role(number), **shape)
        assert cloud.role() == Credentials(f"key-{number}", f"{SECRET}-{number}", f"token-{number}")


def test_credentials_of_the_environment_rotate_where_the_context_has_none(
    cloud: Deployment, environment: pytest.MonkeyPatch
) -> None:
    for number in (1, 2):
        for name, value in vars(role(number)).items():
            environment.setenv(f"ALIBABA_CLOUD_{name.upper()}", value)
        handled(cloud, document(), log_project="p")
        assert cloud.role() == Credentials(f"key-{number}", f"{SECRET}-{number}", f"token-{number}")


def test_no_credential_is_logged_published_or_answered(cloud: Deployment) -> None:
    cloud.waits_at_a_hook(a_hook_request())
    events = [document(), hook_message(), {"key": 1}, document(BackendServers=[])]
    answers = [handled(cloud, event, credentials=role(1)) for event in events]
    told = repr([answers, cloud.log.steps, cloud.notifications.published, cloud.app.role])
    assert SECRET not in told
    assert cloud.role().access_key_secret == f"{SECRET}-1"
