"""The difference between the backends that a group has and those that it should have.

Backends are compared by `Backend.key` and sorted by it, so that two deliveries of an event send the
same calls. A plan never removes a backend: one that is not wanted is `unmanaged`.
"""

from __future__ import annotations

from collections.abc import Iterable

from provisioner.model import Backend, BackendKey, OnExisting, Plan


def deduplicate(backends: Iterable[Backend]) -> tuple[Backend, ...]:
    """Return the backends sorted by key. Of two with the same key, the first stays."""
    first: dict[BackendKey, Backend] = {}
    for backend in backends:
        first.setdefault(backend.key, backend)
    return tuple(first[key] for key in sorted(first))


def diff_backends(
    actual: Iterable[Backend], wanted: Iterable[Backend], on_existing: OnExisting
) -> Plan:
    """Return the plan from the `actual` backends of a group to the `wanted` ones."""
    present = {backend.key: backend for backend in actual}
    asked = {backend.key: backend for backend in deduplicate(wanted)}
    update_weight = [
        backend
        for key, backend in asked.items()
        if key in present
        and backend.weight != present[key].weight
        and (on_existing is OnExisting.REFUSE or backend.weight_is_explicit)
        and on_existing is not OnExisting.EXTEND
    ]
    changed = {backend.key for backend in update_weight}
    return Plan(
        add=tuple(backend for key, backend in asked.items() if key not in present),
        update_weight=tuple(update_weight),
        already_present=tuple(
            present[key] for key in sorted(asked.keys() & present.keys() - changed)
        ),
        unmanaged=tuple(present[key] for key in sorted(present.keys() - asked.keys())),
    )
