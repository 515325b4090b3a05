"""The quick yes is never a yes where jsonschema says no; on plain JSON both say the same."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from provisioner.core import accept, schema

NAMES = ("backend-servers", "bindings", "request", "result")
_KEYS = st.sampled_from(
    [
        "ServerId",
        "Port",
        "Weight",
        "Type",
        "ServerIp",
        "Description",
        "InstanceId",
        "Key",
        "Value",
        "RegionId",
        "LoadBalancerId",
        "VServerGroupName",
        "BackendServers",
        "Instances",
        "Tags",
        "ScalingGroupId",
        "Ports",
        "FailureResult",
        "MetadataMayOverride",
        "OnExisting",
        "DryRun",
        "Action",
        "specversion",
        "id",
        "source",
        "type",
        "data",
        "subject",
        "Other",
    ]
)
_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 70000),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        ["i-1", "ecs", "eni", "refuse", "CreateVServerGroup", "cn-hangzhou", "", "é\n"]
    ),
    st.text(max_size=90),
)
_JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=7),
    max_leaves=20,
)
_BACKENDS = st.lists(
    st.fixed_dictionaries(
        {"ServerId": st.sampled_from(["i-1", "", 3]), "Port": st.integers(0, 65536)},
        optional={
            "Weight": st.integers(-1, 101) | st.just(80.0),
            "Type": st.sampled_from(["ecs", "eni", "eci", "x"]),
            "ServerIp": st.sampled_from(["192.0.2.1", ""]),
            "Description": st.sampled_from(["web", "a b", "中", "web\n"]),
        },
    ),
    max_size=4,
)


def valid(name: str, document: Any) -> bool:
    return bool(Draft202012Validator(schema._load(f"{name}.schema.json")).is_valid(document))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=150, deadline=None)
@given(document=_JSON)
def test_what_is_accepted_is_valid(name: str, document: Any) -> None:
    assert not schema._accepts(name)(document) or valid(name, document)


@settings(max_examples=300, deadline=None)
@given(document=_BACKENDS)
def test_backends_are_accepted_exactly_if_they_are_valid(document: Any) -> None:
    whole = json.loads(json.dumps(document).replace("80.0", "80"))  # an integer, the long way
    assert schema._accepts("backend-servers")(whole) == valid("backend-servers", whole)
    if schema._accepts("backend-servers")(document):
        assert valid("backend-servers", document)


@settings(max_examples=300, deadline=None)
@given(
    document=st.fixed_dictionaries(
        {},
        optional={
            "LoadBalancerId": st.sampled_from(["lb-1", ""]),
            "ScalingGroupId": st.just("asg-1"),
            "RegionId": st.sampled_from(["cn-hangzhou", "cn-hangzhou\n", "CN"]),
            "VServerGroupName": st.sampled_from(["web", "a b"]),
            "BackendServers": _BACKENDS,
            "Instances": st.lists(st.just({"InstanceId": "i-1"}), max_size=2),
            "Tags": st.lists(st.just({"Key": "aliyun", "Value": ""}), max_size=1),
            "OnExisting": st.sampled_from(["merge", "other"]),
            "DryRun": st.sampled_from([True, 1]),
            "Other": st.none(),
        },
    )
)
def test_a_request_is_accepted_exactly_if_it_is_valid(document: Any) -> None:
    whole = json.loads(json.dumps(document).replace("80.0", "80"))
    assert schema._accepts("request")(whole) == valid("request", whole)


class Text(str):
    """To jsonschema as good as a str."""

    __slots__ = ()


class Object(dict[str, Any]):
    """To jsonschema as good as a dict."""


class List(list[Any]):
    """To jsonschema as good as a list."""


_NAMES = st.sampled_from(["a", "b"])
_VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 3), st.sampled_from([1.0, 2.5, "", "a", "bb", "x\n"])
)
_ODD_VALUES = st.sampled_from([Text("a"), Decimal(1), ("a",), b"a"])
_TYPES = st.sampled_from(["array", "boolean", "integer", "null", "number", "object", "string"])
_DOCUMENTS = st.recursive(
    _VALUES | _ODD_VALUES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(_NAMES, inner, max_size=2)
        | st.dictionaries(_NAMES, inner, max_size=2).map(Object)
    ),
    max_leaves=8,
)
_TEXTS = st.lists(st.sampled_from([None, "", "a", "bb"]), min_size=1, max_size=2)
_EXACT = st.fixed_dictionaries(
    {},
    optional={
        "required": st.lists(_NAMES, max_size=2, unique=True),
        "properties": st.dictionaries(
            _NAMES, st.fixed_dictionaries({"enum": _TEXTS}), min_size=1, max_size=2
        ),
    },
)


def few_keywords(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A document hardly ever keeps to many at once."""
    keywords: dict[str, st.SearchStrategy[Any]] = {
        "type": _TYPES | st.lists(_TYPES, min_size=1, max_size=2, unique=True),
        "enum": st.lists(_VALUES, min_size=1, max_size=3) | _TEXTS,
        "const": _VALUES,
        "minLength": st.integers(0, 2),
        "maxLength": st.integers(0, 2),
        "pattern": st.sampled_from(["^a*$", "b", "^a*$(?!\\n)"]),
        "minimum": st.integers(-1, 2),
        "maximum": st.integers(-1, 2),
        "minItems": st.integers(0, 2),
        "maxItems": st.integers(0, 2),
        "uniqueItems": st.booleans(),
        "items": inner,
        "properties": st.dictionaries(_NAMES, inner, min_size=1, max_size=2),
        "required": st.lists(_NAMES, max_size=2, unique=True),
        "additionalProperties": st.booleans() | inner,
        "oneOf": st.lists(_EXACT | inner, min_size=1, max_size=2),
        "if": _EXACT | inner,
        "then": inner,
        "else": inner,
        "format": st.just("date"),
    }
    pairs = [st.tuples(st.just(keyword), rule) for keyword, rule in keywords.items()]
    return st.lists(st.one_of(pairs), max_size=3).map(dict)


