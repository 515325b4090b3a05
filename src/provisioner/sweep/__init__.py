"""The sweep: read everything that is bound, tell what is amiss, and put it right where asked to.

Load balancers are read first and scaling groups after them, so that what ESS no longer knows had
left before it was asked. Each remedy goes the way of the protocol that would have done it, looks
again before it writes, and has its share of the time. One that fails is told, and the next begins;
what is left is found again by the next sweep. Nothing here raises.

  reading   what is bound, as it is now
  remedies  one for each finding that has any
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from provisioner import error_reporting
from provisioner.errors import ProvisionerError
from provisioner.invocation import Invocation
from provisioner.model import Sweep, SweepMode
from provisioner.provisioning import Means

from .detect import Finding, Kind, Remedy
from .read_state import Reading
from .repair import REMEDIES, Carry

__all__ = ["Swept", "Treated", "swept"]

_READING = 2  # the share of the time that reading may take: one of so many parts


@dataclass(frozen=True, slots=True)
class Treated:
    """`error` where the remedy failed; `applied` where it was carried out."""

    finding: Finding
    applied: bool = False
    error: ProvisionerError | None = None

    def document(self) -> dict[str, Any]:
        return {
            **_fields(self.finding),
            "applied": self.applied,
            "code": self.error.code if self.error else "",
        }


@dataclass(frozen=True, slots=True)
class Swept:
    """`unread`: codes by what could not be read, of which this sweep says nothing."""

    mode: SweepMode
    treated: tuple[Treated, ...] = ()
    unread: tuple[tuple[str, str], ...] = ()

    def document(self) -> dict[str, Any]:
        return {
            "sweep": self.mode.value,
            "findings": [each.document() for each in self.treated],
            "unread": [{"id": name, "code": code} for name, code in self.unread],
        }


def swept(means: Means, request: Sweep, invocation: Invocation) -> Swept:
    mode = _mode(means, request, invocation)
    if mode is SweepMode.OFF:
        invocation.log.step("outcome", outcome="skipped", reason="SWEEP is off")
        return Swept(mode)
    reading = Reading(means, invocation.share(means.clock.now(), _READING))
    found = reading.findings()
    for each in found:
        invocation.log.step("sweep.found", **_fields(each))
    treated = tuple(map(Treated, found))
    if mode is SweepMode.APPLY:
        treated = _treated(means, found, invocation)
    done = Swept(mode, treated, tuple(reading.unread))
    invocation.log.step(
        "sweep",
        mode=mode.value,
        findings=len(treated),
        applied=sum(each.applied for each in treated),
        failed=sum(each.error is not None for each in treated),
        unread=len(done.unread),
    )
    return done


def _mode(means: Means, request: Sweep, invocation: Invocation) -> SweepMode:
    """What was asked for, and never more than the deployment allows."""
    allowed = means.policy.sweep
    if allowed is SweepMode.APPLY and means.policy.paused:
        invocation.log.step("paused", sweep=SweepMode.REPORT.value)
        allowed = SweepMode.REPORT
    order = list(SweepMode)
    return min(allowed, request.wanted or allowed, key=order.index)


def _treated(means: Means, found: Sequence[Finding], invocation: Invocation) -> tuple[Treated, ...]:
    """Hooks first: servers wait for them."""
    order = sorted(found, key=lambda each: each.kind is not Kind.STUCK_HOOK)
    done = []
    for number, finding in enumerate(order):
        share = invocation.share(means.clock.now(), len(order) - number)
        remedy = None if finding.remedy is Remedy.NONE else REMEDIES[finding.remedy]
        done.append(_tried_remedy(means, finding, share, remedy))
    return tuple(done)


def _tried_remedy(
    means: Means, finding: Finding, share: Invocation, remedy: Carry | None
) -> Treated:
    if remedy is None:
        return Treated(finding)
    try:
        remedy(means, finding, share)
    except Exception as error:  # noqa: BLE001 - the funnel of one remedy
        told = error_reporting.ours(error)
        share.log.step("sweep.failed", code=told.code, **_fields(finding))
        return Treated(finding, error=told)
    share.log.step("sweep.applied", **_fields(finding))
    return Treated(finding, applied=True)


def _fields(finding: Finding) -> dict[str, Any]:
    return {
        "kind": finding.kind.value,
        "remedy": finding.remedy.value,
        "what": finding.what,
        "RegionId": finding.region_id,
        "LoadBalancerId": finding.load_balancer_id,
        "VServerGroupId": finding.vserver_group_id,
        "VServerGroupName": finding.vserver_group_name,
        "ScalingGroupId": finding.scaling_group_id,
        "ServerIds": list(finding.server_ids),
    }
