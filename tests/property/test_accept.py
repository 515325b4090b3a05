"""The quick yes is never a yes where jsonschema says no; on plain JSON both say the same."""

from __future__ import annotations

import json
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


_NAMES = st.sampled_from(["a", "b"])
_VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 3), st.sampled_from([1.0, 2.5, "", "a", "bb", "x\n"])
)
_TYPES = st.sampled_from(["array", "boolean", "integer", "null", "number", "object", "string"])
_DOCUMENTS = st.recursive(
    _VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=2),
    max_leaves=8,
)
_SCHEMAS = st.recursive(
    st.booleans(),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "type": _TYPES | st.lists(_TYPES, min_size=1, max_size=2, unique=True),
            "enum": st.lists(_VALUES, min_size=1, max_size=3),
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
            "properties": st.dictionaries(_NAMES, inner, max_size=2),
            "required": st.lists(_NAMES, max_size=2, unique=True),
            "additionalProperties": st.booleans() | inner,
            "oneOf": st.lists(inner, min_size=1, max_size=2),
            "if": inner,
            "then": inner,
            "else": inner,
            "format": st.just("date"),
        },
    ),
    max_leaves=6,
)


@settings(max_examples=500, deadline=None)
@given(rules=_SCHEMAS, document=_DOCUMENTS)
def test_whatever_the_schema_a_yes_is_never_a_no_of_jsonschemas(rules: Any, document: Any) -> None:
    assert not accept.compiled(rules)(document) or Draft202012Validator(rules).is_valid(document)


@pytest.mark.parametrize(
    ("unknown", "document"),
    [
        ({"format": "date"}, "2026-01-01"),
        ({"minProperties": 0}, {}),
        ({"$ref": "#/$defs/x"}, 1),
        ({"additionalProperties": {}}, {"a": 1}),
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
