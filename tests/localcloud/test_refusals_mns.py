"""Queues and topics: what is refused has changed nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.wire.message import HttpRequest
from localcloud.wire.mns import route
from refusals import MNS_WRITES, QUIET, WHERE, unchanged, world

Request = tuple[str, str, str]
MESSAGE = "<Message><MessageBody>{}</MessageBody>{}</Message>"
OF_QUEUES = {
    "DelaySeconds": ("", "1", "-1", "x"),
    "VisibilityTimeout": ("", "1", "0"),
    "MaximumMessageSize": ("", "1024", "70000"),
}
OF_TOPICS = {"MaximumMessageSize": ("", "1024", "70000"), "LoggingEnabled": ("", "true")}
QUEUE = st.sampled_from(["q", "q", "gone", "under_score"])
TOPIC = st.sampled_from(["t", "t", "gone", "under_score"])
NAME = st.sampled_from(["s", "s", "gone", "under_score"])
BODY = st.sampled_from(["x", "", "x" * 70000])
MORE = st.sampled_from(["", "<Priority>1</Priority>", "<Priority>17</Priority>"])
TAG = st.sampled_from(["", "<MessageTag>tag</MessageTag>", f"<MessageTag>{'x' * 17}</MessageTag>"])
HANDLE = st.sampled_from(["{handle}", "other", "no-handle"])
WAIT = st.sampled_from(["", "0", "31", "x"])
NUMBER = st.sampled_from(["1", "16", "17", "x"])
ENDPOINT = st.sampled_from([f"acs:mns:{WHERE}:queues/q", "acs:mns:cn-beijing:1:queues/q", "q"])
STRATEGY = st.sampled_from(["", "BACKOFF_RETRY", "EXPONENTIAL_DECAY_RETRY", "NEVER"])


def filled(root: str, values: dict[str, str]) -> str:
    rows = [f"<{name}>{value}</{name}>" for name, value in values.items() if value]
    return f"<{root}>{''.join(rows)}</{root}>"


def bodies(root: str, attributes: dict[str, tuple[str, ...]]) -> st.SearchStrategy[str]:
    drawn = {name: st.sampled_from(values) for name, values in attributes.items()}
    whole = st.fixed_dictionaries(drawn).map(lambda values: filled(root, values))
    return st.one_of(whole, whole, st.sampled_from([f"<{root}", "<Other/>"]))


def asked(
    method: str, target: str, body: st.SearchStrategy[str] | str = "", **places: Any
) -> st.SearchStrategy[Request]:
    """Of the target and its places; {handle} stays, for the test to fill in."""
    drawn = body if isinstance(body, st.SearchStrategy) else st.just(body)
    return st.builds(lambda body, **found: (method, target.format(**found), body), drawn, **places)


def batch(root: str, items: st.SearchStrategy[str], *times: int) -> st.SearchStrategy[str]:
    """One item as often as it says: an item that is refused is no reason to refuse another."""
    return st.builds(
        lambda item, times: f"<{root}>{item * times}</{root}>", items, st.sampled_from(times)
    )


SENT = st.builds(MESSAGE.format, BODY, MORE)
SUBSCRIBED = st.builds(
    lambda endpoint, strategy: filled(
        "Subscription", {"Endpoint": endpoint, "NotifyStrategy": strategy}
    ),
    ENDPOINT,
    STRATEGY,
)
HELD = st.builds("<ReceiptHandle>{}</ReceiptHandle>".format, HANDLE)
Q, T, S = "/queues/{q}", "/topics/{t}", "/topics/{t}/subscriptions/{s}"
CALLS: dict[str, st.SearchStrategy[Request]] = {
    "CreateQueue": asked("PUT", Q, bodies("Queue", OF_QUEUES), q=QUEUE),
    "SetQueueAttributes": asked(
        "PUT", f"{Q}?metaoverride=true", bodies("Queue", OF_QUEUES), q=QUEUE
    ),
    "DeleteQueue": asked("DELETE", Q, q=QUEUE),
    "SendMessage": asked("POST", f"{Q}/messages", SENT, q=QUEUE),
    "BatchSendMessage": asked("POST", f"{Q}/messages", batch("Messages", SENT, 1, 2, 17), q=QUEUE),
    "ReceiveMessage": asked("GET", f"{Q}/messages?waitseconds={{w}}", q=QUEUE, w=WAIT),
    "BatchReceiveMessage": asked(
        "GET", f"{Q}/messages?waitseconds={{w}}&numOfMessages={{n}}", q=QUEUE, w=WAIT, n=NUMBER
    ),
    "DeleteMessage": asked("DELETE", f"{Q}/messages?ReceiptHandle={{h}}", q=QUEUE, h=HANDLE),
    "BatchDeleteMessage": asked(
        "DELETE", f"{Q}/messages", batch("ReceiptHandles", HELD, 1, 17), q=QUEUE
    ),
    "ChangeMessageVisibility": asked(
        "PUT",
        f"{Q}/messages?ReceiptHandle={{h}}&VisibilityTimeout={{v}}",
        q=QUEUE,
        h=HANDLE,
        v=st.sampled_from(["60", "0", "x"]),
    ),
    "CreateTopic": asked("PUT", T, bodies("Topic", OF_TOPICS), t=TOPIC),
    "SetTopicAttributes": asked(
        "PUT", f"{T}?metaoverride=true", bodies("Topic", OF_TOPICS), t=TOPIC
    ),
    "DeleteTopic": asked("DELETE", T, t=TOPIC),
    "PublishMessage": asked("POST", f"{T}/messages", st.builds(MESSAGE.format, BODY, TAG), t=TOPIC),
    "Subscribe": asked("PUT", S, SUBSCRIBED, t=TOPIC, s=NAME),
    "SetSubscriptionAttributes": asked(
        "PUT", f"{S}?metaoverride=true", SUBSCRIBED, t=TOPIC, s=NAME
    ),
    "Unsubscribe": asked("DELETE", S, t=TOPIC, s=NAME),
}


def test_every_write_of_queues_and_topics_is_tried() -> None:
    assert set(CALLS) == MNS_WRITES


@pytest.mark.parametrize("action", sorted(CALLS))
@settings(max_examples=25, **QUIET)
@given(data=st.data())
def test_a_refused_write_to_a_queue_or_topic_changes_nothing(
    control: Any, mns_request: Callable[..., Any], action: str, data: st.DataObject
) -> None:
    control.send("POST", "/_cloud/reset")
    world(control)
    mns_request("POST", "/queues/q/messages", MESSAGE.format("held", ""))
    received = mns_request("GET", "/queues/q/messages").body.decode()
    handle = received.partition("<ReceiptHandle>")[2].partition("<")[0]
    mns_request("POST", "/queues/q/messages", MESSAGE.format("shown", ""))
    earlier = st.lists(st.one_of(*CALLS.values()), max_size=1)
    tried = [*data.draw(earlier), data.draw(CALLS[action])]
    assert called(tried[-1]) == action
    for method, target, body in tried:
        before = unchanged(control)
        sent = (method, target.replace("{handle}", handle), body.replace("{handle}", handle))
        answer = mns_request(*sent)
        assert answer.status < 500, answer.body
        assert answer.status < 300 or unchanged(control) == before, answer.body


def called(request: Request) -> str:
    method, target, body = request
    path, _, query = target.partition("?")
    found = route(HttpRequest(method, path, query, {}, body.encode()))
    return found[0] if found else ""
