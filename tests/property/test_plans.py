"""Laws of planning, for any lists of backends."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from deployments import a_binding
from provisioner.groups import diff
from provisioner.mapping import bindings, document, validation
from provisioner.model import Backend, Instance, OnExisting, Plan

patient = settings(deadline=None)  # a slow machine proves nothing here

kinds = st.sampled_from(["ecs", "eni", "eci"])
some_backends = st.lists(
    st.builds(
        Backend,
        server_id=st.sampled_from(["i-1", "i-2", "i-3", "eni-1"]),
        port=st.sampled_from([80, 81, 8080]),
        weight=st.integers(0, 100),
        type=kinds,
        server_ip=st.sampled_from(["10.0.0.1", "10.0.0.2"]),
        description=st.sampled_from(["", "blue"]),
        weight_is_explicit=st.booleans(),
    ),
    max_size=12,
)
ways = st.sampled_from(OnExisting)


def apply_plan(plan: Plan, actual: Iterable[Backend]) -> tuple[Backend, ...]:
    """Return the backends that a group holds after the plan."""
    after = {backend.key: backend for backend in actual}
    for backend in plan.update_weight:
        after[backend.key] = replace(after[backend.key], weight=backend.weight)
    after.update((backend.key, backend) for backend in plan.add)
    return tuple(after[key] for key in sorted(after))


def by_key(listed: Any) -> dict[Any, Backend]:
    return {backend.key: backend for backend in listed}


@patient
@given(some_backends, some_backends)
def test_merging_reaches_every_weight_that_was_named(
    actual: list[Backend], wanted: list[Backend]
) -> None:
    actual, asked = list(by_key(actual).values()), diff.deduplicate(wanted)
    after = by_key(apply_plan(diff.diff_backends(actual, asked, OnExisting.MERGE), actual))
    before = by_key(actual)
    for backend in asked:
        kept = backend.key in before and not backend.weight_is_explicit
        expected = before[backend.key] if kept else backend
        assert after[backend.key].weight == expected.weight


@patient
@given(some_backends, some_backends)
def test_extending_reaches_every_backend_and_leaves_every_weight(
    actual: list[Backend], wanted: list[Backend]
) -> None:
    before = by_key(actual)
    plan = diff.diff_backends(before.values(), wanted, OnExisting.EXTEND)
    after = by_key(apply_plan(plan, before.values()))
    assert after.keys() == before.keys() | by_key(wanted).keys()
    assert all(after[key] == backend for key, backend in before.items())


@patient
@given(some_backends, some_backends, ways)
def test_nothing_is_ever_removed_and_what_is_foreign_stays_as_it_was(
    actual: list[Backend], wanted: list[Backend], way: OnExisting
) -> None:
    before = by_key(actual)
    plan = diff.diff_backends(before.values(), wanted, way)
    after = by_key(apply_plan(plan, before.values()))
    assert before.keys() <= after.keys()
    assert {b.key for b in plan.unmanaged} == before.keys() - by_key(wanted).keys()
    assert all(after[backend.key] == backend for backend in plan.unmanaged)


@patient
@given(some_backends, some_backends, ways)
def test_a_plan_that_was_carried_out_leaves_nothing_to_do(
    actual: list[Backend], wanted: list[Backend], way: OnExisting
) -> None:
    before = by_key(actual).values()
    after = apply_plan(diff.diff_backends(before, wanted, way), before)
    assert diff.diff_backends(after, wanted, way).is_empty


@patient
@given(some_backends, some_backends, ways, st.randoms(use_true_random=False))
def test_the_order_of_what_is_there_and_of_what_is_asked_does_not_matter(
    actual: list[Backend], wanted: list[Backend], way: OnExisting, random: Any
) -> None:
    actual, wanted = list(by_key(actual).values()), list(by_key(wanted).values())
    plan = diff.diff_backends(actual, wanted, way)
    random.shuffle(actual)
    random.shuffle(wanted)
    assert diff.diff_backends(actual, wanted, way) == plan
    assert plan.add == tuple(sorted(plan.add, key=lambda backend: backend.key))


@patient
@given(some_backends, some_backends, ways)
def test_every_key_is_in_exactly_one_part_of_a_plan_that_adds(
    actual: list[Backend], wanted: list[Backend], way: OnExisting
) -> None:
    before = by_key(actual).values()
    plan = diff.diff_backends(before, wanted, way)
    all_parts = (plan.add, plan.update_weight, plan.already_present, plan.unmanaged)
    parts = [{b.key for b in part} for part in all_parts]
    assert sum(map(len, parts)) == len(set().union(*parts))
    assert set().union(*parts) == by_key(before).keys() | by_key(wanted).keys()


@patient
@given(
    st.lists(st.builds(Instance, st.sampled_from("abcdef"), st.none() | st.integers(0, 100))),
    st.lists(st.integers(1, 65535), min_size=1, max_size=4, unique=True),
    kinds,
)
def test_mapping_gives_one_backend_for_each_instance_and_port_that_the_schema_takes(
    instances: list[Instance], ports: list[int], kind: str
) -> None:
    addressed = [replace(i, server_ip=f"10.0.0.{ord(i.instance_id)}") for i in instances]
    binding = a_binding(ports=tuple(ports), type=kind)
    mapped = bindings.backends_from_instances(binding, addressed)
    assert len(mapped) == len({i.instance_id for i in instances}) * len(ports)
    assert validation.validate("backend-servers", document.render_backend_servers(mapped)) == []
