"""Lifecycle hooks, and the time that the function has: a lease, a hook, a delivery."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from provisioner import invocation
from provisioner.invocation import SHORTEST_TIMEOUT

from .finding import Finding, failure, ok, unknown, warning
from .patient import Patient, RefusedError, asked


def timeout(patient: Patient) -> Iterator[Finding]:
    """As the function itself checks it, before it does anything."""
    if patient.deployed is None:
        yield unknown("the function's timeout is not known", "name the function by --function")
        return
    has = patient.deployed.timeout
    claiming = patient.settings.config.claiming if patient.settings else True
    if invocation.check_timeout(has, claiming=claiming):
        told = f"the function has {has:g} s: too few to outlast the claim of one that crashed"
        yield failure(told, f"set its timeout to at least {SHORTEST_TIMEOUT} s")
    else:
        yield ok(f"the function has {has:g} s")


def lifecycle_hooks(patient: Patient) -> Iterator[Finding]:
    try:
        hooks = list(hooks_of(patient))
    except RefusedError as error:
        remedy = "allow ess:DescribeLifecycleHooks to whoever asks, and see the endpoint of ess"
        yield unknown(f"lifecycle hooks: {error}", remedy)
        return
    if patient.bindings and not any(_is_out(hook) for hook in hooks):
        told = "no scaling group that is bound has a scale-out hook"
        yield warning(told, "create one whose NotificationArn leads to the function")
    for hook in hooks:
        if _is_out(hook):
            yield from _out(patient, hook)


def _out(patient: Patient, hook: Any) -> Iterator[Finding]:
    name = f"hook {hook.lifecycle_hook_id}"
    waits, has = float(hook.heartbeat_timeout or 0), _seconds_of(patient)
    if has and waits <= has:
        told = f"{name} waits {waits:g} s, no longer than one delivery of {has:g} s"
        yield failure(told, "raise HeartbeatTimeout above the function's timeout")
    elif waits <= SHORTEST_TIMEOUT:
        told = f"{name} waits {waits:g} s, no longer than a delivery takes after a crash"
        yield failure(told, f"raise HeartbeatTimeout above {SHORTEST_TIMEOUT} s")
    else:
        yield ok(f"{name} waits {waits:g} s")
    if hook.default_result != "ABANDON":
        told = f"{name} ends with {hook.default_result} if the function cannot run"
        yield warning(told, "set DefaultResult to ABANDON: servers that are not ready stay out")


def hooks_of(patient: Patient) -> Iterator[Any]:
    """Of every scaling group that is bound. Raises `RefusedError`."""
    from alibabacloud_ess20220222 import models  # noqa: PLC0415 - slow

    groups = {b.scaling_group_id: patient.region_of(b) for b in patient.bindings}
    for group, region in groups.items():
        request = models.DescribeLifecycleHooksRequest(
            region_id=region, scaling_group_id=group, page_size=50
        )
        found = asked(lambda r=request: patient.ess().describe_lifecycle_hooks(r))  # type: ignore[misc]
        yield from (found.body and found.body.lifecycle_hooks) or ()


def _is_out(hook: Any) -> bool:
    return bool(hook.lifecycle_transition == "SCALE_OUT")


def _seconds_of(patient: Patient) -> float:
    return patient.deployed.timeout if patient.deployed else 0.0