_SCHEMAS: st.SearchStrategy[Any] = st.recursive(
    st.booleans() | st.just({}), few_keywords, max_leaves=6
)


@settings(max_examples=500, deadline=None)
@given(rules=_SCHEMAS, documents=st.lists(_DOCUMENTS, min_size=1, max_size=8))
def test_whatever_the_schema_a_yes_is_never_a_no_of_jsonschemas(
    rules: Any, documents: list[Any]
) -> None:
    accepts, judge = accept.compiled(rules), Draft202012Validator(rules)
    assert [each for each in documents if accepts(each) and not judge.is_valid(each)] == []


_EITHER = {"oneOf": [{"required": ["a"]}, {"properties": {"b": {"enum": ["x"]}}}]}
_WHERE_A = {
    "if": {"properties": {"b": {"enum": ["x"]}}, "required": ["a"]},
    "then": {"type": "null"},
    "else": {"type": "object"},
}


@pytest.mark.parametrize(
    ("rules", "kept", "broken"),
    [
        (True, b"anything", None),
        ({}, b"anything", None),
        ({"type": "integer"}, 1, True),
        ({"type": ["string", "null"]}, None, 1),
        ({"enum": ["a", None]}, None, "b"),
        ({"const": "a"}, "a", True),
        ({"const": True}, True, 1),
        ({"minLength": 2}, "aa", "a"),
        ({"maxLength": 2}, "aa", "aaa"),
        ({"maxLength": 2}, [1, 2, 3], "aaa"),
        ({"pattern": "^a$(?!\n)"}, "a", "a\n"),
        ({"pattern": "b$"}, "ab", "ba"),
        ({"type": "string", "maxLength": 2}, "aa", 1),
        ({"minimum": 1}, 1.0, 0.5),
        ({"maximum": 1}, True, 2),
        ({"type": "integer", "maximum": 1}, 1, True),
        ({"type": "integer", "maximum": 1}, 1, 0.5),
        ({"minItems": 2}, [1, 1], [1]),
        ({"maxItems": 2}, [1, 1], [1, 1, 1]),
        ({"uniqueItems": True}, [1, 2], [1, 1]),
        ({"uniqueItems": True}, ["1", 1], [{}, {}]),
        ({"uniqueItems": False}, [1, 1], None),
        ({"items": {"type": "null"}}, [None], [None, 1]),
        ({"type": "array", "items": True}, [b"x"], {}),
        ({"properties": {"a": {"type": "null"}}}, {"a": None, "b": b"x"}, {"a": 1}),
        ({"required": ["a"]}, {"a": b"x"}, {"b": 1}),
        ({"additionalProperties": False, "properties": {"a": True}}, {"a": 1}, {"b": 1}),
        ({"type": "object", "additionalProperties": True}, {"a": b"x"}, []),
        (_EITHER, {"a": 1, "b": "y"}, {"a": 1}),
        (_EITHER, {"a": 1, "b": 1}, {"a": 1, "b": "x"}),
        (_WHERE_A, {"a": 1, "b": "y"}, {"a": 1, "b": "x"}),
        (_WHERE_A, {}, {"a": 1}),
        ({"$comment": "x", "description": "x", "title": "x", "then": False}, 1, None),
    ],
)
def test_each_keyword_has_its_yes_and_its_no_as_jsonschema_has(
    rules: Any, kept: Any, broken: Any
) -> None:
    """None: there is nothing that breaks it."""
    accepts, judge = accept.compiled(rules), Draft202012Validator(rules)
    assert (accepts(kept), judge.is_valid(kept)) == (True, True)
    assert broken is None or (accepts(broken), judge.is_valid(broken)) == (False, False)


