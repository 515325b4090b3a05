"""Many callers at once, and nothing left of them afterwards."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from defusedxml.ElementTree import fromstring

from functions import until

QUEUE = "provision-requests"
MEGABYTE = 1 << 20


def test_a_thousand_requests_at_once_lose_nothing_and_know_their_own_answers(
    control: Any, mns_request: Callable[..., Any]
) -> None:
    def ask(number: int) -> str:
        if number % 2:
            answer = control.v1(
                Action="DescribeVServerGroups",
                Version="2014-05-15",
                RegionId="cn-hangzhou",
                LoadBalancerId="lb-local",
            )
            assert answer.status == 200, answer.body
            return fromstring(answer.body).findtext("RequestId") or ""
        body = f"<Message><MessageBody>{number}</MessageBody></Message>"
        answer = mns_request("POST", f"/queues/{QUEUE}/messages", body)
        assert answer.status == 201, answer.body
        request_id: str = answer.headers["x-mns-request-id"]
        return request_id

    with ThreadPoolExecutor(32) as threads:
        answered = list(threads.map(ask, range(1000)))
    journal = {entry["request_id"]: entry["action"] for entry in control.journal()}
    assert len(set(answered)) == 1000
    assert set(answered) == set(journal)
    told = {request_id: number % 2 for number, request_id in enumerate(answered)}
    assert all((journal[item] == "DescribeVServerGroups") == odd for item, odd in told.items())
    queue = next(item for item in control.state()["Queues"] if item["QueueName"] == QUEUE)
    kept = [int(message["MessageBody"]) for message in queue["Messages"]]
    assert sorted(kept) == list(range(0, 1000, 2))


def test_memory_returns_after_a_reset(control: Any, mns_request: Callable[..., Any]) -> None:
    body = f"<Message><MessageBody>{'x' * 60_000}</MessageBody></Message>"

    def fill(messages: int) -> None:
        for _ in range(messages):
            assert mns_request("POST", f"/queues/{QUEUE}/messages", body).status == 201

    def used() -> int:
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    fill(5)  # what is kept for good is there before anything is measured
    control.send("POST", "/_cloud/reset")
    tracemalloc.start()
    try:
        before = used()
        fill(300)
        assert used() - before > 15 * MEGABYTE
        control.send("POST", "/_cloud/reset")
        # What waits beside the requests lets go of the old world when it has its turn.
        until(lambda: used() - before < 2 * MEGABYTE, lambda: used() - before)
    finally:
        tracemalloc.stop()


def test_nothing_goes_on_after_a_reset(
    served: Any, control: Any, mns_request: Callable[..., Any]
) -> None:
    nowhere = {"TopicName": "scaling-events", "SubscriptionName": "s"}
    control.seed(Subscriptions=[{**nowhere, "Endpoint": "http://127.0.0.1:1"}])
    control.seed(
        Triggers=[
            {
                "FunctionName": "fn",
                "TriggerName": "t",
                "TriggerType": "timer",
                "TriggerConfig": {"cronExpression": "@every 4m"},
            }
        ]
    )
    body = "<Message><MessageBody>m</MessageBody></Message>"
    mns_request("POST", "/topics/scaling-events/messages", body)
    control.news()
    work = served.cloud.work
    assert len(work) == 2
    control.send("POST", "/_cloud/reset")
    assert len(work) == 0
