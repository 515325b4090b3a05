"""Mapping instances to backends, and planning the way from one list of backends to another.

Order never matters: lists are compared by `Backend.key` and come out sorted by it, so that two
deliveries of an event send the same calls. A plan never removes: what it does not know it leaves.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from provisioner.model import Backend, BackendKey, OnExisting, Plan


def deduplicate(backends: Iterable[Backend]) -> tuple[Backend, ...]:
    """Sorted by key; of two with one key, the first stays."""
    first: dict[BackendKey, Backend] = {}
    for backend in backends:
        first.setdefault(backend.key, backend)
    return tuple(first[key] for key in sorted(first))


def diff_backends(
    actual: Iterable[Backend], wanted: Iterable[Backend], on_existing: OnExisting
) -> Plan:
    present = {backend.key: backend for backend in actual}
    asked = {backend.key: backend for backend in deduplicate(wanted)}
    reweigh = [
        backend
        for key, backend in asked.items()
        if key in present
        and backend.weight != present[key].weight
        and (on_existing is OnExisting.REFUSE or backend.weight_is_explicit)
        and on_existing is not OnExisting.EXTEND
    ]
    changed = {backend.key for backend in reweigh}
    return Plan(
        add=tuple(backend for key, backend in asked.items() if key not in present),
        update_weight=tuple(reweigh),
        already_present=tuple(
            present[key] for key in sorted(asked.keys() & present.keys() - changed)
        ),
        unmanaged=tuple(present[key] for key in sorted(present.keys() - asked.keys())),
    )


def apply_plan(plan: Plan, actual: Iterable[Backend]) -> tuple[Backend, ...]:
    """What the group holds when the plan has been carried out."""
    changed = {backend.key: backend for backend in actual}
    for backend in plan.update_weight:
        changed[backend.key] = replace(changed[backend.key], weight=backend.weight)
    changed.update((backend.key, backend) for backend in plan.add)
    return tuple(changed[key] for key in sorted(changed))