@pytest.mark.parametrize(
    ("rules", "document"),
    [
        ({"maxLength": 1}, Text("aa")),
        ({"maximum": 1}, Decimal(2)),
        ({"maxItems": 0}, List([1])),
        ({"required": ["a"]}, Object()),
        ({"if": {"properties": {"a": {"enum": [1]}}}, "then": False}, {"a": 1}),
        ({"if": {"required": ["a"]}, "then": False}, Object(a=1)),
        ({"if": {"properties": {"a": {"enum": ["x"]}}}, "then": False}, {"a": Text("x")}),
        ({"oneOf": [{"required": ["a"]}, {"required": ["b"]}]}, Object(a=1, b=1)),
        (
            {"oneOf": [{"required": ["a"]}, {"properties": {"a": {"enum": ["x"]}}}]},
            {"a": Text("x")},
        ),
        (
            {"oneOf": [{"properties": {"a": {"enum": ["x"]}}}, {"required": ["a"]}]},
            {"a": Text("x")},
        ),
    ],
)
def test_a_value_that_cannot_be_judged_is_never_a_yes_inside_or_outside(
    rules: dict[str, Any], document: Any
) -> None:
    assert not Draft202012Validator(rules).is_valid(document)
    assert not accept.compiled(rules)(document)


@pytest.mark.parametrize(
    ("unknown", "document"),
    [
        ({"format": "date"}, "2026-01-01"),
        ({"minProperties": 0}, {}),
        ({"$ref": "#/$defs/x"}, 1),
        ({"additionalProperties": {}}, {"a": 1}),
        ({"additionalProperties": {"type": "null"}}, {"a": 1}),
        ({"enum": [1]}, 1),
        ({"const": 1}, 1),
        ({"oneOf": [{"type": "integer"}, {"type": "string"}]}, 1),
        ({"if": {"type": "string"}, "then": {"minLength": 1}}, "x"),
        ({"items": {"anyOf": [True]}}, ["x"]),
        ({"properties": {"a": {"not": False}}}, {"a": 1}),
    ],
)
def test_a_keyword_that_is_not_known_is_never_taken_for_a_yes(
    unknown: dict[str, Any], document: Any
) -> None:
    assert not accept.compiled(unknown)(document)


@pytest.mark.parametrize("name", NAMES)
def test_every_keyword_of_our_schemas_is_known(name: str) -> None:
    def keywords(rules: Any) -> set[str]:
        if not isinstance(rules, dict):
            return set()
        found = set(rules)
        for inner in [*rules.get("properties", {}).values(), *rules.get("oneOf", [])]:
            found |= keywords(inner)
        return found.union(*(keywords(rules.get(key)) for key in ("items", "if", "then", "else")))

    of_one_type = (keywords for keywords, _ in accept._OF_ONE_TYPE.values())
    known = accept._SAYS_NOTHING.union(accept._KEYWORDS, *of_one_type)
    assert keywords(schema._load(f"{name}.schema.json")) <= known
