"""Mapping instances to backends; the laws of planning are in the property tests."""

from __future__ import annotations

import pytest

from deployments import a_binding, servers
from provisioner.groups import diff
from provisioner.mapping import bindings
from provisioner.model import Backend, Instance, OnExisting


def test_every_instance_gets_every_port() -> None:
    binding = a_binding(ports=(8443, 8080), weight=50, description="blue")
    mapped = bindings.backends_from_instances(binding, [Instance("i-2"), Instance("i-1", 7)])
    assert mapped == (
        Backend("i-1", 8080, 7, description="blue"),
        Backend("i-1", 8443, 7, description="blue"),
        Backend("i-2", 8080, 50, description="blue"),
        Backend("i-2", 8443, 50, description="blue"),
    )
    assert [backend.weight_is_explicit for backend in mapped] == [True, True, False, False]


@pytest.mark.parametrize(
    ("kind", "address"), [("ecs", ""), ("eni", "10.0.0.1"), ("eci", "10.0.0.1")]
)
def test_an_address_is_part_of_a_backend_only_where_its_type_needs_one(
    kind: str, address: str
) -> None:
    (mapped,) = bindings.backends_from_instances(
        a_binding(type=kind), [Instance("i-1", server_ip="10.0.0.1")]
    )
    assert mapped.server_ip == address


def test_a_backend_is_known_by_server_port_and_for_eni_by_its_address() -> None:
    one, two = (Backend("x", 80, type="eni", server_ip=f"10.0.0.{n}") for n in (1, 2))
    assert diff.deduplicate([one, two, one]) == (one, two)
    ecs = Backend("x", 80, server_ip="10.0.0.1")
    assert diff.deduplicate([ecs, Backend("x", 80, server_ip="10.0.0.2")]) == (ecs,)
    assert len(diff.deduplicate([Backend("x", 80), Backend("x", 81), Backend("y", 80)])) == 3


def test_a_backend_that_is_an_address_cannot_do_without_one() -> None:
    missing = [Backend("i-1", 80, type="eci"), Backend("i-1", 81, type="eci"), Backend("i-2", 80)]
    (found,) = bindings.check_addresses(missing)
    assert found.path == "/Instances"
    assert found.message.startswith("1 instance(s) have no private address")
    assert bindings.check_addresses([Backend("i-1", 80, type="eci", server_ip="10.0.0.1")]) == []


@pytest.mark.parametrize(
    ("on_existing", "named", "reweighed"),
    [
        (OnExisting.MERGE, True, True),
        (OnExisting.MERGE, False, False),
        (OnExisting.EXTEND, True, False),
        (OnExisting.EXTEND, False, False),
        (OnExisting.REFUSE, True, True),
        (OnExisting.REFUSE, False, True),
    ],
)
def test_a_weight_that_differs_is_set_only_where_somebody_asked_for_it(
    on_existing: OnExisting, named: bool, reweighed: bool
) -> None:
    asked = Backend("i-0001", 8080, 100, weight_is_explicit=named)
    plan = diff.diff_backends(servers(1, weight=0), [asked], on_existing)
    assert plan.update_weight == ((asked,) if reweighed else ())
    assert plan.add == ()


def test_a_plan_tells_what_is_missing_what_is_there_and_what_is_not_ours() -> None:
    plan = diff.diff_backends(servers(2), servers(2, first=2), OnExisting.MERGE)
    assert plan.add == servers(1, first=3)
    assert plan.already_present == servers(1, first=2)
    assert plan.unmanaged == servers(1)
    assert not plan.is_empty
