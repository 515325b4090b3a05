"""Whatever is handed over, decoding answers with items, and no message repeats what was in it."""

from __future__ import annotations

import base64
import io
import json
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from builders import as_base64, as_bytes, cloud_event, http_event, queue_message
from provisioner.errors import Rejected, Skip
from provisioner.model import Request, SweepRequest
from provisioner.triggers import decode, http, request_document

CANARY = "canary-4f1d"
FILES = sorted((Path(__file__).parents[2] / "events").iterdir())
EVENTS = [path.read_bytes() for path in FILES]
PARSED = [json.loads(path.read_bytes()) for path in FILES if path.suffix == ".json"]


patient = settings(deadline=None)  # a slow machine proves nothing here


def words() -> set[str]:
    """Every key of every sample: the vocabulary from which mutants are made."""
    found: set[str] = set()
    level: list[Any] = list(PARSED)
    while level:
        each = level.pop()
        if isinstance(each, dict):
            found |= each.keys()
            level += each.values()
        elif isinstance(each, list):
            level += each
    return found


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.text(st.characters(), max_size=5)
    | st.just(CANARY)
    | st.sampled_from(["SCALE_OUT", "SCALE_IN", "AUTOSCALING:X", "lb-0001", "1", "v1", "\ud800"])
)
keys = st.sampled_from(sorted(words())) | st.text(max_size=5)
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=5),
    max_leaves=15,
)
wrappings: st.SearchStrategy[Callable[[Any], Any]] = st.sampled_from(
    [
        lambda value: [value],
        lambda value: [value, CANARY, value],
        json.dumps,
        as_base64,
        cloud_event,
        queue_message,
        lambda value: http_event(json.dumps(value)),
        lambda value: http_event(as_base64(value), isBase64Encoded="true"),
        lambda value: {"body": value, "attrs": {}},
        lambda value: {"Message": value, "MessageId": CANARY, "TopicName": CANARY},
        lambda value: {"content": value},
        lambda value: {"content": json.dumps(value), "lifecycleHookId": CANARY},
        lambda value: {"LoadBalancerId": value, "BackendServers": value, "DryRun": value},
        lambda value: {"specversion": "1.0", "type": "mns:Queue:SendMessage", "data": value},
        lambda value: {"value": value, "topic": CANARY, "partition": 0, "offset": 1},
    ]
)
spellings: st.SearchStrategy[Callable[[str], str]] = st.sampled_from(
    [str, str, str.upper, str.lower, str.swapcase]
)


@st.composite
def mutants(draw: st.DrawFn) -> Any:
    """A sample with some leaves and keys changed, and then wrapped."""
    value = mutated(draw, draw(st.sampled_from(PARSED)), draw(st.integers(0, 30)))
    for wrap in draw(st.lists(wrappings, max_size=4)):
        value = wrap(value)
    return value


def mutated(draw: st.DrawFn, value: Any, odds: int) -> Any:
    if draw(st.integers(0, 30)) > 30 - odds // 4:
        return draw(json_values)
    if isinstance(value, dict):
        return {
            (draw(spellings)(key) if odds > 20 else key): mutated(draw, each, odds)
            for key, each in value.items()
            if odds < 10 or draw(st.integers(0, 9))
        }
    if isinstance(value, list):
        return [mutated(draw, each, odds) for each in value[:5]]
    return draw(scalars | st.just(value)) if odds > 25 else value


def check(payload: bytes) -> None:
    items = decode(payload)
    assert items
    for item in items:
        assert isinstance(item, (Request, SweepRequest, Rejected, Skip))
        if isinstance(
            item, SweepRequest
        ):  # its identity is the trigger's name, where it is fit for one
            assert CANARY not in repr(item.mode)
            assert f"{CANARY} " not in repr(item)
        elif not isinstance(item, Request):
            discreet(item)
    try:
        call = http.parse_event(payload)
        if call is not None:
            request_document.parse_body(call.read_body())
    except Rejected as error:
        discreet(error)


def discreet(error: Rejected | Skip) -> None:
    problems = getattr(error, "problems", ())
    told = [str(error), repr(error), error.message, error.path, error.code]
    told += [f"{problem.path} {problem.message}" for problem in problems]
    # With every error that it came from, as a log would have it; not the lines of source code.
    causes = traceback.TracebackException.from_exception(error)
    told += causes.format_exception_only()
    while causes.__cause__ or causes.__context__:
        causes = causes.__cause__ or causes.__context__  # type: ignore[assignment]
        told += causes.format_exception_only()
    assert not any(CANARY in text for text in told)


@patient
@given(st.binary(max_size=200))
def test_any_bytes_come_to_items(payload: bytes) -> None:
    check(payload)


@patient
@given(json_values)
def test_any_json_comes_to_items(value: Any) -> None:
    check(as_bytes(value))


@settings(patient, max_examples=300)
@given(mutants())
@example({"triggerTime": None, "triggerName": CANARY})
def test_any_mutant_of_a_real_event_comes_to_items(value: Any) -> None:
    check(as_bytes(value))


@pytest.mark.parametrize("poison", [f"{CANARY} ", [CANARY], {"key": CANARY}])
def test_no_part_of_any_event_is_ever_repeated(poison: Any) -> None:
    for event in PARSED:
        for poisoned in each_with_one_part_replaced(event, poison):
            check(as_bytes(poisoned))


def each_with_one_part_replaced(value: Any, poison: Any) -> Iterator[Any]:
    yield poison
    if isinstance(value, dict):
        for key, each in value.items():
            for part in each_with_one_part_replaced(each, poison):
                yield {**value, key: part}
    elif isinstance(value, list):
        for index, each in enumerate(value[:3]):
            for part in each_with_one_part_replaced(each, poison):
                yield [*value[:index], part, *value[index + 1 :]]


@patient
@given(st.sampled_from(EVENTS), st.data())
def test_a_damaged_event_comes_to_items(event: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(event)))
    check(event[:cut])
    check(event[:cut] + data.draw(st.binary(max_size=3)) + event[cut + 1 :])
    check(base64.b64encode(event)[: data.draw(st.integers(0, 2000))])


@patient
@given(st.sampled_from(EVENTS), st.sampled_from([1, 5, 30, 200, 990, 50_000]))
def test_an_event_nested_at_any_depth_comes_to_items(event: bytes, depth: int) -> None:
    check(b"[" * depth + event + b"]" * depth)
    check(b'{"LoadBalancerId":' * depth + event + b"}" * depth)
    check(b'{"content":' * depth + event + b"}" * depth)


@patient
@given(
    st.dictionaries(st.text(max_size=20) | st.sampled_from(["HTTP_A", "CONTENT_LENGTH"]), scalars)
)
def test_any_environ_is_a_call(environ: dict[str, Any]) -> None:
    call = http.parse_environ({**environ, "wsgi.input": io.BytesIO(b"{}")})
    assert set(call.read_body()) <= set(b"{}")
